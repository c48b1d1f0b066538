import {
  checkKey,
  copyOut,
  copyValue,
  type HistoryOptions,
  hasBytes,
  type Limits,
  type ScanOptions,
  type Storable,
  Value,
  type Version,
  type Versioned,
  type VersionedEntry,
} from "@strata/core";
import { Box, Found, type Stored } from "@strata/storage";
import {
  APPEND,
  applyPatch,
  changeByDelete,
  changeByIncrement,
  changeByMerge,
  changeByPush,
  changeBySet,
  checkDocument,
  documentLimits,
  getAt,
  type JsonChange,
  type JsonObservation,
  type JsonOperation,
  type JsonPath,
  type JsonSegment,
  observeMerge,
  observePatch,
  observePathPresence,
  observePathRead,
  observePathWrite,
  type PatchOperation,
  parseJsonPath,
  queryDocument,
  type Where,
} from "../json/index.js";
import type { ReadScope, Scope, TableReader, TransactionScope } from "../scope.js";
import { declareIndex, withdrawIndex } from "./declared-indexes.js";
import { type DocumentNow, documentBox, documentNow, holdsBytesAfter, observeDocument } from "./document.js";
import { Entries } from "./entries.js";
import { historyOf } from "./history.js";
import {
  type JsonExplanation,
  type JsonFinder,
  type JsonFindOptions,
  type JsonMatch,
  jsonQuery,
  scanDocuments,
} from "./json-find.js";
import { keyScan, listKeys } from "./key-scan.js";
import { openTransaction, writtenVersion } from "./open-transaction.js";
import type { StandardSchemaV1 } from "./standard-schema.js";
import { valueIn, versionedOf } from "./stored-value.js";
import { checkSchema, conform } from "./typed.js";

/** A document with its version, and when it came into being, µs since the epoch. */
export type VersionedDocument<V> = Versioned<V> & { readonly createdAt: number };

export interface JsonReads<V = Value> {
  get(key: string): V | undefined;
  /** What stands at the path; `undefined` when there is nothing, or no document. */
  get(key: string, path: JsonPath): Value | undefined;
  getVersioned(key: string): VersionedDocument<V> | undefined;
  exists(key: string, path?: JsonPath): boolean;
  /** A string is a prefix. */
  list(scan?: ScanOptions | string): string[];
  /** One version throughout, fixed by the first `next()`, also across awaits and later own writes. */
  entries(scan?: ScanOptions | string): IterableIterator<[key: string, document: V]>;
  /** RFC 9535, read only: every value that the query selects; none without a document. */
  query(key: string, jsonPath: string): Value[];
  /** Documents of which `where` holds, by key, or by `orderBy`. In a transaction it observes what a reading of the prefix does. */
  find(where: Where, options?: JsonFindOptions): JsonMatch<V>[];
  /** Does what `find` does, and says how. */
  explain(where: Where, options?: JsonFindOptions): JsonExplanation;
  history(key: string, options?: HistoryOptions): VersionedEntry<V>[];
}

/**
 * Two transactions that touch disjoint paths of one document both commit. What a path write observes is the kind of each container on its
 * way, and of arrays everything; a whole document is written blindly, unless it creates the document.
 */
export interface JsonStore<V = Value, In = unknown, W = Version> extends JsonReads<V> {
  /** "$" is the document; missing parents are made. */
  set<T>(key: string, path: JsonPath, value: T & Storable<T>): W;
  /** `set` at "$". */
  put<T extends In>(key: string, document: T & Storable<T>): W;
  /** Values removed: 0 or 1. Without a path the document. */
  delete(key: string, path?: JsonPath): number;
  /** RFC 7396. */
  merge<T>(key: string, path: JsonPath, patch: T & Storable<T>): W;
  /** RFC 6902, all or nothing. 0 when it only tested. @throws ConflictError `PATCH_TEST_FAILED` */
  patch(key: string, operations: readonly PatchOperation[]): W;
  /** The new length. */
  push<T>(key: string, path: JsonPath, ...values: readonly (T & Storable<T>)[]): number;
  /** The new number. */
  increment(key: string, path: JsonPath, by?: number): number;
  /**
   * Declares that `find` is to have an index of what stands at the path. It serves every operator but `$ne` and `$nin`, of an array's
   * elements `$contains`, and `orderBy`. It is built when it is first of use; forks have it too. @returns false when it was there
   */
  createIndex(path: string): boolean;
  /** @returns false when there was none */
  dropIndex(path: string): boolean;
  typed<T>(): JsonStore<T, T, W>;
  /** The whole document is validated after every write, so that in a transaction every write observes all of it. */
  typed<S extends StandardSchemaV1>(
    schema: S,
  ): JsonStore<StandardSchemaV1.InferOutput<S>, StandardSchemaV1.InferInput<S>, W>;
}

