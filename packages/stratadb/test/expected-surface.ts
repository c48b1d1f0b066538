/**
 * The public surface as it is promised: names, types, units. `surface.test-d.ts` holds what the package really declares against it, in both
 * directions. To change the surface, change this file first.
 */

import type { StandardJSONSchemaV1, StandardSchemaV1 } from "@standard-schema/spec";
import type { Durability } from "@strata/durability";
import type { Database } from "@strata/engine";
import type { StrataError as BuiltError, Command, CommandOutput } from "stratadb";

// Values, keys, versions

export type Value = null | boolean | number | bigint | string | Uint8Array | readonly Value[] | ValueObject;
export interface ValueObject {
  readonly [member: string]: Value;
}
export type Storable<T> = unknown extends T
  ? T
  : T extends Value
    ? T
    : T extends PromiseLike<unknown>
      ? NotStorable<"a promise: await it">
      : T extends Date
        ? NotStorable<"a Date: store an ISO string or a number">
        : T extends undefined
          ? NotStorable<"undefined: delete, or store null">
          : T extends ArrayBufferView | ArrayBuffer
            ? NotStorable<"bytes are a Uint8Array">
            : T extends symbol | ReadonlyMap<unknown, unknown> | ReadonlySet<unknown> | ((...args: never) => unknown)
              ? NotStorable<"not a value">
              : T extends readonly unknown[]
                ? { readonly [K in keyof T]: Storable<T[K]> }
                : { readonly [K in keyof T]: Storable<Exclude<T[K], undefined>> | Extract<T[K], undefined> };
export interface NotStorable<Hint extends string> {
  readonly "~notStorable": Hint;
}
export interface ValueFunctions {
  equal(a: Value, b: Value): boolean;
  compare(a: Value, b: Value): number;
  toJson(value: Value): Json;
  fromJson(json: Json): Value;
}
export type Json = null | boolean | number | string | readonly Json[] | { readonly [member: string]: Json };
export type Version = number;
export interface KeyFunction {
  (...parts: readonly KeyPart[]): string;
  parse(key: string): KeyPart[];
}
export type KeyPart = string | number | bigint | boolean | Uint8Array;
export type Options<T> = { readonly [K in keyof T]?: T[K] | undefined };
export type ScanOptions = Options<{
  prefix: string;
  start: string;
  end: string;
  after: string;
  limit: number;
  reverse: boolean;
}>;
export type JsonPath = string | readonly (string | number)[];
export interface Versioned<V> {
  readonly value: V;
  readonly version: Version;
  readonly timestamp: number;
  readonly expiresAt?: number;
}
export type VersionedEntry<V> = { readonly version: Version; readonly timestamp: number } & (
  | { readonly deleted: false; readonly value: V }
  | { readonly deleted: true }
);
export type HistoryOptions = Options<{ limit: number; before: Version }>;
export type AsOf = { readonly version: Version } | { readonly time: number | Date } | { readonly tag: string };

// Primitives

export interface Reads {
  readonly kv: KvReads;
  readonly events: EventReads;
  readonly state: StateReads;
  readonly json: JsonReads;
  readonly vectors: VectorReads;
  search(query: string, options?: SearchOptions): SearchResult;
}
export interface Primitives<W = Version> extends Reads {
  readonly kv: Kv<Value, unknown, W>;
  readonly events: EventLog<AnyEvents, { readonly [type: string]: object }, W>;
  readonly state: StateCells;
  readonly json: JsonStore<Value, unknown, W>;
  readonly vectors: Vectors<W>;
}

export interface KvReads<V = Value> {
  get(key: string): V | undefined;
  getMany(keys: Iterable<string> & object): (V | undefined)[];
  getVersioned(key: string): Versioned<V> | undefined;
  exists(key: string): boolean;
  list(scan?: ScanOptions | string): string[];
  entries(scan?: ScanOptions | string): IterableIterator<[key: string, value: V]>;
  history(key: string, options?: HistoryOptions): VersionedEntry<V>[];
}
export interface Kv<V = Value, In = unknown, W = Version> extends KvReads<V> {
  put<T extends In>(key: string, value: T & Storable<T>, options?: Options<{ ttlMs: number; ifVersion: Version }>): W;
  putMany(entries: Iterable<readonly [key: string, value: In]>, options?: Options<{ ttlMs: number }>): W;
  delete(key: string): boolean;
  deleteMany(keys: Iterable<string> & object): number;
  clear(scan: ScanOptions | string): number;
  typed<T>(): Kv<T, T, W>;
  typed<S extends StandardSchemaV1>(schema: S): Kv<StandardSchemaV1.InferOutput<S>, StandardSchemaV1.InferInput<S>, W>;
}

