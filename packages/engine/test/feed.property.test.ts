import { CrashVfs, type PowerLoss } from "@strata/durability/testing";
import fc from "fast-check";
import { expect, test } from "vitest";
import type { CommitChanges, Database, EventRecord, Feed } from "../src/index.js";
import { openSimulated, type SimulatedDatabase } from "./simulated-database.js";
import { storesOf } from "./stores.js";

/** Sequences for each mode. More for long runs: `STRATA_FEED_RUNS=5000`. */
const RUNS = Number(process.env["STRATA_FEED_RUNS"] ?? 150);

/** What a commit has to be delivered as: each change in short. */
interface Expected {
  readonly version: number;
  readonly changes: readonly string[];
}

/** The database, who consumes its feed, and the list of commits that an oracle without either keeps. */
class Subject {
  disk = new CrashVfs();
  opened: SimulatedDatabase;
  readonly mode: "strict" | "buffered";
  /** Commits that were made and survived, in order. Those with nothing in them are not delivered. */
  commits: Expected[] = [];
  delivered: Expected[] = [];
  since = 0;
  feed: Feed<CommitChanges> | undefined;
  /** Events of space "default", read by sequence. */
  followed: EventRecord[] = [];
  follower: Feed<EventRecord> | undefined;

  constructor(mode: "strict" | "buffered") {
    this.mode = mode;
    this.opened = openSimulated(this.disk, { mode });
  }

  get db(): Database {
    return this.opened.db;
  }

  /** Makes the commit that `work` makes. */
  commit(run: string, work: (db: Database) => readonly string[]): void {
    const target = this.db.runs.must(run);
    const before = target.version;
    const changes = work(this.db);
    if (run === "default" && target.version > before && changes.length > 0)
      this.commits.push({ version: target.version, changes });
    this.opened.time.advance(3);
  }

  /** Reads up to `count` commits, as far as there are any. */
  async consume(count: number): Promise<void> {
    this.feed ??= this.db.history.watch(this.db.runs.must("default"), "default", { spaces: "all", since: this.since });
    for (let i = 0; i < count && this.commits.some(({ version }) => version > this.since); i++) {
      const next = await within(1000, this.feed.next());
      const commit = next?.value as CommitChanges | undefined;
      expect(commit, `nothing came behind ${this.since}`).toBeDefined();
      if (commit === undefined) return;
      this.delivered.push({ version: commit.version, changes: commit.changes.map(shown) });
      this.since = commit.version;
    }
  }

  /** Reads up to `count` events, as far as there are any. */
  async follow(count: number): Promise<void> {
    const log = storesOf(this.db.head(this.db.runs.must("default"))).events;
    this.follower ??= log.follow({ after: (this.followed.at(-1)?.sequence ?? -1) as number });
    for (let i = 0; i < count && log.len() > (this.followed.at(-1)?.sequence ?? -1) + 1; i++) {
      const next = await within(1000, this.follower.next());
      expect(next?.done, `nothing came behind event ${this.followed.length - 1}`).toBe(false);
      this.followed.push(next?.value);
    }
  }

  /** The consumer goes away; whoever comes next goes on behind what it had. */
  async leave(): Promise<void> {
    await Promise.all([this.feed?.return?.(), this.follower?.return?.()]);
    this.feed = undefined;
    this.follower = undefined;
  }

  async reopen(disk: CrashVfs): Promise<void> {
    const old = [this.feed, this.follower];
    this.feed = undefined;
    this.follower = undefined;
    this.disk = disk;
    this.opened = openSimulated(disk, { mode: this.mode });
    for (const feed of old) await feed?.return?.();
    // What recovery shows is whole and a prefix: that is another test's business. Here it says what survived.
    const { lastVersion } = this.db.runs.must("default").shard;
    this.commits = this.commits.filter(({ version }) => version <= lastVersion);
  }
}

/** What `promise` resolves to; `undefined` when that takes too long. */
function within<T>(ms: number, promise: Promise<T>): Promise<T | undefined> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise<undefined>((resolve) => {
    timer = setTimeout(() => resolve(undefined), ms);
  });
  return Promise.race([promise, late]).finally(() => clearTimeout(timer));
}

function shown({ kind, ref, value }: CommitChanges["changes"][number]): string {
  const what = ref.primitive === "event" ? `${ref.type}#${ref.sequence}` : ref.key;
  return `${kind} ${ref.primitive} ${ref.space}/${what}${value === undefined ? "" : ` ${JSON.stringify(value)}`}`;
}

interface Step {
  readonly name: string;
  readonly run: (subject: Subject) => void | Promise<void>;
}

const space = fc.constantFrom("default", "other");
const key = fc.constantFrom("a", "b", "c");
const small = fc.integer({ min: 0, max: 99 });

