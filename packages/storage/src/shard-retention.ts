/**
 * Retention at work: trims what a run has in memory along with the writes that make it superfluous.
 */
import type { Version } from "@strata/core";
import type { LostInterval } from "./cold.js";
import { intervalAt, withInterval } from "./lost-intervals.js";
import {
  joinUnpinned,
  type KeepEntries,
  keepEntries,
  keptEntries,
  type RetentionGround,
  type RetentionRule,
  type RetentionRules,
} from "./retention.js";
import type { RunShard } from "./shard.js";
import type { TablePrimitive } from "./table.js";
import { VersionChain } from "./version-chain.js";

/** A chain is left alone up to so many entries, however few the rule keeps: looking at it would cost more than they take. */
const ENTRIES_MIN = 8;
/** The timeline is left alone until so many entries were dropped. */
const DROPPED_MIN = 1024;
/** Intervals that are remembered; then neighbours are joined, and versions between them count as trimmed. */
const INTERVALS_MAX = 256;

/**
 * Of one run. Invariants:
 *
 * 1. A chain is trimmed when it has twice what was left of it the last time, or twice what its rule keeps: of the work of trimming, each
 *    write pays a constant share.
 * 2. What `ground` knows of stays readable: a version that is held lies in none of the `trimmed` intervals.
 */
export class ShardRetention {
  #rules: RetentionRules;
  readonly #shard: RunShard;
  readonly #ground: () => RetentionGround;
  #limits: { readonly [P in TablePrimitive]: number };
  /** The length at which a chain is next looked at, where that is above the limit of its primitive. */
  #nextLengths = new WeakMap<VersionChain, number>();
  #trimmed: readonly LostInterval[] = [];
  #droppedSinceThinning = 0;

  /** @param ground what must stay, as it is when it is called. */
  constructor(shard: RunShard, rules: RetentionRules, ground: () => RetentionGround) {
    this.#rules = rules;
    this.#shard = shard;
    this.#ground = ground;
    this.#limits = limitsOf(rules);
  }

  get rules(): RetentionRules {
    return this.#rules;
  }

  /** In force from the next write on. */
  set rules(rules: RetentionRules) {
    if (rules === this.#rules) return;
    this.#rules = rules;
    this.#limits = limitsOf(rules);
    this.#nextLengths = new WeakMap();
  }

  get ground(): RetentionGround {
    return this.#ground();
  }

  /** Versions as of which some key is no longer known, as far as it was trimmed here. */
  get trimmed(): readonly LostInterval[] {
    return this.#trimmed;
  }

  /** The versions around `version` as of which not everything is known; `undefined` when everything is. */
  trimmedAt(version: Version): LostInterval | undefined {
    return intervalAt(this.#trimmed, version);
  }

  /** To be called after each commit of the run. */
  follow(version: Version): void {
    this.#shard.timeline.changedSince(version - 1, (target) => {
      if (target instanceof VersionChain && target.length > this.#limits[target.table.primitive])
        this.#trimIfDue(target);
      return true;
    });
    if (this.#droppedSinceThinning >= DROPPED_MIN) this.#thinIfDue();
  }

  /** Drops what nobody needs of one chain, behind its newest entry. @returns how many entries were dropped. */
  trim(chain: VersionChain, ground: RetentionGround): number {
    const kept = keptEntries(this.#rules[chain.table.primitive], ground, chain.keptVersions());
    if (kept === undefined) return 0;
    let from = 0;
    let to = 0;
    const dropped = chain.trim(kept, (start, end) => {
      if (start !== to) {
        this.note(from, to, ground);
        from = start;
      }
      to = end;
    });
    this.note(from, to, ground);
    this.#droppedSinceThinning += dropped;
    return dropped;
  }

  /** For segments in which older ones are taken in: asks anew for each key what must stay, and remembers what is lost. */
  readonly keep: KeepEntries = (primitive, key, versions, isDead) => {
    const ground = this.#ground();
    const keep = keepEntries(this.#rules, ground, (from, to) => this.note(from, to, ground));
    return keep(primitive, key, versions, isDead);
  };

  /** Remembers that not everything is known as of versions in [from, to). */
  note(from: Version, to: Version, ground: RetentionGround): void {
    this.#trimmed = withInterval(this.#trimmed, from, to);
    if (this.#trimmed.length > INTERVALS_MAX) this.#trimmed = joinUnpinned(this.#trimmed, ground);
  }

  /** Forgets commits in memory of which nothing is left. */
  thin(ground: RetentionGround): void {
    this.#droppedSinceThinning = 0;
    this.#shard.timeline.thin(ground.from, (version, next, isLeft) => isLeft || ground.isPinned(version, next));
  }

  #trimIfDue(chain: VersionChain): void {
    const due = this.#nextLengths.get(chain);
    if (due !== undefined && chain.length < due) return;
    this.trim(chain, this.#ground());
    const next = 2 * chain.length;
    if (next > this.#limits[chain.table.primitive]) this.#nextLengths.set(chain, next);
    else if (due !== undefined) this.#nextLengths.delete(chain);
  }

  #thinIfDue(): void {
    // Each row is looked at again only after half as many entries were dropped.
    if (2 * this.#droppedSinceThinning >= this.#shard.timeline.tailLength) this.thin(this.#ground());
  }
}

function limitsOf(rules: RetentionRules): { readonly [P in TablePrimitive]: number } {
  return {
    kv: limitOf(rules.kv),
    state: limitOf(rules.state),
    json: limitOf(rules.json),
    vector: limitOf(rules.vector),
  };
}

/** The length above which a chain is looked at for the first time. */
function limitOf(rule: RetentionRule): number {
  if (rule.keep === "all") return Number.POSITIVE_INFINITY;
  // One more than the rule keeps is the gap that trimming leaves.
  return rule.keep === "last" ? Math.max(2 * (rule.versions + 1), ENTRIES_MIN) : ENTRIES_MIN;
}
