import type { RunId } from "@strata/core";
import { applyCommit } from "../src/apply.js";
import type { AdoptedRun, AdoptionHost } from "../src/bundle/import-run.js";
import { RunBundles } from "../src/bundle/run-bundles.js";
import { RunContent } from "../src/bundle/run-content.js";
import { Gate } from "../src/gate.js";
import { Database, KvStore, type RunInfo } from "../src/index.js";
import { TAG_SPACE, tagKey } from "../src/tag.js";

/** Bundles of a database in memory, with an adoption that writes the run's row and folds its commits anew. */
export class BundleHost implements AdoptionHost {
  readonly db: Database;
  readonly gate = new Gate();
  readonly bundles: RunBundles;
  /** What was handed over, the newest last. */
  readonly adopted: AdoptedRun[] = [];

  constructor(db: Database = Database.ephemeral({ clock: tickingClock() })) {
    this.db = db;
    const { runtime, timer, limits } = db;
    this.bundles = new RunBundles({ gate: this.gate, runtime, timer, limits, host: this });
  }

  hasName(name: string): boolean {
    return this.db.runs.exists(name);
  }

  hasId(id: string): boolean {
    return this.db.runs.list().some((name) => this.db.runs.must(name).id === id);
  }

  drawNumber(): RunId {
    this.db.runs.create("drawn");
    const { number } = this.db.runs.must("drawn");
    this.db.runs.delete("drawn");
    return number;
  }

  async adoptShard(adopted: AdoptedRun): Promise<RunInfo> {
    this.adopted.push(adopted);
    const { db } = this;
    const { name, row, shard, tags, newestVersion } = adopted;
    db.transaction(db.runs.system, (t) => {
      new KvStore(t.scope("default")).put(name, row);
      for (const { name: tag, version, timestamp } of tags)
        new KvStore(t.scope(TAG_SPACE)).put(tagKey(shard.id, tag), { version, timestamp });
    });
    const run = db.runs.must(name);
    const { base } = row["past"] as { base: number };
    const content = new RunContent(shard, newestVersion);
    for (const records of [base > 0 ? content.base(base) : [], content.commits(base)])
      for (const record of records) if (record !== undefined) applyCommit(run.shard, { run: shard.id, ...record }, 0);
    while (db.coordinator.currentVersion() < newestVersion) db.put("default", "_tick", 1);
    return run.info();
  }

  /** The run as a bundle, in one piece. */
  async exported(run: string, options: { readonly history?: boolean } = {}): Promise<Uint8Array> {
    return joined(this.bundles.export(this.db.runs.must(run), options));
  }
}

export async function joined(chunks: AsyncIterable<Uint8Array>): Promise<Uint8Array> {
  const all: Uint8Array[] = [];
  for await (const chunk of chunks) all.push(chunk);
  const bytes = new Uint8Array(all.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const chunk of all) {
    bytes.set(chunk, at);
    at += chunk.length;
  }
  return bytes;
}

/** Time that goes on by itself, the same in every test. */
export function tickingClock(): { now(): number } {
  let now = 1_700_000_000_000_000;
  return { now: () => (now += 10) };
}
