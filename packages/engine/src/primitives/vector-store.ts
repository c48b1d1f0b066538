import {
  checkKey,
  copyValue,
  type HistoryOptions,
  hasBytes,
  InvalidArgumentError,
  type Limits,
  type Options,
  type ScanOptions,
  type ValueObject,
  type Version,
  type VersionedEntry,
  validateCollectionName,
} from "@strata/core";
import { Found, type Stored } from "@strata/storage";
import { compileWhere, type Where } from "../json/index.js";
import type { ReadScope, Scope, TableReader } from "../scope.js";
import { historyOf } from "./history.js";
import { keyScan, listKeys } from "./key-scan.js";
import { writtenVersion } from "./open-transaction.js";
import { invalid, kindOf, mustIterate, optionsOf } from "./options.js";
import {
  type Collection,
  type CollectionOptions,
  collectionAt,
  collectionFrom,
  collectionMissing,
  collectionRow,
  collectionsAlike,
  collectionsOf,
  collectionThere,
  type Metric,
} from "./vector-collection.js";
import { dimensionMismatch, vectorFrom } from "./vector-input.js";
import {
  collectionRowKey,
  decodeVector,
  metadataOf,
  rowsOf,
  scanOfRows,
  vectorNameOf,
  vectorRow,
  vectorRowKey,
} from "./vector-row.js";

export interface CollectionInfo {
  readonly name: string;
  readonly dimension: number;
  readonly metric: Metric;
  /** How it is searched now. */
  readonly index: "flat" | "hnsw";
  /** Vectors in it. */
  readonly count: number;
  /** Vectors in the graph; the others are compared with one by one. */
  readonly indexed: number;
  /** Of the index. */
  readonly memoryBytes: number;
}

/** `version` and `timestamp` (µs since the epoch) of the commit that wrote it; 0 and 0 for an own, uncommitted write. */
export interface VectorEntry {
  readonly key: string;
  /** A copy, exactly what is stored. */
  readonly vector: Float32Array;
  readonly metadata: ValueObject | undefined;
  readonly version: Version;
  readonly timestamp: number;
}

/** What `upsertMany` takes; an entry as `get` gives it is one. */
export interface VectorInput {
  readonly key: string;
  readonly vector: ArrayLike<number>;
  readonly metadata?: object | undefined;
}

/** Reads of one collection throw NotFoundError `COLLECTION_NOT_FOUND` when there is none of the name; its history can be read on. */
export interface VectorReads {
  get(collection: string, key: string): VectorEntry | undefined;
  /** A string is a prefix. */
  keys(collection: string, scan?: ScanOptions | string): string[];
  /** @param filter of metadata; a vector without any has no field. */
  count(collection: string, filter?: Where): number;
  history(collection: string, key: string, options?: HistoryOptions): VersionedEntry<VectorEntry>[];
  /** By name. */
  listCollections(): CollectionInfo[];
}

/** `W` is what a plain write returns: its commit's version, or `undefined` inside a transaction, where there is none yet. */
export interface Vectors<W = Version> extends VectorReads {
  /**
   * @param options.ifExists "keep": false when it is there with equal options.
   * @throws StateError `COLLECTION_EXISTS`
   */
  createCollection(name: string, options: CollectionOptions & Options<{ ifExists: "error" | "keep" }>): boolean;
  /** With all its vectors, in one commit; false when there was none. */
  deleteCollection(name: string): boolean;
  /**
   * Writes a vector, with what is kept beside it.
   *
   * @throws NotFoundError `COLLECTION_NOT_FOUND`
   * @throws InvalidArgumentError `DIMENSION_MISMATCH`; `INVALID_VALUE` for what is no finite number
   */
  upsert(collection: string, key: string, vector: ArrayLike<number>, metadata?: object): W;
  /** One commit, its version; 0 when there was nothing to write. Of a key that comes twice the last vector stays. */
  upsertMany(collection: string, entries: Iterable<VectorInput>): W;
  delete(collection: string, key: string): boolean;
}

