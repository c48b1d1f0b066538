import type { Clock, RunId, Version } from "@strata/core";
import { Box, type MergeRecord, type RetentionGround, type RunShard } from "@strata/storage";
import type { LiveRuns } from "./live-runs.js";
import type { RunRow } from "./run.js";
import { TAG_SPACE } from "./tag.js";

/** Versions by run, by number. */
type Versions = Map<RunId, Version[]>;

/** Of one run, for good: until a commit of `_system` or a merge says otherwise. */
export interface Held {
  /** Ascending. */
  readonly versions: readonly Version[];
  /** The highest one as of which another run reads through; 0 without one. */
  readonly lastFork: Version;
}

/**
 * The one place that knows which versions of a run must stay readable: those of open views (checkpoints hold one too), open transactions,
 * tags, forks and merge bases. Invariants:
 *
 * 1. A version is held where it was written: what a fork inherited counts for the run that it is read through to.
 * 2. Forks, tags and deletions are commits of `_system`: nothing that is derived from them changes between two of these.
 */
export class RetentionPins {
  readonly #runs: LiveRuns;
  readonly #clock: Clock;
  readonly #lowestStart: (shard: RunShard) => Version;
  /** The newest commit of `_system` that the following reflect; -1 when they must be found anew. */
  #asOf: Version = -1;
  #tags: Versions = new Map();
  #merges: Versions = new Map();
  #held = new WeakMap<RunShard, Held>();

  /** @param parts.lowestStart as of which version the oldest open transaction of a run reads; `Infinity` without one. */
  constructor(parts: {
    readonly runs: LiveRuns;
    readonly clock: Clock;
    readonly lowestStart: (shard: RunShard) => Version;
  }) {
    this.#runs = parts.runs;
    this.#clock = parts.clock;
    this.#lowestStart = parts.lowestStart;
  }

  /** What must stay of a run, as it is now. Not to be kept: views and transactions come and go. */
  groundOf(shard: RunShard): RetentionGround {
    const held = this.heldBy(shard);
    const { watermark } = shard;
    return {
      from: Math.min(this.#lowestStart(shard), watermark.heldFrom),
      isPinned: (from, to) => watermark.hasIn(from, to) || hasIn(held.versions, from, to),
      lastFork: held.lastFork,
      horizon: (milliseconds) => shard.timeline.horizonAt(this.#clock.now() - milliseconds * 1000),
    };
  }

  /** What the registry says of a run; `undefined` once it was deleted. */
  rowOf(shard: RunShard): RunRow | undefined {
    return this.#runs.byNumber(shard.id)?.row;
  }

  /** To be called after a merge. */
  mergesChanged(): void {
    this.#asOf = -1;
  }

  /** What tags, forks and merges hold of a run. */
  heldBy(shard: RunShard): Held {
    this.#refresh();
    const known = this.#held.get(shard);
    if (known !== undefined) return known;
    const versions = new Set<Version>();
    let lastFork = 0;
    // Not by recursion: a line of descent may be longer than the stack.
    const pending = [{ number: shard.id, clip: Number.POSITIVE_INFINITY }];
    for (let next = pending.pop(); next !== undefined; next = pending.pop()) {
      const { number, clip } = next;
      for (const version of this.#tags.get(number) ?? []) if (version < clip) versions.add(version);
      for (const version of this.#merges.get(number) ?? []) if (version < clip) versions.add(version);
      for (const fork of this.#runs.forksOf(number)) {
        const forkedAt = Math.min(this.#runs.forkVersionOf(fork), clip);
        versions.add(forkedAt);
        lastFork = Math.max(lastFork, forkedAt);
        pending.push({ number: fork, clip: forkedAt });
      }
    }
    const held = { versions: [...versions].sort((a, b) => a - b), lastFork };
    this.#held.set(shard, held);
    return held;
  }

  #refresh(): void {
    const { system } = this.#runs;
    if (this.#asOf === system.shard.lastVersion) return;
    this.#asOf = system.shard.lastVersion;
    this.#held = new WeakMap();
    this.#tags = allTags(system.shard);
    this.#merges = new Map();
    for (const shard of this.#runs.mergeTargets()) this.#addMerges(shard);
  }

  /**
   * The next merge of the same two starts where the last one ended. A fork or a tag of the target that lies between two merges knows of the
   * older one only.
   */
  #addMerges(target: RunShard): void {
    const { merges } = target;
    if (merges.length === 0) return;
    const pointsOfView = [...(this.#tags.get(target.id) ?? [])];
    for (const fork of this.#runs.forksOf(target.id)) pointsOfView.push(this.#runs.forkVersionOf(fork));
    const next = new Map<RunId, Version>();
    for (const { version, contained } of [...merges].reverse() as MergeRecord[]) {
      for (const source of contained) {
        const until = next.get(source.run) ?? Number.POSITIVE_INFINITY;
        if (until === Number.POSITIVE_INFINITY || pointsOfView.some((point) => version <= point && point < until))
          add(this.#merges, source.run, source.version);
        next.set(source.run, version);
      }
    }
  }
}

function allTags(system: RunShard): Versions {
  const tags: Versions = new Map();
  const everything = { start: undefined, end: undefined, reverse: false };
  system.table(TAG_SPACE, "kv")?.scan(everything, Number.POSITIVE_INFINITY, (key, stored) => {
    const row = (stored instanceof Box ? stored.value : stored) as { readonly version: Version };
    add(tags, Number(key.slice(0, key.indexOf("/"))) as RunId, row.version);
    return true;
  });
  return tags;
}

function add(versions: Versions, run: RunId, version: Version): void {
  const known = versions.get(run);
  if (known === undefined) versions.set(run, [version]);
  else known.push(version);
}

/** Whether `versions`, ascending, has one in [from, to). */
function hasIn(versions: readonly Version[], from: Version, to: Version): boolean {
  let low = 0;
  let high = versions.length; // versions[i] < from for i < low; >= from for i >= high
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((versions[middle] as Version) < from) low = middle + 1;
    else high = middle;
  }
  return low < versions.length && (versions[low] as Version) < to;
}
