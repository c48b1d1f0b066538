import { isDeepStrictEqual } from "node:util";
import type { Version } from "@strata/core";
import { MemoryVfs } from "@strata/durability";
import fc from "fast-check";
import { expect, test } from "vitest";
import {
  type Database,
  EventLogStore,
  JsonDocumentStore,
  JsonReader,
  KvReader,
  KvStore,
  keepByPrimitive,
  keepFor,
  keepLast,
  type OpenTransaction,
  type PastScope,
  type Retention,
  type Run,
  StateCellReader,
  StateCellStore,
} from "../src/index.js";
import { drive } from "./drive.js";
import { openSimulated, type SimulatedDatabase } from "./simulated-database.js";

/** Sequences of steps. More for long runs: `STRATA_MODEL_RUNS=5000`. */
const RUNS = Number(process.env["STRATA_MODEL_RUNS"] ?? 100);

const KEYS = ["a", "b"];
const NAMES = ["default", "one", "two", "three"];
const TRIMMED = "trimmed";

/** The same database twice: one trims its history, the other does not. What happens to them is the same, to the last version. */
class Twins {
  readonly #disks = [new MemoryVfs(), new MemoryVfs()] as const;
  readonly #policy: Retention;
  #opened: readonly SimulatedDatabase[];
  readonly views: (readonly [PastScope, PastScope])[] = [];
  readonly transactions: (readonly [OpenTransaction, OpenTransaction])[] = [];
  /** Names of tags by run. */
  readonly tags = new Map<string, Set<string>>();

  constructor(policy: Retention) {
    this.#policy = policy;
    this.#opened = this.#open();
  }

