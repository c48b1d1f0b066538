import { assert, CorruptionError, type Value, type Version } from "@strata/core";
import { Box, type EventTable, type RunShard, type Stored, type Table, type VersionChain } from "@strata/storage";
import { encodeEventRecord, hashOfRecord } from "./event-record.js";
import { applyOperation as applyJsonOperation, type JsonOperation } from "./json/index.js";
import type { AppendOperation, CommitRecord, Operation } from "./operation.js";
import { holdsBytesAfter } from "./primitives/document.js";
import type { KeyedPrimitive } from "./scope.js";

/**
 * Folds one commit into its run: the one way in which the store changes, whether the commit is new or read back from the log. The caller
 * has checked everything that could fail; what throws here is a defect or a corrupt log.
 *
 * @param bytes what the commit takes in the log; 0 where there is none.
 */
export function applyCommit(shard: RunShard, commit: CommitRecord, bytes: number): void {
  const { version, timestamp, operations } = commit;
  shard.timeline.append(version, timestamp, commit.message, bytes);
  for (let i = 0; i < operations.length; i++) {
    const target = applyOperation(shard, operations[i] as Operation, version, timestamp);
    if (target !== undefined) shard.timeline.write(target);
  }
  if (commit.contained !== undefined) shard.merges.push({ version, contained: commit.contained });
  shard.lastVersion = version;
  shard.lastTimestamp = timestamp;
}

function applyOperation(
  shard: RunShard,
  operation: Operation,
  version: Version,
  timestamp: number,
): VersionChain | EventTable | undefined {
  switch (operation.kind) {
    case "put":
      return tableFor(shard, operation.space, operation.primitive, version).put(
        operation.key,
        operation.stored,
        version,
      );
    case "patch": {
      const table = tableFor(shard, operation.space, "json", version);
      return table.put(
        operation.key,
        patchedDocument(table.head(operation.key), operation.operations, timestamp),
        version,
      );
    }
    case "append":
      return appendEvent(eventsFor(shard, operation.space, version), operation, version, timestamp);
    case "registerSpace":
      shard.registerSpace(operation.space, version);
      return undefined;
    case "dropSpace":
      shard.dropSpace(operation.space, version);
      return undefined;
  }
}

/** The table that writes to `space` go to; the space comes into being with its first write. */
export function tableFor(shard: RunShard, space: string, primitive: KeyedPrimitive, version: Version): Table {
  const known = shard.table(space, primitive);
  if (known !== undefined) return known;
  shard.registerSpace(space, version);
  return shard.table(space, primitive) as Table;
}

export function eventsFor(shard: RunShard, space: string, version: Version): EventTable {
  const known = shard.events(space);
  if (known !== undefined) return known;
  shard.registerSpace(space, version);
  return shard.events(space) as EventTable;
}

/** The document that path writes leave behind, on top of what the key holds now. */
export function patchedDocument(
  previous: Stored | undefined,
  operations: readonly JsonOperation[],
  timestamp: number,
): Box {
  const before = previous instanceof Box ? previous : undefined;
  let root: Value | undefined = before?.value;
  for (const operation of operations) root = applyJsonOperation(root, operation);
  return documentBox(root, before, timestamp, holdsBytesAfter(before, operations));
}

/** A document's next version: its counter goes on, and it keeps its birthday while it lives. */
export function documentBox(
  root: Value | undefined,
  before: Box | undefined,
  timestamp: number,
  holdsBytes: boolean,
): Box {
  const createdAt = before?.value === undefined ? timestamp : before.createdAt;
  return new Box(root, Number.POSITIVE_INFINITY, (before?.counter ?? 0) + 1, createdAt, holdsBytes);
}

function appendEvent(table: EventTable, operation: AppendOperation, version: Version, timestamp: number): EventTable {
  const sequence = table.length();
  if (sequence !== operation.sequence) {
    throw new CorruptionError(
      "CORRUPT_RECORD",
      `event ${operation.sequence} follows ${sequence} events of "${operation.space}"`,
      {
        space: operation.space,
        sequence: operation.sequence,
        length: sequence,
        version,
      },
    );
  }
  const prevHash = sequence === 0 ? operation.prevHash : hashOfRecord(table.record(sequence - 1));
  assert(prevHash !== undefined, "the first event of a log carries the hash its chain begins with");
  table.append(
    version,
    operation.type,
    encodeEventRecord(timestamp, operation.hash, prevHash, operation.payload, operation.origin),
  );
  return table;
}
