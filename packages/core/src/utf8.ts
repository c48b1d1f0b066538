/** Text as UTF-8, the fastest way that the runtime has. */

import { utf8Slice, utf8Write } from "./platform.js";

const encoder = new TextEncoder();
// The default decoder would drop a leading U+FEFF and turn malformed sequences into U+FFFD.
const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

// Below this a loop over the characters beats a call into the runtime, which costs some 25 ns.
const SHORT = 24;

// Pieces of text that are joined to this many characters stay a tree of pieces, until somebody compares or looks for it.
const TREE = 13;

const REPLACEMENT = "�";

// ES2024, and the name of the category for a surrogate that is not one of a pair.
interface WellFormedText {
  isWellFormed(): boolean;
}
const LONE_SURROGATE = /\p{Surrogate}/u;

/** Whether every surrogate is one of a pair: only such text survives UTF-8. */
export const isWellFormed: (text: string) => boolean =
  "isWellFormed" in String.prototype
    ? (text) => (text as unknown as WellFormedText).isWellFormed()
    : (text) => !LONE_SURROGATE.test(text);

/**
 * Writes well-formed `text` into `target` from `at` on, where three bytes a character must be free.
 *
 * @returns bytes written
 */
export function writeUtf8(target: Uint8Array, at: number, text: string): number {
  const length = text.length;
  if (length < SHORT) {
    let i = 0;
    for (; i < length; i++) {
      const unit = text.charCodeAt(i);
      if (unit >= 0x80) break;
      target[at + i] = unit;
    }
    if (i === length) return length;
  }
  if (utf8Write !== undefined) return utf8Write.call(target, text, at, target.length - at);
  return encoder.encodeInto(text, target.subarray(at)).written;
}

/** The text of `source[start, end)`, or `undefined` where that is not UTF-8. */
export function readUtf8(source: Uint8Array, start: number, end: number): string | undefined {
  const length = end - start;
  if (length < SHORT) {
    for (let i = start; i < end; i++) if (source[i]! >= 0x80) return readAny(source, start, end);
    if (length >= TREE && utf8Slice !== undefined) return utf8Slice.call(source, start, end);
    return readShortAscii(source, start, length);
  }
  return readAny(source, start, end);
}

const fromCharCode = String.fromCharCode;

// Joining characters one by one makes a string for each; a call with many characters makes one.
function readShortAscii(source: Uint8Array, start: number, length: number): string {
  let text = "";
  let i = start;
  const end = start + length;
  for (; i + 8 <= end; i += 8) {
    text += fromCharCode(
      source[i]!,
      source[i + 1]!,
      source[i + 2]!,
      source[i + 3]!,
      source[i + 4]!,
      source[i + 5]!,
      source[i + 6]!,
      source[i + 7]!,
    );
  }
  if (i + 4 <= end) {
    text += fromCharCode(source[i]!, source[i + 1]!, source[i + 2]!, source[i + 3]!);
    i += 4;
  }
  switch (end - i) {
    case 3:
      return text + fromCharCode(source[i]!, source[i + 1]!, source[i + 2]!);
    case 2:
      return text + fromCharCode(source[i]!, source[i + 1]!);
    case 1:
      return text + fromCharCode(source[i]!);
    default:
      return text;
  }
}

function readAny(source: Uint8Array, start: number, end: number): string | undefined {
  if (utf8Slice !== undefined) {
    const text = utf8Slice.call(source, start, end);
    // Malformed input shows as U+FFFD, which may also be in the text itself: then only the strict decoder knows.
    if (!text.includes(REPLACEMENT)) return text;
  }
  try {
    return decoder.decode(source.subarray(start, end));
  } catch {
    return undefined;
  }
}

/** Bytes of `text` as UTF-8. A lone surrogate counts three, as what UTF-8 puts in its place. */
export function utf8Length(text: string): number {
  let bytes = text.length;
  for (let i = 0; i < text.length; i++) {
    const unit = text.charCodeAt(i);
    if (unit < 0x80) continue;
    if (unit < 0x800) bytes += 1;
    else if (unit >= 0xd800 && unit < 0xdc00 && (text.charCodeAt(i + 1) & 0xfc00) === 0xdc00) {
      bytes += 2; // Two units, four bytes.
      i++;
    } else bytes += 2;
  }
  return bytes;
}
