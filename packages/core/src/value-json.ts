/**
 * Values as JSON and back, without loss. What JSON cannot hold becomes an object with one member, the tag:
 *
 *   {"$bytes": "AQI="}     Bytes, base64 (RFC 4648 §4, padded)
 *   {"$int": "…"}          an Int beyond ±(2^53 - 1), decimal
 *   {"$float": "NaN"}      also "Infinity", "-Infinity", "-0"
 *   {"$object": {…}}       an object of one member whose name is a tag
 */

import { InvalidArgumentError, LimitError } from "./errors.js";
import { DEFAULT_LIMITS, INT_MAX, INT_MIN, NESTING_MAX } from "./limits.js";
import { defineMember } from "./own-member.js";
import type { Json, Value, ValueObject } from "./value.js";
import { copyValue } from "./value-copy.js";
import { describe, isUint8Array } from "./value-kind.js";

const TAGS: ReadonlySet<string> = new Set(["$bytes", "$int", "$float", "$object"]);

const FLOATS: ReadonlyMap<string, number> = new Map([
  ["NaN", Number.NaN],
  ["Infinity", Number.POSITIVE_INFINITY],
  ["-Infinity", Number.NEGATIVE_INFINITY],
  ["-0", -0],
]);

export function valueToJson(value: Value): Json {
  return toJson(value, 0);
}

export function valueFromJson(json: Json): Value {
  return copyValue(fromJson(json, 0), DEFAULT_LIMITS, "the JSON");
}

function toJson(value: Value, depth: number): Json {
  switch (typeof value) {
    case "string":
    case "boolean":
      return value;
    case "bigint":
      return { $int: String(value) };
    case "number":
      if (Number.isFinite(value) && !Object.is(value, -0)) return value;
      return { $float: Object.is(value, -0) ? "-0" : String(value) };
    case "object":
      if (value === null) return null;
      if (isUint8Array(value)) return { $bytes: toBase64(value) };
      checkDepth(depth);
      if (Array.isArray(value)) return [...(value as readonly Value[])].map((element) => toJson(element, depth + 1));
      return objectToJson(value as ValueObject, depth + 1);
    default:
      throw new InvalidArgumentError("INVALID_VALUE", `${describe(value)} is not a value`);
  }
}

function objectToJson(value: ValueObject, depth: number): Json {
  const names = Object.keys(value);
  const json: Record<string, Json> = {};
  for (const name of names) defineMember(json, name, toJson(value[name]!, depth));
  return names.length === 1 && TAGS.has(names[0]!) ? { $object: json } : json;
}

/** `unknown`, because the JSON may come from anywhere; what is no value is left for `copyValue` to refuse. */
function fromJson(json: unknown, depth: number): unknown {
  if (typeof json !== "object" || json === null) return json;
  checkDepth(depth);
  if (Array.isArray(json)) return json.map((element) => fromJson(element, depth + 1));
  const names = Object.keys(json);
  const members = json as { readonly [member: string]: unknown };
  if (names.length === 1 && TAGS.has(names[0]!)) return fromTag(names[0]!, members[names[0]!], depth);
  return objectFromJson(members, names, depth + 1);
}

function objectFromJson(
  json: { readonly [member: string]: unknown },
  names: readonly string[],
  depth: number,
): unknown {
  const object: Record<string, Value> = {};
  for (const name of names) defineMember(object, name, fromJson(json[name], depth) as Value);
  return object;
}

function fromTag(tag: string, content: unknown, depth: number): unknown {
  if (tag === "$object") {
    if (typeof content === "object" && content !== null && !Array.isArray(content)) {
      const names = Object.keys(content);
      return objectFromJson(content as { readonly [member: string]: unknown }, names, depth + 1);
    }
  } else if (typeof content === "string") {
    const value = tag === "$bytes" ? fromBase64(content) : tag === "$int" ? fromDecimal(content) : FLOATS.get(content);
    if (value !== undefined) return value;
  }
  throw new InvalidArgumentError(
    "INVALID_VALUE",
    `the JSON has a malformed tag {"${tag}": …}`,
    { tag },
    {
      hint: `If it is data and no tag, wrap it: {"$object": {"${tag}": …}}.`,
    },
  );
}

// Only what `toJson` writes: beyond the safe range, inside 64 bits, no leading zeros.
function fromDecimal(text: string): bigint | undefined {
  if (!/^-?[1-9][0-9]{15,18}$/.test(text)) return undefined;
  const value = BigInt(text);
  return value < INT_MIN || value > INT_MAX || Number.isSafeInteger(Number(value)) ? undefined : value;
}

// A call takes only so many arguments.
const BASE64_CHUNK = 8190;

function toBase64(bytes: Uint8Array): string {
  let text = "";
  for (let at = 0; at < bytes.length; at += BASE64_CHUNK) {
    text += btoa(String.fromCharCode(...bytes.subarray(at, at + BASE64_CHUNK)));
  }
  return text;
}

function fromBase64(text: string): Uint8Array | undefined {
  let binary: string;
  try {
    binary = atob(text);
  } catch {
    return undefined;
  }
  const bytes = Uint8Array.from(binary, (character) => character.charCodeAt(0));
  return toBase64(bytes) === text ? bytes : undefined; // `atob` takes white space and missing padding.
}

function checkDepth(depth: number): void {
  if (depth > NESTING_MAX) {
    throw new LimitError("LIMIT_VALUE", `the value is nested more than ${NESTING_MAX} deep`, {
      limit: "nesting",
      maximum: NESTING_MAX,
    });
  }
}
