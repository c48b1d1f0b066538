import { StrataError } from "@strata/core";
import { CrashVfs, SeededRandom } from "@strata/durability/testing";
import { describe, expect, test } from "vitest";
import type { CommitInfo, Database, OpenTransaction, PastScope } from "../src/index.js";
import { auditCheckpoint } from "./checkpoint-audit.js";
import { nothingLeft } from "./drive.js";
import { expectReplaysToAgree } from "./replay-oracle.js";
import { openSimulated } from "./simulated-database.js";
import { SlicingTime } from "./slicing-time.js";
import { observe, observeSpace, storesOf } from "./stores.js";

/** Lives of a database. More for long runs: `STRATA_SLICE_SEEDS=200`. */
const SEEDS = Number(process.env["STRATA_SLICE_SEEDS"] ?? 4);
const LIMIT_MS = 60_000 + 20_000 * SEEDS;
const CHECKPOINTS = 4;
const RUN_NAMES = ["default", "a", "b", "c", "d"];
const KEYS_IN_ALL = 2_000;
/** Held at a time. */
const VIEWS_MAX = 3;

/** Two databases to which the same is done: one takes checkpoints meanwhile, the other never does. */
class Twins {
  readonly disk = new CrashVfs();
  readonly time = new SlicingTime();
  readonly random: SeededRandom;
  readonly all: readonly [Database, Database];
  readonly #views: (readonly PastScope[])[] = [];
  readonly #transactions: (readonly OpenTransaction[])[] = [];
  #count = 0;

  constructor(seed: number) {
    this.random = new SeededRandom(seed);
    const other = openSimulated(new CrashVfs(), { segments: {}, checkpoint: "manual" });
    this.all = [openSimulated(this.disk, { segments: {}, time: this.time, checkpoint: "manual" }).db, other.db];
  }

  get db(): Database {
    return this.all[0];
  }

  /** Does it to both, which must say the same of it. */
  both<T>(work: (db: Database, index: 0 | 1) => T): T {
    const outcome = (index: 0 | 1) => {
      try {
        return { value: work(this.all[index], index) };
      } catch (error) {
        if (!StrataError.is(error)) throw error;
        return { code: error.code };
      }
    };
    const [first, second] = [outcome(0), outcome(1)];
    expect(first).toEqual(second);
    return (first as { value: T }).value;
  }

  pick<T>(list: readonly T[]): T {
    return list[this.random.below(list.length)] as T;
  }

  /** A few things, whatever comes. */
  disturb(): void {
    for (let times = this.random.below(6); times > 0; times--) this.#something();
    const name = this.pick(RUN_NAMES);
    this.both((db) => (db.runs.exists(name) ? storesOf(db.head(db.runs.must(name))).kv.list({ limit: 50 }) : []));
  }

