// Commits and publishes checkpoints as fast as it can and prints both once they are done, until it is killed:
// node checkpoint-until-killed.mjs <directory>
import { writeSync } from "node:fs";
import { fileDurability } from "../../dist/index.js";
import { namesIn, payloadOf, publishCommits, recoverCommits } from "../commits.mjs";

const durability = fileDurability(process.argv[2], {
  buffered: { flushIntervalMs: 5, maxPendingWrites: 100 },
  segments: { firstBytes: 8192, maxBytes: 16_384 }, // rolls often, so that there is log to retire
});
const recovered = recoverCommits(durability);
let version = recovered.last;
let last = recovered.summary.checkpoint;
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
say(`recovered ${version}`);

for (let round = 1; ; round++) {
  for (let commit = 0; commit < 40; commit++) {
    durability.persist(++version, payloadOf(version));
    say(`commit ${version}`);
  }
  const before = last;
  const published = publishCommits(durability, version, round % 4 === 0 ? undefined : before);
  // Meanwhile it goes on, for a while: a slow disk leaves time for any number of commits.
  let left = 10;
  const during = setInterval(() => {
    if (left-- <= 0) return;
    durability.persist(++version, payloadOf(version));
    say(`commit ${version}`);
  }, 0);
  last = await published;
  clearInterval(during);
  say(`checkpoint ${last.version}`);
  const needed = new Set([...namesIn(last), ...namesIn(before)]);
  for (const name of durability.snapshots.list()) if (!needed.has(name)) durability.snapshots.remove(name);
}
