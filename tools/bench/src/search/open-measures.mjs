import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { Strata } from "stratadb";
import { clustered } from "./vector-data.mjs";

const PROBE = fileURLToPath(new URL("./open-probe.mjs", import.meta.url));
const PASSES = 5;

/** Opening an indexed collection in a fresh process, the first search included, and what it takes in memory. */
export const openMeasures = [
  {
    name: "open 100k x 384",
    async run({ scale }) {
      const count = 100_000 * scale;
      const dimension = 384;
      const directory = mkdtempSync(join(tmpdir(), "strata-bench-vectors-"));
      try {
        await fill(directory, count, dimension);
        const passes = Array.from({ length: PASSES }, () => probe(directory, dimension));
        const middle = (member) => passes.map((pass) => pass[member]).sort((a, b) => a - b)[PASSES >> 1];
        const raw = count * dimension * 4;
        const { index, indexed } = passes[0];
        return [
          { name: `open, ${index}, ${indexed} of ${count} in the graph`, median: 1000 * middle("openMs") },
          { name: "open and first search", median: 1000 * (middle("openMs") + middle("firstSearchMs")) },
          { name: `index in memory (raw floats ${(raw / 1e6).toFixed(0)} MB)`, megabytes: middle("indexBytes") / 1e6 },
          { name: "process in memory, beyond an empty one", megabytes: middle("bytes") / 1e6 },
          { name: "resident, beyond an empty one", megabytes: middle("rss") / 1e6 },
        ];
      } finally {
        rmSync(directory, { recursive: true, force: true });
      }
    },
  },
];

async function fill(directory, count, dimension) {
  const { vectors } = clustered(count, dimension, 1);
  const db = Strata.open(directory);
  db.vectors.createCollection("bench", { dimension, metric: "cosine", index: "hnsw", m: 16, efConstruction: 128 });
  for (let from = 0; from < count; from += 1000) {
    db.vectors.upsertMany(
      "bench",
      vectors.slice(from, from + 1000).map((vector, index) => ({ key: String(from + index), vector })),
    );
  }
  await db.vectors.build("bench");
  await db.checkpoint();
  await db.shutdown();
}

function probe(directory, dimension) {
  const args = ["--expose-gc", PROBE, directory, String(dimension)];
  const run = spawnSync(process.execPath, args, { encoding: "utf8", stdio: ["ignore", "pipe", "inherit"] });
  if (run.status !== 0) throw new Error("the probe failed");
  return JSON.parse(run.stdout.trim().split("\n").at(-1));
}
