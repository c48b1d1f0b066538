import { StrataError } from "@strata/core";
import { CrashVfs } from "@strata/durability/testing";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { drive } from "../../test/drive.js";
import {
  ancestors,
  commonBase,
  EMPTY,
  type Json,
  line,
  type NaiveMerge,
  type NaiveState,
  type Node,
  same,
  since,
  threeWay,
} from "../../test/naive-history.js";
import { openSimulated } from "../../test/simulated-database.js";
import { storesOf } from "../../test/stores.js";
import type { Conflict, Database, MergeResult } from "../index.js";

type Strategy = "fail" | "ours" | "theirs";

type Step =
  | { readonly what: "write"; readonly run: number; readonly write: Write }
  | { readonly what: "fork"; readonly run: number }
  | { readonly what: "merge" | "rebase"; readonly run: number; readonly from: number; readonly strategy: Strategy }
  | {
      readonly what: "pick";
      readonly run: number;
      readonly from: number;
      readonly strategy: Strategy;
      readonly primitives: Primitives;
    }
  | { readonly what: "revert"; readonly run: number; readonly from: number; readonly to: number }
  | { readonly what: "checkpoint" | "evict" | "reopen" | "shutdown"; readonly run: number };

type Primitives = readonly ("kv" | "state" | "json" | "event" | "vector")[];
const ALL: Primitives = ["kv", "state", "json", "event", "vector"];

type Write =
  | { readonly to: "kv" | "cell" | "document"; readonly key: string; readonly value: Json | undefined }
  | { readonly to: "member"; readonly key: string; readonly path: readonly string[]; readonly value: Json }
  | { readonly to: "event" }
  | { readonly to: "collection"; readonly name: string; readonly dimension: number | undefined }
  | { readonly to: "vector"; readonly name: string; readonly key: string; readonly number: number | undefined };

