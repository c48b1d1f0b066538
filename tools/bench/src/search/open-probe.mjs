/** In a process of its own: opens a database whose vectors were indexed and checkpointed, and searches once. Prints what it took. */
import { Strata } from "stratadb";

const [directory, dimension] = [process.argv[2], Number(process.argv[3])];
const memory = () => {
  globalThis.gc?.();
  const { heapUsed, external, rss } = process.memoryUsage();
  return { bytes: heapUsed + external, rss };
};
const before = memory();
const begun = performance.now();
const db = Strata.open(directory);
const opened = performance.now();
const query = Float32Array.from({ length: dimension }, (_, index) => Math.sin(index));
const found = db.vectors.search("bench", query, { k: 10 });
const searched = performance.now();
const { indexed, count, index, memoryBytes } = db.vectors.stats("bench");
const after = memory();
console.log(
  JSON.stringify({
    openMs: opened - begun,
    firstSearchMs: searched - opened,
    indexed,
    count,
    index,
    indexBytes: memoryBytes,
    bytes: after.bytes - before.bytes,
    rss: after.rss - before.rss,
    found: found.length,
  }),
);
db.close();
