/**
 * A tuple as one key. Keys sort as their tuples do, part by part, and a tuple before every longer one that begins with
 * it, so that the key of the first parts is the prefix to scan for the rest.
 *
 *   key       := part+
 *   part      := "b" ("0" | "1")                false, true
 *              | "n" number
 *              | "s" text U+0001                U+0000, U+0001 and U+0002 as U+0002 and U+0003, U+0004, U+0005
 *              | "x" (two hex digits)* "."      bytes, lower case
 *   number    := "-!" | "-" mirrored | "/" | "0" | magnitude | "~"      -∞, negative, -0, 0, positive, ∞
 *   magnitude := ("A" three digits | "a".."y" | "z" three digits) digit+ ("." | "/")
 *
 * A magnitude is d.ddd × 10^e: its digits behind its exponent, "a" to "y" for an e of 0 to 24, "A" and e + 400 below, "z"
 * and e above. Integers below 2^64 have all their digits, other numbers the fewest that identify them. "." ends an Int,
 * "/" a Float. A negative number has the characters of its magnitude mirrored. 42 is "nb42.", -42 "n-x57:", 1.5 "na15/".
 */

import { isInt } from "./cbor.js";
import { InvalidArgumentError } from "./errors.js";
import { INT_MAX, INT_MIN } from "./limits.js";
import { isWellFormed } from "./utf8.js";
import { describe, isUint8Array } from "./value-kind.js";

export type KeyPart = string | number | bigint | boolean | Uint8Array;

interface TupleKey {
  /**
   * A tuple as one key: injective, and ordered part by part (text by code point, numbers by value, bytes by byte;
   * booleans before numbers before text before bytes). A bigint within ±(2^53 - 1) is the number; beyond, it sorts
   * right before a number of the same value. -0 sorts right before 0.
   *
   * @throws {InvalidArgumentError} `INVALID_KEY` for no parts, NaN, a bigint beyond 64 bits, a lone surrogate, or a part
   *   of another type. Length is checked where the key is used.
   */
  (...parts: readonly KeyPart[]): string;
  /** The parts again. @throws {InvalidArgumentError} `INVALID_KEY` for anything that `key` did not make. */
  parse(key: string): KeyPart[];
}

export const key: TupleKey = Object.freeze(Object.assign(formatTuple, { parse: parseTuple }));

const TEXT_END = "\u0001";
const BYTES_END = ".";
const INT_END = ".";
const FLOAT_END = "/";
const ESCAPE = "\u0002";
// Code points 0, 1 and 2 are written as ESCAPE and the character this far above them.
const ESCAPE_SHIFT = 3;

const ALL_DIGITS_BELOW = 2 ** 64;
const LETTER_A = 97;
const EXPONENT_LETTERS = 25;
const SMALL_EXPONENT_SHIFT = 400;

function formatTuple(...parts: readonly KeyPart[]): string {
  if (parts.length === 0) throw unusable("a key needs at least one part", {});
  let text = "";
  for (const part of parts) text += formatPart(part);
  return text;
}

function formatPart(part: unknown): string {
  switch (typeof part) {
    case "string":
      if (!isWellFormed(part)) throw unusable("text with half of a surrogate pair cannot be part of a key", { part });
      return `s${escapeText(part)}${TEXT_END}`;
    case "number":
      return `n${formatNumber(part)}`;
    case "bigint":
      return `n${formatBigint(part)}`;
    case "boolean":
      return part ? "b1" : "b0";
    default:
      if (typeof part === "object" && part !== null && isUint8Array(part)) return `x${formatBytes(part)}`;
      throw unusable(`${describe(part)} cannot be part of a key`, {});
  }
}

function escapeText(text: string): string {
  let escaped = "";
  let copied = 0;
  for (let i = 0; i < text.length; i++) {
    const unit = text.charCodeAt(i);
    if (unit >= ESCAPE_SHIFT) continue;
    escaped += text.slice(copied, i) + ESCAPE + String.fromCharCode(unit + ESCAPE_SHIFT);
    copied = i + 1;
  }
  return copied === 0 ? text : escaped + text.slice(copied);
}

function unescapeText(text: string): string {
  const [first, ...escaped] = text.split(ESCAPE) as [string, ...string[]];
  return first + escaped.map((rest) => String.fromCharCode(rest.charCodeAt(0) - ESCAPE_SHIFT) + rest.slice(1)).join("");
}

function formatBytes(bytes: Uint8Array): string {
  let text = "";
  for (const byte of bytes) text += byte < 16 ? `0${byte.toString(16)}` : byte.toString(16);
  return text + BYTES_END;
}

function formatNumber(value: number): string {
  if (value === 0) return Object.is(value, -0) ? "/" : "0";
  if (value === Number.POSITIVE_INFINITY) return "~";
  if (value === Number.NEGATIVE_INFINITY) return "-!";
  if (Number.isNaN(value)) throw unusable("NaN cannot be part of a key: it has no place among the numbers", {});
  const text = formatMagnitude(Math.abs(value)) + (isInt(value) ? INT_END : FLOAT_END);
  return value < 0 ? `-${mirror(text)}` : text;
}

function formatBigint(value: bigint): string {
  if (value >= Number.MIN_SAFE_INTEGER && value <= Number.MAX_SAFE_INTEGER) return formatNumber(Number(value));
  if (value < INT_MIN || value > INT_MAX) {
    throw unusable("a bigint beyond 64 bits cannot be part of a key", { part: value });
  }
  const digits = String(value < 0n ? -value : value);
  const text = formatExponent(digits.length - 1) + digits + INT_END;
  return value < 0n ? `-${mirror(text)}` : text;
}

