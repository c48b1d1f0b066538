import { ConflictError, copyValue, InvalidArgumentError, type Limits, Value } from "@strata/core";
import { changeByDelete, changeBySet, type JsonChange } from "./json-change.js";
import { checkWritten, documentLimits } from "./json-limits.js";
import type { JsonOperation } from "./json-operation.js";
import { locate, parsePointer } from "./json-pointer.js";
import { getAt, insertAt, type ResolvedPath } from "./json-tree.js";

/** One operation of a JSON patch (RFC 6902); `path` and `from` are JSON pointers (RFC 6901). */
export type PatchOperation =
  | { readonly op: "add" | "replace" | "test"; readonly path: string; readonly value: unknown }
  | { readonly op: "remove"; readonly path: string }
  | { readonly op: "move" | "copy"; readonly from: string; readonly path: string };

/** What one operation of a patch looked at, with its pointers resolved. For `observePatch`. */
export interface JsonPatchStep {
  readonly op: PatchOperation["op"];
  readonly path: ResolvedPath;
  /** Of `move` and `copy`. */
  readonly from: ResolvedPath | undefined;
}

export interface JsonPatchResult {
  /** The document afterwards, `undefined` when the patch removed it. */
  readonly root: Value | undefined;
  /** What leads from the document before to the one afterwards, for the log; empty for a patch that only tests. */
  readonly operations: readonly JsonOperation[];
  readonly steps: readonly JsonPatchStep[];
}

/**
 * Applies a JSON patch, all of it or nothing. Values are copied. Unlike `set`, a patch makes no missing parents; on a
 * document that does not exist only `add` at the root (pointer "") succeeds.
 *
 * @throws ConflictError `PATCH_TEST_FAILED` when a `test` finds another value, or none; `facts.index` says which.
 * @throws InvalidArgumentError `INVALID_ARGUMENT` for what is no patch operation, `INVALID_PATH` for a pointer that is
 * malformed or leads nowhere, `INVALID_VALUE`; LimitError `LIMIT_VALUE`.
 */
export function applyPatch(root: Value | undefined, patch: readonly PatchOperation[], limits: Limits): JsonPatchResult {
  if (!Array.isArray(patch)) throw new InvalidArgumentError("INVALID_ARGUMENT", "a patch is an array of operations");
  const requests = [...patch].map((operation, index) => readRequest(operation, index, limits));
  const operations: JsonOperation[] = [];
  const steps: JsonPatchStep[] = [];
  let document = root;
  for (const request of requests) {
    const { changes, path, from } = runRequest(document, request);
    steps.push({ op: request.op, path, from });
    for (const change of changes) {
      document = change.root;
      if (change.operation !== undefined) operations.push(change.operation);
    }
  }
  return { root: document, operations, steps };
}

type Op = PatchOperation["op"];

/** An operation that is well formed; whether it fits the document is another question. */
interface Request {
  readonly index: number;
  readonly op: Op;
  readonly pointer: string;
  readonly tokens: readonly string[];
  readonly fromPointer: string;
  readonly fromTokens: readonly string[];
  /** Frozen; `null` where the operation has none. */
  readonly value: Value;
}

interface Outcome {
  readonly changes: readonly JsonChange[];
  readonly path: ResolvedPath;
  readonly from: ResolvedPath | undefined;
}

const NEEDS: { readonly [op in Op]: "value" | "from" | "nothing" } = {
  add: "value",
  replace: "value",
  test: "value",
  remove: "nothing",
  move: "from",
  copy: "from",
};

function readRequest(operation: unknown, index: number, limits: Limits): Request {
  const op = ownMember(operation, "op");
  if (typeof op !== "string" || !Object.hasOwn(NEEDS, op)) {
    throw malformed(index, `"op" is one of ${Object.keys(NEEDS).join(", ")}`);
  }
  const needs = NEEDS[op as Op];
  const pointer = pointerOf(operation, "path", index);
  const fromPointer = needs === "from" ? pointerOf(operation, "from", index) : "";
  const value = needs === "value" ? ownMember(operation, "value") : null;
  if (value === undefined) throw malformed(index, `"${op}" needs a "value"`);
  return {
    index,
    op: op as Op,
    pointer,
    tokens: parsePointer(pointer),
    fromPointer,
    fromTokens: parsePointer(fromPointer),
    value: value === null ? null : copyValue(value, documentLimits(limits), `the value of operation ${index}`),
  };
}

