/**
 * Strict serializability, by its definition: transactions behave as if they ran one after the other, in commit order.
 *
 * Up to four sessions interleave transactions over all primitives and several spaces. Every call is recorded with what it came to, and each
 * transaction commits, rolls back, or loses with `TRANSACTION_CONFLICT`. Then the committed ones run again on a fresh database, one after
 * the other in commit order: every call must come to the same, and the run must end up the same. Nothing here knows what a
 * transaction observes or when it conflicts: a read that validation forgets shows as a call that the serial order does not explain.
 *
 * A transaction that changed nothing is not part of that order, however it ended: what it saw must be the state at its beginning, so it
 * runs again between the two commits that it began between. That holds also for one that lost.
 */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { type Handle, type Session, Strata, StrataError } from "../src/index.js";
import {
  anyCallOf,
  anyKey,
  anyNumber,
  type Call,
  coreOperations,
  eventShown,
  type Outcome,
  outcomeOf,
  SPACES,
} from "./session-operations.js";
import { vectorOperations } from "./session-vectors.js";

/** Any call on any primitive in any space. */
const anyCall = anyCallOf([...coreOperations, vectorOperations]);

/** Interleavings for each configuration. More for long runs: `STRATA_SERIALIZABILITY_RUNS=5000`. */
const RUNS = Number(process.env["STRATA_SERIALIZABILITY_RUNS"] ?? 350);
const SESSIONS = 4;
const STEPS_MAX = 200;

interface Configuration {
  readonly name: string;
  /** From what is there already to the run that the sessions work in. */
  readonly enter: (db: Strata) => Handle;
  /** What happens beside the sessions. */
  readonly meanwhile: readonly fc.Arbitrary<Step>[];
}

interface Step {
  readonly name: string;
  readonly take: (interleaving: Interleaving) => void;
}

interface RecordedCall {
  readonly call: Call;
  readonly outcome: Outcome;
}

/** What one commit did to a run, to be done again; it expects to come to what it came to. */
type Commit = (run: Handle) => void;

interface OpenTransaction {
  readonly calls: RecordedCall[];
  /** How many commits were before it. */
  readonly beganAfter: number;
}

/** The live database: what the sessions do to it, and the record of that. */
class Interleaving implements Disposable {
  readonly db = Strata.cache();
  readonly run: Handle;
  readonly commits: Commit[] = [];
  /** Transactions that changed nothing. */
  readonly onlookers: OpenTransaction[] = [];
  /** How transactions ended. */
  readonly ended = { committed: 0, conflicted: 0 };
  readonly #sessions: readonly Session[];
  readonly #open = new Map<number, OpenTransaction>();

  constructor(start: Start) {
    this.run = start(this.db);
    this.#sessions = Array.from({ length: SESSIONS }, () => this.run.session());
  }

  begin(slot: number): OpenTransaction {
    const known = this.#open.get(slot);
    if (known !== undefined) return known;
    this.#session(slot).begin();
    const begun = { calls: [], beganAfter: this.commits.length };
    this.#open.set(slot, begun);
    return begun;
  }