const put = fc.tuple(space, key, small).map(
  ([space, key, value]): Step => ({
    name: `put ${space}/${key} ${value}`,
    run: (subject) =>
      subject.commit("default", (db) => {
        storesOf(db.head(db.runs.must("default"), space)).kv.put(key, value);
        return [`put kv ${space}/${key} ${value}`];
      }),
  }),
);
const remove = fc.tuple(space, key).map(
  ([space, key]): Step => ({
    name: `delete ${space}/${key}`,
    run: (subject) =>
      subject.commit("default", (db) => {
        const was = storesOf(db.head(db.runs.must("default"), space)).kv.delete(key);
        return was ? [`delete kv ${space}/${key}`] : [];
      }),
  }),
);
const mixed = fc.tuple(space, fc.uniqueArray(key, { minLength: 1 }), fc.integer({ min: 0, max: 3 }), small).map(
  ([space, keys, events, value]): Step => ({
    name: `${space}: ${keys} and ${events} events`,
    run: (subject) =>
      subject.commit("default", (db) => {
        const first = db.head(db.runs.must("default"), space).events.length();
        db.transaction("default", (transaction) => {
          const stores = storesOf(transaction.scope(space));
          for (const key of keys) stores.cells.set(key, value);
          for (let i = 0; i < events; i++) stores.events.append("seen", { i });
        });
        return [
          ...keys.map((key) => `put state ${space}/${key} ${value}`),
          ...Array.from({ length: events }, (_, i) => `append event ${space}/seen#${first + i} {"i":${i}}`),
        ];
      }),
  }),
);
const dropSpace = fc.constant<Step>({
  name: "drop other",
  run: (subject) =>
    subject.commit("default", (db) => {
      const { kv, cells, events } = storesOf(db.head(db.runs.must("default"), "other"));
      const held = [
        ...kv.list().map((key) => `delete kv other/${key}`),
        ...cells.list().map((key) => `delete state other/${key}`),
        ...Array.from({ length: events.len() }, (_, i) => `delete event other/seen#${i}`),
      ];
      return db.spaces(db.runs.must("default")).delete("other", { force: true }) ? held : [];
    }),
});
const elsewhere = fc.constant<Step>({
  name: "commit elsewhere",
  run: (subject) => {
    if (!subject.db.runs.exists("elsewhere")) subject.db.runs.create("elsewhere");
    subject.commit("elsewhere", (db) => {
      db.put("elsewhere", "a", 1);
      return [];
    });
  },
});
const createSpace = fc.constant<Step>({
  name: "create other",
  run: (subject) =>
    subject.commit("default", (db) => {
      db.spaces(db.runs.must("default")).create("other");
      return [];
    }),
});
const consume = fc
  .integer({ min: 1, max: 6 })
  .map((count): Step => ({ name: `consume ${count}`, run: (subject) => subject.consume(count) }));
const follow = fc
  .integer({ min: 1, max: 6 })
  .map((count): Step => ({ name: `follow ${count}`, run: (subject) => subject.follow(count) }));
const leave = fc.constant<Step>({ name: "leave", run: (subject) => subject.leave() });
const reopen = fc.constant<Step>({
  name: "reopen",
  run: (subject) => {
    subject.db.close();
    return subject.reopen(subject.disk);
  },
});
const kill = fc.constant<Step>({ name: "kill", run: (subject) => subject.reopen(subject.disk.afterKill()) });
const powerLoss = fc.oneof(
  fc.constantFrom<PowerLoss>({ model: "posix", keep: "none" }, { model: "posix", keep: "all" }),
  fc.nat(1000).map((seed): PowerLoss => ({ model: "posix", seed })),
);
const crash = powerLoss.map(
  (loss): Step => ({
    name: `power loss ${JSON.stringify(loss)}`,
    run: (subject) => subject.reopen(subject.disk.afterPowerLoss(loss)),
  }),
);

const steps = fc.array(
  fc.oneof(
    { weight: 4, arbitrary: put },
    { weight: 2, arbitrary: remove },
    { weight: 3, arbitrary: mixed },
    { weight: 1, arbitrary: dropSpace },
    { weight: 1, arbitrary: createSpace },
    { weight: 1, arbitrary: elsewhere },
    { weight: 5, arbitrary: consume },
    { weight: 3, arbitrary: follow },
    { weight: 1, arbitrary: leave },
    { weight: 1, arbitrary: reopen },
    { weight: 1, arbitrary: kill },
    { weight: 1, arbitrary: crash },
  ),
  { maxLength: 40, size: "max" },
);

test.each(["strict", "buffered"] as const)(
  "a %s database delivers every commit once, in order, however often its reader or the database comes back",
  async (mode) => {
    await fc.assert(
      fc.asyncProperty(steps, async (steps) => {
        const subject = new Subject(mode);
        for (const step of steps) await step.run(subject);
        await subject.consume(Number.POSITIVE_INFINITY);
        // What a buffered database loses of a log it numbers anew: only versions tell the two apart.
        if (mode === "strict") {
          await subject.follow(Number.POSITIVE_INFINITY);
          const { events } = storesOf(subject.db.head(subject.db.runs.must("default")));
          expect(subject.followed).toEqual(events.range(0, events.len()));
        }
        const rest = subject.feed?.next();
        subject.db.close();
        expect(await (rest ?? { done: true })).toMatchObject({ done: true });
        const survived = new Set(subject.commits.map(({ version }) => version));
        // A buffered database may lose what it had delivered; versions are never used again, so nothing else is disturbed by it.
        const lost = subject.delivered.filter(({ version }) => !survived.has(version));
        if (mode === "strict") expect(lost).toEqual([]);
        expect(subject.delivered.filter(({ version }) => survived.has(version))).toEqual(subject.commits);
        const versions = subject.delivered.map(({ version }) => version);
        expect(versions).toEqual([...new Set(versions)].sort((a, b) => a - b));
      }),
      { numRuns: RUNS },
    );
  },
  120_000,
);
