import { Database, type RunBundles } from "../src/index.js";

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
