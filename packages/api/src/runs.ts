import { type AsOf, InvalidArgumentError, type Options, type Version } from "@strata/core";
import type {
  Bundle,
  BundleInfo,
  CommitInfo,
  CommitScan,
  CommitSummary,
  Database,
  DiffOptions,
  ExportOptions,
  ImportOptions,
  MergeOptions,
  MergeResult,
  Retention,
  Run,
  RunAlgebra,
  RunDiff,
  RunFilter,
  RunInfo,
  RunPoint,
  RunRegistry,
  RunStats,
  RunStatus,
  SearchedPrimitive,
  Tag,
} from "@strata/engine";
import { LoadedRuns } from "./loaded-runs.js";
import {
  checkOptions,
  hasMethods,
  isBoolean,
  isFunction,
  isListOf,
  isOneOf,
  isString,
  isWholeNumber,
  type OptionCheck,
} from "./option-check.js";
import { type ReadOnlyView, ReplayedView } from "./read-view.js";

/** What runs can be listed by. Names come in code point order; `after` is the last name of the page before. */
export type RunListOptions = Options<{ status: RunStatus; prefix: string; after: string; limit: number }>;

/** The runs of a database. A run is what git calls a branch: an isolated set of data with a history of its own. */
export interface Runs {
  /** Makes an empty run. @throws {StateError} `RUN_EXISTS` */
  create(name: string, meta?: object): RunInfo;
  /**
   * Makes an empty run that this process works on, until `setStatus` ends it. When the process is gone before that, the run is found
   * `"orphaned"`: it refuses writes until somebody takes it over with `setStatus(name, "active")`, or ends it.
   *
   * @throws {StateError} `RUN_EXISTS`
   */
  begin(name: string, meta?: object): RunInfo;
  list(options?: RunListOptions): string[];
  get(name: string): RunInfo | undefined;
  exists(name: string): boolean;
  /**
   * Deletes a run and everything in it. Not `"default"`, and not the run of the handle this is called on (`CONSTRAINT_VIOLATION`).
   *
   * @returns the runs and tags that keep some of its data.
   * @throws {NotFoundError} `RUN_NOT_FOUND`
   */
  delete(name: string, options?: Options<{ cascade: boolean }>): { readonly heldBy: readonly string[] };
  /**
   * Makes a run that begins with everything the source holds, now or at a point of its past. Takes the same time whatever that is.
   *
   * @throws {NotFoundError} `RUN_NOT_FOUND`
   * @throws {StateError} `RUN_EXISTS`, `HISTORY_TRIMMED`
   */
  fork(source: RunPoint, name: string, meta?: object): RunInfo;
  /** Several of them in one commit, or none. */
  forkMany(source: RunPoint, names: Iterable<string> & object): RunInfo[];
  /**
   * What would have to happen to `a` to make it `b`: added is in `b` only, removed in `a` only. Values are compared, of documents down to
   * their paths; events by sequence and hash. Takes as long as what was written since the two parted; `formatDiff` shows it to people.
   *
   * @throws {NotFoundError} `RUN_NOT_FOUND`
   * @throws {StateError} `HISTORY_TRIMMED`
   */
  diff(a: RunPoint, b: RunPoint, options?: DiffOptions): RunDiff;
  /**
   * Brings what the source did, since the two parted or were merged last, into the target: in one commit, or not at all. Merging the same
   * again changes nothing. Deletions travel, documents merge by member, cells written on both sides conflict, and events that the target
   * does not hold are appended with their origin.
   *
   * @throws {ConflictError} `MERGE_CONFLICT`, facts.conflicts, under the strategy "fail", the default; with `preview` they are returned
   * @throws {InvalidArgumentError} `CONSTRAINT_VIOLATION` for runs without a common ancestor
   * @throws {StateError} `RUN_CLOSED`
   */
  merge(source: string, target: string, options?: MergeOptions): MergeResult;
  /**
   * Merges into a fork what the run it was forked from did since, so that it reads as its own changes made on its parent's head. Its history
   * stays: commits are never rewritten. In a conflict `ours` is the fork.
   *
   * @throws {InvalidArgumentError} `CONSTRAINT_VIOLATION` for a run that was not forked, and what `merge` throws
   */
  rebase(run: string, options?: MergeOptions): MergeResult;
  /** Brings over only what the filter names; later merges start where they would have. @throws what `merge` throws */
  cherryPick(source: RunPoint, target: string, filter: RunFilter, options?: MergeOptions): MergeResult;
  /**
   * Undoes what the commits above `from`, up to `to` (the newest), did to keys, in a new commit. Events stay.
   *
   * @throws {ConflictError} `MERGE_CONFLICT`, facts.conflicts, where later commits changed the same again
   */
  revert(run: string, range: { readonly from: Version } & Options<{ to: Version }>): CommitInfo;
  /**
   * Folds the run's commits anew, up to a point: from the log, so it takes as long as that is, or without one from the timeline. A pure
   * function of both: it changes nothing, and does it again the same. What expires is judged at the time of the point, for which without
   * one that of the last commit stands.
   *
   * @throws {NotFoundError} `RUN_NOT_FOUND`
   * @throws {StateError} `HISTORY_TRIMMED`
   */
  replay(run: RunPoint): ReadOnlyView;
  /**
   * The commits that a run sees: those it inherited from what it was forked from, then its own; newest first with `reverse`. `after` is the
   * last version of the page before. Which ones they are is settled at the first `next()`.
   *
   * @throws {NotFoundError} `RUN_NOT_FOUND`
   */
  commits(run: string, options?: CommitScan): IterableIterator<CommitSummary>;
  /** When the oldest and the newest of them were made, µs since the epoch; `undefined` while there are none. */
  timeRange(run: string): { readonly oldest: number; readonly latest: number } | undefined;
  /**
   * Gives a version of a run a name, for `at({ tag })`. The version then stays readable, whatever is trimmed. Tags go with their run; a fork
   * begins without any.
   *
   * @param run a run, for its newest version, or a point of its past.
   * @throws {InvalidArgumentError} `CONSTRAINT_VIOLATION` when the run has a tag of that name: `untag` it first; `INVALID_NAME`
   */
  tag(run: RunPoint, name: string): void;
  /** @returns false when the run has no such tag. */
  untag(run: string, name: string): boolean;
  /** By name, in code point order. `timestamp`: when that version was committed, µs since the epoch. */
  tags(run: string): Tag[];
  /** Makes a run usable that was left out when the database was opened with a list to preload. */
  load(name: string): Promise<void>;
  /**
   * How much of its history a run keeps, from the next write to each key on, and for its later forks. In place of the database's own policy,
   * which is an option of opening it.
   *
   * @param policy made by `keepAll`, `keepLast`, `keepFor` or `keepByPrimitive`.
   */
  setRetention(run: string, policy: Retention): void;
  /**
   * Which primitives of a run `search` looks for words in: no text index is kept of the others. Forks made later begin with the same. Without
   * it, what the database was opened with.
   *
   * @throws {InvalidArgumentError} `INVALID_ARGUMENT`
   */
  setTextSearch(run: string, primitives: readonly SearchedPrimitive[]): void;
  /** What a run takes, in bytes, and how many keys it has. What it inherited is counted where it was written, except among the keys. */
  stats(run: string): RunStats;
  /** Moves a run by the transition table; a run that is not active refuses writes (`RUN_CLOSED`). */
  setStatus(run: string, status: RunStatus, reason?: string): RunInfo;
  /**
   * The run as it is at the first `next()`, as a stream of bytes that `import` takes anywhere: with its history, or with `history: false` its
   * last state alone. The same run gives the same bytes. `format: "jsonl"` is for people and cannot be imported. Work goes on in slices.
   *
   * @throws {NotFoundError} `RUN_NOT_FOUND`, also while it is read, when the run is deleted
   */
  export(run: string, options?: ExportOptions): AsyncIterable<Uint8Array>;
  /**
   * Makes a run of a bundle, whole or not at all. It keeps its id, versions, timestamps and event chains. Bundles may come from strangers:
   * everything is checked before anything is written.
   *
   * @param bundle chunks of any size, gzipped or not.
   * @param options.as another name, needed where the name or the id is taken; where the id is, the run gets a new one, and `origin`.
   * @throws {InvalidArgumentError} `BUNDLE_INVALID`, facts.reason
   * @throws {StateError} `RUN_EXISTS`, `FORMAT_TOO_NEW`
   */
  import(bundle: Bundle, options?: ImportOptions): Promise<RunInfo>;
  /** Reads a bundle to its end and tells what is in it. @throws {InvalidArgumentError} `BUNDLE_INVALID` */
  inspectBundle(bundle: Bundle): Promise<BundleInfo>;
}

