import { InvalidArgumentError, type Value } from "@strata/core";
import {
  elementOf,
  isArray,
  isObject,
  kindOf,
  memberOf,
  objectOf,
  spliced,
  withElement,
  withMember,
  withoutMember,
} from "./json-members.js";
import { APPEND, formatJsonPath, invalidPath, type JsonSegment } from "./json-path.js";

/**
 * Documents are immutable trees: deeply frozen values that share what they have in common. A write copies the
 * containers on its way and nothing else, so a subtree that was not written to stays the same object. `undefined` is a
 * document that does not exist.
 *
 * Values passed in are frozen already (`copyValue`, or another document's subtree); only new containers are frozen
 * here.
 */

/** A path whose indexes count from the start and which holds no append marker. */
export type ResolvedPath = readonly (string | number)[];

/**
 * What stands at a path; `undefined` when there is nothing, be it that a member is missing, an index is out of range,
 * or a container on the way is of another kind.
 *
 * @throws InvalidArgumentError `INVALID_PATH` for a path with the append marker: nothing can be read there.
 */
export function getAt(root: Value | undefined, segments: readonly JsonSegment[]): Value | undefined {
  let found = root;
  for (let i = 0; i < segments.length; i++) {
    if (found === undefined) break;
    const segment = segments[i] as JsonSegment;
    if (typeof segment === "string") found = memberOf(found, segment);
    else if (typeof segment === "number") found = elementOf(found, segment);
    else found = undefined;
  }
  if (found === undefined) refuseAppend(segments, "only a write can name it");
  return found;
}

/**
 * The path with negative indexes and append markers replaced by the indexes they mean in `root`; the same array when it
 * has none.
 *
 * @throws InvalidArgumentError `INVALID_PATH` for a negative index before the first element.
 */
export function resolvePath(root: Value | undefined, segments: readonly JsonSegment[]): ResolvedPath {
  if (!isRelative(segments)) return segments as ResolvedPath;
  const resolved: (string | number)[] = [];
  let container = root;
  for (const segment of segments) {
    const length = container !== undefined && isArray(container) ? container.length : 0;
    const step = segment === APPEND ? length : typeof segment === "number" && segment < 0 ? length + segment : segment;
    if (typeof step === "number" && step < 0) throw beyond(segments, resolved.length, step - length, length);
    resolved.push(step);
    if (container !== undefined)
      container = typeof step === "string" ? memberOf(container, step) : elementOf(container, step);
  }
  return resolved;
}

/**
 * The document with `value` at the path. Missing parents are made: an object where a member name follows, an array
 * where an index follows. An index equal to the length appends. The root may be replaced by any value.
 *
 * @throws InvalidArgumentError `WRONG_TYPE` when the path leads through a scalar or a container of the other kind,
 * `INVALID_PATH` when it leads beyond the end of an array.
 */
export function setAt(root: Value | undefined, segments: readonly JsonSegment[], value: Value): Value {
  return setFrom(root, resolvePath(root, segments), 0, value);
}

/**
 * The document without what stands at the path, `undefined` when that is the root; elements behind a removed one move
 * up. Where nothing stands, `removed` is 0 and the root is the same object.
 *
 * @throws InvalidArgumentError `INVALID_PATH` for a path with the append marker.
 */
export function deleteAt(
  root: Value | undefined,
  segments: readonly JsonSegment[],
): { readonly root: Value | undefined; readonly removed: 0 | 1 } {
  refuseAppend(segments, "there is nothing to delete");
  if (root === undefined) return { root, removed: 0 };
  if (segments.length === 0) return { root: undefined, removed: 1 };
  const after = deleteFrom(root, segments, 0);
  return { root: after, removed: after === root ? 0 : 1 };
}

/**
 * The document with `values` inserted into the array at the path, before the element at `index`; `index` may be the
 * array's length.
 *
 * @throws InvalidArgumentError `WRONG_TYPE` when there is no array, `INVALID_PATH` when `index` is beyond its end.
 */
