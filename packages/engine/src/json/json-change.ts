import { InvalidArgumentError, LimitError, type Value } from "@strata/core";
import { checkWritten } from "./json-limits.js";
import { isArray } from "./json-members.js";
import type { JsonOperation } from "./json-operation.js";
import { formatJsonPath, type JsonSegment } from "./json-path.js";
import { deleteAt, getAt, insertAt, resolvePath, setAt, wrongType } from "./json-tree.js";
import { mergePatch } from "./merge-patch.js";

/** What a call of the document store makes of a document: the document afterwards and what the log keeps of it. */
export interface JsonChange {
  /** `undefined`: the document is deleted. The same object as before when nothing changed. */
  readonly root: Value | undefined;
  /** `undefined`: there was nothing to do. */
  readonly operation: JsonOperation | undefined;
}

/**
 * Puts a value at a path.
 *
 * @param value frozen (`copyValue`).
 * @throws InvalidArgumentError `WRONG_TYPE`, `INVALID_PATH`, `INVALID_VALUE`; LimitError `LIMIT_VALUE`. The document
 * stays as it was.
 */
export function changeBySet(root: Value | undefined, segments: readonly JsonSegment[], value: Value): JsonChange {
  const path = resolvePath(root, segments);
  checkWritten(value, path);
  return { root: setAt(root, path, value), operation: { kind: "set", path, value } };
}

/**
 * Removes what stands at a path. `removed` is 0 where there was nothing.
 *
 * @throws InvalidArgumentError `INVALID_PATH` for `[-]`.
 */
export function changeByDelete(
  root: Value | undefined,
  segments: readonly JsonSegment[],
): JsonChange & { readonly removed: 0 | 1 } {
  const { root: after, removed } = deleteAt(root, segments);
  const operation: JsonOperation | undefined =
    removed === 0 ? undefined : { kind: "delete", path: resolvePath(root, segments) };
  return { root: after, operation, removed };
}

/** Merges a patch (RFC 7396) into what stands at a path. Errors as of `changeBySet`. */
export function changeByMerge(root: Value | undefined, segments: readonly JsonSegment[], patch: Value): JsonChange {
  const path = resolvePath(root, segments);
  checkWritten(patch, path);
  return { root: setAt(root, path, mergePatch(getAt(root, path), patch)), operation: { kind: "merge", path, patch } };
}

/**
 * Puts values behind the last element of the array at a path, which is made when there is nothing. `length` is the
 * array's new length. Without values nothing changes.
 *
 * @throws InvalidArgumentError `WRONG_TYPE` when something else stands there, and as `changeBySet`.
 */
export function changeByPush(
  root: Value | undefined,
  segments: readonly JsonSegment[],
  values: readonly Value[],
): JsonChange & { readonly length: number } {
  const path = resolvePath(root, segments);
  const array = getAt(root, path);
  if (array !== undefined && !isArray(array)) throw wrongType(path, path.length, "array", array);
  const index = array?.length ?? 0;
  if (values.length === 0) return { root, operation: undefined, length: index };
  if (array === undefined) {
    const { root: after, operation } = changeBySet(root, path, Object.freeze([...values]));
    return { root: after, operation, length: values.length };
  }
  for (let i = 0; i < values.length; i++) checkWritten(values[i] as Value, [...path, index + i]);
  const operation: JsonOperation = { kind: "insert", path, index, values: Object.freeze([...values]) };
  return { root: insertAt(root, path, index, values), operation, length: index + values.length };
}

/**
 * Adds `by` to the number at a path; where there is nothing it begins at 0. Whole numbers are added exactly and may
 * reach ±(2^53 − 1), the range in which a number holds them exactly, so that the result is always a number; other
 * numbers are added as floats.
 *
 * @throws InvalidArgumentError `WRONG_TYPE` when something else than a number stands there, `INVALID_ARGUMENT` when
 * `by` is no finite number; LimitError `OVERFLOW` when the sum leaves the range; and as `changeBySet`.
 */
export function changeByIncrement(
  root: Value | undefined,
  segments: readonly JsonSegment[],
  by: number = 1,
): JsonChange & { readonly value: number } {
  if (typeof by !== "number" || !Number.isFinite(by)) {
    const given = typeof by === "number" ? String(by) : `a ${typeof by}`;
    throw new InvalidArgumentError("INVALID_ARGUMENT", `an increment is a finite number, not ${given}`, { by: given });
  }
  const path = resolvePath(root, segments);
  // Nothing, and only that, counts as 0: null is a value of another type.
  const stored = getAt(root, path);
  const found = stored === undefined ? 0 : stored;
  if (typeof found !== "number" && typeof found !== "bigint") throw wrongType(path, path.length, "number", found);
  const value = sum(found, by);
  if (value === undefined) {
    throw new LimitError(
      "OVERFLOW",
      `${found} + ${by} at "${formatJsonPath(path)}" leaves the range of exact numbers`,
      { path: formatJsonPath(path), value: found, by },
      { hint: "An increment gives a whole number up to ±(2^53 − 1), or a finite float. Set larger ones as bigint." },
    );
  }
  const { root: after, operation } = changeBySet(root, path, value);
  return { root: after, operation, value };
}

/**
 * The exact sum of whole numbers, the float sum of others; `undefined` when it cannot be told exactly, or is not
 * finite.
 */
function sum(a: number | bigint, b: number): number | undefined {
  if (typeof a === "bigint") {
    if (!Number.isSafeInteger(b)) return undefined;
    const exact = a + BigInt(b);
    return exact >= Number.MIN_SAFE_INTEGER && exact <= Number.MAX_SAFE_INTEGER ? Number(exact) : undefined;
  }
  const total = a + b;
  const whole = Number.isSafeInteger(a) && Number.isSafeInteger(b);
  if (whole ? !Number.isSafeInteger(total) : !Number.isFinite(total)) return undefined;
  return total;
}