/** Every status a run can have. */
export const RUN_STATUSES: readonly RunStatus[] = [
  "active",
  "paused",
  "completed",
  "failed",
  "cancelled",
  "archived",
  "orphaned",
];

const isStatus = isOneOf(RUN_STATUSES);
const FILTER = {
  primitives: isListOf(isOneOf(["kv", "event", "state", "json", "vector"])),
  spaces: isListOf(isString),
  prefix: isString,
};
const isStrategy: OptionCheck = (value) =>
  typeof value === "function" || ["fail", "ours", "theirs"].includes(value as string)
    ? undefined
    : '"fail", "ours", "theirs" or a function';
const LONG_WORK = { signal: hasMethods("addEventListener", "throwIfAborted"), onProgress: isFunction };
const MERGE = { strategy: isStrategy, preview: isBoolean, message: isString };

/** The runs of a database, as seen from a handle on one of them. */
export class DatabaseRuns implements Runs {
  readonly #database: Database;
  readonly #current: Run;

  constructor(database: Database, current: Run) {
    this.#database = database;
    this.#current = current;
  }

  create(name: string, meta?: object): RunInfo {
    const registry = this.#registry();
    const info = registry.create(name, meta);
    this.#loaded().add(registry.must(name));
    return info;
  }

  begin(name: string, meta?: object): RunInfo {
    const registry = this.#registry();
    const info = registry.begin(name, meta);
    this.#loaded().add(registry.must(name));
    return info;
  }

