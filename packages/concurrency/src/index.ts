export type { ConflictKey, Observation, Requirement } from "./observation.js";
export { type RangeObservation, ReadSet } from "./read-set.js";
export { DEFAULT_RETRY, isRetryableConflict, NO_RETRY, type RetryPolicy, retryDelayMs, retryPolicy } from "./retry.js";
export { TransactionContext, type TransactionStatus } from "./transaction-context.js";
export { MAX_REPORTED_CONFLICTS, type Validation, validate } from "./validate.js";
export { VersionAllocator } from "./version-allocator.js";
export { type EventOrigin, type PendingEvent, WritePartition, WriteSet } from "./write-set.js";