const scalar: fc.Arbitrary<Json> = fc.constantFrom<Json>(null, 0, 1);
const object: fc.Arbitrary<Json> = fc.dictionary(
  fc.constantFrom("x", "y"),
  fc.oneof(scalar, fc.dictionary(fc.constantFrom("p", "q"), scalar)),
  {
    maxKeys: 2,
  },
);
const write: fc.Arbitrary<Write> = fc.oneof(
  fc.record({
    to: fc.constant("kv" as const),
    key: fc.constantFrom("a", "b", "c"),
    value: fc.option(scalar, { nil: undefined }),
  }),
  fc.record({
    to: fc.constant("cell" as const),
    key: fc.constant("cell"),
    value: fc.option(scalar, { nil: undefined }),
  }),
  fc.record({
    to: fc.constant("document" as const),
    key: fc.constantFrom("d", "e"),
    value: fc.option(object, { nil: undefined }),
  }),
  fc.record({
    to: fc.constant("member" as const),
    key: fc.constantFrom("d", "e"),
    path: fc.constantFrom(["x"], ["y"], ["o", "p"], ["o", "q"]),
    value: scalar,
  }),
  fc.record({ to: fc.constant("event" as const) }),
  fc.record({
    to: fc.constant("collection" as const),
    name: fc.constantFrom("v", "w"),
    dimension: fc.option(fc.constantFrom(1, 2), { nil: undefined }),
  }),
  {
    weight: 2,
    arbitrary: fc.record({
      to: fc.constant("vector" as const),
      name: fc.constantFrom("v", "w"),
      key: fc.constantFrom("a", "b/c"),
      number: fc.option(fc.constantFrom(0, 1), { nil: undefined }),
    }),
  },
);
const strategy = fc.constantFrom<Strategy>("fail", "ours", "theirs");
const at = fc.nat(7);
const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 8, arbitrary: fc.record({ what: fc.constant("write" as const), run: at, write }) },
  { weight: 2, arbitrary: fc.record({ what: fc.constant("fork" as const), run: at }) },
  { weight: 4, arbitrary: fc.record({ what: fc.constant("merge" as const), run: at, from: at, strategy }) },
  { weight: 1, arbitrary: fc.record({ what: fc.constant("rebase" as const), run: at, from: at, strategy }) },
  {
    weight: 1,
    arbitrary: fc.record({
      what: fc.constant("pick" as const),
      run: at,
      from: at,
      strategy,
      primitives: fc.subarray([...ALL], { minLength: 1 }),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({ what: fc.constant("revert" as const), run: at, from: fc.nat(20), to: fc.nat(20) }),
  },
  {
    weight: 2,
    arbitrary: fc.record({ what: fc.constantFrom("checkpoint", "evict", "reopen", "shutdown"), run: at }),
  },
);

interface NaiveRun {
  readonly name: string;
  readonly parent: NaiveRun | undefined;
  tip: Node;
}

/** The database and its oracle, side by side. */
class Pair {
  readonly #disk = new CrashVfs();
  #opened = openSimulated(this.#disk, { segments: {} });
  readonly runs: NaiveRun[];
  #nextId = 1;
  #events = 0;

  constructor() {
    const root: Node = { id: 0, version: this.db.runs.must("default").version, parents: [], state: EMPTY };
    this.runs = [{ name: "default", parent: undefined, tip: root }];
  }

  get db(): Database {
    return this.#opened.db;
  }

  /** What must make no difference. */
  async disturb(what: "checkpoint" | "evict" | "reopen" | "shutdown"): Promise<void> {
    const { db, time } = this.#opened;
    if (what === "checkpoint") await drive(time, db.checkpoint());
    else if (what === "evict") for (const shard of db.storage.loaded()) shard.evict();
    else {
      if (what === "shutdown") await drive(time, db.shutdown());
      else db.close();
      this.#opened = openSimulated(this.#disk, { segments: {} });
    }
  }

  async do(step: Step): Promise<void> {
    const run = this.#run(step.run);
    const { db } = this;
    if (step.what === "write") this.#write(run, step.write);
    else if (step.what === "fork") {
      const name = `fork${this.runs.length}`;
      db.fork(db.runs.must(run.name), [name]);
      this.runs.push({ name, parent: run, tip: run.tip });
    } else if (step.what === "merge") {
      const source = this.#run(step.from);
      this.#merge(source, run, step.strategy, (options) => db.algebra.merge(source.name, run.name, options));
    } else if (step.what === "rebase") {
      if (run.parent !== undefined)
        this.#merge(run.parent, run, step.strategy, (options) => db.algebra.rebase(run.name, options));
    } else if (step.what === "pick") this.#pick(this.#run(step.from), run, step.strategy, step.primitives);
    else if (step.what === "revert") this.#revert(run, step.from, step.to);
    else await this.disturb(step.what);
  }

  #run(at: number): NaiveRun {
    return this.runs[at % this.runs.length] as NaiveRun;
  }

  #write(run: NaiveRun, write: Write): void {
    const { kv, cells, json, events } = storesOf(this.db.head(this.db.runs.must(run.name)));
    const before = run.tip.state;
    const [newKv, newCells, newJson] = [new Map(before.kv), new Map(before.cells), new Map(before.json)];
    const state: NaiveState = { ...before, kv: newKv, cells: newCells, json: newJson };
    if (write.to === "collection" || write.to === "vector") {
      this.#writeVector(run, write);
      return;
    }
    if (write.to === "event") {
      const identity = `event${this.#events++}`;
      events.append("note", { identity });
      this.#advance(run, { ...before, events: [...before.events, identity] });
      return;
    }
    const { key, value } = write;
    if (write.to === "kv") {
      if (value === undefined) {
        if (!kv.delete(key)) return;
        newKv.delete(key);
      } else {
        kv.put(key, value);
        newKv.set(key, value);
      }
    } else if (write.to === "cell") {
      if (value === undefined) {
        if (!cells.delete(key)) return;
      } else cells.set(key, value);
      newCells.set(key, { value, writer: this.#nextId });
    } else if (write.to === "document") {
      if (value === undefined) {
        if (json.delete(key) === 0) return;
        newJson.delete(key);
      } else {
        json.put(key, value);
        newJson.set(key, value);
      }
    } else if (write.to === "member") {
      const parent = write.path.length === 1 ? {} : json.get(key, write.path.slice(0, 1));
      if (parent !== undefined && (typeof parent !== "object" || parent === null)) return;
      json.set(key, write.path, value as Json);
      newJson.set(key, withMember(before.json.get(key), write.path, value as Json));
    }
    this.#advance(run, state);
  }

  #writeVector(run: NaiveRun, write: Extract<Write, { to: "collection" | "vector" }>): void {
    const { vectors } = storesOf(this.db.head(this.db.runs.must(run.name)));
    const before = run.tip.state;
    const after = new Map(before.vectors);
    const there = before.vectors.get(write.name);
    if (write.to === "collection") {
      const { name, dimension } = write;
      if ((dimension === undefined) !== (there !== undefined)) return;
      if (dimension === undefined) {
        expect(vectors.deleteCollection(name)).toBe(true);
        after.delete(name);
      } else {
        vectors.createCollection(name, { dimension });
        after.set(name, { dimension, rows: new Map() });
      }
    } else {
      const { name, key, number } = write;
      if (there === undefined) return;
      const rows = new Map(there.rows);
      if (number === undefined) {
        if (!vectors.delete(name, key)) return;
        rows.delete(key);
      } else {
        vectors.upsert(name, key, new Float32Array(there.dimension).fill(number));
        rows.set(key, number);
      }
      after.set(name, { ...there, rows });
    }
    this.#advance(run, { ...before, vectors: after });
  }

  #merge(
    source: NaiveRun,
    target: NaiveRun,
    strategy: Strategy,
    merge: (options: { strategy: Strategy; preview?: boolean }) => MergeResult,
  ): void {
    if (ancestors(target.tip).has(source.tip)) {
      const before = this.db.runs.must(target.name).version;
      expect(merge({ strategy })).toMatchObject({ version: undefined, applied: 0, conflicts: [] });
      expect(this.db.runs.must(target.name).version).toBe(before);
      return;
    }
    const base = commonBase(source.tip, target.tip);
    const expected = this.#expected(base, target, source.tip, strategy, { byValue: false, primitives: ALL });
    const preview = merge({ strategy, preview: true });
    expect(preview).toMatchObject({ version: undefined, applied: expected.applied });
    // Before its first commit a run is empty at any version.
    if (base.id > 0) expect(preview.base).toBe(base.version);
    this.#attempt(target, strategy, expected, () => merge({ strategy }), [source.tip]);
    if (target.tip.parents.includes(source.tip))
      expect(merge({ strategy: "fail" })).toMatchObject({ version: undefined, applied: 0, conflicts: [] });
  }

  #pick(source: NaiveRun, target: NaiveRun, strategy: Strategy, primitives: Primitives): void {
    const base = commonBase(source.tip, target.tip);
    const expected = this.#expected(base, target, source.tip, strategy, { byValue: true, primitives });
    this.#attempt(
      target,
      strategy,
      expected,
      () => this.db.algebra.cherryPick(source.name, target.name, { primitives }, { strategy }),
      [],
    );
  }

  #revert(run: NaiveRun, from: number, to: number): void {
    const nodes = line(run.tip).reverse();
    const [low, high] = [from % nodes.length, to % nodes.length].sort((a, b) => a - b) as [number, number];
    const [older, newer] = [nodes[low] as Node, nodes[high] as Node];
    const options = {
      takes: "ours" as const,
      byValue: true,
      primitives: ["kv", "state", "json", "vector"],
      next: this.#nextId,
    };
    const expected = threeWay(newer, run.tip, older, newer.id, 0, options);
    const revert = () => {
      const before = this.db.runs.must(run.name).version;
      const { version } = this.db.algebra.revert(run.name, { from: older.version, to: newer.version });
      return {
        version: this.db.runs.must(run.name).version === before ? undefined : version,
        applied: expected.applied,
        base: newer.version,
        conflicts: [],
      };
    };
    this.#attempt(run, "fail", expected, revert, []);
  }

  #expected(
    base: Node,
    target: NaiveRun,
    source: Node,
    strategy: Strategy,
    how: { byValue: boolean; primitives: Primitives },
  ): NaiveMerge {
    const takes = strategy === "theirs" ? "theirs" : "ours";
    return threeWay(base, target.tip, source, since(target.tip, base), since(source, base), {
      ...how,
      takes,
      next: this.#nextId,
    });
  }

  /** Does it on the database and holds the outcome against what the oracle expects. */
  #attempt(
    target: NaiveRun,
    strategy: Strategy,
    expected: NaiveMerge,
    work: () => MergeResult,
    merged: readonly Node[],
  ): void {
    const before = this.db.runs.must(target.name).version;
    let result: MergeResult;
    try {
      result = work();
    } catch (error) {
      if (!StrataError.is(error, "MERGE_CONFLICT") || strategy !== "fail") throw error;
      expectConflicts(error.facts["conflicts"] as Conflict[], expected);
      expect(expected.conflicts.length).toBeGreaterThan(0);
      expect(this.db.runs.must(target.name).version).toBe(before);
      return;
    }
    if (strategy === "fail") expect(expected.conflicts).toEqual([]);
    else expectConflicts(result.conflicts, expected);
    expect(result.applied).toBe(expected.applied);
    if (merged.length === 0 && expected.applied === 0) expect(result.version).toBeUndefined();
    else {
      expect(result.version).toBe(this.db.runs.must(target.name).version);
      this.#advance(target, expected.state, merged);
    }
  }

  #advance(run: NaiveRun, state: NaiveState, merged: readonly Node[] = []): void {
    const { version } = this.db.runs.must(run.name);
    run.tip = { id: this.#nextId++, version, parents: [run.tip, ...merged], state };
  }

  check(run: NaiveRun): void {
    const { kv, cells, json, events, vectors } = storesOf(this.db.head(this.db.runs.must(run.name)));
    const { state } = run.tip;
    const collections = vectors.listCollections().map(({ name, dimension }) => {
      const rows = vectors.keys(name).map((key) => {
        const vector = vectors.get(name, key)?.vector as Float32Array;
        expect(vector.length).toBe(dimension);
        return [key, vector[0]] as const;
      });
      return [name, { dimension, rows: new Map(rows) }] as const;
    });
    expect(new Map(collections)).toEqual(state.vectors);
    expect(vectors.listCollections().map(({ count }) => count)).toEqual(collections.map(([, { rows }]) => rows.size));
    expect(new Map(kv.entries())).toEqual(state.kv);
    const live = [...state.cells].flatMap(([key, { value }]) => (value === undefined ? [] : [[key, value] as const]));
    expect(new Map(cells.list().map((key) => [key, cells.read(key)]))).toEqual(new Map(live));
    expect(new Map(json.entries())).toEqual(state.json);
    const identities = events.range(0, 999).map(({ payload }) => payload["identity"]);
    expect(identities).toEqual(state.events);
    expect(events.verify().valid).toBe(true);
  }
}

