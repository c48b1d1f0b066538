import { compareCodePoints, type Value } from "@strata/core";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { Database } from "../database.js";
import type { Scope } from "../scope.js";
import { EventLogStore } from "./event-log.js";
import { JsonDocumentStore } from "./json-store.js";
import { KvStore } from "./kv.js";
import { StateCellStore } from "./state-cell.js";

/** µs since the epoch; commits are a microsecond apart, so that a version can be told from the next by its time. */
class SteppingClock {
  time = 1_700_000_000_000_000;
  now(): number {
    return this.time;
  }
}

/** Single calls, and blocks of calls in one transaction that commits or rolls back. */
type Script<Call> = (Call | { readonly block: readonly Call[]; readonly commits: boolean })[];

function scripts<Call extends object>(call: fc.Arbitrary<Call>): fc.Arbitrary<Script<Call>> {
  const block = fc.record({ block: fc.array(call, { maxLength: 6 }), commits: fc.boolean() });
  return fc.array(fc.oneof({ weight: 3, arbitrary: call }, { weight: 1, arbitrary: block }), { maxLength: 25 });
}

/**
 * Plays a script on a store and on a model side by side. `play` makes one call on both and compares what they return; `compare` holds
 * everything that can be read against the model, inside transactions too.
 */
function play<Call extends object, Store, Model>(
  script: Script<Call>,
  parts: {
    readonly store: (scope: Scope) => Store;
    readonly model: Model;
    readonly copy: (model: Model) => Model;
    readonly play: (call: Call, store: Store, model: Model, clock: SteppingClock, inTransaction: boolean) => void;
    readonly compare: (store: Store, model: Model, clock: SteppingClock, inTransaction: boolean) => void;
  },
): void {
  const clock = new SteppingClock();
  const db = Database.ephemeral({ clock });
  const run = db.runs.must("default");
  const store = parts.store(db.head(run));
  let { model } = parts;
  for (const entry of script) {
    if (!("block" in entry)) {
      parts.play(entry as Call, store, model, clock, false);
    } else {
      const { block, commits } = entry as { readonly block: readonly Call[]; readonly commits: boolean };
      const transaction = db.beginTransaction(run);
      const own = parts.store(transaction.scope("default"));
      const pending = parts.copy(model);
      const begun = clock.time;
      for (const call of block) {
        parts.play(call, own, pending, clock, true);
        clock.time = begun;
        parts.compare(own, pending, clock, true);
      }
      if (commits) {
        transaction.commit();
        model = pending;
      } else transaction.rollback();
    }
    parts.compare(store, model, clock, false);
  }
  db.close();
}

const KEYS = ["a", "aa", "b", "\u{ffff}", "\u{1f600}"];
const key = fc.constantFrom(...KEYS);
const value = fc.oneof(fc.integer({ min: 0, max: 3 }), fc.constantFrom(null, "x", true, 1.5));

