/** Writes a number of at most 32 bits, seven to a byte, the low ones first. @returns where it ends */
export function writeVarint(bytes: Uint8Array, begin: number, value: number): number {
  let at = begin;
  let rest = value;
  while (rest > 0x7f) {
    bytes[at++] = (rest & 0x7f) | 0x80;
    rest >>>= 7;
  }
  bytes[at++] = rest;
  return at;
}

/** Where the `count` varints that begin at `begin` end. */
export function skipVarints(bytes: Uint8Array, begin: number, count: number): number {
  let at = begin;
  for (let left = count; left > 0; at++) if (bytes[at]! < 0x80) left--;
  return at;
}

/** Reads `count` varints that begin at `begin`, and puts the sums of the first of them, one, two and so on, into `into`. @returns where they end */
export function readSums(bytes: Uint8Array, begin: number, count: number, into: Int32Array, from: number): number {
  let at = begin;
  let sum = 0;
  for (let index = 0; index < count; index++) {
    let byte = bytes[at++]!;
    let value = byte & 0x7f;
    for (let shift = 7; byte >= 0x80; shift += 7) {
      byte = bytes[at++]!;
      value |= (byte & 0x7f) << shift;
    }
    sum += value;
    into[from + index] = sum;
  }
  return at;
}

/** Reads numbers one behind the other. */
export class VarintReader {
  #bytes: Uint8Array = new Uint8Array(0);
  at = 0;

  reset(bytes: Uint8Array, at: number): void {
    this.#bytes = bytes;
    this.at = at;
  }

  next(): number {
    const bytes = this.#bytes;
    let byte = bytes[this.at++]!;
    if (byte < 0x80) return byte;
    let value = byte & 0x7f;
    for (let shift = 7; ; shift += 7) {
      byte = bytes[this.at++]!;
      value |= (byte & 0x7f) << shift;
      if (byte < 0x80) return value >>> 0;
    }
  }
}
