import fc from "fast-check";
import {
  type EventRecord,
  type JsonFindOptions,
  type PatchOperation,
  type ScanOptions,
  type Session,
  StrataError,
  type Value,
  type VersionedEntry,
  type Where,
} from "../src/index.js";

export const SPACES = ["default", "sp", "sq"] as const;

/** One call on one space. What it returns names no versions, timestamps or hashes: two histories never share those. */
export interface Call {
  readonly name: string;
  readonly space: string;
  readonly make: (session: Session) => unknown;
}

/** What a call came to: what it returned, or the code of what it threw. */
export type Outcome = { readonly returned: unknown } | { readonly threw: string };

export function outcomeOf(session: Session, { space, make }: Call): Outcome {
  session.setSpace(space);
  try {
    return { returned: make(session) };
  } catch (error) {
    if (!StrataError.is(error)) throw error;
    return { threw: error.code };
  }
}

/** A call whose space is not chosen yet. */
export type Operation = Omit<Call, "space">;

/** The method `name`, with arguments out of `args`. */
export function operation<A extends unknown[]>(
  name: string,
  args: { [I in keyof A]: fc.Arbitrary<A[I]> },
  make: (session: Session, ...args: A) => unknown,
): fc.Arbitrary<Operation> {
  return fc.tuple<A>(...args).map((values) => ({
    name: `${name}(${values.map((value) => JSON.stringify(value) ?? "").join(", ")})`,
    make: (session) => make(session, ...values),
  }));
}

// Few keys, so that transactions meet.
export const anyKey = fc.constantFrom("a", "b", "c", "d");
export const anyNumber = fc.integer({ min: 0, max: 999 });
const someKeys = fc.uniqueArray(anyKey, { minLength: 1, maxLength: 3 });
const range = fc.constantFrom<ScanOptions | string>(
  "a",
  { start: "b" },
  { end: "c", reverse: true },
  { limit: 1 },
  { reverse: true, limit: 2 },
  { after: "a", limit: 1 },
);
const scan = fc.option(range, { nil: undefined });

/** What an entry of a history says, without when. */
const written = (entry: VersionedEntry<Value>) => (entry.deleted ? "deleted" : [entry.value]);

const kvOperations = [
  operation("kv.get", [anyKey], ({ kv }, key) => kv.get(key)),
  operation("kv.getMany", [someKeys], ({ kv }, keys) => kv.getMany(keys)),
  operation("kv.getVersioned", [anyKey], ({ kv }, key) => kv.getVersioned(key)?.value),
  operation("kv.exists", [anyKey], ({ kv }, key) => kv.exists(key)),
  operation("kv.list", [scan], ({ kv }, scan) => kv.list(scan)),
  operation("kv.entries", [scan], ({ kv }, scan) => [...kv.entries(scan)]),
  operation("kv.history", [anyKey], ({ kv }, key) => kv.history(key).map(written)),
  operation("kv.put", [anyKey, anyNumber], ({ kv }, key, value) => kv.put(key, value)),
  operation("kv.putMany", [someKeys, anyNumber], ({ kv }, keys, value) => kv.putMany(keys.map((key) => [key, value]))),
  operation("kv.delete", [anyKey], ({ kv }, key) => kv.delete(key)),
  operation("kv.deleteMany", [someKeys], ({ kv }, keys) => kv.deleteMany(keys)),
  operation("kv.clear", [range], ({ kv }, scan) => kv.clear(scan)),
];

const anyType = fc.constantFrom("t0", "t1");
const sequence = fc.nat(7);
const eventScan = fc.record({ limit: fc.integer({ min: 1, max: 3 }), reverse: fc.boolean() });
export const eventShown = ({ sequence, type, payload }: EventRecord) => [sequence, type, payload];

const eventOperations = [
  operation("events.read", [sequence], ({ events }, at) =>
    [events.read(at)].flatMap((e) => (e ? [eventShown(e)] : [])),
  ),
  operation("events.range", [sequence, sequence], ({ events }, start, end) => events.range(start, end).map(eventShown)),
  operation("events.readByType", [anyType, eventScan], ({ events }, type, scan) =>
    events.readByType(type, scan).map(eventShown),
  ),
  operation("events.iterate", [eventScan], ({ events }, scan) => [...events.iterate(scan)].map(eventShown)),
  operation("events.len", [], ({ events }) => events.len()),
  operation("events.types", [], ({ events }) => events.types()),
  operation("events.append", [anyType, anyNumber], ({ events }, type, n) => events.append(type, { n })),
  operation("events.append exact", [anyType, anyNumber], ({ events }, type, n) =>
    events.append(type, { n }, { exact: true }),
  ),
  operation("events.appendMany", [fc.array(anyType, { maxLength: 3 }), anyNumber], ({ events }, types, n) =>
    events.appendMany(types.map((type) => ({ type, payload: { n } }))),
  ),
];

const counter = fc.constantFrom(null, 1, 2, 3);

