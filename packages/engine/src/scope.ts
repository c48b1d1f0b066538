import type { EventOrigin, Observation, Requirement } from "@strata/concurrency";
import type { Limits, Timer, Version } from "@strata/core";
import type { EventLayer, Found, KeyRange, Stored, TableLayer } from "@strata/storage";
import type { Feed } from "./feed.js";
import type { JsonOperation } from "./json/index.js";

/** The space that every run has. */
export const DEFAULT_SPACE = "default";

/**
 * What a primitive is written against: one run, one space, and one way of looking at it. There are three:
 *
 * - the head: reads the newest version, and every write is a transaction of its own;
 * - an open transaction: reads its view overlaid with its own writes, observes what it reads, and gathers writes;
 * - the past (`db.at()`): reads one version, and refuses writes with `READ_ONLY`.
 *
 * A primitive checks and copies what comes in, then calls these; it never asks which of the three it has.
 * Every call throws `DATABASE_CLOSED`, `RUN_NOT_FOUND` or `TRANSACTION_NOT_ACTIVE` when its ground is gone.
 */
export interface ReadScope {
  /** Name of the run, for messages. */
  readonly run: string;
  readonly space: string;
  readonly limits: Limits;
  /** The time by which expiry is judged, µs since the epoch: clock at the head, begin of a transaction, that commit in the past. */
  now(): number;
  /** Commit timestamp of a version that a read returned, µs since the epoch; 0 for version 0. */
  timestampOf(version: Version): number;
  table(primitive: KeyedPrimitive): TableReader;
  /** The same of another space of the run: one that the database keeps for itself. */
  tableIn(space: string, primitive: KeyedPrimitive): TableReader;
  readonly events: EventSource;
  /** As `events`, of another space of the run. */
  eventsIn(space: string): EventSource;
  /** The spaces there are, by code point, without those that the database keeps for itself. @param observe that there are no others. */
  spaces(observe: boolean): string[];
}

/** Primitives whose data are keys with version chains. */
export type KeyedPrimitive = "kv" | "state" | "json" | "vector";

/** Keys of one primitive, as the scope sees them: live, unexpired, own writes included. Reads through it are observed. */
export interface TableReader {
  /** What the key holds, `undefined` when it is absent, deleted or expired. */
  get(key: string): Stored | undefined;
  /** The same with its version (0 for an own, uncommitted write) in `out`; false when absent. */
  find(key: string, out: Found): boolean;
  /**
   * As `find`, unobserved, and without hiding what is deleted or expired: `out.stored` may be `undefined` or a Box without value.
   * For callers that observe less than the whole key (a JSON path, a cell's counter).
   */
  peek(key: string, out: Found): boolean;
  /** Marks the whole key as observed at the version in force. */
  observe(key: string): void;
  /**
   * Visits keys in code point order until `visit` returns false. Observes the range up to where it stopped: membership only when `what` is
   * `"keys"`, values too when it is `"values"`.
   */
  scan(
    range: KeyRange,
    what: "keys" | "values",
    visit: (key: string, stored: Stored, version: Version) => boolean,
  ): void;
  /** Committed versions below `before`, newest first; a deletion is a `Stored` that `isLive` denies. Observes the key. */
  versions(key: string, before: Version, visit: (version: Version, stored: Stored | undefined) => boolean): void;
  /** What an index needs to find what this reader sees, and no more. Unobserved: who answers from it calls `observeRange`. */
  view(): TableView;
  /** Marks a range as observed, as a scan of all of it does. */
  observeRange(range: KeyRange, what: "keys" | "values"): void;
}

/** One table as a reader sees it: what is committed, layer by layer, under its own writes. */
export interface TableView {
  /** The nearest first; none where the space is not registered. */
  readonly layers: readonly TableLayer[];
  /** The time by which expiry is judged, µs since the epoch. */
  readonly now: number;
  /**
   * Own, uncommitted writes by key, deletions as `isLive` denies them; `undefined` without any. They hide what lies below. The same map until
   * the next write.
   */
  readonly pending: ReadonlyMap<string, Stored | undefined> | undefined;
}