type AnyEvents = { readonly [type: string]: ValueObject };
export type EventRecord<M = AnyEvents> = {
  [K in keyof M & string]: {
    readonly type: K;
    readonly payload: M[K];
    readonly sequence: number;
    readonly version: Version;
    readonly timestamp: number;
    readonly prevHash: string;
    readonly hash: string;
    readonly origin?: {
      readonly run: string;
      readonly sequence: number;
      readonly hash: string;
      readonly timestamp: number;
    };
  };
}[keyof M & string];
export type EventScan = Options<{ after: number; limit: number; reverse: boolean }>;
export interface EventReads<M = AnyEvents> {
  read(sequence: number): EventRecord<M> | undefined;
  range(start: number, end: number): EventRecord<M>[];
  readByType<K extends keyof M & string>(type: K, scan?: EventScan): EventRecord<Pick<M, K>>[];
  iterate(scan?: EventScan): IterableIterator<EventRecord<M>>;
  len(): number;
  types(): { readonly type: string; readonly count: number }[];
  head(): { readonly length: number; readonly hash: string };
  verify(expected?: { readonly length: number; readonly hash: string }): ChainReport;
}
export interface EventLog<M = AnyEvents, In = { readonly [type: string]: object }, W = Version> extends EventReads<M> {
  append<K extends keyof In & string, P extends In[K]>(
    type: K,
    payload: P & Storable<P>,
    options: { readonly exact: true },
  ): number;
  append<K extends keyof In & string, P extends In[K]>(type: K, payload: P & Storable<P>): W;
  appendMany(
    events: Iterable<{ readonly type: keyof In & string; readonly payload: In[keyof In] }>,
  ): W extends number ? number[] : undefined;
  follow(
    options?: Options<{ after: number; types: readonly (keyof M & string)[]; signal: AbortSignal }>,
  ): Feed<EventRecord<M>>;
  typed<T extends { [K in keyof T]: object }>(): EventLog<T, T, W>;
  typed<T extends { readonly [type: string]: StandardSchemaV1 }>(
    schemas: T,
  ): EventLog<
    { readonly [K in keyof T]: StandardSchemaV1.InferOutput<T[K]> },
    { readonly [K in keyof T]: StandardSchemaV1.InferInput<T[K]> & object },
    W
  >;
}
export interface ChainReport {
  readonly valid: boolean;
  readonly length: number;
  readonly firstInvalid?: number;
  readonly reason?: string;
}

export interface VersionedCell<V> extends Versioned<V> {
  readonly counter: number;
}
export interface StateReads<V = Value> {
  read(cell: string): V | undefined;
  readVersioned(cell: string): VersionedCell<V> | undefined;
  list(scan?: ScanOptions | string): string[];
  history(cell: string, options?: HistoryOptions): (VersionedEntry<V> & { readonly counter: number })[];
}
export interface StateCells<V = Value, In = unknown> extends StateReads<V> {
  set<T extends In>(cell: string, value: T & Storable<T>): number;
  init<T extends In>(cell: string, value: T & Storable<T>): number;
  cas<T extends In>(cell: string, expected: number | null | undefined, value: T & Storable<T>): number | null;
  update<T extends In>(cell: string, fn: (value: V | undefined) => T & Storable<T>): V;
  delete(cell: string): boolean;
  acquire(cell: string, owner: string, options: { readonly ttlMs: number }): Lease | null;
  require(lease: Lease): void;
  acquireAsync(
    cell: string,
    owner: string,
    options: { readonly ttlMs: number } & Options<{ waitMs: number; signal: AbortSignal }>,
  ): Promise<Lease>;
  typed<T>(): StateCells<T, T>;
  typed<S extends StandardSchemaV1>(
    schema: S,
  ): StateCells<StandardSchemaV1.InferOutput<S>, StandardSchemaV1.InferInput<S>>;
}
export interface Lease extends Disposable {
  readonly cell: string;
  readonly owner: string;
  readonly expiresAt: number;
  readonly token: number;
  renew(ttlMs?: number): boolean;
  release(): boolean;
}