function runRequest(document: Value | undefined, request: Request): Outcome {
  switch (request.op) {
    case "add": {
      const path = mustLocate(document, request);
      return { changes: [changeByAdd(document, path, request.value)], path, from: undefined };
    }
    case "replace": {
      const { path } = mustFind(document, request, request.tokens, request.pointer);
      return { changes: [changeBySet(document, path, request.value)], path, from: undefined };
    }
    case "remove": {
      const { path } = mustFind(document, request, request.tokens, request.pointer);
      return { changes: [changeByDelete(document, path)], path, from: undefined };
    }
    case "test":
      return { changes: [], path: mustEqual(document, request), from: undefined };
    case "copy": {
      const source = mustFind(document, request, request.fromTokens, request.fromPointer);
      const path = mustLocate(document, request);
      return { changes: [changeByAdd(document, path, source.value)], path, from: source.path };
    }
    case "move":
      return move(document, request);
  }
}

function move(document: Value | undefined, request: Request): Outcome {
  const { tokens, fromTokens } = request;
  const source = mustFind(document, request, fromTokens, request.fromPointer);
  const leadsThrough = fromTokens.every((token, i) => token === tokens[i]);
  if (leadsThrough && tokens.length > fromTokens.length) {
    throw nowhere(request, request.pointer, "a value is not moved into itself");
  }
  if (leadsThrough) return { changes: [], path: source.path, from: source.path };
  const taken = changeByDelete(document, source.path);
  const path = mustLocate(taken.root, request);
  return { changes: [taken, changeByAdd(taken.root, path, source.value)], path, from: source.path };
}

/** `add` inserts into an array, and sets a member or the document. */
function changeByAdd(document: Value | undefined, path: ResolvedPath, value: Value): JsonChange {
  const last = path.at(-1);
  if (typeof last !== "number") return changeBySet(document, path, value);
  checkWritten(value, path);
  const array = path.slice(0, -1);
  const values = Object.freeze([value]);
  return {
    root: insertAt(document, array, last, values),
    operation: { kind: "insert", path: array, index: last, values },
  };
}

/** Path of a place to add to: its container exists. */
function mustLocate(document: Value | undefined, request: Request): ResolvedPath {
  const path = locate(document, request.tokens);
  if (path === undefined) throw nowhere(request, request.pointer, "there is no such place in the document");
  return path;
}

function mustFind(
  document: Value | undefined,
  request: Request,
  tokens: readonly string[],
  pointer: string,
): { readonly path: ResolvedPath; readonly value: Value } {
  const path = locate(document, tokens);
  const value = path === undefined ? undefined : getAt(document, path);
  if (path === undefined || value === undefined) throw nowhere(request, pointer, "nothing stands there");
  return { path, value };
}

function mustEqual(document: Value | undefined, request: Request): ResolvedPath {
  const path = locate(document, request.tokens);
  const found = path === undefined ? undefined : getAt(document, path);
  if (path !== undefined && found !== undefined && Value.equal(found, request.value)) return path;
  const { index, pointer, value } = request;
  throw new ConflictError(
    "PATCH_TEST_FAILED",
    `operation ${index} of the patch expected another value at "${pointer}"`,
    { index, path: pointer, expected: value, actual: found },
  );
}

function pointerOf(operation: unknown, name: "path" | "from", index: number): string {
  const pointer = ownMember(operation, name);
  if (typeof pointer !== "string") throw malformed(index, `"${name}" is a JSON pointer`);
  return pointer;
}

function ownMember(operation: unknown, name: string): unknown {
  if (typeof operation !== "object" || operation === null || !Object.hasOwn(operation, name)) return undefined;
  return (operation as { readonly [name: string]: unknown })[name];
}

function malformed(index: number, reason: string): InvalidArgumentError {
  return new InvalidArgumentError("INVALID_ARGUMENT", `operation ${index} of the patch: ${reason}`, { index, reason });
}

function nowhere(request: Request, pointer: string, reason: string): InvalidArgumentError {
  const { index, op } = request;
  return new InvalidArgumentError("INVALID_PATH", `operation ${index} of the patch, ${op} "${pointer}": ${reason}`, {
    index,
    op,
    path: pointer,
    reason,
  });
}
