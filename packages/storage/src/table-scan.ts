/**
 * Scans: one list of keys, or several merged.
 */

import type { ColdCursor, ColdTable } from "./cold.js";
import { isBefore } from "./key-bucket.js";
import { EVERYTHING, KeyCursor, type KeyRange } from "./key-cursor.js";
import type { OrderedIndex } from "./ordered-index.js";
import type { OrderedKeys } from "./ordered-keys.js";
import { isLive, type Stored } from "./stored.js";
import { Found, type VersionChain } from "./version-chain.js";

/** Where `addKeys` puts what it does not need. */
const scratch = new Found();

/** Called for each live key; returns false to stop. */
export type Visit = (key: string, stored: Stored, version: number) => boolean;

/** Dead chains met in `live` before they are moved away. */
const BURY_AT = 16;

/** A table taking part in a scan. */
export interface Layer {
  readonly index: OrderedIndex;
  /** Keys in files, of which `index` may have some as well. */
  readonly cold: ColdTable | undefined;
  /** The version up to which this layer is read. */
  readonly clip: number;
  /** Whether chains that are dead now count: because they hide what lies below, or were alive at `clip`. */
  readonly readsDead: boolean;
}

/** One list, as of `clip`. `bury`, if given, is told the bucket when dead chains have been met in it. */
function scanOne(
  keys: OrderedKeys,
  range: KeyRange,
  clip: number,
  visit: Visit,
  bury: ((bucket: number) => void) | undefined,
): void {
  const cursor = new KeyCursor(keys, range);
  const found = new Found();
  let met = 0;
  for (let chain = cursor.next(); chain !== undefined; chain = cursor.next()) {
    if (chain.version <= clip) {
      const stored = chain.stored;
      if (isLive(stored)) {
        if (!visit(chain.key, stored, chain.version)) return;
      } else if (++met >= BURY_AT && bury !== undefined) {
        met = 0;
        bury(cursor.bucket);
      }
    } else if (chain.findAt(clip, found) && isLive(found.stored)) {
      if (!visit(chain.key, found.stored, found.version)) return;
    }
  }
}

/** The newest state of a table without layers below. `version`: that of its last write; `visit` may add higher ones. */
export function scanNewest(index: OrderedIndex, range: KeyRange, version: number, visit: Visit): void {
  const bury = index.readers === 0 ? (bucket: number) => index.bury(bucket) : undefined;
  index.readers++;
  try {
    scanOne(index.live, range, version, visit, bury);
  } finally {
    index.readers--;
  }
}

/**
 * Several layers merged, the nearest first: of a key, the nearest layer that has an entry at or below its clip decides.
 * A heap of cursors, so that k layers cost O(k log n) and each result O(log k).
 */
export function scanLayers(layers: readonly Layer[], range: KeyRange, visit: Visit): void {
  for (const layer of layers) layer.index.readers++;
  try {
    const [only] = layers;
    if (layers.length === 1 && only!.cold === undefined && !(only!.readsDead && !only!.index.dead.isEmpty)) {
      scanOne(only!.index.live, range, only!.clip, visit, undefined);
      return;
    }
    const sources: Source[] = [];
    for (const [position, { index, cold, clip, readsDead }] of layers.entries()) {
      // Of one layer, what is in memory decides: it leads to everything that files have.
      const rank = 2 * position;
      sources.push(new Source(new KeyCursor(index.live, range), undefined, clip, rank));
      if (readsDead && !index.dead.isEmpty) {
        sources.push(new Source(new KeyCursor(index.dead, range), undefined, clip, rank));
      }
      if (cold !== undefined && cold.firstVersion <= clip) {
        sources.push(new Source(undefined, cold.cursor(range), clip, rank + 1));
      }
    }
    // A list knows this once it has given its first chain.
    const byCodePoint = layers.some(({ index, cold }) => index.order.byCodePoint || cold?.hasSurrogates === true);
    merge(new SourceHeap(sources, range.reverse, byCodePoint), visit);
  } finally {
    for (const layer of layers) layer.index.readers--;
  }
}

/** Adds to `keys` those that have an entry at or below `clip`, dead ones included. */
export function addKeys(
  chains: Iterable<VersionChain>,
  cold: ColdTable | undefined,
  clip: number,
  keys: Set<string>,
): void {
  for (const chain of chains) if (chain.versionAt(clip) > 0) keys.add(chain.key);
  const cursor = cold?.cursor(EVERYTHING);
  for (let key = cursor?.next(); key !== undefined; key = cursor?.next()) {
    if (!keys.has(key) && cursor!.findAt(clip, scratch)) keys.add(key);
  }
}

