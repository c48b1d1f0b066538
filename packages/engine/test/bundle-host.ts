import { Database, type RunBundles } from "../src/index.js";
import { storesOf } from "./stores.js";

/** A database that runs come to and go from, and its bundles in one piece. */
export class BundleHost {
  readonly db: Database;

  constructor(db: Database = Database.ephemeral({ clock: tickingClock() })) {
    this.db = db;
  }

  get bundles(): RunBundles {
    return this.db.bundles;
  }

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

/** A host with a run of 14 commits, "job", that has something of everything. */
export function hostWithJob(): BundleHost {
  const host = new BundleHost();
  host.db.runs.create("job", { by: "me", depth: 2n ** 60n });
  const on = (space = "default") => storesOf(host.db.head(host.db.runs.must("job"), space));
  const { kv, events, cells, json } = on();
  kv.put("a", 1);
  kv.put("a", new Uint8Array([1, 2]));
  kv.put("short", "lived", { ttlMs: 3_600_000 });
  kv.put("gone", 1);
  kv.delete("gone");
  cells.set("phase", "one");
  cells.set("phase", "two");
  cells.set("dead", 1);
  cells.delete("dead");
  json.put("doc", { n: 1, list: [1] });
  json.set("doc", "$.n", 2);
  events.append("began", { n: 0 });
  events.append("went on", { n: 1 });
  on("lab").kv.put("b", -0);
  return host;
}
