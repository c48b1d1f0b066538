// Makes buffered commits, the last of which no window would sync for a long time, and ends in one of many ways:
// node end-without-closing.mjs <directory> <way>
import { fileDurability } from "../../dist/index.js";
import { payloadOf, recoverCommits } from "../commits.mjs";

const [directory, way] = process.argv.slice(2);
const durability = fileDurability(directory, { buffered: { flushIntervalMs: 60_000 } });
let version = recoverCommits(durability).last;
for (let commit = 0; commit < 100; commit++) durability.persist(++version, payloadOf(version));
process.on("exit", () => console.log(`durable through ${durability.durableThrough} of ${version}`));

if (way === "by itself") {
  // Nothing is left to do.
} else if (way === "process.exit") {
  void durability.settled(durability.append(++version, payloadOf(version)), "strict");
  process.exit(3);
} else if (way === "throw") {
  setImmediate(() => {
    throw new Error("on purpose");
  });
} else if (way === "reject") {
  void Promise.reject(new Error("on purpose"));
} else if (way === "await") {
  durability.settled(durability.append(++version, payloadOf(version)), "strict").then(() => console.log("settled"));
}
