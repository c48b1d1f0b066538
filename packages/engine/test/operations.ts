import type { Value } from "@strata/core";
import fc from "fast-check";
import type { SpaceModel } from "./naive-model.js";
import type { Stores } from "./stores.js";
import { vectorOperations } from "./vector-operations.js";

/**
 * One call on one space, done to the model and to the database. What it returns is compared unless `isOpaque` (versions, sequences that a
 * transaction does not know).
 */
export interface Operation {
  readonly name: string;
  readonly isOpaque?: boolean;
  readonly onModel: (space: SpaceModel) => unknown;
  readonly onStores: (stores: Stores) => unknown;
}

const key = fc.constantFrom("a", "b", "user:1", "user:2", "__proto__", "\uffee", "\u{1f600}");
const scalar: fc.Arbitrary<Value> = fc.oneof(
  fc.constantFrom<Value>(null, true, "", "text", 0, -1.5, 9_007_199_254_740_993n, Number.MAX_SAFE_INTEGER),
  fc.integer({ min: -5, max: 5 }),
  fc.uint8Array({ maxLength: 3 }),
);
const value: fc.Arbitrary<Value> = fc.oneof(
  scalar,
  fc.array(scalar, { maxLength: 3 }),
  fc.dictionary(fc.constantFrom("x", "y", "__proto__"), scalar, { maxKeys: 3 }) as fc.Arbitrary<Value>,
);
const jsonNumber = fc.integer({ min: -100, max: 100 });

const kvOperations: fc.Arbitrary<Operation>[] = [
  fc.tuple(key, value).map(([key, value]) => ({
    name: `kv.put(${key})`,
    isOpaque: true,
    onModel: (space) => void space.kv.set(key, value),
    onStores: ({ kv }) => kv.put(key, value as never),
  })),
  key.map((key) => ({
    name: `kv.get(${key})`,
    onModel: (space) => space.kv.get(key),
    onStores: ({ kv }) => kv.get(key),
  })),
  key.map((key) => ({
    name: `kv.delete(${key})`,
    onModel: (space) => space.kv.delete(key),
    onStores: ({ kv }) => kv.delete(key),
  })),
  fc
    .record({ prefix: fc.constantFrom("", "user:", "a"), reverse: fc.boolean(), limit: fc.integer({ min: 1, max: 4 }) })
    .map((scan) => ({
      name: `kv.list(${JSON.stringify(scan)})`,
      onModel: (space) => {
        const keys = byCodePoint([...space.kv.keys()].filter((key) => key.startsWith(scan.prefix)));
        return (scan.reverse ? keys.reverse() : keys).slice(0, scan.limit);
      },
      onStores: ({ kv }) => kv.list(scan),
    })),
  fc.constantFrom("user:", "a").map((prefix) => ({
    name: `kv.clear(${prefix})`,
    onModel: (space) => {
      const keys = [...space.kv.keys()].filter((key) => key.startsWith(prefix));
      for (const key of keys) space.kv.delete(key);
      return keys.length;
    },
    onStores: ({ kv }) => kv.clear(prefix),
  })),
];

const type = fc.constantFrom("tool_call", "note", "__proto__");
const eventOperations: fc.Arbitrary<Operation>[] = [
  fc.tuple(type, fc.dictionary(fc.constantFrom("x", "y"), scalar, { maxKeys: 2 })).map(([type, payload]) => ({
    name: `events.append(${type})`,
    isOpaque: true,
    onModel: (space) => void space.events.push({ type, payload: payload as Value }),
    onStores: ({ events }) => events.append(type, payload),
  })),
  fc.constant({
    name: "events.len()",
    onModel: (space: SpaceModel) => space.events.length,
    onStores: ({ events }: Stores) => events.len(),
  }),
  type.map((type) => ({
    name: `events.readByType(${type})`,
    onModel: (space) => space.events.flatMap((event, sequence) => (event.type === type ? [sequence] : [])),
    onStores: ({ events }) => events.readByType(type).map(({ sequence }) => sequence),
  })),
  fc.nat(6).map((sequence) => ({
    name: `events.read(${sequence})`,
    onModel: (space) => space.events[sequence]?.payload,
    onStores: ({ events }) => events.read(sequence)?.payload,
  })),
];