  list(options?: RunListOptions): string[] {
    checkOptions("runs.list", options, {
      status: isStatus,
      prefix: isString,
      after: isString,
      limit: isWholeNumber(0),
    });
    return this.#registry().list(options);
  }

  get(name: string): RunInfo | undefined {
    return this.#registry().get(name);
  }

  exists(name: string): boolean {
    return this.#registry().exists(name);
  }

  delete(name: string, options?: Options<{ cascade: boolean }>): { readonly heldBy: readonly string[] } {
    checkOptions("runs.delete", options, { cascade: isBoolean });
    const registry = this.#registry();
    if (registry.exists(name) && registry.must(name) === this.#current) {
      throw new InvalidArgumentError(
        "CONSTRAINT_VIOLATION",
        `run "${name}" is the one this handle is on: move to another run first`,
        { run: name },
      );
    }
    return registry.delete(name, options);
  }

  fork(source: RunPoint, name: string, meta?: object): RunInfo {
    return this.#fork(source, [name], meta)[0] as RunInfo;
  }

  forkMany(source: RunPoint, names: Iterable<string> & object): RunInfo[] {
    if (typeof names !== "object" || names === null || !(Symbol.iterator in names)) {
      throw new InvalidArgumentError("INVALID_ARGUMENT", "runs.forkMany takes names that can be iterated", { names });
    }
    return this.#fork(source, [...names], undefined);
  }

  diff(a: RunPoint, b: RunPoint, options?: DiffOptions): RunDiff {
    checkOptions("runs.diff", options, { ...FILTER, limit: isWholeNumber(0) });
    return this.#algebra("runs.diff", a, b).diff(a, b, options);
  }

  merge(source: string, target: string, options?: MergeOptions): MergeResult {
    checkOptions("runs.merge", options, MERGE);
    return this.#algebra("runs.merge", source, target).merge(source, target, options);
  }

  rebase(run: string, options?: MergeOptions): MergeResult {
    checkOptions("runs.rebase", options, MERGE);
    return this.#algebra("runs.rebase", run).rebase(run, options);
  }

  cherryPick(source: RunPoint, target: string, filter: RunFilter, options?: MergeOptions): MergeResult {
    checkOptions("runs.cherryPick", filter ?? null, FILTER);
    checkOptions("runs.cherryPick", options, MERGE);
    return this.#algebra("runs.cherryPick", source, target).cherryPick(source, target, filter, options);
  }

  revert(run: string, range: { readonly from: Version } & Options<{ to: Version }>): CommitInfo {
    checkOptions("runs.revert", range, { from: isWholeNumber(0), to: isWholeNumber(0) }, ["from"]);
    return this.#algebra("runs.revert", run).revert(run, range);
  }