test("kv does what a map with expiry does", () => {
  type Cell = { value: unknown; expiresAt: number };
  type Model = Map<string, Cell>;
  const live = (model: Model, k: string, now: number) => {
    const cell = model.get(k);
    return cell !== undefined && cell.expiresAt > now ? cell : undefined;
  };
  const keysOf = (model: Model, prefix: string, now: number) =>
    KEYS.filter((k) => k.startsWith(prefix) && live(model, k, now) !== undefined).sort(compareCodePoints);
  const forever = Number.POSITIVE_INFINITY;
  type Call =
    | { put: string; value: unknown; ttlMs?: number | undefined }
    | { create: string; value: unknown }
    | { del: string }
    | { putMany: [string, unknown][] }
    | { deleteMany: string[] }
    | { clear: string }
    | { pass: number };
  const call: fc.Arbitrary<Call> = fc.oneof(
    fc.record({ put: key, value, ttlMs: fc.option(fc.integer({ min: 1, max: 5 }), { nil: undefined }) }),
    fc.record({ create: key, value }),
    fc.record({ del: key }),
    fc.record({ putMany: fc.array(fc.tuple(key, value), { maxLength: 4 }) }),
    fc.record({ deleteMany: fc.array(key, { maxLength: 4 }) }),
    fc.record({ clear: fc.constantFrom("", "a", "z") }),
    fc.record({ pass: fc.integer({ min: 0, max: 3 }) }),
  );
  fc.assert(
    fc.property(scripts(call), (script) => {
      play<Call, KvStore, Model>(script, {
        store: (scope) => new KvStore(scope),
        model: new Map(),
        copy: (model) => new Map(model),
        play: (step, kv, model, clock) => {
          const now = clock.now();
          if ("put" in step) {
            kv.put(step.put, step.value, { ttlMs: step.ttlMs });
            model.set(step.put, {
              value: step.value,
              expiresAt: step.ttlMs === undefined ? forever : now + step.ttlMs * 1000,
            });
          } else if ("create" in step) {
            const absent = live(model, step.create, now) === undefined;
            const create = () => kv.put(step.create, step.value, { ifVersion: 0 });
            if (absent) {
              create();
              model.set(step.create, { value: step.value, expiresAt: forever });
            } else expect(create).toThrow(expect.objectContaining({ code: "VERSION_CONFLICT" }));
          } else if ("del" in step) {
            expect(kv.delete(step.del)).toBe(live(model, step.del, now) !== undefined);
            model.delete(step.del);
          } else if ("putMany" in step) {
            kv.putMany(step.putMany);
            for (const [k, v] of step.putMany) model.set(k, { value: v, expiresAt: forever });
          } else if ("deleteMany" in step) {
            const there = new Set(step.deleteMany.filter((k) => live(model, k, now) !== undefined));
            expect(kv.deleteMany(step.deleteMany)).toBe(there.size);
            for (const k of there) model.delete(k);
          } else if ("clear" in step) {
            const there = keysOf(model, step.clear, now);
            expect(kv.clear(step.clear)).toBe(there.length);
            for (const k of there) model.delete(k);
          } else clock.time += step.pass * 1000;
        },
        compare: (kv, model, clock) => {
          const now = clock.now();
          const listed = keysOf(model, "", now);
          expect(kv.list()).toEqual(listed);
          expect(kv.list({ reverse: true })).toEqual([...listed].reverse());
          expect([...kv.entries()]).toEqual(listed.map((k) => [k, model.get(k)?.value]));
          for (const k of KEYS) {
            expect(kv.get(k)).toEqual(live(model, k, now)?.value);
            expect(kv.exists(k)).toBe(live(model, k, now) !== undefined);
            expect(kv.getVersioned(k)?.value).toEqual(live(model, k, now)?.value);
          }
        },
      });
    }),
  );
});

test("state cells do what counted variables do", () => {
  type Model = Map<string, { value: unknown; counter: number }>;
  type Call =
    | { set: string; value: unknown }
    | { init: string; value: unknown }
    | { cas: string; expected: number; value: unknown }
    | { update: string }
    | { del: string };
  const call: fc.Arbitrary<Call> = fc.oneof(
    fc.record({ set: key, value }),
    fc.record({ init: key, value }),
    fc.record({ cas: key, expected: fc.integer({ min: 0, max: 4 }), value }),
    fc.record({ update: key }),
    fc.record({ del: key }),
  );
  fc.assert(
    fc.property(scripts(call), (script) => {
      play<Call, StateCellStore, Model>(script, {
        store: (scope) => new StateCellStore(scope),
        model: new Map(),
        copy: (model) => new Map(model),
        play: (step, cells, model) => {
          const write = (cell: string, next: unknown) => {
            const counter = (model.get(cell)?.counter ?? 0) + 1;
            model.set(cell, { value: next, counter });
            return counter;
          };
          const at = (cell: string) => (model.get(cell)?.value === undefined ? 0 : (model.get(cell)?.counter ?? 0));
          if ("set" in step) expect(cells.set(step.set, step.value)).toBe(write(step.set, step.value));
          else if ("init" in step) {
            const there = at(step.init);
            expect(cells.init(step.init, step.value)).toBe(there > 0 ? there : write(step.init, step.value));
          } else if ("cas" in step) {
            const matches = at(step.cas) === step.expected;
            expect(cells.cas(step.cas, step.expected, step.value)).toBe(matches ? write(step.cas, step.value) : null);
          } else if ("update" in step) {
            const next = [model.get(step.update)?.value ?? "none"];
            expect(cells.update(step.update, (before) => [before ?? "none"])).toEqual(next);
            write(step.update, next);
          } else {
            expect(cells.delete(step.del)).toBe(at(step.del) > 0);
            const before = model.get(step.del);
            if (before !== undefined) model.set(step.del, { value: undefined, counter: before.counter });
          }
        },
        compare: (cells, model) => {
          const listed = [...model].filter(([, cell]) => cell.value !== undefined).map(([k]) => k);
          expect(cells.list()).toEqual(listed.sort(compareCodePoints));
          for (const k of KEYS) {
            expect(cells.read(k)).toEqual(model.get(k)?.value);
            const versioned = cells.readVersioned(k);
            expect(versioned?.counter).toBe(model.get(k)?.value === undefined ? undefined : model.get(k)?.counter);
          }
        },
      });
    }),
  );
});

