import { InvalidArgumentError, PATH_SEGMENTS_MAX } from "@strata/core";
import { RecentMap } from "./recent-map.js";

/**
 * Names a place in a document. As text: `$` or nothing is the document itself, then `.member`, `["any member"]`, `['any
 * member']`, `[3]`, `[-1]` (the last element) and, where something is written, `[-]` (behind the last element). The
 * leading `$.` may be left out: `a.b[0]`.
 *
 * As an array no quoting is needed: strings are member names, whatever they hold, and numbers are array indexes. The
 * two are never mixed up: a string does not index an array and a number does not name a member, so `["byId",
 * String(id)]` for an object with such names. A read that takes one for the other finds nothing, a write throws
 * `WRONG_TYPE`.
 */
export type JsonPath = string | readonly (string | number)[];

/**
 * The place behind an array's last element: `[-]` in a path that is written to. The array form says `array.length`, or
 * uses `push`.
 */
export const APPEND: unique symbol = Symbol("[-]");

/** A member name, an index (from the end when negative), or the append marker. */
export type JsonSegment = string | number | typeof APPEND;

const ROOT: readonly JsonSegment[] = Object.freeze([]);
const CACHED_PATHS = 1000;
/** Longer texts are parsed each time, so that the cache stays small whatever callers write. */
const CACHED_TEXT_LENGTH = 256;
const cache = new RecentMap<readonly JsonSegment[]>(CACHED_PATHS);

/**
 * The segments of a path. They may be shared with other callers: never mutate them.
 *
 * @throws InvalidArgumentError `INVALID_PATH` with facts `{ path, position, reason }`; in the array form `position`
 * counts segments.
 */
export function parseJsonPath(path: JsonPath): readonly JsonSegment[] {
  if (typeof path !== "string") return segmentsOf(path);
  if (path === "" || path === "$") return ROOT;
  const known = cache.get(path);
  if (known !== undefined) return known;
  const segments = Object.freeze(new PathScanner(path).scan());
  if (path.length <= CACHED_TEXT_LENGTH) cache.set(path, segments);
  return segments;
}

/** The text of a path, the inverse of `parseJsonPath`. Members that are no plain identifiers are quoted. */
export function formatJsonPath(segments: readonly JsonSegment[]): string {
  let text = "$";
  for (const segment of segments) {
    if (typeof segment === "number") text += `[${segment}]`;
    else if (segment === APPEND) text += "[-]";
    else text += isIdentifier(segment) ? `.${segment}` : `[${JSON.stringify(segment)}]`;
  }
  return text;
}

/** Builds the error for a path that cannot be used; `position` is where, `reason` why. */
export function invalidPath(path: string, position: number, reason: string): InvalidArgumentError {
  const shown = path.length <= SHOWN_LENGTH ? path : `${path.slice(0, SHOWN_LENGTH)}…`;
  return new InvalidArgumentError("INVALID_PATH", `invalid path "${shown}" at position ${position}: ${reason}`, {
    path: shown,
    position,
    reason,
  });
}

const SHOWN_LENGTH = 120;
const LONE_SURROGATE = "a lone surrogate, which no member name can hold";

/** Position of the first surrogate without its partner, or −1: such text is no UTF-8 and no member name. */
export function findLoneSurrogate(text: string): number {
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i);
    if (code < 0xd800 || code > 0xdfff) continue;
    const next = text.charCodeAt(i + 1);
    if (code > 0xdbff || !(next >= 0xdc00 && next <= 0xdfff)) return i;
    i++;
  }
  return -1;
}

