import {
  ConflictError,
  checkKey,
  type HistoryOptions,
  type Limits,
  type Options,
  type ScanOptions,
  type Storable,
  type Value,
  type Version,
  type Versioned,
  type VersionedEntry,
} from "@strata/core";
import { Box, Found, type Stored } from "@strata/storage";
import type { ReadScope, Scope, TableReader } from "../scope.js";
import { Entries } from "./entries.js";
import { historyOf } from "./history.js";
import { keyScan, listKeys, mustKeyScan } from "./key-scan.js";
import { writtenVersion } from "./open-transaction.js";
import { expiryAfter, invalid, kindOf, mustDuration, mustIterate, optionalInteger, optionsOf } from "./options.js";
import type { StandardSchemaV1 } from "./standard-schema.js";
import { plain, valueFrom, valueIn, versionedOf } from "./stored-value.js";
import { checkSchema } from "./typed.js";

export interface KvReads<V = Value> {
  get(key: string): V | undefined;
  getMany(keys: Iterable<string> & object): (V | undefined)[];
  getVersioned(key: string): Versioned<V> | undefined;
  exists(key: string): boolean;
  /** A string is a prefix. */
  list(scan?: ScanOptions | string): string[];
  /** One version throughout, fixed by the first `next()`, also across awaits and later own writes. */
  entries(scan?: ScanOptions | string): IterableIterator<[key: string, value: V]>;
  history(key: string, options?: HistoryOptions): VersionedEntry<V>[];
}

export type KvPutOptions = Options<{ ttlMs: number; ifVersion: Version }>;

/** `W` is what a plain write returns: its commit's version, or `undefined` inside a transaction, where there is none yet. */
export interface Kv<V = Value, In = unknown, W = Version> extends KvReads<V> {
  /**
   * `ttlMs`: reads as absent from that long after the commit on, older values included; in a view of the past, by that view's time.
   * `ifVersion`: only over that version, 0 for an absent key; an own, uncommitted write has no version and matches none.
   *
   * @throws ConflictError `VERSION_CONFLICT`
   */
  put<T extends In>(key: string, value: T & Storable<T>, options?: KvPutOptions): W;
  /** One commit, its version; 0 when there was nothing to write. Of a key that comes twice the last value stays. */
  putMany(entries: Iterable<readonly [key: string, value: In]>, options?: Options<{ ttlMs: number }>): W;
  delete(key: string): boolean;
  deleteMany(keys: Iterable<string> & object): number;
  /** Deletes what `list(scan)` lists, in one commit. */
  clear(scan: ScanOptions | string): number;
  /** The same keys, typed. A schema is applied to every write (`SCHEMA_MISMATCH`); its output is stored; it must be synchronous. */
  typed<T>(): Kv<T, T, W>;
  typed<S extends StandardSchemaV1>(schema: S): Kv<StandardSchemaV1.InferOutput<S>, StandardSchemaV1.InferInput<S>, W>;
}

const NEVER = Number.POSITIVE_INFINITY;

/** Keys and values of one run and space, read only. */
export class KvReader<V = Value> implements KvReads<V> {
  readonly #scope: ReadScope;
  readonly #table: TableReader;
  readonly #limits: Limits;
  readonly #found = new Found();

  constructor(scope: ReadScope) {
    this.#scope = scope;
    this.#table = scope.table("kv");
    this.#limits = scope.limits;
  }

