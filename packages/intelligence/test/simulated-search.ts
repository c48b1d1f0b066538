import { InlineSyncDriver, LogDurability, type Vfs } from "@strata/durability";
import { type CrashVfs, ManualTime, SeededRandom, TINY_SEGMENTS } from "@strata/durability/testing";
import { Database, type DatabaseOptions, EventLogReader, JsonReader, KvReader, type ReadScope } from "@strata/engine";
import { IndexedDocuments } from "../src/fields/indexed-documents.js";
import { Indexes } from "../src/partition/indexes.js";
import { SearchParts } from "../src/search/search-parts.js";
import { Searcher } from "../src/search/searcher.js";
import { SearchableVectorReader } from "../src/vector/searchable-vectors.js";

/** While it is `isSlicing`, each look at the clock finds so much time gone that long work takes every pause it can. */
export class SlicingTime extends ManualTime {
  isSlicing = false;

  override now(): number {
    if (this.isSlicing) this.block(5);
    return super.now();
  }
}

/** Segments of the log are tiny. */
export function openSimulated(
  vfs: Vfs,
  options: Pick<DatabaseOptions, "memoryBudgetBytes" | "logger"> & { readonly time: ManualTime },
): Database {
  const { time, ...others } = options;
  const shared = { clock: time, timer: time, random: new SeededRandom(1) };
  const driver = new InlineSyncDriver(vfs, time);
  const durability = new LogDurability(vfs, driver, { ...shared, segments: TINY_SEGMENTS });
  return Database.open({ ...others, ...shared, checkpoint: "manual", durability });
}

/** Waits for `promise`; lets time pass whenever nothing else is left to happen. */
export async function drive<T>(time: ManualTime, promise: Promise<T>): Promise<T> {
  let isSettled = false;
  const settle = () => {
    isSettled = true;
  };
  promise.then(settle, settle);
  for (;;) {
    await nothingLeft();
    if (isSettled) return await promise;
    time.advance(1);
  }
}

/** Everything that waits for promises alone has gone as far as it can. */
export async function nothingLeft(): Promise<void> {
  await new Promise<void>((resolve) => {
    setImmediate(resolve);
  });
}

/** What is asked of one space, and what is read there without any index. */
export function readersOf(db: Database, scope: ReadScope) {
  return {
    kv: new KvReader(scope),
    events: new EventLogReader(scope),
    json: new JsonReader(scope),
    vectors: new SearchableVectorReader(scope, Indexes.of(db)),
    texts: new Searcher(SearchParts.of(db), scope),
    /** Nothing is cheaper than an index. */
    documents: new IndexedDocuments(() => Indexes.of(db), 0),
  };
}

const IMAGES_BEGIN = "STRATAIX";

/** The files of a disk that hold images of indexes. */
export function imageFiles(vfs: CrashVfs): string[] {
  if (!vfs.exists("snapshots")) return [];
  return vfs
    .list("snapshots")
    .map((name) => `snapshots/${name}`)
    .filter((path) => {
      const file = vfs.open(path, "read");
      const begin = new Uint8Array(IMAGES_BEGIN.length);
      file.read(begin, 0);
      file.close();
      return new TextDecoder().decode(begin) === IMAGES_BEGIN;
    });
}

/** What happens to a file of images. */
export type Damage = "flipped" | "zeroed" | "cut" | "gone";

export function damageFile(vfs: CrashVfs, path: string, damage: Damage, seed: number): void {
  if (damage === "gone") {
    vfs.unlink(path);
    return;
  }
  const file = vfs.open(path, "readWrite");
  const size = file.size();
  const at = seed % size;
  if (damage === "cut") file.truncate(at);
  else if (damage === "zeroed") file.write(new Uint8Array(size - at), 0, size - at, at);
  else {
    const byte = new Uint8Array(1);
    file.read(byte, at);
    file.write(Uint8Array.of(byte[0]! ^ (1 << (seed % 8))), 0, 1, at);
  }
  file.sync();
  file.close();
}
