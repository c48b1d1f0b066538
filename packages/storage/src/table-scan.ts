/**
 * Scans: one list of keys, or several merged.
 */

import { isBefore } from "./key-bucket.js";
import { KeyCursor, type KeyRange } from "./key-cursor.js";
import type { OrderedIndex } from "./ordered-index.js";
import type { OrderedKeys } from "./ordered-keys.js";
import { isLive, type Stored } from "./stored.js";
import { Found, type VersionChain } from "./version-chain.js";

/** Called for each live key; returns false to stop. */
export type Visit = (key: string, stored: Stored, version: number) => boolean;

/** Dead chains met in `live` before they are moved away. */
const BURY_AT = 16;

/** A table taking part in a scan. */
export interface Layer {
  readonly index: OrderedIndex;
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
    const lists = layers.flatMap(({ index, clip, readsDead }, rank) => {
      const live = { keys: index.live, clip, rank };
      return readsDead && !index.dead.isEmpty ? [live, { keys: index.dead, clip, rank }] : [live];
    });
    if (lists.length === 1) {
      scanOne(lists[0]!.keys, range, lists[0]!.clip, visit, undefined);
    } else {
      const sources = lists.map(({ keys, clip, rank }) => new Source(keys, range, clip, rank));
      // A list knows this once it has given its first chain.
      const byCodePoint = lists.some(({ keys }) => keys.byCodePoint);
      merge(new SourceHeap(sources, range.reverse, byCodePoint), visit);
    }
  } finally {
    for (const layer of layers) layer.index.readers--;
  }
}

function merge(heap: SourceHeap, visit: Visit): void {
  const found = new Found();
  for (let top = heap.top; top !== undefined; top = heap.top) {
    // Most keys are in one list only: until it comes to the next key of another, the first list alone decides.
    const rival = heap.rival;
    while (top.chain !== undefined && (rival === undefined || heap.precedes(top.key, rival.key))) {
      const chain: VersionChain = top.chain;
      if (chain.findAt(top.clip, found) && isLive(found.stored)) {
        if (!visit(chain.key, found.stored, found.version)) return;
      }
      top.advance();
    }
    heap.settleTop();
    if (rival === undefined) continue;
    const key = rival.key;
    let decided = false;
    for (let next = heap.top; next !== undefined && next.key === key; next = heap.top) {
      if (!decided) decided = next.chain!.findAt(next.clip, found);
      next.advance();
      heap.settleTop();
    }
    if (decided && isLive(found.stored) && !visit(key, found.stored, found.version)) return;
  }
}

/** One list of one layer, at its next chain. */
class Source {
  readonly clip: number;
  /** 0 is the nearest layer. */
  readonly rank: number;
  readonly #cursor: KeyCursor;
  /** `undefined` when there is none left; `key` then is the last one. */
  chain: VersionChain | undefined = undefined;
  key = "";

  constructor(keys: OrderedKeys, range: KeyRange, clip: number, rank: number) {
    this.clip = clip;
    this.rank = rank;
    this.#cursor = new KeyCursor(keys, range);
    this.advance();
  }

  advance(): void {
    const chain = this.#cursor.next();
    this.chain = chain;
    if (chain !== undefined) this.key = chain.key;
  }
}

/** Binary heap of sources that have a chain: the next key on top, of equal keys the nearest layer. */
class SourceHeap {
  readonly #sources: Source[];
  readonly #reverse: boolean;
  readonly #byCodePoint: boolean;

  constructor(sources: readonly Source[], reverse: boolean, byCodePoint: boolean) {
    this.#sources = sources.filter((source) => source.chain !== undefined);
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
    if (sources[0]!.chain === undefined) {
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