export interface JsonReads<V = Value> {
  get(key: string): V | undefined;
  get(key: string, path: JsonPath): Value | undefined;
  getVersioned(key: string): (Versioned<V> & { readonly createdAt: number }) | undefined;
  exists(key: string, path?: JsonPath): boolean;
  list(scan?: ScanOptions | string): string[];
  entries(scan?: ScanOptions | string): IterableIterator<[key: string, document: V]>;
  query(key: string, jsonPath: string): Value[];
  find(where: Where, options?: JsonFindOptions): { readonly key: string; readonly value: V }[];
  explain(where: Where, options?: JsonFindOptions): JsonExplanation;
  history(key: string, options?: HistoryOptions): VersionedEntry<V>[];
}
export type JsonFindOptions = Options<{
  prefix: string;
  orderBy: string;
  reverse: boolean;
  after: string;
  limit: number;
}>;
export interface JsonExplanation {
  readonly indexes: readonly string[];
  readonly candidates: number;
  readonly scanned: number;
  readonly matches: number;
}
export interface JsonStore<V = Value, In = unknown, W = Version> extends JsonReads<V> {
  set<T>(key: string, path: JsonPath, value: T & Storable<T>): W;
  put<T extends In>(key: string, document: T & Storable<T>): W;
  delete(key: string, path?: JsonPath): number;
  merge<T>(key: string, path: JsonPath, patch: T & Storable<T>): W;
  patch(key: string, operations: readonly PatchOperation[]): W;
  push<T>(key: string, path: JsonPath, ...values: readonly (T & Storable<T>)[]): number;
  increment(key: string, path: JsonPath, by?: number): number;
  createIndex(path: string): boolean;
  dropIndex(path: string): boolean;
  typed<T>(): JsonStore<T, T, W>;
  typed<S extends StandardSchemaV1>(
    schema: S,
  ): JsonStore<StandardSchemaV1.InferOutput<S>, StandardSchemaV1.InferInput<S>, W>;
}
export type PatchOperation =
  | { readonly op: "add" | "replace" | "test"; readonly path: string; readonly value: unknown }
  | { readonly op: "remove"; readonly path: string }
  | { readonly op: "move" | "copy"; readonly from: string; readonly path: string };

// Vectors

export type CollectionOptions = { readonly dimension: number } & Options<{
  metric: "cosine" | "euclidean" | "dot";
  index: "auto" | "flat" | "hnsw";
  quantization: "none" | "int8";
  m: number;
  efConstruction: number;
  efSearch: number;
}>;
export interface CollectionInfo {
  readonly name: string;
  readonly dimension: number;
  readonly metric: "cosine" | "euclidean" | "dot";
  readonly index: "flat" | "hnsw";
  readonly count: number;
  readonly indexed: number;
  readonly memoryBytes: number;
}
export interface VectorEntry {
  readonly key: string;
  readonly vector: Float32Array;
  readonly metadata: ValueObject | undefined;
  readonly version: Version;
  readonly timestamp: number;
}
export interface VectorMatch {
  readonly key: string;
  readonly score: number;
  readonly metadata: ValueObject | undefined;
  readonly vector?: Float32Array;
}
export interface VectorReads {
  get(collection: string, key: string): VectorEntry | undefined;
  keys(collection: string, scan?: ScanOptions | string): string[];
  count(collection: string, filter?: Where): number;
  history(collection: string, key: string, options?: HistoryOptions): VersionedEntry<VectorEntry>[];
  listCollections(): CollectionInfo[];
  stats(collection: string): CollectionInfo | undefined;
  search(
    collection: string,
    query: ArrayLike<number>,
    options?: Options<{
      k: number;
      prefix: string;
      filter: Where;
      efSearch: number;
      exact: boolean;
      minScore: number;
      includeVectors: boolean;
      observe: boolean;
    }>,
  ): VectorMatch[];
}
export interface Vectors<W = Version> extends VectorReads {
  createCollection(name: string, options: CollectionOptions & Options<{ ifExists: "error" | "keep" }>): boolean;
  deleteCollection(name: string): boolean;
  upsert(collection: string, key: string, vector: ArrayLike<number>, metadata?: object): W;
  upsertMany(
    collection: string,
    entries: Iterable<{
      readonly key: string;
      readonly vector: ArrayLike<number>;
      readonly metadata?: object | undefined;
    }>,
  ): W;
  delete(collection: string, key: string): boolean;
  build(collection: string, options?: LongWork): Promise<void>;
}