function merge(heap: SourceHeap, visit: Visit): void {
  const found = new Found();
  for (let top = heap.top; top !== undefined; top = heap.top) {
    // Most keys are in one list only: until it comes to the next key of another, the first list alone decides.
    const rival = heap.rival;
    while (!top.isDone && (rival === undefined || heap.precedes(top.key, rival.key))) {
      if (top.find(found) && isLive(found.stored)) {
        if (!visit(top.key, found.stored, found.version)) return;
      }
      top.advance();
    }
    heap.settleTop();
    if (rival === undefined) continue;
    const key = rival.key;
    let decided = false;
    for (let next = heap.top; next !== undefined && next.key === key; next = heap.top) {
      if (!decided) decided = next.find(found);
      next.advance();
      heap.settleTop();
    }
    if (decided && isLive(found.stored) && !visit(key, found.stored, found.version)) return;
  }
}

/** One list of one layer, at its next key: chains in memory, or keys in files. */
class Source {
  readonly clip: number;
  /** The lowest is the nearest. */
  readonly rank: number;
  readonly #cursor: KeyCursor | undefined;
  readonly #cold: ColdCursor | undefined;
  #chain: VersionChain | undefined = undefined;
  /** Nothing is left; `key` then is the last one. */
  isDone = false;
  key = "";

  constructor(cursor: KeyCursor | undefined, cold: ColdCursor | undefined, clip: number, rank: number) {
    this.clip = clip;
    this.rank = rank;
    this.#cursor = cursor;
    this.#cold = cold;
    this.advance();
  }

  advance(): void {
    let key: string | undefined;
    if (this.#cursor === undefined) key = this.#cold!.next();
    else {
      this.#chain = this.#cursor.next();
      key = this.#chain?.key;
    }
    if (key === undefined) this.isDone = true;
    else this.key = key;
  }

  /** The entry of `key` that counts in this layer. */
  find(out: Found): boolean {
    return this.#chain === undefined ? this.#cold!.findAt(this.clip, out) : this.#chain.findAt(this.clip, out);
  }
}

/** Binary heap of sources that have a key left: the next key on top, of equal keys the nearest layer. */
class SourceHeap {
  readonly #sources: Source[];
  readonly #reverse: boolean;
  readonly #byCodePoint: boolean;

  constructor(sources: readonly Source[], reverse: boolean, byCodePoint: boolean) {
    this.#sources = sources.filter((source) => !source.isDone);
    this.#reverse = reverse;
    this.#byCodePoint = byCodePoint;
    for (let position = (this.#sources.length >>> 1) - 1; position >= 0; position--) this.#siftDown(position);
  }

  get top(): Source | undefined {
    return this.#sources[0];
  }

  /** What would be on top if the top were not. */
  get rival(): Source | undefined {
    const sources = this.#sources;
    if (sources.length < 3) return sources[1];
    return this.#isFirst(sources[2]!, sources[1]!) ? sources[2] : sources[1];
  }

  /** Whether `a` comes strictly before `b` in the direction of the scan. */
  precedes(a: string, b: string): boolean {
    return this.#reverse ? isBefore(b, a, this.#byCodePoint) : isBefore(a, b, this.#byCodePoint);
  }

  /** Restores the order after the top source has advanced. */
  settleTop(): void {
    const sources = this.#sources;
    if (sources[0]!.isDone) {
      const last = sources.pop()!;
      if (sources.length === 0) return;
      sources[0] = last;
    }
    this.#siftDown(0);
  }

  #siftDown(from: number): void {
    const sources = this.#sources;
    const source = sources[from]!;
    let position = from;
    for (;;) {
      let child = 2 * position + 1;
      if (child >= sources.length) break;
      if (child + 1 < sources.length && this.#isFirst(sources[child + 1]!, sources[child]!)) child++;
      if (!this.#isFirst(sources[child]!, source)) break;
      sources[position] = sources[child]!;
      position = child;
    }
    sources[position] = source;
  }

  #isFirst(a: Source, b: Source): boolean {
    if (this.precedes(a.key, b.key)) return true;
    return a.key === b.key && a.rank < b.rank;
  }
}