const cell = fc.constantFrom("lock", "phase");
const cellOperations: fc.Arbitrary<Operation>[] = [
  fc.tuple(cell, value).map(([cell, value]) => ({
    name: `cells.set(${cell})`,
    onModel: (space) => {
      const counter = (space.cells.get(cell)?.counter ?? 0) + 1;
      space.cells.set(cell, { value, counter });
      return counter;
    },
    onStores: ({ cells }) => cells.set(cell, value as never),
  })),
  fc.tuple(cell, fc.option(fc.nat(4)), value).map(([cell, expected, value]) => ({
    name: `cells.cas(${cell}, ${expected})`,
    onModel: (space) => {
      const now = space.cells.get(cell);
      const actual = now?.value === undefined ? 0 : now.counter;
      if (actual !== (expected ?? 0)) return null;
      const counter = (now?.counter ?? 0) + 1;
      space.cells.set(cell, { value, counter });
      return counter;
    },
    onStores: ({ cells }) => cells.cas(cell, expected, value as never),
  })),
  fc.tuple(cell, value).map(([cell, value]) => ({
    name: `cells.init(${cell})`,
    onModel: (space) => {
      const now = space.cells.get(cell);
      if (now?.value !== undefined) return now.counter;
      const counter = (now?.counter ?? 0) + 1;
      space.cells.set(cell, { value, counter });
      return counter;
    },
    onStores: ({ cells }) => cells.init(cell, value as never),
  })),
  cell.map((cell) => ({
    name: `cells.delete(${cell})`,
    onModel: (space) => {
      const now = space.cells.get(cell);
      if (now?.value === undefined) return false;
      space.cells.set(cell, { value: undefined, counter: now.counter });
      return true;
    },
    onStores: ({ cells }) => cells.delete(cell),
  })),
  cell.map((cell) => ({
    name: `cells.read(${cell})`,
    onModel: (space) => space.cells.get(cell)?.value,
    onStores: ({ cells }) => cells.read(cell),
  })),
];

const document = fc.constantFrom("doc", "other");
const member = fc.constantFrom("n", "m", "__proto__");
type Members = Record<string, Value>;
const jsonOperations: fc.Arbitrary<Operation>[] = [
  fc.tuple(document, fc.dictionary(fc.constantFrom("n", "m"), jsonNumber, { maxKeys: 2 })).map(([key, root]) => ({
    name: `json.put(${key})`,
    isOpaque: true,
    onModel: (space) => void space.json.set(key, root as Value),
    onStores: ({ json }) => json.put(key, root),
  })),
  fc.tuple(document, member, jsonNumber).map(([key, name, number]) => ({
    name: `json.set(${key}, ${name})`,
    isOpaque: true,
    onModel: (space) => void space.json.set(key, withMember(space.json.get(key), name, number)),
    onStores: ({ json }) => json.set(key, [name], number),
  })),
  fc.tuple(document, member, jsonNumber).map(([key, name, by]) => ({
    name: `json.increment(${key}, ${name}, ${by})`,
    onModel: (space) => {
      const sum = ((memberOf(space.json.get(key), name) as number | undefined) ?? 0) + by;
      space.json.set(key, withMember(space.json.get(key), name, sum));
      return sum;
    },
    onStores: ({ json }) => json.increment(key, [name], by),
  })),
  fc.tuple(document, member).map(([key, name]) => ({
    name: `json.delete(${key}, ${name})`,
    onModel: (space) => {
      const root = space.json.get(key);
      if (memberOf(root, name) === undefined) return 0;
      space.json.set(key, Object.fromEntries(Object.entries(root as Members).filter(([other]) => other !== name)));
      return 1;
    },
    onStores: ({ json }) => json.delete(key, [name]),
  })),
  document.map((key) => ({
    name: `json.delete(${key})`,
    onModel: (space) => (space.json.delete(key) ? 1 : 0),
    onStores: ({ json }) => json.delete(key),
  })),
  fc.tuple(document, member).map(([key, name]) => ({
    name: `json.get(${key}, ${name})`,
    onModel: (space) => memberOf(space.json.get(key), name),
    onStores: ({ json }) => json.get(key, [name]),
  })),
];

/** Calls of one primitive, by its name, and of all of them. */
export const OPERATIONS: { readonly [primitive: string]: fc.Arbitrary<Operation> } = {
  kv: fc.oneof(...kvOperations),
  events: fc.oneof(...eventOperations),
  cells: fc.oneof(...cellOperations),
  json: fc.oneof(...jsonOperations),
  vectors: fc.oneof(...vectorOperations),
  "all together": fc.oneof(
    ...kvOperations,
    ...eventOperations,
    ...cellOperations,
    ...jsonOperations,
    ...vectorOperations,
  ),
};

function memberOf(root: Value | undefined, name: string): Value | undefined {
  return root !== undefined && Object.hasOwn(root as Members, name) ? (root as Members)[name] : undefined;
}

function withMember(root: Value | undefined, name: string, value: Value): Value {
  return Object.fromEntries([
    ...Object.entries((root ?? {}) as Members).filter(([other]) => other !== name),
    [name, value],
  ]);
}

function byCodePoint(keys: string[]): string[] {
  return keys.sort((a, b) => {
    const [left, right] = [[...a], [...b]];
    for (let i = 0; i < Math.min(left.length, right.length); i++) {
      const order = (left[i]?.codePointAt(0) ?? 0) - (right[i]?.codePointAt(0) ?? 0);
      if (order !== 0) return order;
    }
    return left.length - right.length;
  });
}