function segmentsOf(path: readonly (string | number)[]): readonly JsonSegment[] {
  if (!Array.isArray(path)) throw invalidPath("…", 0, "a path is text, or an array of member names and indexes");
  if (path.length > PATH_SEGMENTS_MAX) throw tooLong("[…]", PATH_SEGMENTS_MAX);
  const segments: JsonSegment[] = [];
  for (let i = 0; i < path.length; i++) {
    const segment: unknown = path[i];
    if (typeof segment === "string") {
      if (findLoneSurrogate(segment) >= 0) throw invalidPath("[…]", i, LONE_SURROGATE);
      segments.push(segment);
    } else if (Number.isSafeInteger(segment)) {
      segments.push((segment as number) + 0); // −0 + 0 is 0
    } else {
      const what = typeof segment === "number" ? String(segment) : `a ${segment === null ? "null" : typeof segment}`;
      throw invalidPath("[…]", i, `${what} is neither a member name nor an array index`);
    }
  }
  return segments;
}

function tooLong(path: string, position: number): InvalidArgumentError {
  return invalidPath(path, position, `a path has at most ${PATH_SEGMENTS_MAX} segments`);
}

const DOLLAR = 0x24;
const DOT = 0x2e;
const OPEN = 0x5b;
const CLOSE = 0x5d;
const MINUS = 0x2d;
const QUOTE = 0x22;
const APOSTROPHE = 0x27;
const BACKSLASH = 0x5c;
const LOWER_U = 0x75;

const USE_QUERY = "wildcards, slices and filters belong to query()";

/** Reads one path from left to right, each character once. */
class PathScanner {
  readonly #path: string;
  readonly #segments: JsonSegment[] = [];
  #at = 0;

  constructor(path: string) {
    this.#path = path;
  }

