import { assert, ByteReader, type Limits, type RunId, StateError, silentLogger, type Version } from "@strata/core";
import type { Durability } from "@strata/durability";
import { type EventTable, ReadView, type RunShard, ShardedStore, VersionChain } from "@strata/storage";
import { applyCommit } from "./apply.js";
import { Catalogue } from "./checkpoint/catalogue.js";
import { FiledCatalogue } from "./checkpoint/filed-catalogue.js";
import { SnapshotLibrary } from "./checkpoint/snapshot-library.js";
import { DerivedViews } from "./derived-index.js";
import { decodeEventRecord } from "./event-record.js";
import type { Gate } from "./gate.js";
import { LiveRuns } from "./live-runs.js";
import { type CommitRecord, decodeCommit, type Operation } from "./operation.js";
import { PastScope } from "./past-scope.js";
import { Run } from "./run.js";

import type { KeyedPrimitive } from "./scope.js";
import { spaceChanges } from "./space-changes.js";

/**
 * One version of a run, folded anew from its commits into a store of its own. It shares nothing with the live store that could change, so it
 * stays what it is whatever becomes of the run. Of a replay hold (P1–P6 of the seeds):
 *
 * 1. It is a pure function of the log and the point.
 * 2. It has no side effects.
 * 3. It is derived: nothing reads through it, and it takes no writes.
 * 4. It is not persisted.
 * 5. It is deterministic: expiry is judged by the time of the point, not by a clock.
 * 6. It is idempotent.
 */
export class ReplayedScope extends PastScope {
  /** Operations that were folded: the writes of every commit up to here, those that a fork inherited included. */
  readonly operationCount: number;
  readonly #release: () => void;

  /** @param release called when it is disposed of: the files that it reads may go then. */
  constructor(
    gate: Gate,
    replayed: Run,
    at: { space: string; version: Version; timestamp: number },
    limits: Limits,
    release: () => void,
  ) {
    super(gate, replayed, at.space, new ReadView(replayed.shard, at.version), at.timestamp, limits);
    this.operationCount = countOperations(replayed.shard, at.version);
    this.#release = release;
  }

  override dispose(): void {
    super.dispose();
    this.#release();
  }
}

/** Commits of one run that a point sees. */
interface Stretch {
  readonly shard: RunShard;
  readonly through: Version;
}

/** The run and those it was forked from, the oldest first, each with how far `version` of the run sees into it. */
function lineage(shard: RunShard, version: Version): Stretch[] {
  const stretches: Stretch[] = [];
  let through = version;
  for (let each: RunShard | undefined = shard; each !== undefined; each = each.parent) {
    stretches.unshift({ shard: each, through });
    through = Math.min(through, each.forkVersion);
  }
  return stretches;
}

function countOperations(shard: RunShard, version: Version): number {
  let count = 0;
  for (const { shard: each, through } of lineage(shard, version)) {
    for (const commit of each.timeline.commits()) if (commit.version <= through) count += commit.operations;
  }
  return count;
}

/** What a replay keeps of the files that it reads, unpacked. */
const CACHE_BYTES = 16 * 1024 * 1024;

/**
 * The run as log and files tell it: what the last checkpoint wrote, and on top of it what the run and those it was forked from have written
 * since, folded as recovery does.
 *
 * @param run says whose commits to look for; nothing else is taken from the live store.
 * @param newest the last commit of the registry of runs that is in force.
 */
export function replayLog(durability: Durability, run: Run, version: Version, newest: Version): Run {
  const runs = new LiveRuns(new ShardedStore(), new DerivedViews(silentLogger));
  const through = new Map<RunId, Version>(lineage(run.shard, version).map((each) => [each.shard.id, each.through]));
  through.set(runs.system.number, newest);
  const visit = (payload: Uint8Array) => {
    const head = new ByteReader(payload);
    const number = head.varint() as RunId;
    if (head.varint() > (through.get(number) ?? 0)) return;
    const commit = decodeCommit(new ByteReader(payload));
    const shard = runs.shardOf(number);
    assert(shard !== undefined, "a run is in the registry while it has commits");
    applyCommit(shard, commit, payload.length);
    runs.fold(commit);
  };
  const { snapshots } = durability;
  if (snapshots === undefined) durability.read(visit);
  else {
    const library = new SnapshotLibrary(snapshots, CACHE_BYTES);
    const attach = (catalogue: Catalogue) => runs.attach(new FiledCatalogue(library, catalogue, new Map()));
    attach(Catalogue.empty(library));
    durability.read(visit, ({ root }) => attach(Catalogue.open(library, root)));
  }
  const replayed = runs.byNumber(run.number);
  assert(replayed !== undefined, "a run that is alive is in the log");
  return replayed;
}

/**
 * The same where no log is kept: folds the commits that the timelines of the run and of those it was forked from remember, with what each
 * of them wrote.
 */
export function replayTimeline(run: Run, version: Version): Run {
  const store = new ShardedStore();
  let parent: RunShard | undefined;
  for (const { shard, through } of lineage(run.shard, version)) {
    assertUntrimmed(run, shard, through);
    const fresh: RunShard = store.create(shard.id, parent, shard.forkVersion);
    for (const { commit, bytes } of commitsOf(shard, through)) applyCommit(fresh, commit, bytes);
    parent = fresh;
  }
  return new Run(run.name, run.row, parent as RunShard);
}

/** What retention forgot cannot be folded. */
function assertUntrimmed(run: Run, { timeline, forkVersion }: RunShard, through: Version): void {
  if (through <= forkVersion || timeline.floor <= forkVersion) return;
  throw new StateError(
    "HISTORY_TRIMMED",
    `run "${run.name}" cannot be replayed: without a log, every commit is needed, and those up to version ${timeline.floor} are no longer kept`,
    { run: run.name, requested: { version: through }, earliest: timeline.floor },
  );
}

/** Every commit of this very run up to `through`, put together again from what it left. */
function* commitsOf(shard: RunShard, through: Version): Generator<{ commit: CommitRecord; bytes: number }> {
  const spaces = spaceChanges(shard);
  const contained = new Map(shard.merges.map((merge) => [merge.version, merge.contained]));
  for (const { version, timestamp, message, bytes } of shard.timeline.commits()) {
    if (version > through) return;
    const operations: Operation[] = [...(spaces.get(version) ?? [])];
    const ends = new Map<EventTable, number>();
    for (const target of shard.timeline.writesOf(version)) {
      if (target instanceof VersionChain) {
        const { key, table } = target;
        const primitive = table.primitive as KeyedPrimitive;
        operations.push({ kind: "put", space: table.space.name, primitive, key, stored: target.storedAt(version) });
      } else {
        const sequence = ends.get(target) ?? target.length(version - 1);
        ends.set(target, sequence + 1);
        operations.push(appendOf(target, sequence));
      }
    }
    const commit = { run: shard.id, version, timestamp, message, contained: contained.get(version), operations };
    yield { commit, bytes };
  }
}

function appendOf(events: EventTable, sequence: number): Operation {
  const { type, payload, hash, prevHash, origin } = decodeEventRecord(
    events.record(sequence),
    sequence,
    events.typeOf(sequence),
    events.versionOf(sequence),
  );
  const space = events.space.name;
  return {
    kind: "append",
    space,
    type,
    sequence,
    payload,
    hash,
    prevHash: sequence === 0 ? prevHash : undefined,
    origin,
  };
}
