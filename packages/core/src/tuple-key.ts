/**
 * A tuple as one key. Keys sort as their tuples do, part by part, and a tuple before every longer one that begins with
 * it, so that the key of the first parts is the prefix to scan for the rest.
 *
 *   key     := part+
 *   part    := "b" ("0" | "1")                                      false, true
 *            | "n" number
 *            | "s" text U+0001                                      U+0000, U+0001, U+0002 as U+0002 U+0003|U+0004|U+0005
 *            | "x" (two lower-case hex digits)* "."                 bytes
 *   number  := "-!" | "-" negative | "/" | "0" | positive | "~"     -∞, negative, -0, 0, positive, ∞
 *   positive := ("A" three digits | "a".."y" | "z" three digits) digit+ ("." | "/")
 *
 * A positive number is d.ddd × 10^e in its digits, behind e: "a" to "y" for 0 to 24, "A" and e + 400 below, "z" and e
 * above. Integers below 2^64 have all e + 1 digits, all other numbers the shortest that identify them, without zeros at
 * the end. "." ends a number, "/" a bigint. A negative one has each character of its absolute value mirrored: digits
 * 0-9 to 9-0, "a"-"y" to "y"-"a", "A" and "z" swapped, "." to ":", "/" to ";". So 42 is "nb42." and -42 is "n-x57:".
 */

import { InvalidArgumentError } from "./errors.js";
import { INT_MAX, INT_MIN } from "./limits.js";
import { isWellFormed } from "./utf8.js";
import { describe, isUint8Array } from "./value-kind.js";

export type KeyPart = string | number | bigint | boolean | Uint8Array;

interface TupleKey {
  /**
   * A tuple as one key: injective, and ordered part by part (text by code point, numbers by value, bytes by byte;
   * booleans before numbers before text before bytes). A bigint within ±(2^53 - 1) is the number; beyond, it sorts
   * right behind a number of the same value. -0 sorts right before 0.
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
const ESCAPE = "\u0002";
// Code points 0, 1 and 2 are written as ESCAPE and the character this far above them.
const ESCAPE_SHIFT = 3;

const ESCAPED = /[\u0000-\u0002]/g;
const ESCAPES = /\u0002([\u0003-\u0005])/g;

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
      return `s${part.replace(ESCAPED, (c) => ESCAPE + String.fromCharCode(c.charCodeAt(0) + ESCAPE_SHIFT))}${TEXT_END}`;
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

function formatBytes(bytes: Uint8Array): string {
  let text = "";
  for (const byte of bytes) text += byte < 16 ? `0${byte.toString(16)}` : byte.toString(16);
  return `${text}.`;
}

function formatNumber(value: number): string {
  if (value === 0) return Object.is(value, -0) ? "/" : "0";
  if (value === Number.POSITIVE_INFINITY) return "~";
  if (value === Number.NEGATIVE_INFINITY) return "-!";
  if (Number.isNaN(value)) throw unusable("NaN cannot be part of a key: it has no place among the numbers", {});
  const magnitude = Math.abs(value);
  const text = `${formatMagnitude(magnitude)}.`;
  return value < 0 ? `-${mirror(text)}` : text;
}

function formatBigint(value: bigint): string {
  if (value >= Number.MIN_SAFE_INTEGER && value <= Number.MAX_SAFE_INTEGER) return formatNumber(Number(value));
  if (value < INT_MIN || value > INT_MAX) throw unusable("a bigint beyond 64 bits cannot be part of a key", { part: value });
  const digits = String(value < 0n ? -value : value);
  const text = `${formatExponent(digits.length - 1)}${digits}/`;
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

const MIRRORED: ReadonlyMap<string, string> = new Map(
  [..."0123456789abcdefghijklmnopqrstuvwxyAz./:;"].map((character) => [character, mirroredCharacter(character)]),
);

function mirroredCharacter(character: string): string {
  const pairs = ["09", "ay"];
  for (const [low, high] of pairs as Iterable<string>) {
    if (character >= low! && character <= high!) {
      return String.fromCharCode(low!.charCodeAt(0) + high!.charCodeAt(0) - character.charCodeAt(0));
    }
  }
  return { A: "z", z: "A", ".": ":", ":": ".", "/": ";", ";": "/" }[character]!;
}

function mirror(text: string): string {
  let mirrored = "";
  for (const character of text) mirrored += MIRRORED.get(character)!;
  return mirrored;
}

function parseTuple(text: string): KeyPart[] {
  const parts = typeof text === "string" ? parseParts(text) : undefined;
  // Writing them again refuses every spelling but the one that `key` has.
  if (parts === undefined || !isSpelledBy(text, parts)) {
    throw new InvalidArgumentError("INVALID_KEY", "this key was not made by key(...parts)", { key: text }, {
      hint: "Parse only keys that were made with `key(...parts)`.",
    });
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

const PART = /b[01]|n(?:[/0~]|-!|-?(?:[Az][0-9]{3}|[a-y])[0-9]+[./:;])|s[^\u0000\u0001]*\u0001|x(?:[0-9a-f]{2})*\./y;

function parseParts(text: string): KeyPart[] | undefined {
  const parts: KeyPart[] = [];
  PART.lastIndex = 0;
  while (PART.lastIndex < text.length) {
    const found = PART.exec(text);
    if (found === null) return undefined;
    parts.push(parsePart(found[0]));
  }
  return parts;
}

function parsePart(text: string): KeyPart {
  const body = text.slice(1);
  switch (text[0]) {
    case "b":
      return body === "1";
    case "s":
      return body
        .slice(0, -1)
        .replace(ESCAPES, (_, c: string) => String.fromCharCode(c.charCodeAt(0) - ESCAPE_SHIFT));
    case "x":
      return Uint8Array.from(body.slice(0, -1).match(/../g) ?? [], (digits) => Number.parseInt(digits, 16));
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
  if (magnitude.endsWith("/")) return BigInt(negative ? `-${digits}` : digits);
  const exponent = long
    ? Number(magnitude.slice(1, 4)) - (first === "A" ? SMALL_EXPONENT_SHIFT : 0)
    : first.charCodeAt(0) - LETTER_A;
  const value = Number(`${digits[0]}.${digits.slice(1)}e${exponent}`);
  return negative ? -value : value;
}

function unusable(message: string, facts: { readonly [name: string]: unknown }): InvalidArgumentError {
  return new InvalidArgumentError("INVALID_KEY", message, facts, {
    hint: "Parts are strings, numbers, bigints of 64 bits, booleans and Uint8Arrays.",
  });
}
