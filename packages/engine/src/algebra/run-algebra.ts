import { type AsOf, InvalidArgumentError, type Version } from "@strata/core";
import type { ShardedStore } from "@strata/storage";
import type { Run, RunPoint } from "../run.js";
import type { RunRegistry } from "../run-registry.js";
import type { Transactions } from "../transactions.js";
import { type DiffOptions, diffPoints, type NamedPoint, type RunDiff } from "./diff.js";

/** Comparing runs and carrying changes from one to another, by name. */
export class RunAlgebra {
  readonly #registry: RunRegistry;
  readonly #transactions: Transactions;
  readonly #versionOf: (run: Run, at: AsOf | undefined) => Version;

  /** @param parts.versionOf the version that a point of a run means; throws what `Database.at` throws. */
  constructor(parts: {
    readonly registry: RunRegistry;
    readonly store: ShardedStore;
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

  #resolve(point: RunPoint): ResolvedPoint {
    const { run: name, at } = checkedPoint(point);
    const run = this.#registry.must(name);
    const version = this.#versionOf(run, at);
    const time = at === undefined ? this.#transactions.clock.now() : run.shard.timestampAt(version) || run.createdAt;
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
