import { VersionAllocator } from "@strata/concurrency";
import {
  type AsOf,
  defaultRuntime,
  type Limits,
  type Logger,
  type RunId,
  type Runtime,
  resolveLimits,
  silentLogger,
  systemTimer,
  type Timer,
  type Version,
} from "@strata/core";
import type { Durability } from "@strata/durability";
import { ShardedStore } from "@strata/storage";
import { RunAlgebra } from "./algebra/run-algebra.js";
import { versionOf } from "./as-of.js";
import { RunBundles } from "./bundle/run-bundles.js";
import { Checkpointer } from "./checkpoint/checkpointer.js";
import { Upkeep } from "./checkpoint/upkeep.js";
import { CommitPass } from "./commit.js";
import { Compaction } from "./compaction.js";
import { TransactionCoordinator } from "./coordinator.js";
import { checkpointSettings, type DatabaseOptions } from "./database-options.js";
import { DerivedViews } from "./derived-index.js";
import { Gate } from "./gate.js";
import { type Recovered, recover } from "./recovery.js";
import { RetentionPins } from "./retention-pins.js";
import { keepAll, rulesOf } from "./retention-policy.js";
import { RetentionWriting } from "./retention-writing.js";
import type { Run } from "./run.js";
import { RunAdoption } from "./run-adoption.js";
import { RunHistory } from "./run-history.js";
import { RunRegistry } from "./run-registry.js";
import { RunRetention } from "./run-retention.js";
import { TransactionPool } from "./transaction-pool.js";
import { Transactions } from "./transactions.js";

/** What a database consists of. Each part is described where it is defined. */
export interface DatabaseParts {
  readonly limits: Limits;
  readonly runtime: Runtime;
  readonly logger: Logger;
  readonly timer: Timer;
  readonly durability: Durability;
  readonly gate: Gate;
  readonly views: DerivedViews;
  readonly store: ShardedStore;
  readonly runs: RunRegistry;
  readonly retention: RunRetention;
  /** `undefined` where the log is all that is kept. */
  readonly checkpointer: Checkpointer | undefined;
  readonly checkpointsOnShutdown: boolean;
  readonly recovered: Recovered;
  readonly coordinator: TransactionCoordinator;
  readonly commitPass: CommitPass;
  readonly pool: TransactionPool;
  readonly memoryBudgetBytes: number;
  readonly transactions: Transactions;
  readonly algebra: RunAlgebra;
  readonly bundles: RunBundles;
  readonly history: RunHistory;
  readonly compaction: Compaction;
  readonly upkeep: Upkeep;
  /** The version that a point of a run means, for who is going to hold on to it. @throws StateError `HISTORY_TRIMMED` */
  readonly wholeVersionOf: (run: Run, point: AsOf | undefined) => Version;
}

/**
 * Makes the parts, each of those before it, and recovers: from the runs, their retention and the files, to the log that is folded over them,
 * to what commits. Nothing commits before it returns.
 *
 * @throws StrataError what the backend's `recover` throws
 */
export function assemble(options: DatabaseOptions): DatabaseParts {
  const base = defaultRuntime();
  const runtime = { ...base, clock: options.clock ?? base.clock, random: options.random ?? base.random };
  const { clock } = runtime;
  const limits = resolveLimits(options.limits);
  const logger = options.logger ?? silentLogger;
  const timer = options.timer ?? systemTimer;
  const { durability } = options;
  const gate = new Gate();
  gate.isReadOnly = options.readOnly === true;
  const views = new DerivedViews(logger);
  const store = new ShardedStore();
  const pool = new TransactionPool();

  let allocator = new VersionAllocator(1);
  const drawNumber = () => allocator.next() as RunId;
  const runs = new RunRegistry({ gate, store, views, runtime, limits, drawNumber });
  const { live } = runs;
  const pins = new RetentionPins({ runs: live, clock, lowestStart: (shard) => transactions.lowestStart(shard) });
  const retention = new RunRetention(rulesOf(options.retention ?? keepAll()), pins);
  const policy = new RetentionWriting(live, retention);
  const { walSizeBytes, onClose, memoryBudgetBytes } = checkpointSettings(options);
  const { snapshots: files } = durability;
  const checkpointer =
    files === undefined
      ? undefined
      : new Checkpointer({
          durability,
          files,
          store,
          runs: live,
          views,
          clock,
          timer,
          logger,
          settings: { walSizeBytes: gate.isReadOnly ? Number.POSITIVE_INFINITY : walSizeBytes, memoryBudgetBytes },
          policy,
          drawMoment: () => ({ version: allocator.next(), timestamp: commitPass.lastTimestamp }),
        });
  const recovered = recover(durability, live, (checkpoint) => checkpointer?.recovered(checkpoint) ?? 0);
  allocator = new VersionAllocator(recovered.nextVersion);
  if (checkpointer !== undefined) views.register(checkpointer);

  const newestVersion = () => commitPass.lastVersion;
  const coordinator = new TransactionCoordinator(durability.epoch, newestVersion);
  const commitPass: CommitPass = new CommitPass({
    durability,
    allocator,
    runs: live,
    retention,
    views,
    runtime,
    limits,
    logger,
    perf: options.perf,
    lastTimestamp: recovered.lastTimestamp,
  });
  const transactions: Transactions = new Transactions({
    gate,
    clock,
    limits,
    commitPass,
    coordinator,
    durability,
    pool,
    timer,
    logger,
  });
  runs.connect(transactions, durability.epoch + (checkpointer?.catalogue.epochsBefore ?? 0));

  const pointOf = (run: Run, point: AsOf | undefined) => versionOf(run, point, newestVersion());
  const wholeVersionOf = (run: Run, point: AsOf | undefined) => {
    const version = pointOf(run, point);
    retention.assertWhole(run, version);
    return version;
  };
  const host = new RunAdoption({ runs, store, commitPass, checkpointer, drawNumber });
  const newest = () => ({ version: newestVersion(), timestamp: commitPass.lastTimestamp });
  const shards = () => store.loaded();
  return {
    limits,
    runtime,
    logger,
    timer,
    durability,
    gate,
    views,
    store,
    runs,
    retention,
    checkpointer,
    checkpointsOnShutdown: onClose && !gate.isReadOnly,
    recovered,
    coordinator,
    commitPass,
    pool,
    memoryBudgetBytes,
    transactions,
    algebra: new RunAlgebra({ registry: runs, transactions, versionOf: pointOf }),
    bundles: new RunBundles({ gate, runtime, timer, limits, host }),
    history: new RunHistory({ gate, registry: runs, views, durability, newestVersion, versionOf: wholeVersionOf }),
    compaction: new Compaction({ durability, runs: live, retention, checkpointer, policy, transactions, clock, timer }),
    upkeep: new Upkeep({ gate, durability, runs: live, checkpointer, shards, runtime, clock, timer, logger, newest }),
    wholeVersionOf,
  };
}
