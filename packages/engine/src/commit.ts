import {
  type ConflictKey,
  type PendingEvent,
  type TransactionContext,
  type Validation,
  type VersionAllocator,
  validate,
  type WritePartition,
} from "@strata/concurrency";
import {
  ByteWriter,
  type Clock,
  ConflictError,
  InvalidArgumentError,
  IoError,
  LimitError,
  type Limits,
  type Logger,
  type Lsn,
  type Runtime,
  StateError,
  type Version,
} from "@strata/core";
import type { Durability } from "@strata/durability";
import { Box, type ContainedRun, type EventTable, type Stored, type Table } from "@strata/storage";
import { entityName, entityRef } from "./algebra/entity-ref.js";
import { applyCommit, documentBox, patchedDocument } from "./apply.js";
import type { DerivedViews } from "./derived-index.js";
import { hashOfRecord } from "./event-record.js";
import type { JsonOperation } from "./json/index.js";
import type { LiveRuns } from "./live-runs.js";
import {
  type AppendOperation,
  type CommitRecord,
  encodeCommit,
  type Operation,
  type PutOperation,
} from "./operation.js";
import type { PerfTrace } from "./perf-trace.js";
import { genesisHash, hashEvent } from "./primitives/event-chain.js";
import { vectorNameOf } from "./primitives/vector-row.js";
import type { Run } from "./run.js";
import type { RunRetention } from "./run-retention.js";
import type { KeyedPrimitive } from "./scope.js";

export type Context = TransactionContext<KeyedPrimitive, JsonOperation>;

/** A commit that is in the log and visible; `lsn` is what its acknowledgement waits for. */
export interface Committed {
  readonly record: CommitRecord;
  readonly lsn: Lsn;
}

/** Random bytes of a chain id, drawn when a log gets its first event. */
const CHAIN_ID_BYTES = 16;
const WRITER_BYTES_KEPT = 1024 * 1024;

/**
 * The commit pass. In one JavaScript thread, run to completion *is* the commit lock: nothing here awaits, and no user code runs between
 * validation and the last change of the store. Invariants:
 *
 * 1. Whatever can fail (validation, limits, JSON operations, hashing, encoding) comes before the append. After the append nothing fails
 *    but by a defect, which poisons the database: memory and log would differ.
 * 2. Versions and timestamps rise in the order of the log.
 * 3. A commit is visible when the pass ends. It is acknowledged later, by `Durability.settle`.
 */
export class CommitPass {
  readonly #durability: Durability;
  readonly #allocator: VersionAllocator;
  readonly #runs: LiveRuns;
  readonly #retention: RunRetention;
  readonly #views: DerivedViews;
  readonly #runtime: Runtime;
  readonly #clock: Clock;
  readonly #limits: Limits;
  readonly #logger: Logger;
  readonly #perf: PerfTrace | undefined;
  #writer = new ByteWriter();
  #lastTimestamp: number;
  #lastLsn = 0 as Lsn;
  #running = false;
  #defect: unknown;

  constructor(parts: {
    readonly durability: Durability;
    readonly allocator: VersionAllocator;
    readonly runs: LiveRuns;
    readonly retention: RunRetention;
    readonly views: DerivedViews;
    readonly runtime: Runtime;
    readonly limits: Limits;
    readonly logger: Logger;
    readonly perf: PerfTrace | undefined;
    /** Timestamp of the last recovered commit, µs since the epoch. */
    readonly lastTimestamp: number;
  }) {
    this.#durability = parts.durability;
    this.#allocator = parts.allocator;
    this.#runs = parts.runs;
    this.#retention = parts.retention;
    this.#views = parts.views;
    this.#runtime = parts.runtime;
    this.#clock = parts.runtime.clock;
    this.#limits = parts.limits;
    this.#logger = parts.logger;
    this.#perf = parts.perf;
    this.#lastTimestamp = parts.lastTimestamp;
  }

  /** End of the newest commit in the log. */
  get lastLsn(): Lsn {
    return this.#lastLsn;
  }

  /** Newest version given out so far. */
  get lastVersion(): Version {
    return this.#allocator.upcoming - 1;
  }

  get lastTimestamp(): number {
    return this.#lastTimestamp;
  }

  /** What is committed from here on comes after that version and that timestamp, which were given elsewhere. */
  skipThrough(version: Version, timestamp: number): void {
    this.#allocator.skipThrough(version);
    this.#lastTimestamp = Math.max(this.#lastTimestamp, timestamp);
  }

  /** What broke the pass for good, if anything did. */
  get defect(): unknown {
    return this.#defect;
  }