function formatMagnitude(magnitude: number): string {
  if (magnitude < ALL_DIGITS_BELOW && Number.isInteger(magnitude)) {
    const digits = magnitude <= Number.MAX_SAFE_INTEGER ? String(magnitude) : String(BigInt(magnitude));
    return formatExponent(digits.length - 1) + digits;
  }
  // "d.ddde±x", with the fewest digits that identify the number. They sort as the numbers do: each stands for a decimal
  // that is nearer to its own number than to any other.
  const [mantissa, exponent] = magnitude.toExponential().split("e") as [string, string];
  return formatExponent(Number(exponent)) + mantissa.replace(".", "");
}

function formatExponent(exponent: number): string {
  if (exponent < 0) return `A${String(exponent + SMALL_EXPONENT_SHIFT).padStart(3, "0")}`;
  if (exponent < EXPONENT_LETTERS) return String.fromCharCode(LETTER_A + exponent);
  return `z${String(exponent).padStart(3, "0")}`;
}

// Each character and, below it, the one in its place for negative numbers. Digits and letters sort the other way round;
// "." and "/", which sort below the digits, become ":" and ";", which sort above them.
const CHARACTERS = "0123456789abcdefghijklmnopqrstuvwxyAz./:;";
const MIRRORED = "9876543210yxwvutsrqponmlkjihgfedcbazA:;./";

function mirror(text: string): string {
  let mirrored = "";
  for (const character of text) mirrored += MIRRORED[CHARACTERS.indexOf(character)]!;
  return mirrored;
}

function parseTuple(text: string): KeyPart[] {
  const parts = typeof text === "string" ? parseParts(text) : undefined;
  // Writing them again refuses every spelling but the one that `key` has.
  if (parts === undefined || !isSpelledBy(text, parts)) {
    const hint = "Parse only keys that were made with `key(...parts)`.";
    throw new InvalidArgumentError("INVALID_KEY", "this key was not made by key(...parts)", { key: text }, { hint });
  }
  return parts;
}

function isSpelledBy(text: string, parts: readonly KeyPart[]): boolean {
  try {
    return formatTuple(...parts) === text;
  } catch {
    return false;
  }
}

/** The parts, where the text has their outline; what it says wrongly inside that is for `isSpelledBy` to see. */
function parseParts(text: string): KeyPart[] | undefined {
  const parts: KeyPart[] = [];
  let at = 0;
  while (at < text.length) {
    const end = partEnd(text, at);
    if (end === undefined) return undefined;
    parts.push(parsePart(text[at]!, text.slice(at + 1, end)));
    at = end;
  }
  return parts;
}

const NUMBER = /[/0~]|-!|-?(?:[Az][0-9]{3}|[a-y])[0-9]+[./:;]/y;

/** Position behind the part that begins at `at`. */
function partEnd(text: string, at: number): number | undefined {
  switch (text[at]) {
    case "b":
      return at + 2 <= text.length ? at + 2 : undefined;
    case "n":
      NUMBER.lastIndex = at + 1;
      return NUMBER.test(text) ? NUMBER.lastIndex : undefined;
    case "s":
      return behind(text, TEXT_END, at);
    case "x":
      return behind(text, BYTES_END, at);
    default:
      return undefined;
  }
}

function behind(text: string, terminator: string, from: number): number | undefined {
  const found = text.indexOf(terminator, from);
  return found < 0 ? undefined : found + terminator.length;
}

function parsePart(tag: string, body: string): KeyPart {
  switch (tag) {
    case "b":
      return body === "1";
    case "s":
      return unescapeText(body.slice(0, -TEXT_END.length));
    case "x":
      return Uint8Array.from(body.match(/[0-9a-f]{2}/g) ?? [], (digits) => Number.parseInt(digits, 16));
    default:
      return parseNumber(body);
  }
}

function parseNumber(text: string): number | bigint {
  if (text === "/") return -0;
  if (text === "0") return 0;
  if (text === "~") return Number.POSITIVE_INFINITY;
  if (text === "-!") return Number.NEGATIVE_INFINITY;
  const negative = text.startsWith("-");
  const magnitude = negative ? mirror(text.slice(1)) : text;
  const first = magnitude[0]!;
  const long = first === "A" || first === "z";
  const digits = magnitude.slice(long ? 4 : 1, -1);
  if (magnitude.endsWith(INT_END)) return toInt(negative ? `-${digits}` : digits);
  const exponent = long
    ? Number(magnitude.slice(1, 4)) - (first === "A" ? SMALL_EXPONENT_SHIFT : 0)
    : first.charCodeAt(0) - LETTER_A;
  const value = Number(`${digits[0]}.${digits.slice(1)}e${exponent}`);
  return negative ? -value : value;
}

function toInt(digits: string): number | bigint {
  const value = Number(digits);
  return Number.isSafeInteger(value) ? value : BigInt(digits);
}

function unusable(message: string, facts: { readonly [name: string]: unknown }): InvalidArgumentError {
  return new InvalidArgumentError("INVALID_KEY", message, facts, {
    hint: "Parts are strings, numbers, bigints of 64 bits, booleans and Uint8Arrays.",
  });
}
