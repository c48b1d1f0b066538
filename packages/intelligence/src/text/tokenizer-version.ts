import { charClassOf } from "./char-class.js";
import { fold } from "./fold.js";

/** Raised whenever the same text is taken apart or folded differently. */
const RULES = 1;

/**
 * Characters of each Unicode version that tell what they are: assigned in it, letters, digits or marks.
 * Their classes, and how some are folded, say which version the runtime knows.
 */
const PROBES: readonly number[] = [
  0x0870, // 14.0: Arabic letter alef with attached fatha
  0x0cf3, // 15.0: Kannada sign combining anusvara above right
  0x11f02, // 15.0: Kawi sign repha
  0x31350, // 15.0: CJK ideograph
  0x2ebf0, // 15.1: CJK ideograph
  0x1c89, // 16.0: Cyrillic capital letter tje
  0x105c0, // 16.0: Todhri letter a
  0xa7ce, // 17.0: Latin capital letter pharyngeal voiced fricative
  0x10940, // 17.0: Sidetic letter n01
  0x323b0, // 17.0: CJK ideograph
];

let known: string | undefined;

/**
 * The rules by which texts are taken apart, and what the runtime's Unicode tables say where versions of them differ: what was indexed under another
 * name is indexed anew.
 */
export function tokenizerVersion(): string {
  known ??= `${RULES}-${PROBES.map((codePoint) => charClassOf(codePoint)).join("")}-${fold("\u1c89\ua7ce").length}`;
  return known;
}