// Search

export type Scalar = null | boolean | number | bigint | string;
export type FieldCondition = Options<{
  $eq: Scalar;
  $ne: Scalar;
  $gt: Scalar;
  $gte: Scalar;
  $lt: Scalar;
  $lte: Scalar;
  $in: readonly Scalar[];
  $nin: readonly Scalar[];
  $exists: boolean;
  $contains: Scalar;
  $prefix: string;
}>;
export type Where =
  | { readonly [field: string]: Scalar | FieldCondition }
  | { readonly $and: readonly Where[] }
  | { readonly $or: readonly Where[] }
  | { readonly $not: Where };
export type SearchOptions = Options<{
  k: number;
  mode: "keyword" | "vector" | "hybrid";
  primitives: readonly Primitive[];
  spaces: readonly string[] | "all";
  prefix: string;
  types: readonly string[];
  filter: Where;
  embedding: ArrayLike<number>;
  collections: readonly string[];
  timeRange: Options<{ start: number | Date; end: number | Date }>;
  bm25: Options<{ k1: number; b: number }>;
  weights: Options<{ keyword: number; vector: number }>;
  explain: boolean;
  highlight: boolean;
  observe: boolean;
}>;
export interface SearchHit {
  readonly ref: EntityRef;
  readonly value: Value;
  readonly score: number;
  readonly rank: number;
  readonly timestamp: number;
  readonly snippet: string;
  readonly highlights?: readonly (readonly [start: number, end: number])[];
  readonly explain?: ValueObject;
}
export interface SearchResult {
  readonly hits: readonly SearchHit[];
  readonly truncated: boolean;
  readonly mode: "keyword" | "vector" | "hybrid";
  readonly elapsedUs: number;
}

// Transactions

export type TransactionOptions = Options<{
  readOnly: boolean;
  retry: Options<{ maxRetries: number; baseDelayMs: number; maxDelayMs: number }>;
  timeoutMs: number;
  signal: AbortSignal;
  durability: "none" | "buffered" | "strict";
  message: string;
}>;
export interface CommitInfo {
  readonly run: string;
  readonly version: Version;
  readonly epoch: number;
  readonly timestamp: number;
  readonly events: readonly {
    readonly space: string;
    readonly type: string;
    readonly sequence: number;
    readonly hash: string;
  }[];
}
export interface Transaction extends Primitives<undefined> {
  readonly run: string;
  readonly startVersion: Version;
  readonly signal: AbortSignal;
  setSpace(name: string): void;
  currentSpace(): string;
  in(at: { readonly space: string }): Transaction;
  onCommit(fn: (info: CommitInfo) => void): void;
}
export interface Session extends Primitives<Version | undefined>, Disposable {
  begin(options?: Pick<TransactionOptions, "readOnly" | "timeoutMs" | "durability" | "message">): void;
  commit(): CommitInfo;
  commitAsync(): Promise<CommitInfo>;
  rollback(): void;
  readonly inTransaction: boolean;
  setSpace(name: string): void;
  currentSpace(): string;
  execute<C extends Command>(command: C): CommandOutput<C["name"]>;
}

// Handles

export interface Handle extends Primitives {
  readonly runs: Runs;
  readonly spaces: Spaces;
  currentRun(): string;
  currentSpace(): string;
  readonly version: Version;
  in(at: Options<{ run: string; space: string }>): Handle;
  at(point?: AsOf): ReadView;
  transaction<T>(fn: (txn: Transaction) => T, options?: TransactionOptions): T;
  session(): Session;
  searchAsync(query: string, options?: SearchOptions & Options<{ signal: AbortSignal }>): Promise<SearchResult>;
  recorder(scope: string, options?: Options<{ replay: boolean; redact: (value: Value) => Value }>): Recorder;
  watch(filter?: WatchFilter): Feed<CommitChanges>;
}
export interface ReadView extends Reads, Disposable {
  readonly run: string;
  readonly version: Version;
  readonly timestamp: number;
  currentSpace(): string;
  in(at: { readonly space: string }): ReadView;
  digest(options?: Options<{ history: boolean }>): string;
}
export interface Recorder {
  call<T>(
    name: string,
    input: unknown,
    effect: (context: {
      readonly signal: AbortSignal;
      readonly idempotencyKey: string;
    }) => Promise<T & Storable<T>> | (T & Storable<T>),
    options?: Options<{ commit: (txn: Transaction, result: T) => void; signal: AbortSignal }>,
  ): Promise<T>;
  now(): number;
  random(): number;
  uuid(): string;
  readonly scope: string;
  readonly replaying: boolean;
}
export interface ReadOnlyView extends ReadView {
  readonly operationCount: number;
}
export type Feed<T> = AsyncIterableIterator<T> & AsyncDisposable;
export type WatchFilter = Options<{
  primitives: readonly Primitive[];
  spaces: readonly string[] | "all";
  prefix: string;
  since: Version;
  signal: AbortSignal;
}>;
export interface CommitChanges {
  readonly run: string;
  readonly version: Version;
  readonly timestamp: number;
  readonly message?: string;
  readonly changes: readonly Change[];
}
export interface Change {
  readonly kind: "put" | "delete" | "append";
  readonly ref: EntityRef;
  readonly value: Value | undefined;
}
export type Primitive = "kv" | "event" | "state" | "json" | "vector";

