/**
 * Applies a run's retention to everything that it has in memory.
 */
import type { Version } from "@strata/core";
import type { LostInterval } from "./cold.js";
import { isForgettable, joinUnpinned, keptEntries, type RetentionGround } from "./retention.js";
import type { RunShard } from "./shard.js";
import type { ShardRetention } from "./shard-retention.js";
import { Box, isLive, TRIMMED } from "./stored.js";
import type { Table } from "./table.js";
import type { VersionChain } from "./version-chain.js";

export interface Compacted {
  /** Entries that were dropped, those of forgotten keys included. */
  readonly versionsDropped: number;
  /** Keys that were dead, and are as if they had never been written. */
  readonly keysForgotten: number;
}

/** Entries looked at between two pauses: about a millisecond. */
const ENTRIES_PER_SLICE = 4096;
/** Keys are forgotten so many at a time: what orders them is made anew each time. */
const KEYS_AT_ONCE = 4096;

/**
 * Trims every chain, and forgets keys that are dead and of which nobody needs anything any more. Between slices the run may be read and
 * written.
 *
 * A key counts as dead from its deletion on, from the first commit after its time to live, or with its space. Cells and documents are not
 * forgotten while their space is there: they count on when they are written again. Nor are keys of tables that have files: what the files
 * have of them would show.
 *
 * @param now µs since the epoch.
 */
export function* compactShard(
  shard: RunShard,
  retention: ShardRetention,
  now: number,
): Generator<void, Compacted, undefined> {
  let versionsDropped = 0;
  let keysForgotten = 0;
  for (const space of shard.ownSpaces()) {
    for (const table of space.ownTables()) {
      if (retention.rules[table.primitive].keep === "all") continue;
      const compaction = new TableCompaction(shard, retention, table, now);
      yield* compaction.run();
      versionsDropped += compaction.versionsDropped;
      keysForgotten += compaction.keysForgotten;
    }
  }
  retention.thin(retention.ground);
  return { versionsDropped, keysForgotten };
}

class TableCompaction {
  versionsDropped = 0;
  keysForgotten = 0;
  readonly #shard: RunShard;
  readonly #retention: ShardRetention;
  readonly #table: Table;
  readonly #now: number;

  constructor(shard: RunShard, retention: ShardRetention, table: Table, now: number) {
    this.#shard = shard;
    this.#retention = retention;
    this.#table = table;
    this.#now = now;
  }

  *run(): Generator<void, void, undefined> {
    let ground = this.#retention.ground;
    let dead: VersionChain[] = [];
    let left = ENTRIES_PER_SLICE;
    for (const chain of this.#table.chains()) {
      left -= chain.length;
      if (chain.hasOlder) this.versionsDropped += this.#retention.trim(chain, ground);
      if (this.#isForgettable(chain, ground)) dead.push(chain);
      if (left > 0) continue;
      if (dead.length >= KEYS_AT_ONCE) {
        this.#forget(dead, ground);
        dead = [];
      }
      yield;
      left = ENTRIES_PER_SLICE;
      ground = this.#retention.ground;
    }
    this.#forget(dead, ground);
  }

  #isForgettable(chain: VersionChain, ground: RetentionGround): boolean {
    const { primitive, droppedAt } = this.#table;
    const hasCounter = primitive === "state" || primitive === "json";
    if (hasCounter && droppedAt === Number.POSITIVE_INFINITY) return false;
    const death = this.#deathOf(chain);
    if (death === Number.POSITIVE_INFINITY || this.#table.hides(chain.key)) return false;
    // Forks count what they inherited, expired or not.
    if (isLive(chain.stored) && chain.version <= ground.lastFork) return false;
    const { versions, isDead } = entriesOf(chain, death);
    const rule = this.#retention.rules[primitive];
    return isForgettable(rule, ground, versions, (entry) => isDead[entry]!, keptEntries(rule, ground, versions));
  }

  /** The version from which on nobody sees a value of the key; `Infinity` while it is alive. */
  #deathOf({ version, stored }: VersionChain): Version {
    if (!isLive(stored)) return version;
    const { droppedAt } = this.#table;
    if (!(stored instanceof Box) || stored.expiresAt > this.#now) return droppedAt;
    // Reads as of a commit judge by its time: whoever reads as of the first one after the expiry finds nothing.
    const { timeline } = this.#shard;
    const expiry = timeline.nextAfter(timeline.horizonAt(Math.ceil(stored.expiresAt) - 1));
    return expiry === undefined ? droppedAt : Math.min(droppedAt, Math.max(version, expiry));
  }

  /** @param dead found forgettable in an earlier slice: each is looked at again. */
  #forget(dead: readonly VersionChain[], ground: RetentionGround): void {
    const lost: LostInterval[] = [];
    for (const chain of dead) {
      if (!this.#isForgettable(chain, ground) || this.#table.chain(chain.key) !== chain) continue;
      this.versionsDropped += chain.keptVersions().length;
      this.keysForgotten++;
      this.#table.forget(chain);
      chain.retire(this.#deathOf(chain), (from, to) => {
        if (from < to) lost.push({ from, to });
      });
    }
    lost.sort((a, b) => a.from - b.from);
    // Keys that come and go leave an interval each. Nobody has asked to read between them.
    for (const { from, to } of joinUnpinned(lost, ground)) {
      this.#table.noteLost(from, to);
      this.#retention.note(from, to, ground);
    }
  }
}

/** The entries of a chain in memory that were not dropped, with its death as the last of them. */
function entriesOf(chain: VersionChain, death: Version): { versions: number[]; isDead: boolean[] } {
  const versions: number[] = [];
  const isDead: boolean[] = [];
  const older = chain.older;
  for (const [entry, stored] of (older?.values ?? []).entries()) {
    if (stored === TRIMMED) continue;
    versions.push(older!.versions[entry]!);
    isDead.push(!isLive(stored));
  }
  versions.push(chain.version);
  isDead.push(death === chain.version);
  if (death > chain.version) {
    versions.push(death);
    isDead.push(true);
  }
  return { versions, isDead };
}