/** Vectors of one run and space, read only. */
export class VectorReader implements VectorReads {
  readonly #scope: ReadScope;
  readonly #table: TableReader;
  readonly #limits: Limits;
  readonly #found = new Found();

  constructor(scope: ReadScope) {
    this.#scope = scope;
    this.#table = scope.table("vector");
    this.#limits = scope.limits;
  }

  get(collection: string, key: string): VectorEntry | undefined {
    validateCollectionName(collection);
    checkKey(key, this.#limits);
    const found = this.#found;
    // A vector that is there has its collection.
    if (!this.#table.find(vectorRowKey(collection, key), found)) {
      this.#mustCollection(collection);
      return undefined;
    }
    const { version, stored } = found;
    return entryOf(key, stored as Stored, version, this.#scope.timestampOf(version));
  }

  keys(collection: string, scan?: ScanOptions | string): string[] {
    const wanted = keyScan(scan, "vectors.keys");
    this.#mustCollection(collection);
    return listKeys(this.#table, scanOfRows(collection, wanted)).map((row) => vectorNameOf(row).key);
  }

  count(collection: string, filter?: Where): number {
    const predicate = filter === undefined ? undefined : compileWhere(filter, "vectors.count");
    this.#mustCollection(collection);
    let count = 0;
    this.#table.scan(rowsOf(collection), predicate === undefined ? "keys" : "values", (_row, stored) => {
      if (predicate === undefined || predicate.matches(metadataOf(stored))) count++;
      return true;
    });
    return count;
  }

  history(collection: string, key: string, options?: HistoryOptions): VersionedEntry<VectorEntry>[] {
    validateCollectionName(collection);
    checkKey(key, this.#limits);
    const row = vectorRowKey(collection, key);
    return historyOf(this.#scope, "vector", row, options, "vectors.history").map(
      ({ version, timestamp, stored, deleted }) =>
        deleted
          ? { version, timestamp, deleted: true }
          : { version, timestamp, deleted: false, value: entryOf(key, stored as Stored, version, timestamp) },
    );
  }

  listCollections(): CollectionInfo[] {
    const infos = new Map<string, { name: string; dimension: number; metric: Metric; count: number }>();
    for (const [name, { dimension, metric }] of collectionsOf(this.#scope)) {
      infos.set(name, { name, dimension, metric, count: 0 });
    }
    this.#table.scan({ start: undefined, end: undefined, reverse: false }, "keys", (row) => {
      const { collection, key } = vectorNameOf(row);
      const info = infos.get(collection);
      if (key !== "" && info !== undefined) info.count++;
      return true;
    });
    return [...infos.values()].map((info) => ({ ...info, index: "flat", indexed: 0, memoryBytes: 0 }));
  }

  #mustCollection(name: string): Collection {
    validateCollectionName(name);
    return collectionAt(this.#table, name) ?? collectionMissing(name, this.#scope);
  }
}

/**
 * Vectors of one run and space. Invariants:
 *
 * 1. No vector without its collection, and of its dimension: who writes one observes the row of the collection, and who deletes that or writes
 *    it anew deletes the vectors of it.
 * 2. The options of a collection do not change while it lives.
 * 3. Whatever code of the caller's runs while vectors and metadata are copied, the collection is looked up behind it.
 */
export class VectorStore<W = Version> extends VectorReader implements Vectors<W> {
  readonly #scope: Scope;
  readonly #limits: Limits;

  constructor(scope: Scope) {
    super(scope);
    this.#scope = scope;
    this.#limits = scope.limits;
  }

  createCollection(name: string, options: CollectionOptions & Options<{ ifExists: "error" | "keep" }>): boolean {
    validateCollectionName(name);
    const { collection, ifExists } = collectionFrom(options, this.#limits, "vectors.createCollection");
    return this.#scope.transact((transaction) => {
      const there = collectionAt(transaction.table("vector"), name);
      if (there === undefined) transaction.put("vector", collectionRowKey(name), collectionRow(collection));
      else if (ifExists === "error" || !collectionsAlike(there, collection))
        throw collectionThere(name, there, collection);
      return there === undefined;
    });
  }

