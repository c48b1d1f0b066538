/**
 * What one segment has of one table.
 */
import { compareCodePoints, type Version } from "@strata/core";
import type { KeyRange } from "../key-cursor.js";
import type { Stored } from "../stored.js";
import type { Found } from "../version-chain.js";
import { CachedBlocks } from "./block-cache.js";
import { KeyBlock } from "./key-block.js";
import type { KeyBytes } from "./key-bytes.js";
import { FilterPage, filterLineOf, filterPlaceOf } from "./key-filter.js";
import { KeyIndex } from "./key-index.js";
import type { SegmentFile } from "./segment-file.js";
import type { TableFooter } from "./segment-footer.js";

/** Where few keys are looked for that are not there, the filter is not worth reading. */
const FILTER_AFTER = 4;

/** What a look for an entry came to. */
export const Search = { absent: 0, found: 1, trimmed: 2 } as const;
export type Search = (typeof Search)[keyof typeof Search];

export class TablePart {
  readonly file: SegmentFile;
  readonly footer: TableFooter;
  /** What ages of entries count from. */
  readonly through: Version;
  readonly #indexes: CachedBlocks<KeyIndex>;
  readonly #blocks: CachedBlocks<KeyBlock>;
  readonly #filterPages: CachedBlocks<FilterPage>;
  /** Keys that were looked for in vain, up to `FILTER_AFTER`. */
  #misses = 0;

  constructor(file: SegmentFile, footer: TableFooter) {
    this.file = file;
    this.footer = footer;
    this.through = file.footer.through;
    this.#indexes = new CachedBlocks(file.cache, (position, size) => {
      const payload = file.payload(position, size);
      return file.decode(position, () => new KeyIndex(payload, this.through));
    });
    this.#blocks = new CachedBlocks(
      file.cache,
      (position, size) => new KeyBlock(file.payload(position, size), position),
    );
    this.#filterPages = new CachedBlocks(file.cache, (position, size) => new FilterPage(file.payload(position, size)));
  }

  get index(): KeyIndex {
    return this.#indexes.get(this.footer.index.position, this.footer.index.size);
  }

  /** The block of a row of the index. */
  block(index: KeyIndex, row: number): KeyBlock {
    index.read(row);
    return this.#blocks.get(index.position, index.size);
  }

  /** The newest entry of `key` at or below `asOf`. Writes to `out` when it is found. */
  find(key: KeyBytes, asOf: Version, out: Found): Search {
    if (this.#misses >= FILTER_AFTER && !this.#mayHave(key)) return Search.absent;
    const search = this.#search(key, asOf, out);
    if (search === Search.absent && this.#misses < FILTER_AFTER) this.#misses++;
    return search;
  }

  /** What the filter says, if there is one: a key that it does not know has no entry. */
  #mayHave(key: KeyBytes): boolean {
    const { filter } = this.footer;
    if (filter === undefined) return true;
    const { hash } = key;
    const place = filterPlaceOf(filter, filterLineOf(hash, filter.lines));
    return this.#filterPages.get(place.position, place.size).mayHave(place.line, hash);
  }

  #search(key: KeyBytes, asOf: Version, out: Found): Search {
    let { position } = this.footer.index;
    try {
      const { index } = this;
      const row = index.find(key, asOf);
      if (row >= 0) {
        const block = this.block(index, row);
        position = block.position;
        if (block.seek(key, this.through)) {
          const search = this.findIn(block, asOf, out);
          if (search !== Search.absent) return search;
        }
      }
      if (!index.beginsWith(row + 1, key)) return Search.absent;
      const block = this.block(index, row + 1);
      position = block.position;
      return block.seek(key, this.through) ? this.findIn(block, asOf, out) : Search.absent;
    } catch (error) {
      throw this.file.damage(position, error);
    }
  }

  /** `find` among the entries that the block is to read next. */
  findIn(block: KeyBlock, asOf: Version, out: Found): Search {
    const { entries } = block;
    while (entries.next()) {
      if (entries.version > asOf) continue;
      if (entries.isTrimmed) return Search.trimmed;
      const stored = entries.stored();
      out.version = entries.version;
      out.stored = stored;
      return Search.found;
    }
    return Search.absent;
  }

  /** Entries of `key` below `before`, newest first, without those that stand for trimmed ones. @returns false when `visit` stopped it. */
  visitBefore(
    key: KeyBytes,
    before: Version,
    visit: (version: Version, stored: Stored | undefined) => boolean,
  ): boolean {
    let { position } = this.footer.index;
    const decode = <T>(read: () => T): T => this.file.decode(position, read);
    const { index } = this;
    let row = decode(() => Math.max(0, index.find(key, before - 1)));
    let newer: Stored | undefined;
    for (let isFirst = true; ; isFirst = false, row++) {
      if (!isFirst && !decode(() => index.beginsWith(row, key))) return true;
      if (row >= index.rows) return true;
      const block = this.block(index, row);
      position = block.position;
      if (!decode(() => block.seek(key, this.through))) continue;
      // Whoever is visited may read from the same block.
      const walk = block.walk();
      while (decode(() => walk.next())) {
        const { version } = walk;
        if (version >= before || walk.isTrimmed) continue;
        // Where deltas come to their end, a document goes on.
        const stored = decode(() => walk.storedInTurn(newer));
        newer = walk.isDelta ? stored : undefined;
        if (!visit(version, stored)) return false;
      }
    }
  }

  /** The keys that have an entry here. */
  cursor(range: KeyRange): PartCursor {
    return new PartCursor(this, range);
  }
}

