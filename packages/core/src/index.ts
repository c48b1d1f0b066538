export { assert, unreachable } from "./assert.js";
export { ByteReader, ByteWriter } from "./bytes.js";
export { compareCodePoints, hasSurrogates, prefixEnd } from "./code-points.js";
export { crc32 } from "./crc32.js";
export {
  type CommitOutcome,
  ERROR_CODES,
  type ErrorCode,
  type ErrorCodeEntry,
  type ErrorCodeOf,
  type StrataErrorName,
} from "./error-codes.js";
export {
  ConflictError,
  CorruptionError,
  type ErrorFacts,
  InvalidArgumentError,
  InvariantError,
  IoError,
  LimitError,
  NotFoundError,
  StateError,
  StrataError,
  type StrataErrorOptions,
} from "./errors.js";
export { type Lsn, lsn, type RunId, runId, SYSTEM_RUN, type TransactionId, transactionId } from "./ids.js";
export { checkKey } from "./key.js";
export {
  ARRAY_LENGTH_MAX,
  COLLECTION_NAME_BYTES_MAX,
  COMMIT_MESSAGE_BYTES_MAX,
  CONFLICT_KEYS_MAX,
  DEFAULT_LIMITS,
  DOCUMENT_BYTES_MAX,
  DOCUMENT_NESTING_MAX,
  EVENT_TYPE_BYTES_MAX,
  INT_MAX,
  INT_MIN,
  type Limits,
  NESTING_MAX,
  OBJECT_MEMBERS_MAX,
  PATH_SEGMENTS_MAX,
  RESERVED_KEY_PREFIX,
  RUN_NAME_LENGTH_MAX,
  resolveLimits,
  SMALL_LIMITS,
  SPACE_NAME_LENGTH_MAX,
} from "./limits.js";
export {
  nearest,
  validateCollectionName,
  validateEventType,
  validateRunName,
  validateSpaceName,
  validateTagName,
} from "./names.js";
export {
  type Clock,
  defaultRuntime,
  type Logger,
  type LogLevel,
  type Random,
  type Runtime,
  silentLogger,
} from "./runtime.js";
export { formatStorageKey, parseStorageKey, type StorageKey } from "./storage-key.js";
export { systemTimer, type Timer } from "./timer.js";
export { type KeyPart, key } from "./tuple-key.js";
export { isWellFormed, utf8Length } from "./utf8.js";
export { type Json, type NotStorable, type Storable, Value, type ValueObject } from "./value.js";
export { copyOut, hasBytes } from "./value-bytes.js";
export { canonicalBytes, decodeValue, encodeCanonical, encodeValue } from "./value-codec.js";
export { copyValue } from "./value-copy.js";
export {
  type AsOf,
  type HistoryOptions,
  type Options,
  PRIMITIVES,
  type Primitive,
  type ScanOptions,
  type Version,
  type Versioned,
  type VersionedEntry,
} from "./version.js";
