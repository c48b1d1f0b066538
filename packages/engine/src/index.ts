export { type ConflictKey, DEFAULT_RETRY, NO_RETRY, type Observation, type RetryPolicy } from "@strata/concurrency";
export type { DurabilityMode } from "@strata/durability";
export type { Found, KeyRange, Stored } from "@strata/storage";
export type { Conflict, ConflictResolver, MergeStrategy } from "./algebra/conflict.js";
export type { DiffEntry, DiffOptions, RunDiff } from "./algebra/diff.js";
export { type EntityRef, entityRef } from "./algebra/entity-ref.js";
export type { PathDifference } from "./algebra/json-difference.js";
export type { MergeOptions, MergeResult } from "./algebra/merge.js";
export { RunAlgebra } from "./algebra/run-algebra.js";
export { type DiffFormatOptions, formatDiff } from "./algebra/run-diff-format.js";
export { diffToJson } from "./algebra/run-diff-json.js";
export type { RunFilter } from "./algebra/run-filter.js";
export type { Bundle } from "./bundle/bundle-input.js";
export type { ExportOptions } from "./bundle/export-run.js";
export type { ImportOptions } from "./bundle/import-run.js";
export { type BundleInfo, RunBundles } from "./bundle/run-bundles.js";
export type { Change, CommitChanges, WatchFilter } from "./change-feed.js";
export type { CheckpointInfo } from "./checkpoint/checkpointer.js";
export type { BackupInfo } from "./checkpoint/copy-writer.js";
export { type RepairParts, repairInto } from "./checkpoint/repair.js";
export type { VerifyProblem, VerifyReport } from "./checkpoint/verification.js";
export { CommitData } from "./commit-data.js";
export type { CommitScan, CommitSummary } from "./commit-history.js";
export type { CompactionInfo } from "./compaction.js";
export { abortRate, TransactionCoordinator, type TransactionMetrics, totalCompleted } from "./coordinator.js";
export { Database, type PersistenceMode, SHUTDOWN_TIMEOUT_MS } from "./database.js";
export { type Backend, type BuilderSettings, DatabaseBuilder, durabilityMode } from "./database-builder.js";
export type { CheckpointOptions, DatabaseInfo, DatabaseOptions, Health } from "./database-options.js";
export { type DerivedIndex, IMAGE_PAGE_BYTES, type IndexImage, type SavedImage } from "./derived-index.js";
export { type DigestOptions, digestOf } from "./digest.js";
export { payloadOfRecord, timestampOfRecord } from "./event-record.js";
export type { ExtensionType, PlainExtensionType } from "./extensions.js";
export type { Feed } from "./feed.js";
export {
  type Comparison,
  canonicalScalar,
  comparisonTest,
  compileWhere,
  type FieldCondition,
  type FieldTest,
  getAt,
  isScalar,
  type JsonField,
  type JsonPath,
  jsonField,
  type PatchOperation as JsonPatchOperation,
  type Predicate,
  type Scalar,
  WHERE_DEPTH_MAX,
  WHERE_NODES_MAX,
  type Where,
  type WhereNode,
} from "./json/index.js";
export { type LongWork, Slices } from "./long-work.js";
export { Namespace } from "./namespace.js";
export { type CommitInfo, OpenTransaction } from "./open-transaction.js";
export {
  type AppendOperation,
  type CommitRecord,
  decodeCommit,
  encodeCommit,
  type Operation,
  type PatchOperation,
  type PutOperation,
  type SpaceOperation,
} from "./operation.js";
export { PastScope } from "./past-scope.js";
export { PerfTrace, perfTime } from "./perf-trace.js";
export * from "./primitives/index.js";
export type { LostPart, RecoveryReport } from "./recovery.js";
export {
  clearRecoveryParticipants,
  type RecoveryFn,
  RecoveryParticipant,
  recoverAllParticipants,
  registerRecoveryParticipant,
} from "./recovery-participant.js";
export { ReplayedScope } from "./replay.js";
export { EMBEDDINGS_SPACE, isReservedSpace, recorderSpaceOf } from "./reserved-space.js";
export { keepAll, keepByPrimitive, keepFor, keepLast, type Retention } from "./retention-policy.js";
export { Run, type RunInfo, type RunPoint, type RunStatus } from "./run.js";
export { RunHistory } from "./run-history.js";
export { RunIndex, type RunMetadata } from "./run-index.js";
export { DEFAULT_RUN, RunRegistry } from "./run-registry.js";
export type { RunStats } from "./run-stats.js";
export {
  DEFAULT_SPACE,
  type EventSource,
  type EventView,
  type KeyedPrimitive,
  type ReadScope,
  type Scope,
  type StoredEvent,
  type TableReader,
  type TableView,
  type TransactionScope,
} from "./scope.js";
export { SpaceRegistry } from "./space-registry.js";
export type { Tag } from "./tag.js";
export { SEARCHED_PRIMITIVES, type SearchedPrimitive, searchedFrom, searchedIn } from "./text-search-policy.js";
export { MAX_POOL_SIZE, TransactionPool } from "./transaction-pool.js";
export type { TransactionOptions } from "./transactions.js";
export { randomUuid } from "./uuid.js";
