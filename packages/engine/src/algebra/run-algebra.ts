import { type AsOf, InvalidArgumentError, NotFoundError, type Options, type Version } from "@strata/core";
import { lastTimeAt } from "../as-of.js";
import type { CommitInfo } from "../open-transaction.js";
import type { Run, RunPoint } from "../run.js";
import type { RunRegistry } from "../run-registry.js";
import type { Transactions } from "../transactions.js";
import { type DiffOptions, diffPoints, type NamedPoint, type RunDiff } from "./diff.js";
import { commitPlan, type MergeOptions, type MergePlan, type MergeResult, plan } from "./merge.js";
import { Containment, mergeBase } from "./merge-base.js";
import type { Point } from "./point.js";
import { type RunFilter, Selection } from "./run-filter.js";
import type { ThreeWay } from "./three-way.js";

/** Comparing runs and carrying changes from one to another, by name. */
export class RunAlgebra {
  readonly #registry: RunRegistry;
  readonly #transactions: Transactions;
  readonly #versionOf: (run: Run, at: AsOf | undefined) => Version;

  /** @param parts.versionOf the version that a point of a run means; throws what `Database.at` throws. */
  constructor(parts: {
    readonly registry: RunRegistry;
    readonly transactions: Transactions;
    readonly versionOf: (run: Run, at: AsOf | undefined) => Version;
  }) {
    this.#registry = parts.registry;
    this.#transactions = parts.transactions;
    this.#versionOf = parts.versionOf;
  }

  /**
   * What would have to happen to `a` to make it `b`. Costs what was written since the two parted; between runs that share no ancestor it
   * compares everything. Expiry is judged on both sides by the later of the two points' times.
   *
   * @throws NotFoundError `RUN_NOT_FOUND`
   * @throws StateError `HISTORY_TRIMMED`
   */
  diff(a: RunPoint, b: RunPoint, options: DiffOptions = {}): RunDiff {
    const before = this.#resolve(a);
    const after = this.#resolve(b);
    return diffPoints(before, after, Math.max(before.time, after.time), options);
  }

  /**
   * Brings what `source` did since the two parted, or were merged last, into `target`: in one commit, or not at all. Afterwards the target
   * contains the source as of now, so that the same again changes nothing.
   *
   * Keys compare by value, documents merge by member, cells written on both sides conflict, deletions travel. Events of the source that
   * the target does not hold are appended in order, with their origin.
   *
   * @throws ConflictError `MERGE_CONFLICT`, facts.conflicts, under the strategy "fail"
   * @throws InvalidArgumentError `CONSTRAINT_VIOLATION` for runs without a common ancestor
   * @throws StateError `RUN_CLOSED`, LimitError `LIMIT_TRANSACTION`
   */
  merge(source: string, target: string, options: MergeOptions = {}): MergeResult {
    return this.#merge(this.#registry.must(source), this.#registry.must(target), checkedOptions(options));
  }

  /**
   * Brings a fork up to date with the run it was forked from: what that did since is merged into it, so that the run reads as its own
   * changes made on the parent's head. Commits are never rewritten: the run keeps its history, its events come before those it catches up
   * on, and in a conflict `ours` is the run.
   *
   * @throws what `merge` throws, and InvalidArgumentError `CONSTRAINT_VIOLATION` for a run that was not forked
   */
  rebase(run: string, options: MergeOptions = {}): MergeResult {
    const target = this.#registry.must(run);
    const { origin } = target;
    if (origin === undefined) {
      throw new InvalidArgumentError(
        "CONSTRAINT_VIOLATION",
        `run "${run}" was not forked: it has no parent to follow`,
        { run },
      );
    }
    const parent = this.#registry.must(origin.run);
    if (parent.id !== origin.id) {
      throw new NotFoundError("RUN_NOT_FOUND", `run "${origin.run}", which "${run}" was forked from, was deleted`, {
        run: origin.run,
        id: origin.id,
      });
    }
    return this.#merge(parent, target, checkedOptions(options));
  }

