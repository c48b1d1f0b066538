import { expect, test } from "vitest";
import { BlockCache, CachedBlocks } from "./block-cache.js";

/** Blocks of 800 bytes, so that each takes 1000 in the cache. */
function blocksOf(cache: BlockCache) {
  const read: number[] = [];
  const blocks = new CachedBlocks(cache, (position: number) => {
    read.push(position);
    return { cacheBytes: 800, position };
  });
  return { read, get: (position: number) => blocks.get(position, 1).position };
}

test("what was read is not read again, and what was not used for longest goes first", () => {
  const cache = new BlockCache(3000);
  const { read, get } = blocksOf(cache);
  for (const position of [1, 2, 3, 1, 2, 3]) expect(get(position)).toBe(position);
  expect(read).toEqual([1, 2, 3]);
  get(1);
  get(4);
  expect(cache).toMatchObject({ bytes: 3000, blocks: 3, misses: 4 });
  get(1);
  get(3);
  expect(read).toEqual([1, 2, 3, 4]);
  get(2);
  expect(read).toEqual([1, 2, 3, 4, 2]);
});

test("one cache is shared by all, and the same position in two places is two blocks", () => {
  const cache = new BlockCache(2000);
  const one = blocksOf(cache);
  const two = blocksOf(cache);
  one.get(1);
  two.get(1);
  one.get(1);
  expect([one.read, two.read]).toEqual([[1], [1]]);
  two.get(2);
  two.get(1);
  expect([one.read, two.read]).toEqual([[1], [1, 2, 1]]);
});

test("a block larger than the cache is kept until the next", () => {
  const cache = new BlockCache(10);
  const { read, get } = blocksOf(cache);
  get(1);
  get(1);
  expect(read).toEqual([1]);
  get(2);
  expect(cache.blocks).toBe(1);
  cache.clear();
  expect(cache).toMatchObject({ bytes: 0, blocks: 0 });
  get(2);
  expect(read).toEqual([1, 2, 2]);
});