export type EntityRef = { readonly run: string; readonly space: string } & (
  | { readonly primitive: "kv" | "state" | "json"; readonly key: string }
  | { readonly primitive: "event"; readonly type: string; readonly sequence: number }
  | { readonly primitive: "vector"; readonly collection: string; readonly key: string }
);

export interface Strata extends Handle, Disposable, AsyncDisposable {
  readonly database: Database;
  readonly isOpen: boolean;
  setRun(name: string): void;
  setSpace(name: string): void;
  createRun(name: string, meta?: object): RunInfo;
  listRuns(): string[];
  deleteRun(name: string): void;
  listSpaces(): string[];
  deleteSpace(name: string): boolean;
  deleteSpaceForce(name: string): boolean;
  newHandle(at?: Options<{ run: string; space: string }>): Strata;
  flush(): void;
  durable(): Promise<void>;
  checkpoint(options?: LongWork): Promise<CheckpointInfo>;
  compact(options?: LongWork & Options<{ erase: boolean }>): Promise<CompactionInfo>;
  verify(options?: LongWork): Promise<VerifyReport>;
  backup(directory: string, options?: LongWork): Promise<VerifyReport>;
  commitStatus(commit: Pick<CommitInfo, "epoch" | "version">): "committed" | "lost" | "unknown";
  info(): DatabaseInfo;
  metrics(): TransactionMetrics;
  ping(): string;
  shutdown(options?: Options<{ timeoutMs: number }>): Promise<void>;
  close(): void;
}
export interface StrataStatics {
  open(path: string, options?: OpenOptions): Strata;
  open(options: OpenOptions & { readonly durability: Durability }): Strata;
  openAsync(
    target: string | (OpenOptions & { readonly durability: Durability }),
    options?: OpenOptions & Options<{ preload: "all" | readonly string[] }>,
  ): Promise<Strata>;
  cache(options?: OpenOptions): Strata;
  openTemp(options?: OpenOptions): Strata;
  repair(path: string, options: { readonly into: string } & LongWork): Promise<RecoveryReport>;
}
export type OpenOptions = Options<{
  durability: "none" | "buffered" | "strict" | Durability;
  buffered: Options<{ flushIntervalMs: number; maxPendingWrites: number }>;
  readOnly: boolean;
  checkpoint: Options<{ walSizeBytes: number; onClose: boolean }> | "manual";
  memoryBudgetBytes: number;
  retention: Retention;
  limits: Partial<Limits>;
  recovery: "strict" | "salvage";
  embed: Embedder;
  textSearch: TextSearchOptions;
  clock: Clock;
  random: Random;
  logger: Logger;
  onHealth: (health: Health) => void;
}>;
export interface Embedder {
  readonly model: string;
  readonly dimension: number;
  run(
    texts: readonly string[],
    context: { readonly purpose: "document" | "query"; readonly signal: AbortSignal },
  ): readonly ArrayLike<number>[] | Promise<readonly ArrayLike<number>[]>;
  readonly targets?:
    | readonly Options<{
        primitive: "kv" | "event" | "json";
        spaces: readonly string[];
        prefix: string;
        path: string;
      }>[]
    | undefined;
}
export type TextSearchOptions = Options<{
  stemming: "english" | "none";
  primitives: readonly ("kv" | "event" | "state" | "json")[];
}>;
export type LongWork = Options<{ signal: AbortSignal; onProgress: (done: number, total: number) => void }>;
export interface CompactionInfo {
  readonly versionsDropped: number;
  readonly bytesFreed: number;
}
export interface CheckpointInfo {
  readonly runs: number;
  readonly bytes: number;
  readonly logBytesRetired: number;
}
export interface Health {
  readonly state: "ok" | "degraded" | "poisoned";
  readonly cause?: BuiltError;
}

