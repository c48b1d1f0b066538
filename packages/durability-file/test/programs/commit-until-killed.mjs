// Commits as fast as it can and prints each version once it is acknowledged, until it is killed:
// node commit-until-killed.mjs <directory> <mode> <"blocking" | "promised">
import { writeSync } from "node:fs";
import { fileDurability } from "../../dist/index.js";
import { payloadOf, recoverCommits } from "../commits.mjs";

const [directory, mode, manner] = process.argv.slice(2);
const durability = fileDurability(directory, {
  mode,
  buffered: { flushIntervalMs: 5, maxPendingWrites: 100 },
  segments: { firstBytes: 65_536, maxBytes: 262_144 }, // rolls often
});
let version = recoverCommits(durability).last;
// To the pipe itself, before anything else happens.
const say = (text) => {
  for (;;) {
    try {
      return writeSync(1, `${text}\n`);
    } catch (error) {
      if (error.code !== "EAGAIN") throw error; // the reader is slow: again
    }
  }
};
say(version);

const commitBlocking = () => {
  durability.persist(++version, payloadOf(version));
  say(version);
};
const commitPromised = async () => {
  for (;;) {
    const mine = ++version;
    await durability.settled(durability.append(mine, payloadOf(mine)));
    say(mine);
    // Acknowledged at once, `none` would never let anything else run.
    if (mine % 50 === 0) await new Promise(setImmediate);
  }
};
if (manner === "promised") for (let writer = 0; writer < 8; writer++) void commitPromised();
else for (;;) commitBlocking();
