/** The layout of `cbor.ts` read as plainly as it can be: the oracle for the encoders. */

import type { Value } from "../src/index.js";

/** Bytes of a value, in canonical form or not. */
export function naiveBytes(value: Value, canonical: boolean): Uint8Array {
  return Uint8Array.from(item(value, canonical));
}

function item(value: Value, canonical: boolean): number[] {
  if (value === false) return [0xf4];
  if (value === true) return [0xf5];
  if (value === null) return [0xf6];
  if (typeof value === "string") return text(value);
  if (typeof value === "bigint" || (Number.isSafeInteger(value) && !Object.is(value, -0))) {
    const int = BigInt(value as number | bigint);
    return int >= 0n ? head(0, int) : head(1, -1n - int);
  }
  if (typeof value === "number") return float(value, canonical);
  if (value instanceof Uint8Array) return [...head(2, BigInt(value.length)), ...value];
  if (Array.isArray(value)) {
    return [...head(4, BigInt(value.length)), ...value.flatMap((element: Value) => item(element, canonical))];
  }
  const members = Object.entries(value).map(([name, member]) => ({ name: text(name), bytes: item(member, canonical) }));
  // Bytes of UTF-8 sort as code points do; the heads before them are no part of the name.
  if (canonical) members.sort((a, b) => compareBytes(utf8Of(a.name), utf8Of(b.name)));
  return [...head(5, BigInt(members.length)), ...members.flatMap(({ name, bytes }) => [...name, ...bytes])];
}

function head(major: number, argument: bigint): number[] {
  if (argument < 24n) return [(major << 5) | Number(argument)];
  const width = [1, 2, 4, 8].find((bytes) => argument < 1n << BigInt(8 * bytes))!;
  const bytes = Array.from({ length: width }, (_, i) => Number((argument >> BigInt(8 * (width - 1 - i))) & 0xffn));
  return [(major << 5) | (24 + Math.log2(width)), ...bytes];
}

function text(value: string): number[] {
  const bytes = new TextEncoder().encode(value);
  return [...head(3, BigInt(bytes.length)), ...bytes];
}

function utf8Of(encoded: readonly number[]): readonly number[] {
  const info = encoded[0]! & 31;
  return encoded.slice(info < 24 ? 1 : 1 + 2 ** (info - 24));
}

function compareBytes(a: readonly number[], b: readonly number[]): number {
  const at = a.findIndex((byte, i) => byte !== b[i]);
  return at < 0 ? a.length - b.length : a[at]! - (b[at] ?? -1);
}

function float(value: number, canonical: boolean): number[] {
  const view = new DataView(new ArrayBuffer(8));
  const bytes = (count: number): number[] => Array.from({ length: count }, (_, i) => view.getUint8(i));
  if (canonical) {
    for (let bits = 0; bits < 0x10000; bits += 1)
      if (Object.is(HALVES[bits], value)) return [0xf9, bits >> 8, bits & 255];
    view.setFloat32(0, value);
    if (Object.is(view.getFloat32(0), value)) return [0xfa, ...bytes(4)];
  }
  view.setFloat64(0, Number.isNaN(value) ? Number.NaN : value);
  return [0xfb, ...bytes(8)];
}

// Every half there is, with the one NaN where its bits belong.
const HALVES = Array.from({ length: 0x10000 }, (_, bits) => {
  const sign = bits & 0x8000 ? -1 : 1;
  const exponent = (bits >> 10) & 31;
  const fraction = (bits & 0x3ff) / 1024;
  if (exponent < 31) return sign * (exponent === 0 ? fraction * 2 ** -14 : (1 + fraction) * 2 ** (exponent - 15));
  if (fraction === 0) return sign * Number.POSITIVE_INFINITY;
  return bits === 0x7e00 ? Number.NaN : undefined;
});