const ROOT: JsonPath = "$";

/** Documents of one run and space, read only. */
export class JsonReader<V = Value> implements JsonReads<V> {
  readonly #scope: ReadScope;
  readonly #table: TableReader;
  readonly #limits: Limits;
  readonly #finder: JsonFinder;
  readonly #found = new Found();

  /** @param finder how `find` finds: by reading all documents, unless it is given. */
  constructor(scope: ReadScope, finder: JsonFinder = scanDocuments) {
    this.#scope = scope;
    this.#finder = finder;
    this.#table = scope.table("json");
    this.#limits = scope.limits;
  }

  get(key: string): V | undefined;
  get(key: string, path: JsonPath): Value | undefined;
  get(key: string, path: JsonPath = ROOT): unknown {
    checkKey(key, this.#limits);
    const segments = parseJsonPath(path);
    const document = this.#read(key, segments, observePathRead);
    if (document === undefined) return undefined;
    const value = getAt(document.value, segments);
    return value !== undefined && document.holdsBytes ? copyOut(value) : value;
  }

  getVersioned(key: string): VersionedDocument<V> | undefined {
    checkKey(key, this.#limits);
    const found = this.#found;
    if (!this.#table.find(key, found)) return undefined;
    const stored = found.stored as Stored;
    const createdAt = stored instanceof Box ? stored.createdAt : 0;
    return { ...versionedOf(found, valueIn(stored) as V, this.#scope), createdAt };
  }

  exists(key: string, path: JsonPath = ROOT): boolean {
    checkKey(key, this.#limits);
    const segments = parseJsonPath(path);
    const document = this.#read(key, segments, observePathPresence);
    return getAt(document?.value, segments) !== undefined;
  }

  list(scan?: ScanOptions | string): string[] {
    return listKeys(this.#table, keyScan(scan, "json.list"));
  }

  entries(scan?: ScanOptions | string): IterableIterator<[key: string, document: V]> {
    return new Entries<[string, V]>(this.#scope, "json", keyScan(scan, "json.entries"), (key, stored) => [
      key,
      valueIn(stored) as V,
    ]);
  }

  query(key: string, jsonPath: string): Value[] {
    checkKey(key, this.#limits);
    const document = this.#table.get(key);
    const found = queryDocument(document === undefined ? undefined : (document as Box).value, jsonPath);
    return (document as Box | undefined)?.holdsBytes === true ? found.map(copyOut) : [...found];
  }

  find(where: Where, options?: JsonFindOptions): JsonMatch<V>[] {
    const query = jsonQuery(where, options, this.#limits, "json.find");
    const { documents } = this.#finder.find(this.#scope, query);
    return documents.map(({ key, stored }) => ({ key, value: valueIn(stored) as V }));
  }

  explain(where: Where, options?: JsonFindOptions): JsonExplanation {
    const query = jsonQuery(where, options, this.#limits, "json.explain");
    return this.#finder.find(this.#scope, query).explanation;
  }

  history(key: string, options?: HistoryOptions): VersionedEntry<V>[] {
    checkKey(key, this.#limits);
    return historyOf(this.#scope, "json", key, options, "json.history").map(
      ({ version, timestamp, stored, deleted }) =>
        deleted
          ? { version, timestamp, deleted: true }
          : { version, timestamp, deleted: false, value: valueIn(stored as Stored) as V },
    );
  }

  /** The document; in a transaction only what is asked of it is observed. */
  #read(
    key: string,
    segments: readonly JsonSegment[],
    seen: (root: Value | undefined, segments: readonly JsonSegment[]) => JsonObservation,
  ): Box | undefined {
    const transaction = openTransaction(this.#scope);
    if (transaction === undefined) return this.#table.get(key) as Box | undefined;
    observeDocument(transaction, key, (root) => [seen(root, segments)]);
    return documentNow(transaction, key).box;
  }
}

/** What an edit of a document comes to. */
interface Edit {
  /** `undefined`: there is no document afterwards. */
  readonly root: Value | undefined;
  readonly operations: readonly JsonOperation[];
}

/** Documents of one run and space. A document is a Box with its tree; path writes share what they leave alone. */
export class JsonDocumentStore<V = Value, In = unknown, W = Version>
  extends JsonReader<V>
  implements JsonStore<V, In, W>
{
  readonly #scope: Scope;
  readonly #limits: Limits;
  readonly #finder: JsonFinder;
  readonly #schema: StandardSchemaV1 | undefined;

  constructor(scope: Scope, finder: JsonFinder = scanDocuments, schema?: StandardSchemaV1) {
    super(scope, finder);
    this.#scope = scope;
    this.#finder = finder;
    this.#limits = documentLimits(scope.limits);
    this.#schema = schema;
  }

  set<T>(key: string, path: JsonPath, value: T & Storable<T>): W {
    checkKey(key, this.#limits);
    const segments = parseJsonPath(path);
    if (segments.length === 0) return this.#put(key, value);
    const copy = copyValue(value, this.#limits, "a document's value");
    return this.#write(
      key,
      (root) => editOf(changeBySet(root, segments, copy)),
      (root) => observePathWrite(root, segments),
    );
  }

  put<T extends In>(key: string, document: T & Storable<T>): W {
    checkKey(key, this.#limits);
    return this.#put(key, document);
  }

  delete(key: string, path: JsonPath = ROOT): number {
    checkKey(key, this.#limits);
    const segments = parseJsonPath(path);
    return this.#scope.transact((transaction) => {
      const change = this.#edit(
        transaction,
        key,
        (root) => {
          const { removed, ...deletion } = changeByDelete(root, segments);
          return { ...editOf(deletion), removed };
        },
        (root) => [observePathPresence(root, segments), ...observePathWrite(root, segments)],
      );
      return change.removed;
    });
  }

  merge<T>(key: string, path: JsonPath, patch: T & Storable<T>): W {
    checkKey(key, this.#limits);
    const segments = parseJsonPath(path);
    const copy = copyValue(patch, this.#limits, "a merge patch");
    return this.#write(
      key,
      (root) => editOf(changeByMerge(root, segments, copy)),
      (root) => observeMerge(root, segments, copy),
    );
  }

  patch(key: string, operations: readonly PatchOperation[]): W {
    checkKey(key, this.#limits);
    const version = this.#scope.write((transaction) => {
      const result = this.#patched(transaction, key, operations);
      this.#edit(
        transaction,
        key,
        () => result,
        (root) => observePatch(root, result.steps),
      );
    });
    return writtenVersion(this.#scope, version) as W;
  }

  push<T>(key: string, path: JsonPath, ...values: readonly (T & Storable<T>)[]): number {
    checkKey(key, this.#limits);
    const segments = parseJsonPath(path);
    const copies = values.map((value) => copyValue(value, this.#limits, "a document's value"));
    return this.#scope.transact((transaction) => {
      const change = this.#edit(
        transaction,
        key,
        (root) => {
          const pushed = changeByPush(root, segments, copies);
          return { ...editOf(pushed), length: pushed.length };
        },
        (root) => observeInPlace(root, segments),
      );
      return change.length;
    });
  }

  increment(key: string, path: JsonPath, by: number = 1): number {
    checkKey(key, this.#limits);
    const segments = parseJsonPath(path);
    return this.#scope.transact((transaction) => {
      const change = this.#edit(
        transaction,
        key,
        (root) => {
          const incremented = changeByIncrement(root, segments, by);
          return { ...editOf(incremented), value: incremented.value };
        },
        (root) => observeInPlace(root, segments),
      );
      return change.value;
    });
  }

  createIndex(path: string): boolean {
    return declareIndex(this.#scope, path);
  }

  dropIndex(path: string): boolean {
    return withdrawIndex(this.#scope, path);
  }

  typed<T>(): JsonStore<T, T, W>;
  typed<S extends StandardSchemaV1>(
    schema: S,
  ): JsonStore<StandardSchemaV1.InferOutput<S>, StandardSchemaV1.InferInput<S>, W>;
  typed(schema?: StandardSchemaV1): unknown {
    if (schema === undefined) return this;
    checkSchema(schema, "json.typed");
    return new JsonDocumentStore(this.#scope, this.#finder, schema);
  }

  /** A refusal tells of the document as much as a result does: whoever catches it relies on all of it. */
  #patched(
    transaction: TransactionScope,
    key: string,
    operations: readonly PatchOperation[],
  ): ReturnType<typeof applyPatch> {
    try {
      return applyPatch(documentNow(transaction, key).box?.value, operations, this.#limits);
    } catch (error) {
      transaction.table("json").observe(key);
      throw error;
    }
  }

  #put(key: string, document: unknown): W {
    const root = this.#document(document, key);
    const holdsBytes = hasBytes(root);
    const version = this.#scope.write((transaction) => {
      observeDocument(transaction, key, (seen) => observePathWrite(seen, []));
      transaction.put(
        "json",
        key,
        documentBox(transaction, documentNow(transaction, key), root, { holdsBytes, isWhole: true }),
      );
    });
    return version as W;
  }

  #write(
    key: string,
    edit: (root: Value | undefined) => Edit,
    seen: (root: Value | undefined) => readonly JsonObservation[],
  ): W {
    const version = this.#scope.write((transaction) => {
      this.#edit(transaction, key, edit, seen);
    });
    return writtenVersion(this.#scope, version) as W;
  }

  /** Observes what the edit relies on, makes it, and writes what it leaves. Nothing is written when it throws. */
  #edit<E extends Edit>(
    transaction: TransactionScope,
    key: string,
    edit: (root: Value | undefined) => E,
    seen: (root: Value | undefined) => readonly JsonObservation[],
  ): E {
    observeDocument(transaction, key, seen);
    const before = documentNow(transaction, key);
    const after = edit(before.box?.value);
    const { root, operations } = after;
    if (root === undefined) {
      if (before.box !== undefined) transaction.put("json", key, undefined);
    } else if (operations.length > 0) {
      if (this.#schema === undefined) {
        const holdsBytes = holdsBytesAfter(before.box, operations);
        transaction.patch(key, documentBox(transaction, before, root, { holdsBytes, isWhole: false }), operations);
      } else this.#writeConforming(transaction, key, before, root, operations);
    }
    return after;
  }

  /** Stores what the schema makes of the document: as path writes when it changes nothing, else as a whole. */
  #writeConforming(
    transaction: TransactionScope,
    key: string,
    before: DocumentNow,
    root: Value,
    operations: readonly JsonOperation[],
  ): void {
    // The verdict is about the whole document, so the whole document must stay as it was.
    transaction.table("json").observe(key);
    const output = this.#document(root, key);
    const holdsBytes = hasBytes(output);
    if (Value.equal(output, root))
      transaction.patch(key, documentBox(transaction, before, root, { holdsBytes, isWhole: false }), operations);
    else transaction.put("json", key, documentBox(transaction, before, output, { holdsBytes, isWhole: true }));
  }

  /** A whole document as it is stored: through the schema where there is one, checked, copied and frozen. */
  #document(input: unknown, key: string): Value {
    const what = this.#schema === undefined ? "a document" : `document "${key}"`;
    const root = copyValue(this.#schema === undefined ? input : conform(this.#schema, input, what), this.#limits, what);
    checkDocument(root);
    return root;
  }
}

function editOf({ root, operation }: JsonChange): Edit {
  return { root, operations: operation === undefined ? [] : [operation] };
}

/** Of an operation whose result depends on what stands at the path. */
function observeInPlace(root: Value | undefined, segments: readonly JsonSegment[]): JsonObservation[] {
  const observed = observePathWrite(root, segments);
  // Nothing can be read at the append marker; the array around it is observed already.
  if (!segments.includes(APPEND)) observed.push(observePathRead(root, segments));
  return observed;
}
