import type { Random } from "@strata/core";

const UUID_BYTES = 16;
/** How many are drawn at a time: what a source of chance costs is the call. */
const DRAWN_AT_ONCE = 32;

/** Character codes of the digits. */
const DIGITS: readonly number[] = Array.from("0123456789abcdef", (digit) => digit.charCodeAt(0));
/** The text of one, to be filled in; hyphens stay. */
const codes: number[] = Array.from("00000000-0000-0000-0000-000000000000", (code) => code.charCodeAt(0));
const HYPHEN = "-".charCodeAt(0);

/** Random UUIDs of version 4: RFC 9562. */
export class UuidSource {
  readonly #random: Random;
  #bytes: Uint8Array = new Uint8Array(0);
  #at = 0;

  constructor(random: Random) {
    this.#random = random;
  }

  next(): string {
    if (this.#at === this.#bytes.length) {
      this.#bytes = this.#random.bytes(UUID_BYTES * DRAWN_AT_ONCE);
      this.#at = 0;
    }
    this.#at += UUID_BYTES;
    return uuidOf(this.#bytes, this.#at - UUID_BYTES);
  }
}

/** Of as many as are known to be needed, in one draw. */
export function randomUuids(random: Random, count: number): string[] {
  const bytes = random.bytes(UUID_BYTES * count);
  return Array.from({ length: count }, (_, i) => uuidOf(bytes, UUID_BYTES * i));
}

export function randomUuid(random: Random): string {
  return uuidOf(random.bytes(UUID_BYTES), 0);
}

function uuidOf(bytes: Uint8Array, at: number): string {
  let code = 0;
  for (let i = 0; i < UUID_BYTES; i++) {
    let byte = bytes[at + i] as number;
    if (i === 6) byte = (byte & 0x0f) | 0x40;
    if (i === 8) byte = (byte & 0x3f) | 0x80;
    if (codes[code] === HYPHEN) code++;
    codes[code++] = DIGITS[byte >>> 4] as number;
    codes[code++] = DIGITS[byte & 15] as number;
  }
  // In one call: text put together from pieces stays a tree of them, ten times as large.
  return String.fromCharCode(...codes);
}