/** The event log of the space as the scope sees it. Sequences are dense from 0. */
export interface EventSource {
  /** Events visible, own pending ones included. Observes the length. */
  length(): number;
  /** The event at `sequence`, `undefined` at or beyond the end (which observes the length; an event that exists cannot change). */
  read(sequence: number): StoredEvent | undefined;
  /** How many events of `type` there are. Observes that count. */
  countOf(type: string): number;
  /** Up to `limit` sequences of events of `type`, from sequence `from` on, upwards or in `reverse`. Observes the count of that type. */
  sequencesOf(type: string, from: number, limit: number, reverse: boolean): number[];
  /** Every type with its count, ordered by code point. Observes the length. */
  types(): { readonly type: string; readonly count: number }[];
  /** What an index needs to find what this reader sees. Unobserved: who answers from it calls `observeAll`. */
  view(): EventView;
  /** Observes the length. */
  observeAll(): void;
}

/** The events of one space as a reader sees them. */
export interface EventView {
  /** The nearest first; none where there are no committed events. */
  readonly layers: readonly EventLayer[];
  /** Own, uncommitted events, which follow the committed ones. */
  readonly pending: readonly StoredEvent[];
}

/** One event before its payload is decoded. Hashes are 64 hex digits, empty for an own, uncommitted event. */
export interface StoredEvent {
  readonly sequence: number;
  readonly type: string;
  readonly version: Version;
  readonly timestamp: number;
  readonly prevHash: string;
  readonly hash: string;
  /** Canonical bytes of the payload (`encodeCanonical`), shared with the store: never mutate them. */
  readonly payload: Uint8Array;
  /** Of an event that a merge copied from another run: where it was appended first. */
  readonly origin?: EventOrigin | undefined;
}

/** A scope whose present can be held in sight while others write. */
export interface HoldingScope extends ReadScope {
  hold(): HeldScope;
}

/** From where on events are followed, and which. */
export interface EventPosition {
  /** Behind this sequence; -1 for all. */
  readonly after: number;
  /** `undefined` for all. */
  readonly types: readonly string[] | undefined;
  readonly signal: AbortSignal | undefined;
}

/** A scope whose events can be waited for: the head. */
export interface FollowedScope extends ReadScope {
  follow<T>(from: EventPosition, read: (event: StoredEvent) => T): Feed<T>;
}

/** What a scope saw at one moment. `dispose` lets retention have it again. */
export interface HeldScope extends ReadScope {
  dispose(): void;
}

/** A scope that can write. */
export interface Scope extends ReadScope {
  /** For what must wait: a lease that another holds. */
  readonly timer: Timer;
  /**
   * Blind write of one key; `undefined` deletes. Registers the space. At the head it commits and returns the version; in a transaction it
   * returns `undefined`. Documents continue a counter, so they are written inside `write`.
   */
  put(primitive: Exclude<KeyedPrimitive, "json">, key: string, stored: Stored | undefined): Version | undefined;
  /**
   * Adds an event; sequence and hash are assigned at commit. At the head it commits and returns the sequence; in a transaction it returns
   * `undefined` and observes nothing. `payload` are canonical bytes, not to be changed from here on.
   */
  append(type: string, payload: Uint8Array): number | undefined;
  /** Runs `work` in the open transaction, or in one of its own that commits when it returns, and gives its result. */
  transact<T>(work: (transaction: TransactionScope) => T): T;
  /** As `transact`, giving the commit version; `undefined` inside an open transaction or when nothing was written. */
  write(work: (transaction: TransactionScope) => void): Version | undefined;
}

/** A scope inside an open transaction. Its reads are observed; its writes are seen by its own reads and applied at commit. */
export interface TransactionScope extends Scope {
  /** The same transaction in another space. */
  in(space: string): TransactionScope;
  put(primitive: KeyedPrimitive, key: string, stored: Stored | undefined): undefined;
  /**
   * Path writes on one document: `after` is the document as they leave it on what this transaction sees, `operations` what the log keeps and
   * what is applied again to the committed document at commit. Conflicts are found through what the caller observed.
   */
  patch(key: string, after: Stored, operations: readonly JsonOperation[]): void;
  /** Says that one of its writes stood on an expected version or counter, for `CommitData`. */
  countCas(): void;
  /** @param origin of a copy of another run's event. */
  append(type: string, payload: Uint8Array, origin?: EventOrigin): undefined;
  /** Has `requirement` checked at commit, whatever else happened, at the time of the commit. */
  require(requirement: Requirement): void;
  /** Something read that is neither a key nor a range, checked again at commit. */
  observe(observation: Observation): void;
  /** The key as the transaction's view holds it, own writes left out. Unobserved; nothing is hidden; false when it was never written. */
  viewed(primitive: KeyedPrimitive, key: string, out: Found): boolean;
  /** The key as the run's head holds it at this moment: what an `Observation` compares with inside the commit pass. */
  committed(primitive: KeyedPrimitive, key: string, out: Found): boolean;
}