function expectConflicts(conflicts: readonly Conflict[], expected: NaiveMerge): void {
  const nameOf = ({ ref, path }: Conflict) => {
    if (ref.primitive === "vector") return `vector:${ref.collection}/${ref.key}`;
    return [ref.primitive, "key" in ref ? ref.key : "", ...(path === undefined ? [] : [path])].join(":");
  };
  const byName = new Map(conflicts.map((conflict) => [nameOf(conflict), conflict]));
  expect([...byName.keys()].sort()).toEqual(expected.conflicts.map(({ name }) => name).sort());
  for (const { name, ours, theirs } of expected.conflicts) {
    const conflict = byName.get(name);
    const shown = [conflict?.ours, conflict?.theirs].map((side) => (name.endsWith("/") ? dimensionIn(side) : side));
    expect([same(shown[0] as Json, ours), same(shown[1] as Json, theirs)], name).toEqual([true, true]);
  }
}

/** Of a collection, all that the oracle knows. */
function dimensionIn(side: unknown): Json | undefined {
  return side === undefined ? undefined : { dimension: (side as { readonly dimension: number }).dimension };
}

function withMember(root: Json | undefined, path: readonly string[], value: Json): Json {
  const [name, ...rest] = path as [string, ...string[]];
  const members = (root ?? {}) as { [name: string]: Json };
  return { ...members, [name]: rest.length === 0 ? value : withMember(members[name], rest, value) };
}

describe("for any history of forks, merges, picks and reverts", () => {
  test("the runs hold what a graph of whole copies, merged naively, holds, wherever they lie", async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 3, maxLength: 60, size: "max" }), async (steps) => {
        const pair = new Pair();
        for (const step of steps) {
          await pair.do(step);
          pair.check(pair.runs[step.run % pair.runs.length] as NaiveRun);
        }
        for (const run of pair.runs) pair.check(run);
      }),
      { numRuns: 150 },
    );
  });
});