  #key(salt: number): string {
    return `key-${(this.#count * 7919 + salt) % KEYS_IN_ALL}`;
  }

  #something(): void {
    const [name, other, roll] = [this.pick(RUN_NAMES), this.pick(RUN_NAMES), this.random.below(16)];
    const n = this.#count++;
    const key = this.random.below(3) === 0 ? this.#key(0) : `key-${this.random.below(20)}`;
    const on = (db: Database, run = name) => storesOf(db.head(db.runs.must(run)));
    if (roll < 4) this.both((db) => void on(db).kv.put(key, n));
    else if (roll === 4) this.both((db) => on(db).kv.delete(key));
    else if (roll === 5) this.both((db) => void on(db).events.append(n % 2 === 0 ? "even" : "odd", { n }));
    else if (roll === 6) this.both((db) => on(db).cells.set("cell", n));
    else if (roll === 7) this.both((db) => void on(db).json.set("doc", ["n"], n));
    else if (roll === 8 && name !== "default") this.both((db) => void db.runs.delete(name));
    else if (roll === 9) this.both((db) => void db.fork(db.runs.must(other), [name]));
    else if (roll === 10) this.both((db) => void db.history.tag(db.runs.must(name), undefined, `tag-${n}`));
    else if (roll === 11) this.#forkOfPast(name, other);
    else if (roll === 12) this.both((db) => db.algebra.merge(name, other, { strategy: "theirs" }).applied);
    else if (roll === 13) this.#transaction(name, key, n);
    else if (roll === 14) this.#view(name);
    else this.both((db) => [...on(db).kv.history(key)].map((entry) => (entry.deleted ? null : entry.value)));
    if (this.random.below(8) === 0) for (const shard of this.db.storage.loaded()) shard.evict();
  }

  #forkOfPast(name: string, source: string): void {
    const tags = this.both((db) => db.history.tags(db.runs.must(source)).map((tag) => tag.name));
    if (tags === undefined || tags.length === 0) return;
    const tag = this.pick(tags);
    this.both((db) => void db.fork(db.runs.must(source), [name], { tag }));
  }

  /** Begins one that reads and writes, or commits one that was begun some pauses ago. */
  #transaction(name: string, key: string, n: number): void {
    const begun = this.#transactions.shift();
    if (begun !== undefined) {
      this.both((_, index) => typeof ((begun[index] as OpenTransaction).commit() as CommitInfo).version);
      return;
    }
    const open: OpenTransaction[] = [];
    this.both((db, index) => {
      const transaction = db.beginTransaction(name);
      open[index] = transaction;
      const { kv } = storesOf(transaction.scope("default"));
      const read = [kv.get(key), kv.list({ prefix: "key-1", limit: 30 })];
      kv.put("written", n);
      return read;
    });
    if (open.length === 2) this.#transactions.push(open);
  }

  /** Takes a view, to be looked at later. */
  #view(name: string): void {
    const views: PastScope[] = [];
    this.both((db, index) => {
      views[index] = db.at(db.runs.must(name), "default");
    });
    if (views.length === 2) this.#views.push(views);
    const oldest = this.#views.length > VIEWS_MAX ? (this.#views.shift() ?? []) : [];
    for (const view of oldest) view.dispose();
  }

  /** More than goes into one slice. */
  writeMuch(round: number): void {
    const name = this.pick(RUN_NAMES.filter((name) => this.db.runs.exists(name)));
    const first = this.random.below(KEYS_IN_ALL / 2);
    const pairs = Array.from({ length: KEYS_IN_ALL / 2 }, (_, i): [string, number] => [`key-${first + i}`, round]);
    this.both((db) => void storesOf(db.head(db.runs.must(name))).kv.putMany(pairs));
  }

  /** As far as a whole comparison goes. */
  compare(): void {
    expect(observe(this.db)).toEqual(observe(this.all[1]));
    for (const views of this.#views) this.both((_, index) => observeSpace(views[index] as PastScope));
    const name = this.pick(this.db.runs.list());
    const tags = this.both((db) => db.history.tags(db.runs.must(name)).map((tag) => tag.name));
    if (tags.length === 0) return;
    const tag = this.pick(tags);
    this.both((db) => observeSpace(db.at(db.runs.must(name), "default", { tag })));
  }

  /** The checkpoint, and in the log what followed its moment. */
  expectSameAfterKill(): void {
    const { db } = openSimulated(this.disk.afterKill(), { seed: 3, segments: {}, checkpoint: "manual" });
    expect(observe(db)).toEqual(observe(this.db));
    db.close();
  }

  /** A checkpoint with something happening in each of its pauses. @returns how many there were */
  async checkpoint(): Promise<number> {
    let [pauses, hasEnded] = [0, false];
    this.time.isSlicing = true;
    const done = this.db.checkpoint().finally(() => {
      hasEnded = true;
    });
    for (;;) {
      await nothingLeft();
      if (hasEnded) break;
      pauses++;
      this.disturb();
      this.time.advance(0);
    }
    this.time.isSlicing = false;
    await done;
    this.expectSameAfterKill();
    return pauses;
  }
}

describe("in the pauses of a checkpoint", () => {
  test(
    "everything can be read and done as if there were none",
    async () => {
      let pauses = 0;
      for (let seed = 0; seed < SEEDS; seed++) {
        const twins = new Twins(seed);
        twins.both((db) => {
          const keys = Array.from({ length: KEYS_IN_ALL }, (_, i): [string, number] => [`key-${i}`, -i]);
          storesOf(db.head(db.runs.must("default"))).kv.putMany(keys);
          db.fork(db.runs.must("default"), ["a"]);
          db.runs.create("b");
        });
        for (let round = 0; round < CHECKPOINTS; round++) {
          for (let i = 0; i < 2; i++) twins.writeMuch(round);
          pauses += await twins.checkpoint();
          twins.compare();
          for (let i = 0; i < 10; i++) twins.disturb();
        }
        expectReplaysToAgree(twins.db);
        const { db } = twins;
        await db.checkpoint();
        auditCheckpoint(twins.disk, db.runs.list(), true);
        const shown = observe(db);
        db.close();
        const again = openSimulated(twins.disk, { seed: 2 }).db;
        expect(again.info().recovery?.commits).toBe(0);
        expect(observe(again)).toEqual(shown);
        expectReplaysToAgree(again);
      }
      expect(pauses).toBeGreaterThan(SEEDS * CHECKPOINTS * 5);
    },
    LIMIT_MS,
  );
});