export function insertAt(
  root: Value | undefined,
  segments: readonly JsonSegment[],
  index: number,
  values: readonly Value[],
): Value {
  const path = resolvePath(root, segments);
  const array = getAt(root, path);
  if (array === undefined || !isArray(array)) throw wrongType(path, path.length, "array", array);
  if (index < 0 || index > array.length) throw beyond([...path, index], path.length, index, array.length);
  return values.length === 0 ? (root as Value) : setFrom(root, path, 0, spliced(array, index, 0, values));
}

function setFrom(node: Value | undefined, path: ResolvedPath, depth: number, value: Value): Value {
  if (depth === path.length) return value;
  const segment = path[depth] as string | number;
  if (typeof segment === "string") {
    if (node === undefined) return objectOf(segment, setFrom(undefined, path, depth + 1, value));
    if (!isObject(node)) throw wrongType(path, depth, "object", node);
    const child = Object.hasOwn(node, segment) ? node[segment] : undefined;
    const next = setFrom(child, path, depth + 1, value);
    return next === child ? node : withMember(node, segment, next);
  }
  if (node !== undefined && !isArray(node)) throw wrongType(path, depth, "array", node);
  const array = node ?? [];
  if (segment > array.length) throw beyond(path, depth, segment, array.length);
  const child = array[segment];
  const next = setFrom(child, path, depth + 1, value);
  return next === child ? array : withElement(array, segment, next);
}

/** `node` itself when nothing stands at the path. */
function deleteFrom(node: Value, segments: readonly JsonSegment[], depth: number): Value {
  const segment = segments[depth] as string | number;
  const isLast = depth === segments.length - 1;
  if (typeof segment === "string") {
    const child = memberOf(node, segment);
    if (child === undefined || !isObject(node)) return node;
    if (isLast) return withoutMember(node, segment);
    const next = deleteFrom(child, segments, depth + 1);
    return next === child ? node : withMember(node, segment, next);
  }
  const child = elementOf(node, segment);
  if (child === undefined || !isArray(node)) return node;
  const index = segment < 0 ? node.length + segment : segment;
  if (isLast) return spliced(node, index, 1, []);
  const next = deleteFrom(child, segments, depth + 1);
  return next === child ? node : withElement(node, index, next);
}

function isRelative(segments: readonly JsonSegment[]): boolean {
  for (const segment of segments) {
    if (typeof segment === "number" ? segment < 0 : typeof segment === "symbol") return true;
  }
  return false;
}

function refuseAppend(segments: readonly JsonSegment[], reason: string): void {
  const position = segments.indexOf(APPEND);
  if (position >= 0)
    throw invalidPath(formatJsonPath(segments), position, `[-] is the place behind the last element: ${reason}`);
}

/** The error for a container of the wrong kind: `depth` segments of the path lead to it. */
export function wrongType(
  path: readonly JsonSegment[],
  depth: number,
  expected: "object" | "array" | "number",
  found: Value | undefined,
): InvalidArgumentError {
  const place = formatJsonPath(path.slice(0, depth));
  const actual = typeName(found);
  const segment = path[depth];
  const advice =
    expected === "array" && actual === "object" && typeof segment === "number"
      ? `: a number indexes an array, a member is named by the text "${segment}"`
      : expected === "object" && actual === "array"
        ? ": an element is named by its index, [n]"
        : "";
  return new InvalidArgumentError("WRONG_TYPE", `"${place}" holds ${actual}, not ${expected}${advice}`, {
    path: place,
    expected,
    actual,
  });
}

function typeName(value: Value | undefined): string {
  const kind = kindOf(value);
  if (kind !== "scalar") return kind === "absent" ? "nothing" : kind;
  if (value === null) return "null";
  return value instanceof Uint8Array ? "bytes" : typeof value;
}

function beyond(path: readonly JsonSegment[], depth: number, index: number, length: number): InvalidArgumentError {
  const place = formatJsonPath(path.slice(0, depth));
  const reason = `index ${index} is outside the array at "${place}", which has length ${length}`;
  return new InvalidArgumentError("INVALID_PATH", reason, {
    path: formatJsonPath(path),
    position: depth,
    reason,
    index,
    length,
  });
}