/** A walk over the keys of one part. Blocks that begin with older entries of a key belong to the block where it began. */
export class PartCursor {
  readonly #part: TablePart;
  readonly #range: KeyRange;
  readonly #step: number;
  /** The key it stands on; `undefined` before the first and behind the last. */
  key: string | undefined = undefined;
  #row: number;
  #block: KeyBlock | undefined = undefined;
  #keys: readonly string[] = [];
  #bodies: readonly number[] = [];
  /** Slot of the next key, and of `key`. */
  #slot = 0;
  #at = 0;

  constructor(part: TablePart, range: KeyRange) {
    this.#part = part;
    this.#range = range;
    this.#step = range.reverse ? -1 : 1;
    const { index } = part;
    const bound = range.reverse ? range.end : range.start;
    const rows = part.file.decode(part.footer.index.position, () =>
      bound === undefined ? (range.reverse ? index.rows : 0) : index.lowerBound(bound),
    );
    // The first block whose first key is not before the bound: keys between the bound and that key are in the one before it.
    this.#row = Math.max(0, rows - 1);
    if (index.rows === 0) this.#row = -1;
    else this.#enterBlock();
    if (this.#block === undefined) return;
    if (bound === undefined) {
      this.#slot = range.reverse ? this.#keys.length - 1 : 0;
      return;
    }
    const slot = lowerBound(this.#keys, bound);
    this.#slot = range.reverse ? slot - 1 : slot;
  }

  /** Goes on to the next key, which `key` is then. */
  next(): void {
    while (this.#block !== undefined) {
      if (this.#slot >= 0 && this.#slot < this.#keys.length) {
        if (this.#slot === 0 && this.#continues()) {
          this.#slot += this.#step;
          continue;
        }
        const key = this.#keys[this.#slot]!;
        if (this.#isBeyond(key)) break;
        this.#at = this.#slot;
        this.#slot += this.#step;
        this.key = key;
        return;
      }
      this.#row += this.#step;
      this.#enterBlock();
      this.#slot = this.#range.reverse ? this.#keys.length - 1 : 0;
    }
    this.#block = undefined;
    this.key = undefined;
  }

  /** The newest entry at or below `asOf` of the key it stands on. */
  find(asOf: Version, out: Found, keyBytes: () => KeyBytes): Search {
    const part = this.#part;
    const block = this.#block!;
    const at = this.#at;
    try {
      block.entries.enter(this.#bodies[2 * at]!, this.#bodies[2 * at + 1]!, part.through);
      const search = part.findIn(block, asOf, out);
      if (search !== Search.absent) return search;
    } catch (error) {
      throw part.file.damage(block.position, error);
    }
    // Only the last key of a block goes on in the next.
    return at === this.#keys.length - 1 ? part.find(keyBytes(), asOf, out) : Search.absent;
  }

  #isBeyond(key: string): boolean {
    const { start, end, reverse } = this.#range;
    if (reverse) return start !== undefined && compareCodePoints(key, start) < 0;
    return end !== undefined && compareCodePoints(key, end) >= 0;
  }

  #continues(): boolean {
    const { index } = this.#part;
    index.read(this.#row);
    return index.continues;
  }

  #enterBlock(): void {
    const part = this.#part;
    const { index } = part;
    this.#block = undefined;
    this.#keys = [];
    if (this.#row < 0 || this.#row >= index.rows) return;
    const block = part.file.decode(part.footer.index.position, () => part.block(index, this.#row));
    const { keys, bodies } = part.file.decode(block.position, () => block.groups());
    this.#block = block;
    this.#keys = keys;
    this.#bodies = bodies;
  }
}

/** The first of ascending `keys` that is not before `bound`. */
function lowerBound(keys: readonly string[], bound: string): number {
  let low = 0;
  let high = keys.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (compareCodePoints(keys[middle]!, bound) < 0) low = middle + 1;
    else high = middle;
  }
  return low;
}
