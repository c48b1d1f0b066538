import {
  type ByteReader,
  type ByteWriter,
  CorruptionError,
  decodeValue,
  encodeValue,
  PATH_SEGMENTS_MAX,
  type Value,
} from "@strata/core";
import { formatJsonPath, invalidPath } from "./json-path.js";
import { deleteAt, getAt, insertAt, type ResolvedPath, setAt } from "./json-tree.js";
import { mergePatch } from "./merge-patch.js";

/**
 * One write to one place of a document: what the log keeps instead of the document, and what is applied again to the
 * committed document at commit. Paths are resolved: the same operation on the same document gives the same result.
 */
export type JsonOperation = SetOperation | DeleteOperation | InsertOperation | MergeOperation;

/** Puts `value` at the path and makes missing parents; an index equal to the length appends. */
export interface SetOperation {
  readonly kind: "set";
  readonly path: ResolvedPath;
  readonly value: Value;
}

/** Removes what stands at the path; at the root the document. */
export interface DeleteOperation {
  readonly kind: "delete";
  readonly path: ResolvedPath;
}

/**
 * Inserts `values` into the array at the path, before the element at `index`, or behind the last when `index` is the
 * length.
 */
export interface InsertOperation {
  readonly kind: "insert";
  readonly path: ResolvedPath;
  readonly index: number;
  readonly values: readonly Value[];
}

/** Merges `patch` into what stands at the path (RFC 7396). */
export interface MergeOperation {
  readonly kind: "merge";
  readonly path: ResolvedPath;
  readonly patch: Value;
}

/**
 * The document after an operation; `undefined` is a document that does not exist, before or after.
 *
 * @throws InvalidArgumentError `WRONG_TYPE` or `INVALID_PATH` when the operation does not apply to this document, which
 * is left as it was.
 */
export function applyOperation(root: Value | undefined, operation: JsonOperation): Value | undefined {
  switch (operation.kind) {
    case "set":
      return setAt(root, operation.path, operation.value);
    case "merge":
      return setAt(root, operation.path, mergePatch(getAt(root, operation.path), operation.patch));
    case "insert":
      return insertAt(root, operation.path, operation.index, operation.values);
    case "delete": {
      const after = deleteAt(root, operation.path);
      if (after.removed === 0)
        throw invalidPath(formatJsonPath(operation.path), operation.path.length, "there is nothing to delete");
      return after.root;
    }
  }
}

/** The values that an operation brings into a document, in no particular order. */
export function valuesOf(operation: JsonOperation): readonly Value[] {
  switch (operation.kind) {
    case "set":
      return [operation.value];
    case "merge":
      return [operation.patch];
    case "insert":
      return operation.values;
    case "delete":
      return [];
  }
}

/**
 * Bytes of an operation. Integers are varints, text is length-prefixed UTF-8, values are as in `docs/formats/value.md`.
 *
 *   operation := kind u8, path, body
 *   path      := segmentCount, segment*          at most 256
 *   segment   := 0, member text | index + 1
 *   set       := value
 *   delete    := nothing
 *   insert    := index, valueCount, value*
 *   merge     := value
 */
export const JsonOperationKind = { set: 1, delete: 2, insert: 3, merge: 4 } as const;

const MEMBER = 0;

export function encodeOperation(writer: ByteWriter, operation: JsonOperation): void {
  writer.u8(JsonOperationKind[operation.kind]);
  encodePath(writer, operation.path);
  if (operation.kind === "set") encodeValue(writer, operation.value);
  else if (operation.kind === "merge") encodeValue(writer, operation.patch);
  else if (operation.kind === "insert") {
    writer.varint(operation.index);
    writer.varint(operation.values.length);
    for (const value of operation.values) encodeValue(writer, value);
  }
}

/** @throws CorruptionError `CORRUPT_RECORD` or `CORRUPT_VALUE` for bytes that are no operation. */
export function decodeOperation(reader: ByteReader): JsonOperation {
  const kind = reader.u8();
  const path = decodePath(reader);
  switch (kind) {
    case JsonOperationKind.set:
      return { kind: "set", path, value: decodeValue(reader) };
    case JsonOperationKind.delete:
      return { kind: "delete", path };
    case JsonOperationKind.insert: {
      const index = reader.varint();
      const count = reader.varint();
      const values: Value[] = [];
      for (let i = 0; i < count; i++) values.push(decodeValue(reader));
      return { kind: "insert", path, index, values: Object.freeze(values) };
    }
    case JsonOperationKind.merge:
      return { kind: "merge", path, patch: decodeValue(reader) };
    default:
      throw corrupt(`unknown kind ${kind}`, { kind });
  }
}

function encodePath(writer: ByteWriter, path: ResolvedPath): void {
  writer.varint(path.length);
  for (const segment of path) {
    if (typeof segment === "number") writer.varint(segment + 1);
    else {
      writer.varint(MEMBER);
      writer.text(segment);
    }
  }
}

function decodePath(reader: ByteReader): ResolvedPath {
  const count = reader.varint();
  if (count > PATH_SEGMENTS_MAX) throw corrupt(`a path of ${count} segments`, { count });
  const path: (string | number)[] = [];
  for (let i = 0; i < count; i++) {
    const tag = reader.varint();
    path.push(tag === MEMBER ? reader.text() : tag - 1);
  }
  return path;
}

function corrupt(what: string, facts: { readonly [name: string]: unknown }): CorruptionError {
  return new CorruptionError("CORRUPT_RECORD", `a document operation holds ${what}`, facts);
}