  // The hottest path of the product: a key that is there is valid, so only a miss is checked.
  get(key: string): V | undefined {
    const stored = typeof key === "string" ? this.#table.get(key) : undefined;
    if (stored === undefined) {
      checkKey(key, this.#limits);
      return undefined;
    }
    return (stored instanceof Box ? valueIn(stored) : stored) as V;
  }

  getMany(keys: Iterable<string> & object): (V | undefined)[] {
    const values: (V | undefined)[] = [];
    for (const key of mustIterate(keys, "keys", "kv.getMany")) values.push(this.get(key as string));
    return values;
  }

  getVersioned(key: string): Versioned<V> | undefined {
    const found = this.#found;
    checkKey(key, this.#limits);
    if (!this.#table.find(key, found)) return undefined;
    return versionedOf(found, valueIn(found.stored as Stored) as V, this.#scope);
  }

  exists(key: string): boolean {
    checkKey(key, this.#limits);
    return this.#table.get(key) !== undefined;
  }

  list(scan?: ScanOptions | string): string[] {
    return listKeys(this.#table, keyScan(scan, "kv.list"));
  }

  entries(scan?: ScanOptions | string): IterableIterator<[key: string, value: V]> {
    return new Entries<[string, V]>(this.#scope, "kv", keyScan(scan, "kv.entries"), (key, stored) => [
      key,
      valueIn(stored) as V,
    ]);
  }

  history(key: string, options?: HistoryOptions): VersionedEntry<V>[] {
    checkKey(key, this.#limits);
    return historyOf(this.#scope, "kv", key, options, "kv.history").map(({ version, timestamp, stored, deleted }) =>
      deleted
        ? { version, timestamp, deleted: true }
        : { version, timestamp, deleted: false, value: valueIn(stored as Stored) as V },
    );
  }
}

/** Keys and values of one run and space. A value is stored bare, or in a Box when it expires or holds bytes. */
export class KvStore<V = Value, In = unknown, W = Version> extends KvReader<V> implements Kv<V, In, W> {
  readonly #scope: Scope;
  readonly #limits: Limits;
  readonly #schema: StandardSchemaV1 | undefined;

  constructor(scope: Scope, schema?: StandardSchemaV1) {
    super(scope);
    this.#scope = scope;
    this.#limits = scope.limits;
    this.#schema = schema;
  }

  put<T extends In>(key: string, value: T & Storable<T>, options?: KvPutOptions): W {
    checkKey(key, this.#limits);
    const copy = valueFrom(value, this.#schema, this.#limits, "a kv value");
    if (options !== undefined) return this.#putWith(key, copy, options);
    return this.#scope.put("kv", key, plain(copy, NEVER)) as W;
  }

  putMany(entries: Iterable<readonly [key: string, value: In]>, options?: Options<{ ttlMs: number }>): W {
    const expiresAt = this.#expiry(optionsOf(options, ["ttlMs"], "kv.putMany").ttlMs, "kv.putMany");
    const pending = new Map<string, Stored>();
    for (const entry of mustIterate(entries, "[key, value] pairs", "kv.putMany")) {
      if (!Array.isArray(entry) || entry.length !== 2)
        throw invalid("kv.putMany", `takes [key, value] pairs, not ${kindOf(entry)}`, {});
      const [key, value] = entry as [unknown, unknown];
      checkKey(key, this.#limits);
      pending.set(key as string, plain(valueFrom(value, this.#schema, this.#limits, "a kv value"), expiresAt));
    }
    const version = this.#scope.write((transaction) => {
      for (const [key, stored] of pending) transaction.put("kv", key, stored);
    });
    return writtenVersion(this.#scope, version) as W;
  }

  delete(key: string): boolean {
    checkKey(key, this.#limits);
    return this.#scope.transact((transaction) => {
      if (transaction.table("kv").get(key) === undefined) return false;
      transaction.put("kv", key, undefined);
      return true;
    });
  }

  deleteMany(keys: Iterable<string> & object): number {
    const wanted: string[] = [];
    for (const key of mustIterate(keys, "keys", "kv.deleteMany")) {
      checkKey(key, this.#limits);
      wanted.push(key as string);
    }
    return this.#scope.transact((transaction) => {
      const table = transaction.table("kv");
      let deleted = 0;
      for (const key of wanted) {
        if (table.get(key) === undefined) continue;
        transaction.put("kv", key, undefined);
        deleted++;
      }
      return deleted;
    });
  }

  clear(scan: ScanOptions | string): number {
    const range = mustKeyScan(scan, "kv.clear");
    return this.#scope.transact((transaction) => {
      const keys = listKeys(transaction.table("kv"), range);
      for (const key of keys) transaction.put("kv", key, undefined);
      return keys.length;
    });
  }

  typed<T>(): Kv<T, T, W>;
  typed<S extends StandardSchemaV1>(schema: S): Kv<StandardSchemaV1.InferOutput<S>, StandardSchemaV1.InferInput<S>, W>;
  typed(schema?: StandardSchemaV1): unknown {
    if (schema === undefined) return this;
    checkSchema(schema, "kv.typed");
    return new KvStore(this.#scope, schema);
  }

  #putWith(key: string, value: Value, options: KvPutOptions): W {
    const given = optionsOf(options, ["ttlMs", "ifVersion"], "kv.put");
    const expected = optionalInteger(given.ifVersion, "ifVersion", 0, "kv.put");
    const stored = plain(value, this.#expiry(given.ttlMs, "kv.put"));
    if (expected === undefined) return this.#scope.put("kv", key, stored) as W;
    return this.#scope.write((transaction) => {
      const found = new Found();
      const isThere = transaction.table("kv").find(key, found);
      const actual = isThere ? found.version : 0;
      const isOwn = isThere && actual === 0;
      if (isOwn || actual !== expected) throw versionConflict(key, expected, actual, isOwn);
      transaction.put("kv", key, stored);
      transaction.countCas();
    }) as W;
  }

  #expiry(ttlMs: unknown, where: string): number {
    return ttlMs === undefined ? NEVER : expiryAfter(this.#scope.now(), mustDuration(ttlMs, "ttlMs", where), where);
  }
}

function versionConflict(key: string, expected: Version, actual: Version, isOwn: boolean): ConflictError {
  const state = isOwn
    ? "has an uncommitted write of this transaction"
    : actual === 0
      ? "is absent"
      : `is at version ${actual}`;
  const message = `"${key}" ${state}, not ${expected === 0 ? "absent" : `at version ${expected}`}`;
  return new ConflictError("VERSION_CONFLICT", message, { primitive: "kv", key, expected, actual, uncommitted: isOwn });
}
