import { StrataError } from "@strata/core";
import { CrashVfs, type PowerLoss } from "@strata/durability/testing";
import {
  type Database,
  EventLogStore,
  JsonDocumentStore,
  KvStore,
  type OpenTransaction,
  type PastScope,
  type Scope,
  StateCellStore,
  VectorStore,
} from "@strata/engine";
import type fc from "fast-check";
import { Indexes } from "../src/partition/indexes.js";
import { SearchableVectorStore } from "../src/vector/searchable-vectors.js";
import {
  type FindQuestion,
  judgeFinds,
  judgeTexts,
  judgeVectors,
  type Place,
  type Recall,
  type TextQuestion,
  type VectorQuestion,
} from "./search-judge.js";
import {
  type Damage,
  damageFile,
  drive,
  imageFiles,
  nothingLeft,
  openSimulated,
  SlicingTime,
} from "./simulated-search.js";

export const RUN_NAMES: readonly string[] = ["default", "second", "fork-a", "fork-b", "fork-c"];
export const SPACES: readonly string[] = ["default", "other"];

/** What is asked, wherever it is asked. */
export interface Question {
  readonly texts: readonly TextQuestion[];
  readonly vectors: VectorQuestion;
  readonly find: FindQuestion;
}

/** What a user may be told without anything being wrong. */
const EXPECTED = new Set([
  "COLLECTION_EXISTS",
  "COLLECTION_NOT_FOUND",
  "DIMENSION_MISMATCH",
  "WRONG_TYPE",
  "RUN_EXISTS",
  "MERGE_CONFLICT",
  "CONSTRAINT_VIOLATION",
  "NOT_RELATED",
  "TRANSACTION_CONFLICT",
  "HISTORY_TRIMMED",
  "INVALID_ARGUMENT",
]);

export type Write = (stores: ReturnType<typeof storesOf>) => void;

export function storesOf(scope: Scope) {
  return {
    kv: new KvStore(scope),
    events: new EventLogStore(scope),
    cells: new StateCellStore(scope),
    json: new JsonDocumentStore(scope),
    vectors: new VectorStore(scope),
  };
}

/** A database on a disk that can fail, and those who look at it. What it finds is held against what reading all of it gives. */
export class SearchedWorld {
  vfs: CrashVfs = new CrashVfs();
  time: SlicingTime = new SlicingTime();
  db: Database;
  /** By what was found, over everything. */
  readonly recall: Recall = { found: 0, wanted: 0 };
  /** Errors of users, by code; and what else is worth counting. */
  readonly seen: Map<string, number>;
  readonly #memoryBudgetBytes: number;
  #underWay: Promise<unknown> | undefined;
  #open: OpenTransaction | undefined;
  #views: { readonly run: string; readonly of: ReadonlyMap<string, PastScope>; readonly spaces: readonly string[] }[] =
    [];
  #past: { readonly run: string; readonly number: number; readonly version: number }[] = [];

  constructor(memoryBudgetBytes: number, seen: Map<string, number> = new Map()) {
    this.#memoryBudgetBytes = memoryBudgetBytes;
    this.seen = seen;
    this.db = this.#opened();
  }

  note(what: string): void {
    this.seen.set(what, (this.seen.get(what) ?? 0) + 1);
  }

  /** Errors that a user may cause are his. */
  attempt(work: () => void): void {
    try {
      work();
    } catch (error) {
      if (!(error instanceof StrataError) || !EXPECTED.has(error.code)) throw error;
      this.note(error.code);
    }
    for (const name of this.db.runs.list()) {
      const { number, version } = this.db.runs.must(name);
      const last = this.#past.findLast((each) => each.number === number);
      if (last === undefined || last.version < version) this.#past.push({ run: name, number, version });
    }
  }

  /** In the transaction that is open on the run, unless it is `apart`; else as a commit of its own. */
  write(run: string, space: string, write: Write, apart: boolean = false): void {
    if (!this.db.runs.exists(run)) return;
    const open = this.#open?.run.name === run && !apart ? this.#open : undefined;
    this.attempt(() => write(storesOf(open?.scope(space) ?? this.db.head(this.db.runs.must(run), space))));
  }