  replay(point: RunPoint): ReadOnlyView {
    const { run: name, at } = runAndPoint("runs.replay", point);
    const run = this.#registry().must(name);
    this.#loaded().check(run);
    return new ReplayedView(this.#database, this.#database.replayRun(run, at));
  }

  commits(run: string, options?: CommitScan): IterableIterator<CommitSummary> {
    checkOptions("runs.commits", options, { after: isWholeNumber(0), limit: isWholeNumber(0), reverse: isBoolean });
    return this.#database.history.commits(this.#usable(run), options);
  }

  timeRange(run: string): { readonly oldest: number; readonly latest: number } | undefined {
    return this.#database.history.timeRange(this.#usable(run));
  }

  tag(run: RunPoint, name: string): void {
    const { run: tagged, at } = runAndPoint("runs.tag", run);
    this.#database.history.tag(this.#usable(tagged), at, name);
  }

  untag(run: string, name: string): boolean {
    return this.#database.history.untag(this.#usable(run), name);
  }

  tags(run: string): Tag[] {
    return this.#database.history.tags(this.#usable(run));
  }

  async load(name: string): Promise<void> {
    this.#loaded().add(this.#registry().must(name));
  }

  setTextSearch(run: string, primitives: readonly SearchedPrimitive[]): void {
    this.#registry().setTextSearch(run, primitives);
  }

  setRetention(run: string, policy: Retention): void {
    this.#registry().setRetention(run, policy);
  }

  stats(run: string): RunStats {
    return this.#database.runStats(this.#usable(run));
  }

  setStatus(run: string, status: RunStatus, reason?: string): RunInfo {
    checkOptions("runs.setStatus", { status, reason }, { status: isStatus, reason: isString }, ["status"]);
    return this.#registry().setStatus(run, status, reason);
  }

  export(run: string, options?: ExportOptions): AsyncIterable<Uint8Array> {
    const checks = { ...LONG_WORK, history: isBoolean, format: isOneOf(["bundle", "jsonl"]) };
    checkOptions("runs.export", options, checks);
    return this.#database.bundles.export(this.#usable(run), options);
  }

  async import(bundle: Bundle, options?: ImportOptions): Promise<RunInfo> {
    checkOptions("runs.import", options, { ...LONG_WORK, as: isString });
    const registry = this.#registry();
    const info = await this.#database.bundles.import(bundle, options);
    if (this.#database.isOpen && registry.exists(info.name)) this.#loaded().add(registry.must(info.name));
    return info;
  }

  async inspectBundle(bundle: Bundle): Promise<BundleInfo> {
    this.#registry();
    return await this.#database.bundles.inspect(bundle);
  }

  #fork(source: RunPoint, names: readonly string[], meta: object | undefined): RunInfo[] {
    const { run, at } = runAndPoint("runs.fork", source);
    const forks = this.#database.fork(this.#registry().must(run), names, at, meta);
    this.#loaded().addNew(names, this.#database);
    return forks;
  }

  /** After making sure that the runs a call names are usable. */
  #algebra(what: string, ...points: readonly RunPoint[]): RunAlgebra {
    for (const point of points) this.#usable(runAndPoint(what, point).run);
    return this.#database.algebra;
  }

  /** @throws {NotFoundError} `RUN_NOT_FOUND` @throws {StateError} `RUN_NOT_LOADED` */
  #usable(name: string): Run {
    const run = this.#registry().must(name);
    this.#loaded().check(run);
    return run;
  }

  /** Asked for with each call, so that each fails once the database is closed. */
  #loaded(): LoadedRuns {
    return LoadedRuns.of(this.#database);
  }

  #registry(): RunRegistry {
    this.#loaded();
    return this.#database.runs;
  }
}

/** @throws {InvalidArgumentError} `INVALID_ARGUMENT` */
export function runAndPoint(what: string, point: RunPoint): { readonly run: string; readonly at: AsOf | undefined } {
  if (typeof point === "string") return { run: point, at: undefined };
  if (typeof point === "object" && point !== null && typeof point.run === "string" && point.at !== undefined)
    return point;
  throw new InvalidArgumentError("INVALID_ARGUMENT", `${what} takes the name of a run, or { run, at }`, { point });
}