  deleteCollection(name: string): boolean {
    validateCollectionName(name);
    return this.#scope.transact((transaction) => {
      const table = transaction.table("vector");
      if (collectionAt(table, name) === undefined) return false;
      const rows = listKeys(table, { range: rowsOf(name), limit: Number.POSITIVE_INFINITY });
      for (const row of rows) transaction.put("vector", row, undefined);
      transaction.put("vector", collectionRowKey(name), undefined);
      return true;
    });
  }

  upsert(collection: string, key: string, vector: ArrayLike<number>, metadata?: object): W {
    const { dimension } = this.#collection(this.#scope, collection);
    checkKey(key, this.#limits);
    const row = this.#rowFrom(collection, dimension, vector, metadata, "vectors.upsert");
    this.#mustFit(this.#scope, collection, dimension);
    return this.#scope.put("vector", vectorRowKey(collection, key), row) as W;
  }

  upsertMany(collection: string, entries: Iterable<VectorInput>): W {
    const { dimension } = this.#collection(this.#scope, collection);
    const rows = new Map<string, Stored>();
    for (const entry of mustIterate(entries, "entries { key, vector }", "vectors.upsertMany")) {
      if (entry === undefined)
        throw invalid("vectors.upsertMany", "takes entries { key, vector }, not undefined", { collection });
      const { key, vector, metadata } = optionsOf(entry, ENTRY_NAMES, "vectors.upsertMany");
      checkKey(key, this.#limits);
      rows.set(
        vectorRowKey(collection, key),
        this.#rowFrom(collection, dimension, vector, metadata, "vectors.upsertMany"),
      );
    }
    const version = this.#scope.write((transaction) => {
      this.#mustFit(transaction, collection, dimension);
      for (const [row, stored] of rows) transaction.put("vector", row, stored);
    });
    return writtenVersion(this.#scope, version) as W;
  }

  delete(collection: string, key: string): boolean {
    validateCollectionName(collection);
    checkKey(key, this.#limits);
    const row = vectorRowKey(collection, key);
    return this.#scope.transact((transaction) => {
      if (transaction.table("vector").get(row) === undefined) {
        this.#collection(transaction, collection);
        return false;
      }
      transaction.put("vector", row, undefined);
      return true;
    });
  }

  /** Looked up again, for what ran since it was looked up first. */
  #mustFit(scope: ReadScope, name: string, dimension: number): void {
    const now = this.#collection(scope, name);
    if (now.dimension !== dimension) throw dimensionMismatch(name, now.dimension, dimension);
  }

  #collection(scope: ReadScope, name: string): Collection {
    validateCollectionName(name);
    return collectionAt(scope.table("vector"), name) ?? collectionMissing(name, scope);
  }

  #rowFrom(collection: string, dimension: number, vector: unknown, metadata: unknown, where: string): Stored {
    return vectorRow(vectorFrom(vector, collection, dimension, where), metadataFrom(metadata, this.#limits, where));
  }
}

/** Those of a VectorEntry. */
const ENTRY_NAMES = ["key", "vector", "metadata", "version", "timestamp"] as const;

/** @throws InvalidArgumentError `INVALID_ARGUMENT` unless it is an object, and what `copyValue` throws */
export function metadataFrom(input: unknown, limits: Limits, where: string): ValueObject | undefined {
  if (input === undefined) return undefined;
  if (typeof input !== "object" || input === null || Array.isArray(input) || ArrayBuffer.isView(input)) {
    throw invalid(where, `takes metadata as an object, not ${kindOf(input)}`, { option: "metadata" });
  }
  const metadata = copyValue(input, limits, "the metadata") as ValueObject;
  if (!hasBytes(metadata)) return metadata;
  throw new InvalidArgumentError(
    "INVALID_VALUE",
    `${where}: metadata holds no bytes`,
    {},
    {
      hint: "Store the bytes under a key of their own and keep that key in the metadata.",
    },
  );
}

function entryOf(key: string, stored: Stored, version: Version, timestamp: number): VectorEntry {
  return { key, vector: decodeVector(stored), metadata: metadataOf(stored), version, timestamp };
}
