export type {
  ColdCursor,
  ColdEvents,
  ColdRun,
  ColdSpace,
  ColdTable,
  ColdTimeline,
  ColdWrite,
  LostInterval,
} from "./cold.js";
export { type Compacted, compactShard } from "./compact-shard.js";
export { type EventLayer, EventTable, type TypeCount } from "./event-table.js";
export { EVERYTHING, type KeyRange } from "./key-cursor.js";
export { KeyMap } from "./key-map.js";
export type { ContainedRun, MergeRecord } from "./merge-record.js";
export { ReadView } from "./read-view.js";
export {
  formatRetention,
  KEEP_ALL,
  type KeepEntries,
  keepEntries,
  parseRetention,
  RETAINED_PRIMITIVES,
  type RetentionGround,
  type RetentionRule,
  type RetentionRules,
  sameRules,
  trims,
} from "./retention.js";
export { BlockCache } from "./segment/block-cache.js";
export { type ByteSource, MemoryByteSource, slice } from "./segment/byte-source.js";
export { type SegmentLoss, salvageSegment } from "./segment/salvage-segment.js";
export { identifySegment, type SegmentIdentity } from "./segment/segment-identity.js";
export { type OpenSegmentsOptions, openSegments, type SegmentBytes, segmentBytes } from "./segment/segment-reader.js";
export { type SegmentInput, type SegmentSummary, writeSegment } from "./segment/segment-writer.js";
export { type SegmentProblem, verifySegment } from "./segment/verify-segment.js";
export { DEFAULT_SPACE, type PendingCommits, RunShard, type StoredRun } from "./shard.js";
export { ShardRetention } from "./shard-retention.js";
export { ShardedStore } from "./sharded-store.js";
export { SpaceTables } from "./space-tables.js";
export { Box, isLive, type Stored, TRIMMED } from "./stored.js";
export { decodeStored, encodeStored } from "./stored-codec.js";
export { type OwnEntry, Table, type TableBase, type TableLayer, type TablePrimitive } from "./table.js";
export type { Visit } from "./table-scan.js";
export { type CommitRange, Timeline, type TimelineCommit, type WriteTarget } from "./timeline.js";
export { Found, type OlderVersions, VersionChain } from "./version-chain.js";
export { Watermark } from "./watermark.js";
