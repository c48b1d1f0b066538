import { ByteWriter, type Primitive } from "@strata/core";
import {
  encodeStored,
  isLive,
  type RunShard,
  type SegmentBytes,
  type SpaceTables,
  type Table,
  TRIMMED,
  type VersionChain,
} from "@strata/storage";
import { COLLECTION_ROWS } from "./primitives/vector-row.js";
import { userSpaces } from "./reserved-space.js";

/**
 * What a run takes. What it inherited is the other run's, except among `keys`. Bytes are those of keys and values, encoded. What lies in files
 * is counted as it was when they were written: a value that was replaced since is live there until its file is written anew.
 */
export interface RunStats {
  /** Values that can be read now, and all events. */
  readonly liveBytes: number;
  /** Older versions, deletions, and what dropped spaces held. */
  readonly historyBytes: number;
  /** Of its snapshot files; 0 where there are none. */
  readonly diskBytes: number;
  /** That can be read now: expired keys are counted until they are gone. Collections are no vectors, and what the database keeps for itself is not counted. */
  readonly keys: { readonly [P in Primitive]: number };
}

const NOTHING_FILED: SegmentBytes = { liveBytes: 0, historyBytes: 0, diskBytes: 0 };
const KEYED = ["kv", "state", "json", "vector"] as const;

/** Encodes everything that memory has and files have not. @param filed of a run that lies in files. */
export function statsOf(shard: RunShard, filed: SegmentBytes = NOTHING_FILED): RunStats {
  const bytes = new ByteCount(shard.coldThrough);
  for (const space of shard.ownSpaces()) bytes.addSpace(space);
  return Object.freeze({
    liveBytes: filed.liveBytes + bytes.live,
    historyBytes: filed.historyBytes + bytes.history,
    diskBytes: filed.diskBytes,
    keys: Object.freeze(keysOf(shard)),
  });
}

function keysOf(shard: RunShard): { [P in Primitive]: number } {
  const keys = { kv: 0, event: 0, state: 0, json: 0, vector: 0 };
  for (const space of userSpaces(shard.spaces())) {
    keys.event += shard.events(space)?.length() ?? 0;
    for (const primitive of KEYED) keys[primitive] += shard.table(space, primitive)?.liveCount() ?? 0;
    keys.vector -= countCollections(shard.table(space, "vector"));
  }
  return keys;
}

function countCollections(table: Table | undefined): number {
  let count = 0;
  table?.scan(COLLECTION_ROWS, Number.POSITIVE_INFINITY, () => {
    count++;
    return true;
  });
  return count;
}

/** Sums what was written above a version. */
class ByteCount {
  live = 0;
  history = 0;
  readonly #above: number;
  readonly #writer = new ByteWriter();

  constructor(above: number) {
    this.#above = above;
  }

  addSpace(space: SpaceTables): void {
    const isThere = space.droppedAt === Number.POSITIVE_INFINITY;
    for (const table of space.ownTables()) for (const chain of table.chains()) this.#addChain(chain, isThere);
    const events = space.ownEvents();
    if (events === undefined) return;
    let bytes = 0;
    const length = events.length();
    for (let sequence = length - 1; sequence >= length - events.ownLength; sequence--) {
      if (events.versionOf(sequence) <= this.#above) break;
      bytes += events.record(sequence).length;
    }
    if (isThere) this.live += bytes;
    else this.history += bytes;
  }

  #addChain(chain: VersionChain, isThere: boolean): void {
    const writer = this.#writer;
    if (chain.version <= this.#above) return;
    writer.reset();
    writer.text(chain.key);
    encodeStored(writer, chain.stored);
    if (isThere && isLive(chain.stored)) this.live += writer.length;
    else this.history += writer.length;
    const { older } = chain;
    if (older === undefined) return;
    writer.reset();
    for (const [entry, stored] of older.values.entries()) {
      if (stored !== TRIMMED && (older.versions[entry] as number) > this.#above) encodeStored(writer, stored);
    }
    this.history += writer.length;
  }
}