  scan(): JsonSegment[] {
    const path = this.#path;
    const first = path.charCodeAt(0);
    if (first === DOLLAR) {
      this.#at = 1;
      if (path.length > 1 && path.charCodeAt(1) !== DOT && path.charCodeAt(1) !== OPEN) {
        throw this.#invalid(
          '"." or "[" follows the "$" of the document; a member that begins with "$" is written ["$…"]',
        );
      }
    } else if (first !== OPEN) {
      this.#member();
    }
    while (this.#at < path.length) {
      const code = path.charCodeAt(this.#at);
      if (code === DOT) {
        this.#at++;
        this.#member();
      } else if (code === OPEN) {
        this.#at++;
        this.#bracket();
      } else {
        throw this.#invalid(`expected "." or "[", found ${this.#found()}`);
      }
      if (this.#segments.length > PATH_SEGMENTS_MAX) throw tooLong(path, this.#at);
    }
    return this.#segments;
  }

  #member(): void {
    const start = this.#at;
    while (this.#at < this.#path.length && isBare(this.#path.charCodeAt(this.#at))) this.#at++;
    if (this.#at === start) {
      const code = this.#path.charCodeAt(start);
      if (code === DOT)
        throw this.#invalid(`expected a member name before "."; ${USE_QUERY}, an empty name is written [""]`);
      throw this.#invalid(`expected a member name, found ${this.#found()}`);
    }
    const stop = this.#path.charCodeAt(this.#at);
    if (this.#at < this.#path.length && stop !== DOT && stop !== OPEN) {
      throw this.#invalid(`${this.#found()} ends a member name only in quotes: ["…"]`);
    }
    this.#push(this.#path.slice(start, this.#at), start);
  }

  #bracket(): void {
    const code = this.#path.charCodeAt(this.#at);
    if (code === QUOTE || code === APOSTROPHE) this.#quoted(code);
    else this.#index();
    if (this.#path.charCodeAt(this.#at) !== CLOSE) throw this.#invalid(`expected "]", found ${this.#found()}`);
    this.#at++;
  }

  #index(): void {
    const start = this.#at;
    if (this.#path.charCodeAt(start) === MINUS) {
      this.#at++;
      if (this.#path.charCodeAt(this.#at) === CLOSE) {
        this.#segments.push(APPEND);
        return;
      }
    }
    const digits = this.#at;
    while (isDigit(this.#path.charCodeAt(this.#at))) this.#at++;
    if (this.#at === digits)
      throw this.#invalid(`expected an index, a quoted member name or "-", found ${this.#found()}; ${USE_QUERY}`);
    const index = Number(this.#path.slice(start, this.#at));
    const padded = this.#path.charCodeAt(digits) === 0x30 && (this.#at - digits > 1 || digits > start);
    if (padded) throw this.#invalid("an index has no leading zero and no sign before 0", start);
    if (!Number.isSafeInteger(index)) throw this.#invalid("an index is at most 2^53 − 1", start);
    this.#segments.push(index);
  }

  #quoted(quote: number): void {
    const start = this.#at++;
    let name = "";
    let copied = this.#at;
    for (;;) {
      const code = this.#path.charCodeAt(this.#at);
      if (this.#at >= this.#path.length) throw this.#invalid("the quoted member name has no end", start);
      if (code === quote) break;
      if (code < 0x20) throw this.#invalid("a control character is written as an escape", this.#at);
      if (code !== BACKSLASH) {
        this.#at++;
        continue;
      }
      name += this.#path.slice(copied, this.#at) + this.#escape();
      copied = this.#at;
    }
    name += this.#path.slice(copied, this.#at);
    this.#at++;
    this.#push(name, start);
  }

  /** Decodes the escape at the scanner's position and moves behind it. */
  #escape(): string {
    const start = this.#at;
    const code = this.#path.charCodeAt(start + 1);
    if (code !== LOWER_U) {
      const plain = ESCAPES.get(code);
      if (plain === undefined) throw this.#invalid("an unknown escape", start);
      this.#at += 2;
      return plain;
    }
    let unit = 0;
    for (let i = start + 2; i < start + 6; i++) {
      const digit = hexDigit(this.#path.charCodeAt(i));
      if (digit < 0) throw this.#invalid("four hex digits follow \\u", start);
      unit = unit * 16 + digit;
    }
    this.#at += 6;
    return String.fromCharCode(unit);
  }

  #push(name: string, position: number): void {
    if (findLoneSurrogate(name) >= 0) throw this.#invalid(LONE_SURROGATE, position);
    this.#segments.push(name);
  }

  #found(): string {
    return this.#at < this.#path.length ? `"${this.#path.charAt(this.#at)}"` : "the end";
  }

  #invalid(reason: string, position: number = this.#at): InvalidArgumentError {
    return invalidPath(this.#path, position, reason);
  }
}

const ESCAPES: ReadonlyMap<number, string> = new Map(
  Object.entries({ '"': '"', "'": "'", "\\": "\\", "/": "/", b: "\b", f: "\f", n: "\n", r: "\r", t: "\t" }).map(
    ([letter, text]) => [letter.charCodeAt(0), text] as const,
  ),
);

const BARE_ASCII: ReadonlySet<number> = new Set(
  [..."ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-$@:/#%+~ "].map((letter) =>
    letter.charCodeAt(0),
  ),
);

/**
 * Whether a character may stand in an unquoted member name: letters, digits, `_ - $ @ : / # % + ~`, space, and all
 * beyond ASCII.
 */
function isBare(code: number): boolean {
  return code >= 0xa0 || BARE_ASCII.has(code);
}

function isDigit(code: number): boolean {
  return code >= 0x30 && code <= 0x39;
}

function hexDigit(code: number): number {
  if (isDigit(code)) return code - 0x30;
  const lower = code | 0x20;
  return lower >= 0x61 && lower <= 0x66 ? lower - 0x61 + 10 : -1;
}

function isIdentifier(name: string): boolean {
  if (name === "" || isDigit(name.charCodeAt(0))) return false;
  for (let i = 0; i < name.length; i++) {
    const code = name.charCodeAt(i);
    const lower = code | 0x20;
    if (!((lower >= 0x61 && lower <= 0x7a) || isDigit(code) || code === 0x5f || code >= 0xc0)) return false;
  }
  return true;
}