test("an event log does what a list does, and its chain holds", () => {
  type Event = { type: string; payload: object };
  const event: fc.Arbitrary<Event> = fc.record({
    type: fc.constantFrom("a", "b", "\u{1f600}"),
    payload: fc.dictionary(key, value),
  });
  type Call = { append: Event } | { exact: Event } | { many: Event[] };
  const call: fc.Arbitrary<Call> = fc.oneof(
    fc.record({ append: event }),
    fc.record({ exact: event }),
    fc.record({ many: fc.array(event, { maxLength: 3 }) }),
  );
  fc.assert(
    fc.property(scripts(call), (script) => {
      play<Call, EventLogStore, Event[]>(script, {
        store: (scope) => new EventLogStore(scope),
        model: [],
        copy: (model) => [...model],
        play: (step, log, model, _clock, inTransaction) => {
          if ("append" in step) {
            const sequence = log.append(step.append.type, step.append.payload);
            expect(sequence).toBe(inTransaction ? undefined : model.length);
            model.push(step.append);
          } else if ("exact" in step) {
            expect(log.append(step.exact.type, step.exact.payload, { exact: true })).toBe(model.length);
            model.push(step.exact);
          } else {
            const sequences = step.many.map((_, i) => model.length + i);
            expect(log.appendMany(step.many)).toEqual(inTransaction ? undefined : sequences);
            model.push(...step.many);
          }
        },
        compare: (log, model) => {
          expect(log.len()).toBe(model.length);
          const pick = ({ type, payload, sequence }: { type: string; payload: object; sequence: number }) => ({
            type,
            payload,
            sequence,
          });
          const all = model.map(({ type, payload }, sequence) => ({ type, payload, sequence }));
          expect(log.range(0, 1000).map(pick)).toEqual(all);
          expect([...log.iterate({ reverse: true, limit: 2 })].map(pick)).toEqual(all.slice(-2).reverse());
          expect(log.readByType("a", { reverse: true }).map(pick)).toEqual(
            all.filter(({ type }) => type === "a").reverse(),
          );
          expect(log.read(model.length)).toBeUndefined();
          expect(log.verify().valid).toBe(true);
        },
      });
    }),
  );
});