  call(slot: number, call: Call): void {
    const { calls } = this.begin(slot);
    calls.push({ call, outcome: outcomeOf(this.#session(slot), call) });
  }

  end(slot: number, how: "commit" | "rollback"): void {
    const transaction = this.#open.get(slot);
    if (transaction === undefined) return;
    this.#open.delete(slot);
    if (how === "commit" && this.#commit(slot)) this.commits.push((run) => runAgain(run, transaction.calls).commit());
    else this.onlookers.push(transaction);
    if (how === "rollback") this.#session(slot).rollback();
  }

  dropSpace(space: string): void {
    const dropped = this.run.spaces.delete(space, { force: true });
    this.commits.push((run) => expect(run.spaces.delete(space, { force: true })).toBe(dropped));
  }

  /** Every run, replayed from its log, is what it is live. */
  expectReplaysToAgree(): void {
    for (const run of this.db.runs.list()) {
      using replayed = this.db.runs.replay(run);
      expect(replayed.digest({ history: true }), run).toBe(this.db.in({ run }).at().digest({ history: true }));
    }
  }

  [Symbol.dispose](): void {
    for (const session of this.#sessions) session[Symbol.dispose]();
    this.db.close();
  }

  /** @returns whether that changed anything. */
  #commit(slot: number): boolean {
    const before = this.run.version;
    try {
      if (this.#session(slot).commit().version <= before) return false;
      this.ended.committed++;
      return true;
    } catch (error) {
      if (!StrataError.is(error, "TRANSACTION_CONFLICT")) throw error;
      this.ended.conflicted++;
      return false;
    }
  }

  #session(slot: number): Session {
    return this.#sessions[slot] as Session;
  }
}

/** The calls of a transaction in a new one, which comes back open. Each must come to what it came to. */
function runAgain(run: Handle, calls: readonly RecordedCall[]): Session {
  const session = run.session();
  session.begin();
  for (const { call, outcome } of calls)
    expect(outcomeOf(session, call), `${call.name}, run serially, and what it was`).toStrictEqual(outcome);
  return session;
}

/** Makes the data that is there at first, and the run to work in. */
type Start = (db: Strata) => Handle;

function startOf({ enter }: Configuration, data: readonly Call[]): Start {
  return (db) => {
    using session = db.session();
    for (const call of data) outcomeOf(session, call);
    return enter(db);
  };
}

/** The history runs again, one transaction after the other, and explains everything. */
function expectSerial(live: Interleaving, start: Start): void {
  using db = Strata.cache();
  const run = start(db);
  for (let position = 0; position <= live.commits.length; position++) {
    for (const { beganAfter, calls } of live.onlookers) if (beganAfter === position) runAgain(run, calls).rollback();
    live.commits[position]?.(run);
  }
  expect(SPACES.map((space) => contentOf(run.in({ space })))).toStrictEqual(
    SPACES.map((space) => contentOf(live.run.in({ space }))),
  );
}

/** All that one space holds, without versions, timestamps and hashes. */
function contentOf({ kv, events, state, json, vectors }: Handle): unknown {
  return {
    kv: [...kv.entries()],
    events: events.range(0, events.len()).map(eventShown),
    state: state.list().map((cell) => [cell, state.read(cell), state.readVersioned(cell)?.counter]),
    json: [...json.entries()],
    vectors: vectors.listCollections().map(({ name, dimension }) => {
      const rows = vectors.keys(name).map((key) => {
        const entry = vectors.get(name, key);
        return [key, entry?.vector, entry?.metadata];
      });
      return [name, dimension, rows];
    }),
  };
}

const step = (name: string, take: Step["take"]) => ({ name, take, toString: () => name });
const anySlot = fc.nat(SESSIONS - 1);

const begin = anySlot.map((slot) => step(`${slot} begins`, (live) => live.begin(slot)));
const call = fc
  .tuple(anySlot, anyCall)
  .map(([slot, call]) => step(`${slot} ${call.name}`, (live) => live.call(slot, call)));
const commit = anySlot.map((slot) => step(`${slot} commits`, (live) => live.end(slot, "commit")));
const rollback = anySlot.map((slot) => step(`${slot} rolls back`, (live) => live.end(slot, "rollback")));

const writeToParent = fc
  .tuple(anyKey, anyNumber)
  .map(([key, value]) => step(`parent: kv.put(${key}, ${value})`, (live) => live.db.kv.put(key, value)));
const dropSpace = fc.constantFrom("sp", "sq").map((space) => step(`drop ${space}`, (live) => live.dropSpace(space)));

function anySteps({ meanwhile }: Configuration): fc.Arbitrary<Step[]> {
  return fc.array(
    fc.oneof(
      { weight: 2, arbitrary: begin },
      { weight: 12, arbitrary: call },
      { weight: 4, arbitrary: commit },
      { weight: 1, arbitrary: rollback },
      ...meanwhile.map((arbitrary) => ({ weight: 2, arbitrary })),
    ),
    { maxLength: STEPS_MAX, size: "max" },
  );
}

const plain = (db: Strata): Handle => db.in({});
const fork = (db: Strata): Handle => {
  db.runs.fork("default", "fork");
  return db.in({ run: "fork" });
};
const forkWithOwnWrites = (db: Strata): Handle => {
  const run = fork(db);
  run.kv.put("own", 1);
  run.in({ space: "sp" }).state.set("a", 1);
  return run;
};

const CONFIGURATIONS: readonly Configuration[] = [
  { name: "one run", enter: plain, meanwhile: [] },
  { name: "a fork without writes of its own", enter: fork, meanwhile: [] },
  { name: "a fork with writes of its own", enter: forkWithOwnWrites, meanwhile: [] },
  { name: "a fork whose parent is written to meanwhile", enter: fork, meanwhile: [writeToParent] },
  { name: "a run whose spaces are dropped meanwhile", enter: plain, meanwhile: [dropSpace] },
  { name: "a fork whose spaces are dropped meanwhile", enter: fork, meanwhile: [dropSpace] },
];

describe("commit order is a serial order that explains every result and the final state", () => {
  test.each(CONFIGURATIONS.map((one) => [one.name, one] as const))("in %s", (_, configuration) => {
    const seen = { committed: 0, conflicted: 0 };
    const anyData = fc.array(anyCall, { maxLength: 15, size: "max" });
    fc.assert(
      fc.property(anyData, anySteps(configuration), (data, steps) => {
        const start = startOf(configuration, data);
        using live = new Interleaving(start);
        for (const { take } of steps) take(live);
        expectSerial(live, start);
        live.expectReplaysToAgree();
        seen.committed += live.ended.committed;
        seen.conflicted += live.ended.conflicted;
      }),
      { numRuns: RUNS },
    );
    // Both ends of a transaction have to be common for this to mean anything.
    if (RUNS >= 50)
      expect([seen.committed > RUNS, seen.conflicted > RUNS / 10], JSON.stringify(seen)).toEqual([true, true]);
  });
});
