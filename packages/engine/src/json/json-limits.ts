import {
  DOCUMENT_BYTES_MAX,
  DOCUMENT_NESTING_MAX,
  InvalidArgumentError,
  LimitError,
  type Limits,
  type Value,
} from "@strata/core";
import { isArray, isObject } from "./json-members.js";
import { formatJsonPath, type JsonSegment } from "./json-path.js";

/**
 * The limits to copy a document, or a part of one, with: those of the database, and those of documents where these are
 * tighter.
 */
export function documentLimits(limits: Limits): Limits {
  let known = derived.get(limits);
  if (known === undefined) {
    known = Object.freeze({
      ...limits,
      valueBytes: Math.min(limits.valueBytes, DOCUMENT_BYTES_MAX),
      nesting: Math.min(limits.nesting, DOCUMENT_NESTING_MAX),
    });
    derived.set(limits, known);
  }
  return known;
}

const derived = new WeakMap<Limits, Limits>();

/**
 * Checks a value that is to become a document: no NaN or infinity, which JSON has no words for, and at most 100
 * containers around a scalar. Its size is checked where it is copied (`documentLimits`).
 *
 * @throws InvalidArgumentError `INVALID_VALUE`, LimitError `LIMIT_VALUE`, with the place in `facts.path`.
 */
export function checkDocument(value: Value): void {
  checkWritten(value, []);
}

/**
 * The same for a value that is to stand at a path: what is around it counts, and nothing else of the document is looked
 * at.
 */
export function checkWritten(value: Value, path: readonly JsonSegment[]): void {
  const room = DOCUMENT_NESTING_MAX - path.length;
  if (room < 0 || !isFit(value, room)) refuse(value, path);
}

/** Whether at most `room` containers surround a scalar of `value`, and every number in it is finite. */
function isFit(value: Value, room: number): boolean {
  if (typeof value === "number") return Number.isFinite(value);
  if (typeof value !== "object" || value === null) return true;
  if (isArray(value)) {
    if (room < 1) return false;
    for (const element of value) if (!isFit(element, room - 1)) return false;
    return true;
  }
  if (!isObject(value)) return true;
  if (room < 1) return false;
  for (const name of Object.keys(value)) if (!isFit(value[name] as Value, room - 1)) return false;
  return true;
}

/** Throws for the first thing that does not fit: a container, or a way to it, that is one too many, or a number. */
function refuse(value: Value, path: readonly JsonSegment[]): never {
  const isContainer = isArray(value) || isObject(value);
  if (path.length + (isContainer ? 1 : 0) > DOCUMENT_NESTING_MAX) {
    throw new LimitError("LIMIT_VALUE", `a document nests at most ${DOCUMENT_NESTING_MAX} deep`, {
      limit: "nesting",
      max: DOCUMENT_NESTING_MAX,
      path: formatJsonPath(path),
    });
  }
  const steps: readonly (string | number)[] = !isContainer
    ? []
    : isArray(value)
      ? [...value.keys()]
      : Object.keys(value);
  for (const step of steps) {
    const child = (value as { readonly [step: string | number]: Value })[step] as Value;
    const place = [...path, step];
    if (!isFit(child, DOCUMENT_NESTING_MAX - place.length)) refuse(child, place);
  }
  const place = formatJsonPath(path);
  throw new InvalidArgumentError(
    "INVALID_VALUE",
    `a document holds no NaN and no infinity, found one at "${place}"`,
    { path: place },
    { hint: "Store null, a text, or leave the member out; key-value entries and state cells take every number." },
  );
}