describe("documents", () => {
  type Plain = null | boolean | number | string | Plain[] | { [name: string]: Plain };
  const plain: fc.Arbitrary<Plain> = fc.letrec<{ tree: Plain }>((tie) => ({
    tree: fc.oneof(
      { depthSize: "small", maxDepth: 3 },
      value as fc.Arbitrary<Plain>,
      fc.array(tie("tree"), { maxLength: 3 }),
      fc.dictionary(fc.constantFrom("m", "n", "constructor"), tie("tree"), { maxKeys: 3, noNullPrototype: true }),
    ),
  })).tree;
  const path = fc.array(fc.oneof(fc.constantFrom("m", "n", "constructor"), fc.integer({ min: 0, max: 3 })), {
    maxLength: 3,
  });

  const NOTHING = Symbol("nothing");
  const refused = () => {
    throw new Error("refused");
  };
  const own = (node: unknown, step: string | number): Plain | typeof NOTHING => {
    const fits = Array.isArray(node)
      ? typeof step === "number"
      : typeof node === "object" && node !== null && typeof step === "string";
    return fits && Object.hasOwn(node as object, step) ? ((node as Plain[])[step as number] as Plain) : NOTHING;
  };
  const getNaive = (root: Plain | typeof NOTHING, steps: readonly (string | number)[]): Plain | typeof NOTHING =>
    steps.reduce<Plain | typeof NOTHING>((node, step) => (node === NOTHING ? NOTHING : own(node, step)), root);
  /** By copying everything and assigning. */
  const setNaive = (root: Plain | typeof NOTHING, steps: readonly (string | number)[], next: Plain): Plain => {
    const [step, ...rest] = steps;
    if (step === undefined) return structuredClone(next);
    if (root === NOTHING) return setNaive(typeof step === "number" ? [] : {}, steps, next);
    if (typeof step === "number") {
      if (!Array.isArray(root) || step > root.length) return refused();
      const copy = [...root];
      copy[step] = setNaive(own(root, step), rest, next);
      return copy;
    }
    if (typeof root !== "object" || root === null || Array.isArray(root)) return refused();
    return { ...root, [step]: setNaive(own(root, step), rest, next) };
  };
  const deleteNaive = (root: Plain, steps: readonly (string | number)[]): Plain => {
    const [step, ...rest] = steps as [string | number, ...(string | number)[]];
    if (rest.length > 0) return setNaive(root, [step], deleteNaive(own(root, step) as Plain, rest));
    if (Array.isArray(root)) return root.filter((_, i) => i !== step);
    return Object.fromEntries(Object.entries(root as object).filter(([name]) => name !== step));
  };
  /** The pseudocode of RFC 7396. */
  const mergeNaive = (target: Plain | typeof NOTHING, patch: Plain): Plain => {
    if (typeof patch !== "object" || patch === null || Array.isArray(patch)) return patch;
    const isObject = typeof target === "object" && target !== null && !Array.isArray(target);
    const merged: { [name: string]: Plain } = isObject ? { ...target } : {};
    for (const [name, change] of Object.entries(patch)) {
      if (change === null) delete merged[name];
      else merged[name] = mergeNaive(own(merged, name), change);
    }
    return merged;
  };

  type Path = (string | number)[];
  type Call =
    | { put: Plain }
    | { set: Path; value: Plain }
    | { del: Path }
    | { merge: Path; patch: Plain }
    | { push: Path; value: Plain }
    | { increment: Path };
  type Model = { root: Plain | typeof NOTHING };
  const become = (model: Model, root: Plain): void => {
    model.root = root;
  };

  test("do what plain objects do that are copied whole for every change", () => {
    const call: fc.Arbitrary<Call> = fc.oneof(
      fc.record({ put: plain }),
      fc.record({ set: path, value: plain }),
      fc.record({ del: path }),
      fc.record({ merge: path, patch: plain }),
      fc.record({ push: path, value: plain }),
      fc.record({ increment: path }),
    );
    fc.assert(
      fc.property(scripts(call), (script) => {
        play<Call, JsonDocumentStore, Model>(script, {
          store: (scope) => new JsonDocumentStore(scope),
          model: { root: NOTHING },
          copy: (model) => ({ ...model }),
          play: (step, json, model) => {
            let wanted: () => unknown;
            let made: () => unknown;
            if ("put" in step) {
              made = () => void json.put("d", step.put);
              wanted = () => become(model, structuredClone(step.put));
            } else if ("set" in step) {
              made = () => void json.set("d", step.set, step.value);
              wanted = () => become(model, setNaive(model.root, step.set, step.value));
            } else if ("del" in step) {
              made = () => json.delete("d", step.del);
              wanted = () => {
                if (getNaive(model.root, step.del) === NOTHING) return 0;
                model.root = step.del.length === 0 ? NOTHING : deleteNaive(model.root as Plain, step.del);
                return 1;
              };
            } else if ("merge" in step) {
              made = () => void json.merge("d", step.merge, step.patch);
              wanted = () =>
                become(
                  model,
                  setNaive(model.root, step.merge, mergeNaive(getNaive(model.root, step.merge), step.patch)),
                );
            } else if ("push" in step) {
              made = () => json.push("d", step.push, step.value);
              wanted = () => {
                const there = getNaive(model.root, step.push);
                if (there !== NOTHING && !Array.isArray(there)) return refused();
                const next = [...(there === NOTHING ? [] : there), step.value];
                model.root = setNaive(model.root, step.push, next);
                return next.length;
              };
            } else {
              made = () => json.increment("d", step.increment, 2);
              wanted = () => {
                const there = getNaive(model.root, step.increment);
                if (there !== NOTHING && typeof there !== "number") return refused();
                const next = (there === NOTHING ? 0 : there) + 2;
                model.root = setNaive(model.root, step.increment, next);
                return next;
              };
            }
            expect(outcome(made)).toEqual(outcome(wanted));
          },
          compare: (json, { root }) => {
            expect(json.get("d")).toEqual(root === NOTHING ? undefined : root);
            expect(json.list()).toEqual(root === NOTHING ? [] : ["d"]);
            for (const steps of [["m"], ["n", 0], [0, "m"], ["m", "n", "constructor"], [1]]) {
              const there = getNaive(root, steps);
              expect(json.get("d", steps)).toEqual(there === NOTHING ? undefined : there);
              expect(json.exists("d", steps)).toBe(there !== NOTHING);
            }
            const read = json.get("d") as Value | undefined;
            if (typeof read === "object" && read !== null) expect(Object.isFrozen(read)).toBe(true);
          },
        });
      }),
    );
  });

  /** What a call returns, or that it refused. */
  function outcome(attempt: () => unknown): unknown {
    try {
      return { returned: attempt() };
    } catch {
      return "refused";
    }
  }
});
