/** Versions, and the shapes in which versioned things are read. */

/** Every member optional, and `undefined` the same as absent. */
export type Options<T> = { readonly [K in keyof T]?: T[K] | undefined };

/** The five primitives that hold data. */
export type Primitive = "kv" | "event" | "state" | "json" | "vector";

/** In the order in which digests and diffs list them: by name. */
export const PRIMITIVES: readonly Primitive[] = Object.freeze(["event", "json", "kv", "state", "vector"] as const);

/** Commit version of a run: an integer in [1, 2^53), rising strictly within the run, not dense; 0 is before everything. */
export type Version = number;

/** `version` and `timestamp` (µs since the epoch) of the commit that wrote it; 0 and 0 for an own, uncommitted write. */
export interface Versioned<V> {
  readonly value: V;
  readonly version: Version;
  readonly timestamp: number;
  /** µs since the epoch; absent without a time to live. */
  readonly expiresAt?: number;
}

/** One version in a history: a value, or the deletion of one. `timestamp` in µs since the epoch. */
export type VersionedEntry<V> = { readonly version: Version; readonly timestamp: number } & (
  | { readonly deleted: false; readonly value: V }
  | { readonly deleted: true }
);

/** Newest first; `before` (exclusive) for the next page. */
export type HistoryOptions = Options<{ limit: number; before: Version }>;

/** Bounds are not keys: they may be empty, hold NUL or be longer, so `k + "\0"` is the string just above `k`. */
export type ScanOptions = Options<{
  prefix: string;
  /** Lower bound, inclusive, whatever the direction. */
  start: string;
  /** Upper bound, exclusive, whatever the direction. */
  end: string;
  /** Last key of the page before: go on behind it, in scan direction. */
  after: string;
  /** None by default. */
  limit: number;
  reverse: boolean;
}>;

/**
 * A moment of a run's past. `time`: a Date, or µs since the epoch; the last commit at or before it. None there:
 * `HISTORY_TRIMMED` with facts.earliest, never an empty view (it was milliseconds, mostly).
 */
export type AsOf = { readonly version: Version } | { readonly time: number | Date } | { readonly tag: string };