// Runs, spaces

export type RunStatus = "active" | "paused" | "completed" | "failed" | "cancelled" | "archived" | "orphaned";
export interface RunInfo {
  readonly name: string;
  readonly id: string;
  readonly status: RunStatus;
  readonly parent?: { readonly run: string; readonly version: Version };
  readonly version: Version;
  readonly createdAt: number;
  readonly endedAt?: number;
  readonly meta: ValueObject;
  readonly origin?: { readonly run: string; readonly id: string };
}
export type RunFilter = Options<{
  primitives: readonly Primitive[];
  spaces: readonly string[];
  prefix: string;
}>;
export type MergeOptions = Options<{
  strategy: "fail" | "ours" | "theirs" | ConflictResolver;
  preview: boolean;
  message: string;
}>;
export type ConflictResolver = (conflict: Conflict) => Value | undefined;
export interface Conflict {
  readonly ref: EntityRef;
  readonly path?: string;
  readonly base: Value | undefined;
  readonly ours: Value | undefined;
  readonly theirs: Value | undefined;
}
export interface MergeResult {
  readonly version: Version | undefined;
  readonly base: Version;
  readonly applied: number;
  readonly conflicts: readonly Conflict[];
}
export interface RunDiff {
  readonly added: readonly DiffEntry[];
  readonly removed: readonly DiffEntry[];
  readonly modified: readonly DiffEntry[];
  readonly truncated: boolean;
}
export interface DiffEntry {
  readonly ref: EntityRef;
  readonly before: Value | undefined;
  readonly after: Value | undefined;
  readonly paths?: readonly {
    readonly path: string;
    readonly before: Value | undefined;
    readonly after: Value | undefined;
  }[];
}
export type FormatDiff = (diff: RunDiff, options?: Options<{ color: boolean; maxLines: number }>) => string;
export type RunPoint = string | { readonly run: string; readonly at: AsOf };
export interface Runs {
  create(name: string, meta?: object): RunInfo;
  begin(name: string, meta?: object): RunInfo;
  list(options?: Options<{ status: RunStatus; prefix: string; after: string; limit: number }>): string[];
  get(name: string): RunInfo | undefined;
  exists(name: string): boolean;
  delete(name: string, options?: Options<{ cascade: boolean }>): { readonly heldBy: readonly string[] };
  diff(a: RunPoint, b: RunPoint, options?: RunFilter & Options<{ limit: number }>): RunDiff;
  merge(source: string, target: string, options?: MergeOptions): MergeResult;
  rebase(run: string, options?: MergeOptions): MergeResult;
  cherryPick(source: RunPoint, target: string, filter: RunFilter, options?: MergeOptions): MergeResult;
  revert(run: string, range: { readonly from: Version } & Options<{ to: Version }>): CommitInfo;
  replay(run: RunPoint): ReadOnlyView;
  load(name: string): Promise<void>;
  fork(source: RunPoint, name: string, meta?: object): RunInfo;
  forkMany(source: RunPoint, names: Iterable<string> & object): RunInfo[];
  commits(
    run: string,
    options?: Options<{ after: Version; limit: number; reverse: boolean }>,
  ): IterableIterator<CommitRecord>;
  timeRange(run: string): { readonly oldest: number; readonly latest: number } | undefined;
  tag(run: RunPoint, name: string): void;
  untag(run: string, name: string): boolean;
  tags(run: string): { readonly name: string; readonly version: Version; readonly timestamp: number }[];
  setStatus(run: string, status: RunStatus, reason?: string): RunInfo;
  setRetention(run: string, policy: Retention): void;
  setTextSearch(run: string, primitives: readonly ("kv" | "event" | "state" | "json")[]): void;
  stats(run: string): RunStats;
  export(
    run: string,
    options?: LongWork & Options<{ history: boolean; format: "bundle" | "jsonl" }>,
  ): AsyncIterable<Uint8Array>;
  import(bundle: Bundle, options?: LongWork & Options<{ as: string }>): Promise<RunInfo>;
  inspectBundle(bundle: Bundle): Promise<BundleInfo>;
}
export type Bundle = AsyncIterable<Uint8Array> | Iterable<Uint8Array>;
export interface Retention {
  readonly "~retention": string;
}
export interface RunStats {
  readonly liveBytes: number;
  readonly historyBytes: number;
  readonly diskBytes: number;
  readonly keys: { readonly [P in Primitive]: number };
}
export interface BundleInfo {
  readonly run: string;
  readonly formatVersion: number;
  readonly commits: number;
  readonly bytes: number;
  readonly checksum: string;
}
export interface CommitRecord {
  readonly version: Version;
  readonly previous: Version;
  readonly timestamp: number;
  readonly message?: string;
  readonly operations: number;
  readonly bytes: number;
}
export interface Spaces {
  list(): string[];
  create(name: string): boolean;
  exists(name: string): boolean;
  delete(name: string, options?: Options<{ force: boolean }>): boolean;
}