  /**
   * Validates, logs and applies one transaction that writes something.
   *
   * When it returns, the commit is visible to every reader and written to the log; after `kill -9` it is there, after a power failure as
   * its durability mode promises. When it throws, nothing of the transaction is visible:
   *
   * - `TRANSACTION_CONFLICT`, a limit, `RUN_NOT_FOUND`, `RUN_CLOSED`: nothing was logged either.
   * - `IO_ERROR`, `DISK_FULL`: the log took it back; it will never be recovered.
   * - `STATE_POISONED`, `COMMIT_OUTCOME_UNKNOWN`: the end of the log is in doubt, and only reopening can tell.
   */
  run(run: Run, context: Context): Committed {
    this.#enter(run);
    try {
      const perf = this.#perf;
      const begun = perf === undefined ? 0 : this.#clock.now();
      const verdict = validate(context);
      if (!verdict.valid) throw conflict(run, verdict);
      if (perf !== undefined) {
        perf.readSetValidateNs += (this.#clock.now() - begun) * 1000;
        perf.keysRead += context.reads.size;
      }
      const timestamp = this.#nextTimestamp();
      const { requirements } = context.reads;
      if (requirements.length > 0) {
        // By the clock, as leases are given: commits may be stamped ahead of it.
        const now = this.#clock.now();
        for (const requirement of requirements) requirement.check(now);
      }
      return this.#publish(
        run,
        this.#finalise(run, context, timestamp),
        timestamp,
        context.message,
        context.writes.contained,
      );
    } finally {
      this.#running = false;
    }
  }

  /**
   * Hot path: a transaction of one blind write of a whole value. It observed nothing, so there is nothing to validate; otherwise as `run`.
   */
  runBlind(run: Run, operation: PutOperation): Committed {
    this.#enter(run);
    try {
      return this.#publish(run, [operation], this.#nextTimestamp(), undefined);
    } finally {
      this.#running = false;
    }
  }

  /** Hot path: a transaction of one event; otherwise as `runBlind`. */
  runAppend(run: Run, event: PendingEvent): Committed {
    this.#enter(run);
    try {
      const timestamp = this.#nextTimestamp();
      const operations: Operation[] = [];
      this.#finaliseEvents(run, [event], timestamp, operations);
      return this.#publish(run, operations, timestamp, undefined);
    } finally {
      this.#running = false;
    }
  }

  #enter(run: Run): void {
    if (this.#running) {
      throw new StateError("REENTRANT_COMMIT", "a commit was started from inside another commit", { run: run.name });
    }
    if (this.#defect !== undefined) throw this.#poisoned();
    run.assertWritable();
    // What cannot be read fails here, and not behind the append.
    run.shard.load();
    this.#running = true;
  }

  #nextTimestamp(): number {
    const now = this.#clock.now();
    if (!Number.isFinite(now))
      throw new InvalidArgumentError("INVALID_ARGUMENT", `the injected clock shows ${now}`, { now });
    return Math.max(this.#lastTimestamp + 1, Math.floor(now));
  }

