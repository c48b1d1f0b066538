/**
 * Blocks of files that were read and checked, so that the next read of one is a look-up.
 */

/** What a block takes besides its bytes, about. */
const BLOCK_OVERHEAD_BYTES = 200;

/** One block in the cache, linked to those used before and after it. */
class CacheSlot<B> {
  readonly block: B;
  readonly position: number;
  /** The map that it is to be removed from. */
  readonly home: Map<number, CacheSlot<B>>;
  bytes: number;
  older: CacheSlot<unknown> | undefined = undefined;
  newer: CacheSlot<unknown> | undefined = undefined;

  constructor(home: Map<number, CacheSlot<B>>, position: number, block: B, bytes: number) {
    this.home = home;
    this.position = position;
    this.block = block;
    this.bytes = bytes;
  }
}

/**
 * What a database keeps of the blocks it has read, shared by all its files. Beyond `bytesMax` those go that were not used for longest; the
 * one that was read last stays, whatever its size.
 */
export class BlockCache {
  readonly bytesMax: number;
  #bytes = 0;
  #blocks = 0;
  #newest: CacheSlot<unknown> | undefined = undefined;
  #oldest: CacheSlot<unknown> | undefined = undefined;
  /** Blocks that had to be read. */
  misses = 0;

  constructor(bytesMax: number) {
    this.bytesMax = bytesMax;
  }

  /** What the blocks in it take, about. */
  get bytes(): number {
    return this.#bytes;
  }

  get blocks(): number {
    return this.#blocks;
  }

  /** Lets go of everything. */
  clear(): void {
    while (this.#oldest !== undefined) this.#drop(this.#oldest);
  }

  /** @internal */
  add<B>(home: Map<number, CacheSlot<B>>, position: number, block: B, bytes: number): void {
    const slot = new CacheSlot(home, position, block, bytes + BLOCK_OVERHEAD_BYTES);
    home.set(position, slot);
    this.misses++;
    this.#blocks++;
    this.#bytes += slot.bytes;
    this.#link(slot);
    while (this.#bytes > this.bytesMax && this.#oldest !== slot) this.#drop(this.#oldest!);
  }

  /** @internal */
  use(slot: CacheSlot<unknown>): void {
    if (slot === this.#newest) return;
    this.#unlink(slot);
    this.#link(slot);
  }

  #drop(slot: CacheSlot<unknown>): void {
    this.#unlink(slot);
    slot.home.delete(slot.position);
    this.#bytes -= slot.bytes;
    this.#blocks--;
  }

  #link(slot: CacheSlot<unknown>): void {
    slot.older = this.#newest;
    slot.newer = undefined;
    if (this.#newest === undefined) this.#oldest = slot;
    else this.#newest.newer = slot;
    this.#newest = slot;
  }

  #unlink(slot: CacheSlot<unknown>): void {
    if (slot.older === undefined) this.#oldest = slot.newer;
    else slot.older.newer = slot.newer;
    if (slot.newer === undefined) this.#newest = slot.older;
    else slot.newer.older = slot.older;
  }
}

/** Blocks of one kind of one segment, by position. */
export class CachedBlocks<B extends { readonly cacheBytes: number }> {
  readonly #cache: BlockCache;
  readonly #slots: Map<number, CacheSlot<B>> = new Map();
  readonly #read: (position: number, size: number) => B;

  /** @param read makes a block of what lies at `position` in the segment. */
  constructor(cache: BlockCache, read: (position: number, size: number) => B) {
    this.#cache = cache;
    this.#read = read;
  }

  get(position: number, size: number): B {
    const slot = this.#slots.get(position);
    if (slot !== undefined) {
      this.#cache.use(slot);
      return slot.block;
    }
    const block = this.#read(position, size);
    this.#cache.add(this.#slots, position, block, block.cacheBytes);
    return block;
  }
}