// Errors, commands, ports

export declare class StrataError extends Error {
  readonly code: ErrorCode;
  readonly facts: { readonly [name: string]: unknown };
  readonly hint: string;
  readonly retryable: boolean;
  readonly outcome: "not_applicable" | "definitely_not_committed" | "maybe_committed";
  static is<C extends ErrorCode>(error: unknown, code?: C): error is StrataError & { readonly code: C };
}
export type ErrorCode =
  | "TRANSACTION_CONFLICT"
  | "TRANSACTION_NOT_ACTIVE"
  | "TRANSACTION_NESTED"
  | "TRANSACTION_TIMEOUT"
  | "COMMIT_OUTCOME_UNKNOWN"
  | "VERSION_CONFLICT"
  | "LEASE_LOST"
  | "LEASE_TIMEOUT"
  | "MERGE_CONFLICT"
  | "PATCH_TEST_FAILED"
  | "REPLAY_DIVERGED"
  | "INVALID_KEY"
  | "INVALID_VALUE"
  | "INVALID_PATH"
  | "SCHEMA_MISMATCH"
  | "DIMENSION_MISMATCH"
  | "RUN_NOT_FOUND"
  | "RUN_EXISTS"
  | "RUN_CLOSED"
  | "RUN_NOT_LOADED"
  | "COLLECTION_NOT_FOUND"
  | "COLLECTION_EXISTS"
  | "HISTORY_TRIMMED"
  | "DATABASE_CLOSED"
  | "DATABASE_LOCKED"
  | "STATE_POISONED"
  | "READ_ONLY"
  | "ASYNC_BACKEND"
  | "EMBEDDER_IS_ASYNC"
  | "LIMIT_TRANSACTION"
  | "WAL_CORRUPT";

export interface CommandSpec<Name extends string> {
  readonly name: Name;
  readonly help: string;
  readonly writes: boolean;
  readonly input: CommandSchema;
  readonly output: CommandSchema;
}
export type CommandSchema = StandardSchemaV1 & StandardJSONSchemaV1;

export interface Clock {
  now(): number;
}
export interface Random {
  bytes(length: number): Uint8Array;
}
export interface Logger {
  log(level: "debug" | "info" | "warn" | "error", target: string, message: string, facts?: object): void;
}
export interface Limits {
  readonly keyBytes: number;
  readonly valueBytes: number;
  readonly stringBytes: number;
  readonly nesting: number;
  readonly vectorDimension: number;
  readonly transactionBytes: number;
  readonly transactionKeys: number;
}
export interface DatabaseInfo {
  readonly version: string;
  readonly path?: string;
  readonly durability: string;
  readonly runs: number;
  readonly keys: number;
  readonly uptimeMs: number;
  readonly openTransactions: number;
  readonly durableThrough: Version;
  readonly health: Health;
  readonly embedding?: { readonly pending: number; readonly failed: number; readonly lastError?: string };
  readonly recovery?: RecoveryReport;
}
export interface RecoveryReport {
  readonly commits: number;
  readonly tornBytes: number;
  readonly lost: readonly { readonly file: string; readonly offset: number; readonly bytes: number }[];
}
export interface VerifyReport {
  readonly ok: boolean;
  readonly problems: readonly { readonly file: string; readonly offset?: number; readonly what: string }[];
}
export interface TransactionMetrics {
  readonly activeCount: number;
  readonly totalStarted: number;
  readonly totalCommitted: number;
  readonly totalAborted: number;
  readonly commitRate: number;
}
