import { CrashVfs } from "@strata/durability/testing";
import type fc from "fast-check";
import { expect } from "vitest";
import type { Database, Run } from "../src/index.js";
import { auditCheckpoint } from "./checkpoint-audit.js";
import { drive, nothingLeft } from "./drive.js";
import type { NaiveModel, PastState } from "./naive-model.js";
import { expectReplaysToAgree } from "./replay-oracle.js";
import { openSimulated } from "./simulated-database.js";
import { SlicingTime } from "./slicing-time.js";
import { observe, visible } from "./stores.js";
import { type Moment, WatchedDisk } from "./watched-disk.js";

/** The database under test, on a disk that can fail. */
export class Subject {
  vfs: CrashVfs = new CrashVfs();
  time = new SlicingTime();
  /** Told of every call that changes the disk. */
  #onChange: ((moment: Moment) => void) | undefined;
  db: Database = this.#open();
  /** A checkpoint that goes on between commands, and what was committed when it was begun. */
  #underWay: { readonly done: Promise<boolean>; readonly commits: number } | undefined;

  /** The process that there was is gone, and what it had begun. */
  reopen(vfs: CrashVfs): void {
    this.vfs = vfs;
    this.time = new SlicingTime();
    this.#underWay = undefined;
    this.db = this.#open();
  }

  #open(): Database {
    const disk = new WatchedDisk(this.vfs, (moment) => this.#onChange?.(moment));
    return openSimulated(disk, { time: this.time }).db;
  }

  async wait<T>(work: Promise<T>): Promise<T> {
    this.time.isSlicing = false;
    return await drive(this.time, work);
  }

  /** Each command that follows finds it one slice further. */
  beginCheckpoint(model: NaiveModel): void {
    if (this.#underWay !== undefined) return;
    this.time.isSlicing = true;
    const done = this.db.checkpoint().then(
      () => true,
      () => false,
    );
    this.#underWay = { done, commits: model.past.length };
  }

  /** Lets time pass, and a checkpoint that is under way go on. */
  async pass(model: NaiveModel): Promise<void> {
    this.time.advance(3);
    const underWay = this.#underWay;
    if (underWay === undefined) return;
    let hasEnded = false;
    void underWay.done.then(() => {
      hasEnded = true;
    });
    await nothingLeft();
    if (!hasEnded) return;
    expect(await underWay.done, "a checkpoint fails only where the process ends").toBe(true);
    model.durable = Math.max(model.durable, underWay.commits);
    this.#underWay = undefined;
    this.time.isSlicing = false;
  }

  /** The disk as it is that many calls into some work, or behind it when it takes fewer. */
  async diskWithin(work: () => Promise<unknown>, calls: number, isTorn: boolean): Promise<CrashVfs> {
    let left: CrashVfs | undefined;
    let seen = 0;
    this.#onChange = (moment) => {
      if (++seen === calls) left = (isTorn ? moment.during(5) : undefined) ?? moment.before();
    };
    await this.wait(work());
    this.#onChange = undefined;
    return left ?? this.vfs;
  }

  /** Ends what is under way. */
  async settle(model: NaiveModel): Promise<void> {
    while (this.#underWay !== undefined) await this.pass(model);
  }

  /** What the last checkpoint left is all there is, and it is enough. */
  async reopenAndCompare(model: NaiveModel): Promise<void> {
    this.db.close();
    this.reopen(this.vfs);
    expect(this.db.info().recovery?.commits).toBe(0);
    await new Command("", () => {}).run(model, this);
    this.expectReplaysToAgree(model);
  }

  expectReplaysToAgree(model: NaiveModel): void {
    expectReplaysToAgree(this.db, (run) => mayBeTrimmed(model, run));
  }

  /** A last checkpoint, held against what there is. */
  async audit(model: NaiveModel): Promise<void> {
    await this.settle(model);
    await this.wait(this.db.checkpoint());
    auditCheckpoint(this.vfs, this.db.runs.list(), false);
  }
}

/** Whether retention may have dropped something that was to be read through this run. */
export function mayBeTrimmed(model: NaiveModel, run: Run): boolean {
  for (let shard: Run["shard"] | undefined = run.shard; shard !== undefined; shard = shard.parent)
    if (model.trimming.has(shard.id)) return true;
  return false;
}

/** What a database shows of its tags. */
export function observeTags(db: Database): Map<string, number> {
  const shown = new Map<string, number>();
  for (const name of db.runs.list())
    for (const tag of db.history.tags(db.runs.must(name))) shown.set(`${name}/${tag.name}`, tag.version);
  return shown;
}

export function visibleTags(tags: PastState["tags"]): Map<string, number> {
  const shown = new Map<string, number>();
  for (const [run, named] of tags) for (const [name, { version }] of named) shown.set(`${run}/${name}`, version);
  return shown;
}

export type Act = (model: NaiveModel, subject: Subject) => void | Promise<void>;

/** A command by name: what it does, and after it model and database must show the same. */
export class Command implements fc.AsyncCommand<NaiveModel, Subject> {
  readonly #name: string;
  readonly #act: Act;

  constructor(name: string, act: Act) {
    this.#name = name;
    this.#act = act;
  }

  check(): boolean {
    return true;
  }

  async run(model: NaiveModel, subject: Subject): Promise<void> {
    await this.#act(model, subject);
    await subject.pass(model);
    expect(observe(subject.db)).toEqual(visible(model.runs));
    expect(observeTags(subject.db)).toEqual(visibleTags(model.tags));
  }

  toString(): string {
    return this.#name;
  }
}

/** Notes the commit that `work` made, if it made one. */
export function noting<T>(model: NaiveModel, subject: Subject, run: string, isStrict: boolean, work: () => T): T {
  const { coordinator } = subject.db;
  const before = coordinator.currentVersion();
  const result = work();
  if (coordinator.currentVersion() > before) model.committed(run, coordinator.currentVersion(), isStrict);
  return result;
}