  /**
   * Brings single changes over: what `source` did since the two parted or were merged last, as far as `filter` has it. The base of later
   * merges stays where it was; what was picked is then the same on both sides.
   *
   * @throws what `merge` throws
   */
  cherryPick(source: RunPoint, target: string, filter: RunFilter, options: MergeOptions = {}): MergeResult {
    const { strategy, preview, message } = checkedOptions(options);
    const from = this.#resolve(source);
    const run = this.#registry.must(target);
    const selection = new Selection(filter);
    const { base, ours, theirs } = this.#baseOf(from, headOf(run));
    const make = (): MergePlan => {
      const states = this.#states(run, base, from, {
        oursSince: ours.containedSince(base),
        theirsSince: Number.POSITIVE_INFINITY,
      });
      return plan(states, { run: from.run, from: theirs, to: ours }, selection, strategy, []);
    };
    return this.#carryOut(
      run,
      [base, from],
      preview,
      message ?? `picked from run "${from.run}" at version ${from.version}`,
      base,
      make,
    );
  }

  /**
   * Undoes what the commits above `from`, up to `to` (the newest), did to keys, in a commit of its own. Events stay: a log does not forget.
   *
   * @throws ConflictError `MERGE_CONFLICT`, facts.conflicts, where later commits changed the same again
   */
  revert(run: string, range: { readonly from: Version } & Options<{ to: Version }>): CommitInfo {
    const target = this.#registry.must(run);
    const { from, to } = this.#checkedRange(target, range);
    const base = { shard: target.shard, version: to };
    const theirs = { shard: target.shard, version: from };
    const states = () => this.#states(target, base, theirs, { oursSince: to, theirsSince: Number.POSITIVE_INFINITY });
    const make = () => plan(states(), undefined, new Selection({}), "fail", undefined);
    return commitPlan(this.#transactions, target, `reverted versions above ${from} up to ${to}`, [base, theirs], make)
      .info as CommitInfo;
  }

  #merge(source: Run, target: Run, { strategy, preview, message }: MergeOptions): MergeResult {
    const from = headOf(source);
    const { base, ours, theirs } = this.#baseOf(from, headOf(target));
    if (preview !== true) target.assertWritable();
    if (ours.includes(theirs)) return result(undefined, base, undefined);
    const make = (): MergePlan => {
      const since = { oursSince: ours.containedSince(base), theirsSince: theirs.containedSince(base) };
      const states = this.#states(target, base, from, since);
      return plan(
        states,
        { run: source.name, from: theirs, to: ours },
        Selection.everything(),
        strategy,
        ours.gainedFrom(theirs),
      );
    };
    return this.#carryOut(
      target,
      [base, from],
      preview,
      message ?? `merged run "${source.name}" at version ${from.version}`,
      base,
      make,
    );
  }

  #carryOut(
    target: Run,
    reading: readonly Point[],
    preview: boolean | undefined,
    message: string,
    base: Point,
    make: () => MergePlan,
  ): MergeResult {
    if (preview === true) return result(undefined, base, make());
    const { info, plan } = commitPlan(this.#transactions, target, message, reading, make);
    const isWritten = plan.keys.length + plan.events.length > 0 || (plan.contained?.length ?? 0) > 0;
    return result(isWritten ? info?.version : undefined, base, plan);
  }

  #baseOf(
    source: Point,
    target: Point,
  ): { readonly base: Point; readonly ours: Containment; readonly theirs: Containment } {
    const [ours, theirs] = [new Containment(target), new Containment(source)];
    return { base: mergeBase(ours, theirs, (number) => this.#registry.live.shardOf(number)), ours, theirs };
  }

  #states(
    target: Run,
    base: Point,
    theirs: Point,
    since: { readonly oursSince: Version; readonly theirsSince: Version },
  ): ThreeWay {
    const { limits, clock } = this.#transactions;
    return { run: target.name, base, ours: headOf(target), theirs, ...since, now: clock.now(), limits };
  }

  #checkedRange(
    run: Run,
    range: { readonly from: Version } & Options<{ to: Version }>,
  ): { readonly from: Version; readonly to: Version } {
    if (typeof range !== "object" || range === null) {
      throw new InvalidArgumentError("INVALID_ARGUMENT", "a range is { from, to }: two versions", { range });
    }
    // 0 is before everything: before the run's first commit.
    const from = this.#versionOf(run, { version: range.from === 0 ? run.firstVersion : range.from });
    const to = range.to === undefined ? run.version : this.#versionOf(run, { version: range.to });
    if (from > to)
      throw new InvalidArgumentError("INVALID_ARGUMENT", `version ${from} is above ${to}: a range goes upwards`, {
        from,
        to,
      });
    return { from, to };
  }

  #resolve(point: RunPoint): ResolvedPoint {
    const { run: name, at } = checkedPoint(point);
    const run = this.#registry.must(name);
    const version = this.#versionOf(run, at);
    const time = at === undefined ? this.#transactions.clock.now() : lastTimeAt(run, run.shard, version);
    return { run: name, shard: run.shard, version, time };
  }
}

interface ResolvedPoint extends NamedPoint {
  /** µs since the epoch: of the clock for a run as it is now, otherwise of the last commit seen. */
  readonly time: number;
}

/** @throws InvalidArgumentError `INVALID_ARGUMENT` */
function checkedPoint(point: RunPoint): { readonly run: string; readonly at: AsOf | undefined } {
  if (typeof point === "string") return { run: point, at: undefined };
  if (typeof point === "object" && point !== null && typeof point.run === "string" && point.at !== undefined)
    return point;
  throw new InvalidArgumentError("INVALID_ARGUMENT", "a point is the name of a run, or { run, at }", { point });
}

/** A run as it is now. */
function headOf({ shard }: Run): Point {
  return { shard, version: shard.lastVersion };
}

function result(version: Version | undefined, base: Point, plan: MergePlan | undefined): MergeResult {
  const applied = plan === undefined ? 0 : plan.keys.length + plan.events.length;
  return Object.freeze({
    version,
    base: base.version,
    applied,
    conflicts: Object.freeze([...(plan?.conflicts.found ?? [])]),
  });
}

const OPTION_NAMES: readonly string[] = ["strategy", "preview", "message"];

/** @throws InvalidArgumentError `INVALID_ARGUMENT` */
function checkedOptions(options: MergeOptions): MergeOptions {
  if (typeof options !== "object" || options === null) {
    throw new InvalidArgumentError("INVALID_ARGUMENT", "options must be an object", { options });
  }
  for (const name of Object.keys(options)) {
    if (!OPTION_NAMES.includes(name)) {
      throw new InvalidArgumentError(
        "INVALID_ARGUMENT",
        `there is no option ${name}; there are ${OPTION_NAMES.join(", ")}`,
        { name },
      );
    }
  }
  if (options.preview !== undefined && typeof options.preview !== "boolean") {
    throw new InvalidArgumentError("INVALID_ARGUMENT", "preview must be a boolean", { preview: options.preview });
  }
  return options;
}
