import { runId } from "@strata/core";
import fc from "fast-check";
import { expect, test } from "vitest";
import { KeyMap } from "./key-map.js";
import { RunShard } from "./shard.js";
import { VersionChain } from "./version-chain.js";

const table = new RunShard(runId(1)).table("default", "kv")!;
const newChain = (key: string): VersionChain => new VersionChain(table, key, key, 1);

/** The maps that `run` called a method of, once for each call. */
function mapsAsked(method: "get" | "set", run: () => void): Map<string, unknown>[] {
  const asked: Map<string, unknown>[] = [];
  const original = Map.prototype[method] as (...args: unknown[]) => unknown;
  Map.prototype[method] = function (this: Map<string, unknown>, ...args: unknown[]): never {
    asked.push(this);
    return original.apply(this, args) as never;
  };
  try {
    run();
  } finally {
    Map.prototype[method] = original as never;
  }
  return asked;
}

test("every key has its chain before, during and after the split", () => {
  const key = fc.oneof(
    fc.string({ maxLength: 12 }),
    fc.nat(999_999).map((id) => `user:${id}:profile`),
  );
  fc.assert(
    fc.property(
      fc.uniqueArray(key, { minLength: 1, maxLength: 300, size: "max" }),
      fc.integer({ min: 1, max: 200 }),
      (keys, splitAt) => {
        const map = new KeyMap(splitAt);
        const chains = new Map<string, VersionChain>();
        for (const key of keys) {
          expect(map.get(key)).toBeUndefined();
          const chain = newChain(key);
          chains.set(key, chain);
          map.set(key, chain);
          expect(map.get(keys[0]!)).toBe(chains.get(keys[0]!));
        }
        expect(map.size).toBe(keys.length);
        for (const [key, chain] of chains) expect(map.get(key)).toBe(chain);
        expect([...map.chains()].map(({ key }) => key).sort()).toEqual([...keys].sort());
      },
    ),
    { numRuns: 60 },
  );
});

test("a key that was removed is nowhere, before, during and after the split, and may come again", () => {
  for (const start of [50, 95, 101, 105, 200]) {
    const map = new KeyMap(100);
    for (let id = 0; id < start; id++) map.set(`key ${id}`, newChain(`key ${id}`));
    const walk = map.chains();
    walk.next();
    for (let id = 0; id < start; id += 2) map.delete(`key ${id}`);
    for (let id = start; id < 400; id++) map.set(`key ${id}`, newChain(`key ${id}`));
    const again = newChain("key 0");
    map.set("key 0", again);
    expect(map.get("key 0")).toBe(again);
    expect(map.get("key 2")).toBeUndefined();
    const keys = [...map.chains()].map(({ key }) => key);
    expect(keys.length).toBe(map.size);
    expect(new Set(keys)).toEqual(
      new Set(
        Array.from({ length: 400 }, (_, id) => `key ${id}`).filter((_, id) => id === 0 || id >= start || id % 2 === 1),
      ),
    );
    for (const { key } of walk) expect(keys).toContain(key);
  }
});

test("walking the chains while keys are added gives each once, and all that were there", () => {
  // Before, across and after the split, which takes from key 100 to key 112.
  for (const start of [50, 95, 101, 105, 200]) {
    const map = new KeyMap(100);
    const add = (id: number): void => map.set(`key ${id}`, newChain(`key ${id}`));
    for (let id = 0; id < start; id++) add(id);
    const walk = map.chains();
    const seen: string[] = [];
    for (let id = start; id < 400; id++) {
      add(id);
      const next = walk.next();
      if (next.done !== true) seen.push(next.value.key);
    }
    for (const { key } of walk) seen.push(key);
    expect(new Set(seen).size).toBe(seen.length);
    for (let id = 0; id < start; id++) expect(seen).toContain(`key ${id}`);
  }
});

test("a look-up asks one map, and two only while a split is under way", () => {
  const map = new KeyMap(64);
  const key = (id: number): string => `key ${String(id).padStart(4, "0")}`;
  const lookUps = (id: number): number => {
    let chain: VersionChain | undefined;
    const asked = mapsAsked("get", () => {
      chain = map.get(key(id));
    });
    expect(chain?.key).toBe(key(id));
    return asked.length;
  };
  for (let id = 0; id < 63; id++) map.set(key(id), newChain(key(id)));
  expect(lookUps(5)).toBe(1);
  for (let id = 63; id < 66; id++) map.set(key(id), newChain(key(id)));
  expect(lookUps(65)).toBe(2);
  for (let id = 66; id < 90; id++) map.set(key(id), newChain(key(id)));
  expect(lookUps(5)).toBe(1);
  expect(lookUps(80)).toBe(1);
});

test("a write moves a few keys, never all of them", () => {
  const map = new KeyMap(1000);
  const key = (id: number): string => `key ${id}`;
  let most = 0;
  for (let id = 0; id < 2000; id++) {
    const chain = newChain(key(id));
    most = Math.max(most, mapsAsked("set", () => map.set(key(id), chain)).length);
  }
  expect(most).toBeLessThanOrEqual(9);
  expect([...map.chains()]).toHaveLength(2000);
});

test("keys that differ where the quick choice does not look are spread as well", () => {
  const map = new KeyMap(1000);
  const asked = mapsAsked("set", () => {
    for (let id = 0; id < 3000; id++) {
      const key = `${String(id).padStart(6, "0")}:${"x".repeat(40)}:suffix`;
      map.set(key, newChain(key));
    }
  });
  // The first map and the 64 that took its place.
  expect(new Set(asked).size).toBeGreaterThan(50);
});