  begin(run: string): void {
    if (this.#open === undefined && this.db.runs.exists(run)) this.#open = this.db.beginTransaction(run);
  }

  end(commits: boolean): void {
    const open = this.#open;
    this.#open = undefined;
    if (open === undefined) return;
    this.attempt(() => {
      if (commits) open.commit();
      else open.rollback();
    });
  }

  /** Keeps a view of the past, whatever happens to the run. */
  keepView(pick: number): void {
    const then = this.#pastOf(pick);
    if (then === undefined) return;
    this.attempt(() => {
      const run = this.db.runs.must(then.run);
      const of = new Map<string, PastScope>();
      for (const space of SPACES) of.set(space, this.db.at(run, space, { version: then.version }));
      this.#views.push({ run: then.run, of, spaces: of.get("default")!.spaces() });
    });
    if (this.#views.length > 2) for (const view of this.#views.shift()!.of.values()) view.dispose();
  }

  forkPast(pick: number, name: string): void {
    const then = this.#pastOf(pick);
    if (then === undefined || this.db.runs.exists(name)) return;
    this.attempt(() => this.db.fork(this.db.runs.must(then.run), [name], { version: then.version }));
  }

  deleteRun(name: string): void {
    if (!this.db.runs.exists(name)) return;
    if (this.#open?.run.name === name) this.end(false);
    this.#views = this.#views.filter(({ run }) => run !== name);
    this.attempt(() => void this.db.runs.delete(name));
  }

  deleteSpace(name: string): void {
    if (!this.db.runs.exists(name) || this.#open !== undefined) return;
    this.attempt(() => void this.db.spaces(this.db.runs.must(name)).delete("other", { force: true }));
  }

  reopen(vfs: CrashVfs): void {
    this.vfs = vfs;
    // Time does not go back further than it ever did.
    const time = new SlicingTime(this.time.now());
    this.time = time;
    this.#underWay = undefined;
    this.#open = undefined;
    this.#views = [];
    this.db = this.#opened();
    const newest = new Map<number, number>(
      this.db.runs.list().map((name) => [this.db.runs.must(name).number, this.db.runs.must(name).version]),
    );
    this.#past = this.#past.filter(({ number, version }) => version <= (newest.get(number) ?? -1));
  }

  close(): void {
    this.db.close();
  }

  powerFailure(loss: PowerLoss): void {
    this.reopen(this.vfs.afterPowerLoss(loss));
  }

  damageImages(damage: Damage, seed: number): void {
    this.db.close();
    const disk = this.vfs.afterKill();
    const files = imageFiles(disk);
    if (files.length > 0) {
      this.note(`damaged: ${damage}`);
      damageFile(disk, files[seed % files.length]!, damage, seed);
    }
    this.reopen(disk);
  }

  async build(run: string, space: string): Promise<void> {
    const scope = this.db.head(this.db.runs.must(run), space);
    const vectors = new SearchableVectorStore(scope, Indexes.of(this.db));
    for (const { name } of vectors.listCollections()) await this.wait(vectors.build(name));
  }

  async wait<T>(work: Promise<T>): Promise<T> {
    this.time.isSlicing = false;
    return await drive(this.time, work);
  }

  /** Each command that follows finds it one slice further. */
  beginWork(work: () => Promise<unknown>): void {
    if (this.#underWay !== undefined) return;
    this.time.isSlicing = true;
    this.#underWay = work().then(
      () => {
        this.#underWay = undefined;
        this.time.isSlicing = false;
      },
      () => {},
    );
  }

  async pass(): Promise<void> {
    this.time.advance(3);
    if (this.#underWay !== undefined) await nothingLeft();
  }

  /** @param pick which of the places; all heads besides when it is `undefined`. */
  ask(pick: number | undefined, question: Question): void {
    const { isSlicing } = this.time;
    // Between a search and a scan no time may pass.
    this.time.isSlicing = false;
    this.#ask(pick, question);
    this.time.isSlicing = isSlicing;
  }

  /** In the open transaction alone. */
  askInside(question: Question): void {
    const { isSlicing } = this.time;
    this.time.isSlicing = false;
    const place = this.#inside();
    if (place !== undefined) this.#judge(place, question);
    this.time.isSlicing = isSlicing;
  }

  #inside(): Place | undefined {
    const open = this.#open;
    if (open === undefined) return undefined;
    const spaces = SPACES.filter((space) => open.scope("default").spaces(false).includes(space));
    return { name: "transaction", run: open.run.name, spaces, scope: (space) => open.scope(space) };
  }

  #ask(pick: number | undefined, question: Question): void {
    for (const { run, disposables, ...place } of this.#places(pick)) {
      try {
        this.#judge({ run, ...place }, question);
      } finally {
        for (const each of disposables) each.dispose();
      }
    }
  }

  #judge(place: Place, { texts, vectors, find }: Question): void {
    this.note("asked");
    // Retention may have taken what an earlier view showed.
    const judge = (work: () => void) => {
      try {
        work();
      } catch (error) {
        if (!StrataError.is(error, "HISTORY_TRIMMED") || place.name === "head") throw error;
        this.note("trimmed");
      }
    };
    for (const each of texts) judge(() => judgeTexts(this.db, place, each));
    for (const space of SPACES) {
      judge(() => judgeVectors(this.db, place, space, vectors, this.recall));
      judge(() => judgeFinds(this.db, place, space, find));
    }
  }

  *#places(pick: number | undefined): Generator<Place & { readonly disposables: PastScope[] }> {
    const runs = this.db.runs.list();
    const chosen = pick === undefined ? runs : [runs[pick % runs.length]!];
    for (const name of chosen) {
      const run = this.db.runs.must(name);
      const spaces = this.db.spaces(run).list();
      yield { name: "head", run: name, spaces, scope: (space) => this.db.head(run, space), disposables: [] };
    }
    const inside = this.#inside();
    if (inside !== undefined) yield { ...inside, disposables: [] };
    for (const { run, of, spaces } of this.#views) {
      yield {
        name: `kept ${of.get("default")!.version}`,
        run,
        spaces,
        scope: (space) => of.get(space)!,
        disposables: [],
      };
    }
    const then = this.#pastOf(pick ?? 7);
    if (then === undefined) return;
    const run = this.db.runs.must(then.run);
    const disposables: PastScope[] = [];
    try {
      const { version } = then;
      const scopes = new Map(SPACES.map((space) => [space, this.db.at(run, space, { version })]));
      disposables.push(...scopes.values());
      const spaces = scopes.get("default")!.spaces();
      yield { name: `version ${version}`, run: then.run, spaces, scope: (space) => scopes.get(space)!, disposables };
    } catch (error) {
      if (!StrataError.is(error, "HISTORY_TRIMMED")) throw error;
    }
  }

  /** A version of a run that is still the same one. */
  #pastOf(pick: number): { readonly run: string; readonly version: number } | undefined {
    const there = this.#past.filter(
      ({ run, number }) => this.db.runs.exists(run) && this.db.runs.must(run).number === number,
    );
    return there[pick % Math.max(1, there.length)];
  }

  #opened(): Database {
    return openSimulated(this.vfs, { time: this.time, memoryBudgetBytes: this.#memoryBudgetBytes });
  }
}

/** A command by name. */
export class Step implements fc.AsyncCommand<object, SearchedWorld> {
  readonly #name: string;
  readonly #act: (world: SearchedWorld) => void | Promise<void>;

  constructor(name: string, act: (world: SearchedWorld) => void | Promise<void>) {
    this.#name = name;
    this.#act = act;
  }

  check(): boolean {
    return true;
  }

  async run(_: object, world: SearchedWorld): Promise<void> {
    await this.#act(world);
    await world.pass();
  }

  toString(): string {
    return this.#name;
  }
}
