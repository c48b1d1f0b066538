import { crc32 as zlibCrc32 } from "node:zlib";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { crc32Portable } from "./crc32.js";
import { crc32 } from "./index.js";

/** Bit by bit, from the definition. */
function naive(bytes: Uint8Array, seed: number): number {
  let crc = ~seed;
  for (const byte of bytes) {
    crc ^= byte;
    for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >>> 1) ^ 0xedb88320 : crc >>> 1;
  }
  return ~crc >>> 0;
}

describe("crc32", () => {
  test("is CRC-32 of IEEE 802.3", () => {
    const bytes = new TextEncoder().encode("123456789");
    expect(crc32(bytes)).toBe(0xcbf43926);
    expect(crc32(new Uint8Array(0))).toBe(0);
    expect(crc32(bytes)).toBe(zlibCrc32(bytes));
  });

  test("tables, runtime and definition agree, on any range and from any seed", () => {
    fc.assert(
      fc.property(
        fc.uint8Array({ maxLength: 600, size: "max" }),
        fc.nat(40),
        fc.nat(40),
        fc.integer({ min: 0, max: 0xffff_ffff }),
        (bytes, fromStart, fromEnd, seed) => {
          const start = Math.min(fromStart, bytes.length);
          const end = Math.max(start, bytes.length - fromEnd);
          const expected = naive(bytes.subarray(start, end), seed);
          expect(crc32(bytes, start, end, seed)).toBe(expected);
          expect(crc32Portable(bytes, start, end, seed)).toBe(expected);
        },
      ),
      { numRuns: 1000 },
    );
  });

  test("goes on from the checksum of what came before", () => {
    const bytes = Uint8Array.from({ length: 1000 }, (_, i) => i * 7);
    expect(crc32(bytes, 300, 1000, crc32(bytes, 0, 300))).toBe(crc32(bytes));
  });

  test("a seed tells equal bytes apart", () => {
    const bytes = Uint8Array.of(1, 2, 3);
    expect(crc32(bytes, 0, 3, 1)).not.toBe(crc32(bytes, 0, 3, 2));
  });
});