  #open(): readonly SimulatedDatabase[] {
    const opened = this.#disks.map((disk, i) => {
      const time = this.#opened?.[i]?.time;
      return openSimulated(disk, { retention: this.#policy, ...(time === undefined ? {} : { time }) });
    });
    // The same policies, so that their logs are the same to the byte.
    Object.assign((opened[1] as SimulatedDatabase).db.retention, { rulesOf: () => undefined });
    return opened;
  }

  get trimmed(): Database {
    return (this.#opened[0] as SimulatedDatabase).db;
  }

  get whole(): Database {
    return (this.#opened[1] as SimulatedDatabase).db;
  }

  both(act: (db: Database) => void): void {
    for (const { db } of this.#opened) act(db);
  }

  pass(milliseconds: number): void {
    for (const { time } of this.#opened) time.advance(milliseconds);
  }

  release(): void {
    for (const view of this.views.splice(0)) for (const one of view) one.dispose();
    for (const open of this.transactions.splice(0)) for (const one of open) one.rollback();
  }

  reopen(): void {
    this.release();
    this.both((db) => db.close());
    this.#opened = this.#open();
  }

  async checkpoint(): Promise<void> {
    for (const { db, time } of this.#opened) await drive(time, db.checkpoint());
  }

  /** Whether everything that the run held at the version can still be read. */
  isWhole(name: string, version: Version): boolean {
    return attempt(() => digest(this.trimmed, name, version)) !== TRIMMED;
  }
}

function attempt<T>(read: () => T): T | typeof TRIMMED {
  try {
    return read();
  } catch (error) {
    if ((error as { code?: string }).code === "HISTORY_TRIMMED") return TRIMMED;
    throw error;
  }
}

function at<T>(run: Run, db: Database, version: Version, read: (view: PastScope) => T): T {
  const view = db.at(run, "default", { version });
  try {
    return read(view);
  } finally {
    view.dispose();
  }
}

function digest(db: Database, name: string, version: Version): string {
  return at(db.runs.must(name), db, version, (view) => view.digest());
}

/** Everything that can be asked of a view, each answer by itself. */
function answers(view: PastScope): unknown[] {
  const kv = new KvReader(view);
  const cells = new StateCellReader(view);
  const json = new JsonReader(view);
  const asked: (() => unknown)[] = [
    () => view.timestamp,
    () => kv.list(),
    () => cells.list(),
    () => json.list(),
    () => view.events.length(),
    ...KEYS.flatMap((key) => [() => kv.get(key), () => cells.readVersioned(key), () => json.get(key)]),
  ];
  return asked.map((ask) => attempt(ask));
}

/** Wherever the first differ from the second, they say that history was trimmed. */
function expectHonest(trimmed: readonly unknown[], whole: readonly unknown[]): void {
  const heard = trimmed.map((answer, i) => (answer === TRIMMED ? whole[i] : answer));
  expect(heard).toEqual(whole);
}

function check(twins: Twins): void {
  const { trimmed, whole } = twins;
  for (const [a, b] of twins.views) expect(answers(a)).toEqual(answers(b));
  for (const [a, b] of twins.transactions) {
    const seen = (open: OpenTransaction) => KEYS.map((key) => new KvStore(open.scope("default")).get(key));
    expect(seen(a)).toEqual(seen(b));
  }
  expect(trimmed.runs.list()).toEqual(whole.runs.list());
  for (const name of whole.runs.list()) {
    const run = trimmed.runs.must(name);
    const twin = whole.runs.must(name);
    expect(run.version).toBe(twin.version);
    const head = (db: Database, run: Run) => {
      const view = db.at(run);
      const seen = [answers(view), view.digest()];
      view.dispose();
      return seen;
    };
    expect(head(trimmed, run)).toEqual(head(whole, twin));
    for (const tag of twins.tags.get(name) ?? []) {
      const tagged = (db: Database) => {
        const view = db.at(db.runs.must(name), "default", { tag });
        const seen = answers(view);
        view.dispose();
        return seen;
      };
      expect(tagged(trimmed)).toEqual(tagged(whole));
    }
    const step = Math.max(1, Math.floor((run.version - run.firstVersion) / 40));
    for (let version = run.firstVersion; version <= run.version; version += step) {
      const right = at(twin, whole, version, answers);
      const heard = attempt(() => at(run, trimmed, version, answers));
      if (heard !== TRIMMED) expectHonest(heard, right);
    }
    for (const key of KEYS)
      expectPart(new KvStore(trimmed.head(run)).history(key), new KvStore(whole.head(twin)).history(key));
    const commits = [...trimmed.history.commits(run)];
    const all = [...whole.history.commits(twin)];
    expect(commits.map(({ version }) => version)).toEqual(
      all.slice(all.length - commits.length).map(({ version }) => version),
    );
    if (commits.length > 0) expect(commits.at(-1)?.timestamp).toBe(all.at(-1)?.timestamp);
  }
}

function expectPart(part: readonly object[], all: readonly object[]): void {
  for (const entry of part) expect(all.some((one) => isDeepStrictEqual(one, entry))).toBe(true);
  // Of a key that is dead, nothing need be left.
  if (part.length > 0) expect(part[0]).toEqual(all[0]);
}

const policy: fc.Arbitrary<Retention> = fc.oneof(
  fc.integer({ min: 1, max: 3 }).map(keepLast),
  fc.integer({ min: 1, max: 40 }).map(keepFor),
  fc.constant(keepByPrimitive({ kv: keepLast(1), json: keepFor(5) })),
);

const step = fc.record({
  what: fc.oneof(
    { weight: 10, arbitrary: fc.constantFrom("put", "delete", "cell", "drop cell", "doc", "drop doc", "event") },
    {
      weight: 3,
      arbitrary: fc.constantFrom("fork", "fork", "fork the past", "tag", "untag", "delete run", "merge", "policy"),
    },
    { weight: 4, arbitrary: fc.constantFrom("view", "view the past", "dispose", "begin", "end") },
    { weight: 3, arbitrary: fc.constantFrom("compact", "checkpoint", "reopen", "wait", "check") },
  ),
  /** One of those that there are. */
  run: fc.nat(),
  other: fc.constantFrom(...NAMES),
  key: fc.constantFrom(...KEYS),
  number: fc.nat(1000),
  repeats: fc.constantFrom(1, 2, 9, 12),
  policy,
});
type Step = typeof step extends fc.Arbitrary<infer S> ? S : never;

async function take(twins: Twins, { what, run, other, key, number, repeats, policy }: Step): Promise<void> {
  const { trimmed } = twins;
  const names = trimmed.runs.list();
  const name = names[run % names.length] as string;
  const { version: head, firstVersion } = trimmed.runs.must(name);
  const past = firstVersion + (number % (head - firstVersion + 1));
  const head_ = (db: Database) => db.head(db.runs.must(name));
  switch (what) {
    case "put":
    case "cell":
    case "doc":
    case "event":
      for (let i = 0; i < repeats; i++) {
        twins.pass(1);
        twins.both((db) => {
          const value = number + i;
          if (what === "put")
            new KvStore(head_(db)).put(key, value, number % 3 === 0 ? { ttlMs: 1 + (number % 20) } : {});
          else if (what === "cell") new StateCellStore(head_(db)).set(key, value);
          else if (what === "doc") new JsonDocumentStore(head_(db)).set(key, "$", { value });
          else new EventLogStore(head_(db)).append("e", { value });
        });
      }
      return;
    case "delete":
      return twins.both((db) => void new KvStore(head_(db)).delete(key));
    case "drop cell":
      return twins.both((db) => void new StateCellStore(head_(db)).delete(key));
    case "drop doc":
      return twins.both((db) => void new JsonDocumentStore(head_(db)).delete(key));
    case "fork":
    case "fork the past": {
      const version = what === "fork" ? head : past;
      if (trimmed.runs.exists(other) || !twins.isWhole(name, version)) return;
      return twins.both((db) => void db.fork(db.runs.must(name), [other], { version }));
    }
    case "tag": {
      const tags = twins.tags.get(name) ?? new Set();
      const tag = `t${number % 4}`;
      const version = number % 2 === 0 ? head : past;
      if (tags.has(tag) || !twins.isWhole(name, version)) return;
      twins.tags.set(name, tags.add(tag));
      return twins.both((db) => db.history.tag(db.runs.must(name), { version }, tag));
    }
    case "untag": {
      const [tag] = twins.tags.get(name) ?? [];
      if (tag === undefined) return;
      twins.tags.get(name)?.delete(tag);
      return twins.both((db) => void db.history.untag(db.runs.must(name), tag));
    }
    case "delete run":
      if (name === "default") return;
      twins.release();
      twins.tags.delete(name);
      return twins.both((db) => void db.runs.delete(name));
    case "merge":
      if (name === other || !trimmed.runs.exists(other)) return;
      return twins.both((db) => void db.algebra.merge(other, name, { strategy: "theirs" }));
    case "policy":
      return twins.both((db) => db.runs.setRetention(name, policy));
    case "view":
    case "view the past": {
      const version = what === "view" ? head : past;
      if (!twins.isWhole(name, version)) return;
      const view = (db: Database) => db.at(db.runs.must(name), "default", { version });
      twins.views.push([view(trimmed), view(twins.whole)]);
      return;
    }
    case "dispose":
      for (const view of twins.views.splice(number % (twins.views.length + 1), 1))
        for (const one of view) one.dispose();
      return;
    case "begin":
      twins.transactions.push([trimmed.beginTransaction(name), twins.whole.beginTransaction(name)]);
      return;
    case "end":
      for (const open of twins.transactions.splice(number % (twins.transactions.length + 1), 1))
        for (const one of open) one.rollback();
      return;
    case "compact":
      for (const _ of trimmed.retention.compact(trimmed.runs.live.loaded(), trimmed.runtime.clock.now()));
      return;
    case "checkpoint":
      return await twins.checkpoint();
    case "reopen":
      return twins.reopen();
    case "wait":
      return twins.pass(number % 50);
    case "check":
      return check(twins);
  }
}

test("a database that trims its history answers as one that keeps it, or says that it cannot", async () => {
  await fc.assert(
    fc.asyncProperty(policy, fc.array(step, { maxLength: 40, size: "max" }), async (policy, steps) => {
      const twins = new Twins(policy);
      for (const step of steps) await take(twins, step);
      check(twins);
      twins.release();
    }),
    { numRuns: RUNS },
  );
});
