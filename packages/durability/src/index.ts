export {
  CHECKPOINT_ROOT_BYTES_MAX,
  type Checkpoint,
  type CommitIdentity,
  type CommitStatus,
  type CutTail,
  type Durability,
  type DurabilityCounters,
  type DurabilityDescription,
  type DurabilityHealth,
  type DurabilityMode,
  type LostRange,
  type PublishedCheckpoint,
  type RecoverySummary,
} from "./durability.js";
export { InMemoryDurability } from "./in-memory-durability.js";
export { InlineSyncDriver } from "./inline-sync-driver.js";
export { LogDurability } from "./log-durability.js";
export type { LogOptions } from "./log-options.js";
export { LogSalvage, type SalvagedLog } from "./log-salvage.js";
export {
  decodeManifest,
  MANIFEST_FORMAT_VERSION,
  MANIFEST_MAGIC,
  MANIFEST_NAME_PATTERN,
  type Manifest,
} from "./manifest.js";
export { MemoryVfs } from "./memory-vfs.js";
export { BufferedDurability, type NamedModeOptions, StrictDurability, UnsyncedDurability } from "./named-modes.js";
export type { SnapshotFile, SnapshotFiles, SnapshotFileWriter } from "./snapshot-files.js";
export { SNAPSHOT_DIRECTORY, SNAPSHOT_NAME_PATTERN } from "./snapshot-names.js";
export type { SyncDriver, SyncSettings } from "./sync-driver.js";
export { backgroundTimer } from "./timer.js";
export type { Vfs, VfsFile, VfsLock, VfsLockKind, VfsOpenMode, VfsTraits } from "./vfs.js";
export { fillWithZeros, readFully, readWhole, writeFully } from "./vfs-io.js";
export {
  decodeSegmentHeader,
  FRAME_HEADER_SIZE,
  FrameType,
  SEGMENT_HEADER_SIZE,
  SEGMENT_MAGIC,
  SEGMENT_NAME_PATTERN,
  type SegmentHeader,
  WAL_DIRECTORY,
  WAL_FORMAT_VERSION,
} from "./wal-format.js";
export { DEFAULT_SEGMENT_SIZES, type SegmentSizes } from "./wal-writer.js";