const stateOperations = [
  operation("state.read", [anyKey], ({ state }, cell) => state.read(cell)),
  operation("state.readVersioned", [anyKey], ({ state }, cell) => {
    const found = state.readVersioned(cell);
    return found && [found.value, found.counter];
  }),
  operation("state.list", [scan], ({ state }, scan) => state.list(scan)),
  operation("state.history", [anyKey], ({ state }, cell) =>
    state.history(cell).map((entry) => [written(entry), entry.counter]),
  ),
  operation("state.set", [anyKey, anyNumber], ({ state }, cell, value) => state.set(cell, value)),
  operation("state.init", [anyKey, anyNumber], ({ state }, cell, value) => state.init(cell, value)),
  operation("state.cas", [anyKey, counter, anyNumber], ({ state }, cell, old, value) => state.cas(cell, old, value)),
  operation("state.update", [anyKey], ({ state }, cell) => state.update(cell, (value) => Number(value ?? 0) + 1)),
  operation("state.delete", [anyKey], ({ state }, cell) => state.delete(cell)),
];

const document = fc.constantFrom("d0", "d1");
const path = fc.constantFrom("$", "x", "x.y", "arr", "arr[0]", "arr[-1]", "n", "z.w");
const member = fc.constantFrom("x", "x.y", "x.q", "z.w", "n", "arr[0]");
const content = fc.constantFrom({ n: 1, arr: [1, 2], x: { y: 1 } }, { x: 1 }, [1, 2], {});
const mergePatch = fc.oneof(
  anyNumber.map((n) => ({ x: { y: n } })),
  anyNumber.map((n) => ({ n })),
  fc.constantFrom({ z: null }, { arr: [1] }, { x: { y: null } }),
);
const patch = fc.oneof(
  anyNumber.map((value): PatchOperation[] => [{ op: "add", path: "/arr/-", value }]),
  anyNumber.map((value): PatchOperation[] => [{ op: "replace", path: "/n", value }]),
  anyNumber.map((y): PatchOperation[] => [
    { op: "test", path: "/n", value: 1 },
    { op: "add", path: "/x", value: { y } },
  ]),
  fc.constantFrom<PatchOperation[]>(
    [{ op: "move", from: "/x", path: "/z" }],
    [{ op: "copy", from: "/n", path: "/m" }],
    [{ op: "remove", path: "/arr/0" }],
  ),
);

const where = fc.constantFrom<Where>(
  {},
  { n: { $gt: 100 } },
  { n: 1 },
  { "x.y": { $exists: true } },
  { arr: { $contains: 2 } },
  { $or: [{ x: 1 }, { "arr[0]": { $lt: 500 } }] },
);
const finding = fc.constantFrom<JsonFindOptions>(
  {},
  { prefix: "d1" },
  { limit: 1 },
  { orderBy: "n" },
  { orderBy: "arr[0]", reverse: true, limit: 1 },
);
const indexed = fc.constantFrom("n", "x.y", "arr", "arr[0]");

const jsonOperations = [
  operation("json.get", [document, path], ({ json }, key, path) => json.get(key, path)),
  operation("json.getVersioned", [document], ({ json }, key) => json.getVersioned(key)?.value),
  operation("json.exists", [document, path], ({ json }, key, path) => json.exists(key, path)),
  operation("json.list", [scan], ({ json }, scan) => json.list(scan)),
  operation("json.entries", [scan], ({ json }, scan) => [...json.entries(scan)]),
  operation("json.query", [document], ({ json }, key) => json.query(key, "$..*")),
  operation("json.find", [where, finding], ({ json }, where, options) => json.find(where, options)),
  operation("json.createIndex", [indexed], ({ json }, path) => json.createIndex(path)),
  operation("json.dropIndex", [indexed], ({ json }, path) => json.dropIndex(path)),
  operation("json.history", [document], ({ json }, key) => json.history(key).map(written)),
  operation("json.set", [document, member, anyNumber], ({ json }, key, path, value) => json.set(key, path, value)),
  operation("json.put", [document, content], ({ json }, key, value) => json.put<object>(key, value)),
  operation("json.merge", [document, mergePatch], ({ json }, key, patch) => json.merge<object>(key, "$", patch)),
  operation("json.patch", [document, patch], ({ json }, key, patch) => json.patch(key, patch)),
  operation("json.push", [document, anyNumber], ({ json }, key, value) => json.push(key, "arr", value)),
  operation("json.increment", [document], ({ json }, key) => json.increment(key, "n")),
  operation("json.delete", [document, path], ({ json }, key, path) => json.delete(key, path)),
];

/** Calls on keys, events, cells and documents. */
export const coreOperations: readonly (readonly fc.Arbitrary<Operation>[])[] = [
  kvOperations,
  eventOperations,
  stateOperations,
  jsonOperations,
];

// Mostly one space, so that transactions meet, and others to be dropped.
const anySpace = fc.constantFrom("default", "default", "default", ...SPACES);

/** Any of the calls in any space, each group as often as the others. */
export function anyCallOf(groups: readonly (readonly fc.Arbitrary<Operation>[])[]): fc.Arbitrary<Call> {
  return fc.tuple(anySpace, fc.oneof(...groups.map((group) => fc.oneof(...group)))).map(([space, operation]) => {
    const name = `${space}: ${operation.name}`;
    return { name, space, make: operation.make, toString: () => name };
  });
}