  /** Logs, then applies, then tells the views. The one place where a commit comes into being. */
  #publish(
    run: Run,
    operations: readonly Operation[],
    timestamp: number,
    message: string | undefined,
    contained?: readonly ContainedRun[],
  ): Committed {
    const perf = this.#perf;
    const version = this.#allocator.next();
    const commit = { run: run.number, version, timestamp, message, operations };
    const record: CommitRecord = contained === undefined ? commit : { ...commit, contained };
    const begun = perf === undefined ? 0 : this.#clock.now();
    let bytes = 0;
    if (this.#durability.requiresWal()) {
      this.#lastLsn = this.#log(record);
      bytes = this.#writer.length;
    }
    const logged = perf === undefined ? 0 : this.#clock.now();
    this.#lastTimestamp = timestamp;
    try {
      applyCommit(run.shard, record, bytes);
      this.#runs.fold(record);
      this.#retention.follow(run, record);
    } catch (cause) {
      this.#defect = cause;
      this.#logger.log(
        "error",
        "strata.commit",
        "a logged commit could not be applied; writes are refused until the database is reopened",
        { version, cause },
      );
      throw new IoError(
        "COMMIT_OUTCOME_UNKNOWN",
        `commit ${version} of run "${run.name}" could not be applied`,
        { epoch: this.#durability.epoch, version, run: run.name },
        { cause },
      );
    }
    this.#views.notify(run, record);
    if (perf !== undefined) {
      const applied = this.#clock.now();
      perf.walAppendNs += (logged - begun) * 1000;
      perf.writeSetApplyNs += (applied - logged) * 1000;
      perf.commitTotalNs += (applied - begun) * 1000;
      perf.keysWritten += operations.length;
    }
    return { record, lsn: this.#lastLsn };
  }

  #log(record: CommitRecord): Lsn {
    // What one huge commit needed is given back with the next one.
    if (this.#writer.length > WRITER_BYTES_KEPT) this.#writer = new ByteWriter();
    const writer = this.#writer;
    writer.reset();
    encodeCommit(writer, record);
    if (writer.length > this.#limits.transactionBytes) {
      throw new LimitError("LIMIT_TRANSACTION", `the transaction takes ${writer.length} bytes of log`, {
        bytes: writer.length,
        limit: this.#limits.transactionBytes,
      });
    }
    return this.#durability.append(record.version, writer.view());
  }

  /** Turns what the transaction gathered into what the log keeps, on top of the head as it is now. */
  #finalise(run: Run, context: Context, timestamp: number): Operation[] {
    const { writes } = context;
    const operations: Operation[] = [];
    for (const space of writes.dropped) operations.push({ kind: "dropSpace", space });
    for (const space of writes.registered) {
      if (!run.shard.hasSpace(space)) operations.push({ kind: "registerSpace", space });
    }
    for (let i = 0; i < writes.partitionCount; i++) {
      const partition = writes.partitionAt(i);
      if (partition.primitive === "json") this.#finaliseDocuments(run, partition, timestamp, operations);
      else {
        const { space, primitive, keys, stored } = partition;
        for (let k = 0; k < keys.length; k++) {
          operations.push({ kind: "put", space, primitive, key: keys[k] as string, stored: stored[k] });
        }
      }
    }
    if (writes.events.length > 0) this.#finaliseEvents(run, writes.events, timestamp, operations);
    return operations;
  }

  /**
   * Path writes are tried on the document as it is now: another transaction may have changed other paths of it. One that no longer
   * applies is a conflict. Whole documents continue the counter that is in force.
   */
  #finaliseDocuments(
    run: Run,
    partition: WritePartition<KeyedPrimitive, JsonOperation>,
    timestamp: number,
    operations: Operation[],
  ): void {
    const { space, keys, stored, patches } = partition;
    const table = run.shard.table(space, "json");
    for (let k = 0; k < keys.length; k++) {
      const key = keys[k] as string;
      const patch = patches[k];
      const head = table?.head(key);
      if (patch === undefined) {
        const box = stored[k] instanceof Box ? (stored[k] as Box) : undefined;
        operations.push({ kind: "put", space, primitive: "json", key, stored: documentToPut(box, head, timestamp) });
        continue;
      }
      try {
        patchedDocument(head, patch, timestamp);
      } catch (cause) {
        throw lostPatch(run, space, key, table, cause);
      }
      operations.push({ kind: "patch", space, key, operations: patch });
    }
  }

  /** Sequences and hashes are given here, so that appenders never conflict with each other. */
  #finaliseEvents(run: Run, events: readonly PendingEvent[], timestamp: number, operations: Operation[]): void {
    const ends = new Map<string, { length: number; hash: string }>();
    for (const { space, type, payload, origin } of events) {
      let end = ends.get(space);
      if (end === undefined) {
        end = this.#endOfLog(run.shard.events(space));
        ends.set(space, end);
      }
      const sequence = end.length;
      const prevHash = end.hash;
      const hash = hashEvent(this.#runtime, { sequence, type, timestamp, payload, prevHash, origin });
      const event: AppendOperation = {
        kind: "append",
        space,
        type,
        sequence,
        payload,
        hash,
        prevHash: sequence === 0 ? prevHash : undefined,
        origin,
      };
      operations.push(event);
      end.length = sequence + 1;
      end.hash = hash;
    }
  }

  #endOfLog(table: EventTable | undefined): { length: number; hash: string } {
    const length = table?.length() ?? 0;
    if (table === undefined || length === 0)
      return { length: 0, hash: genesisHash(this.#runtime, this.#runtime.random.bytes(CHAIN_ID_BYTES)) };
    return { length, hash: hashOfRecord(table.record(length - 1)) };
  }

  #poisoned(): StateError {
    return new StateError(
      "STATE_POISONED",
      "an earlier commit could not be applied",
      { epoch: this.#durability.epoch },
      { cause: this.#defect },
    );
  }
}

function documentToPut(box: Box | undefined, head: Stored | undefined, timestamp: number): PutOperation["stored"] {
  return documentBox(box?.value, head instanceof Box ? head : undefined, timestamp, box?.holdsBytes ?? false);
}

function conflict(run: Run, verdict: Validation): ConflictError {
  const [first] = verdict.conflicts;
  const named =
    first === undefined
      ? ""
      : `: ${nameOfKey(first)} in space "${first.space}" moved from version ${first.expected} to ${first.actual}`;
  const more = verdict.conflictCount > 1 ? `, and ${verdict.conflictCount - 1} more` : "";
  return new ConflictError(
    "TRANSACTION_CONFLICT",
    `what the transaction on run "${run.name}" read was changed by another commit${named}${more}`,
    {
      run: run.name,
      keys: verdict.conflicts.map(shownKey),
      count: verdict.conflictCount,
    },
  );
}

function nameOfKey({ primitive, key }: ConflictKey): string {
  if (primitive !== "vector") return `${primitive} "${key}"`;
  return entityName(entityRef("", { space: "", primitive, key }));
}

/** A vector by its collection and key, as everywhere else. */
function shownKey(conflict: ConflictKey): ConflictKey {
  return conflict.primitive === "vector" ? { ...conflict, ...vectorNameOf(conflict.key) } : conflict;
}

function lostPatch(run: Run, space: string, key: string, table: Table | undefined, cause: unknown): ConflictError {
  const actual = table?.headVersion(key) ?? 0;
  const keys = [{ space, primitive: "json", key, expected: 0, actual }];
  return new ConflictError(
    "TRANSACTION_CONFLICT",
    `a path write on document "${key}" no longer applies`,
    { run: run.name, keys, count: 1 },
    { cause },
  );
}
