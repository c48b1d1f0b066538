import { compareCodePoints } from "@strata/core";
import type { ContainedRun, Stored } from "@strata/storage";

const LINEAR_KEYS = 8;

/**
 * Pending writes of one table: keys with what they will hold. `Patch` is whatever the primitive logs instead of the whole value (the
 * engine's JSON operations); storage and validation never look inside.
 */
export class WritePartition<Primitive extends string, Patch> {
  readonly keys: string[] = [];
  /** In step with `keys`; `undefined`, or a Box without value, is a deletion. */
  readonly stored: (Stored | undefined)[] = [];
  /** In step with `keys`; `undefined` where the whole value is logged. */
  readonly patches: (Patch[] | undefined)[] = [];
  space: string;
  primitive: Primitive;
  #index: Map<string, number> | undefined;
  #sorted: string[] | undefined;
  #byKey: ReadonlyMap<string, Stored | undefined> | undefined;

  constructor(space: string, primitive: Primitive) {
    this.space = space;
    this.primitive = primitive;
  }

  /** Position of `key`, or −1. */
  find(key: string): number {
    const { keys } = this;
    if (keys.length <= LINEAR_KEYS) return keys.indexOf(key);
    if (this.#index === undefined) {
      this.#index = new Map();
      for (let i = 0; i < keys.length; i++) this.#index.set(keys[i] as string, i);
    }
    return this.#index.get(key) ?? -1;
  }

  /** Whole value: replaces whatever was pending for the key. */
  put(key: string, stored: Stored | undefined): void {
    this.#byKey = undefined;
    const at = this.find(key);
    if (at >= 0) {
      this.stored[at] = stored;
      this.patches[at] = undefined;
    } else this.#add(key, stored, undefined);
  }

  /** Part of a value: added to the patches that are pending, or folded into a pending whole value. */
  patch(key: string, after: Stored, patches: readonly Patch[]): void {
    this.#byKey = undefined;
    const at = this.find(key);
    if (at < 0) {
      this.#add(key, after, [...patches]);
      return;
    }
    this.stored[at] = after;
    const pending = this.patches[at];
    if (pending === undefined) return;
    // In place: a transaction may write to one document many thousands of times.
    for (const patch of patches) pending.push(patch);
  }

  /** Keys in code point order; valid until the next write. */
  sortedKeys(): readonly string[] {
    this.#sorted ??= [...this.keys].sort(compareCodePoints);
    return this.#sorted;
  }

  /** What is pending by key: the same map until the next write, and never changed by it. */
  byKey(): ReadonlyMap<string, Stored | undefined> {
    this.#byKey ??= new Map(this.keys.map((key, position) => [key, this.stored[position]]));
    return this.#byKey;
  }

  reset(space: string, primitive: Primitive): void {
    this.#byKey = undefined;
    this.space = space;
    this.primitive = primitive;
    this.keys.length = 0;
    this.stored.length = 0;
    this.patches.length = 0;
    this.#index = undefined;
    this.#sorted = undefined;
  }

  #add(key: string, stored: Stored | undefined, patches: Patch[] | undefined): void {
    this.#index?.set(key, this.keys.length);
    this.#sorted = undefined;
    this.keys.push(key);
    this.stored.push(stored);
    this.patches.push(patches);
  }
}

/** Where an event was appended first, of one that a merge copied from another run. */
export interface EventOrigin {
  /** Name of the run it was copied from. */
  readonly run: string;
  readonly sequence: number;
  /** 64 hex digits. */
  readonly hash: string;
  /** µs since the epoch. */
  readonly timestamp: number;
}

/** An event waiting for its sequence and hash, which the commit pass assigns. */
export interface PendingEvent {
  readonly space: string;
  readonly type: string;
  /** Canonical bytes; owned by the transaction. */
  readonly payload: Uint8Array;
  readonly origin?: EventOrigin | undefined;
}

/**
 * What a transaction will write. Invariants:
 *
 * 1. One partition per (space, primitive), one entry per key in it: the last write wins, path writes accumulate.
 * 2. `events` keep the order of their appends.
 */
export class WriteSet<Primitive extends string, Patch> {
  readonly events: PendingEvent[] = [];
  /** Spaces that exist after the commit even if nothing is written to them. */
  readonly registered: string[] = [];
  /** Spaces that end with the commit, data included. */
  readonly dropped: string[] = [];
  /** Of a merge: what the run contains of others once the commit is through. Empty where single changes were picked. */
  contained: readonly ContainedRun[] | undefined;
  /** Writes that stand on an expected version (`cas`, `ifVersion`), for `CommitData`. */
  casCount = 0;
  #partitions: WritePartition<Primitive, Patch>[] = [];
  #used = 0;
  #keyCount = 0;

  get keyCount(): number {
    return this.#keyCount + this.events.length;
  }

  get isEmpty(): boolean {
    return (
      this.#keyCount === 0 &&
      this.events.length === 0 &&
      this.registered.length === 0 &&
      this.dropped.length === 0 &&
      this.contained === undefined
    );
  }

  /** Partitions in order of first use. */
  *partitions(): IterableIterator<WritePartition<Primitive, Patch>> {
    for (let i = 0; i < this.#used; i++) yield this.#partitions[i] as WritePartition<Primitive, Patch>;
  }

  get partitionCount(): number {
    return this.#used;
  }

  partitionAt(position: number): WritePartition<Primitive, Patch> {
    return this.#partitions[position] as WritePartition<Primitive, Patch>;
  }

  partition(space: string, primitive: Primitive): WritePartition<Primitive, Patch> | undefined {
    for (let i = 0; i < this.#used; i++) {
      const partition = this.#partitions[i] as WritePartition<Primitive, Patch>;
      if (partition.primitive === primitive && partition.space === space) return partition;
    }
    return undefined;
  }

  put(space: string, primitive: Primitive, key: string, stored: Stored | undefined): void {
    const partition = this.partition(space, primitive) ?? this.#open(space, primitive);
    const before = partition.keys.length;
    partition.put(key, stored);
    this.#keyCount += partition.keys.length - before;
  }

  patch(space: string, primitive: Primitive, key: string, after: Stored, patches: readonly Patch[]): void {
    const partition = this.partition(space, primitive) ?? this.#open(space, primitive);
    const before = partition.keys.length;
    partition.patch(key, after, patches);
    this.#keyCount += partition.keys.length - before;
  }

  /** Empties it; arrays and partitions keep their capacity. */
  clear(): void {
    for (let i = 0; i < this.#used; i++) {
      const partition = this.#partitions[i] as WritePartition<Primitive, Patch>;
      partition.reset("", partition.primitive);
    }
    this.#used = 0;
    this.#keyCount = 0;
    this.casCount = 0;
    this.events.length = 0;
    this.registered.length = 0;
    this.dropped.length = 0;
    this.contained = undefined;
  }

  #open(space: string, primitive: Primitive): WritePartition<Primitive, Patch> {
    const spare = this.#partitions[this.#used];
    const partition = spare ?? new WritePartition<Primitive, Patch>(space, primitive);
    if (spare === undefined) this.#partitions.push(partition);
    else spare.reset(space, primitive);
    this.#used++;
    return partition;
  }
}
