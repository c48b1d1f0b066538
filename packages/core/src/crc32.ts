/**
 * CRC-32 as in IEEE 802.3, gzip and zlib: reflected polynomial 0xEDB88320, all ones before and after. Short ranges go
 * through tables, eight bytes at a time (Kounavis and Berry, "Novel Table Lookup-Based Algorithms for
 * High-Performance CRC Generation", 2008); long ones through the runtime's own, where it has one.
 */

import { nativeCrc32 } from "./platform.js";

// 8 tables of 256: TABLES[256 * k + b] is the checksum of byte b followed by k zero bytes.
const TABLES = makeTables();

// Above this the runtime's own is faster, its view of the bytes included.
const LONG = 192;

/**
 * Checksum of `bytes[start, end)`: an unsigned 32-bit number.
 *
 * @param seed checksum of what comes before, or a salt; 0 for a fresh start.
 */
export function crc32(bytes: Uint8Array, start = 0, end: number = bytes.length, seed = 0): number {
  if (nativeCrc32 !== undefined && end - start >= LONG) return nativeCrc32(bytes.subarray(start, end), seed >>> 0);
  return crc32Portable(bytes, start, end, seed);
}

/** The same, through the tables alone. */
export function crc32Portable(bytes: Uint8Array, start: number, end: number, seed: number): number {
  let crc = ~seed;
  let at = start;
  for (const last = end - 8; at <= last; at += 8) {
    crc ^= bytes[at]! | (bytes[at + 1]! << 8) | (bytes[at + 2]! << 16) | (bytes[at + 3]! << 24);
    crc =
      TABLES[1792 + (crc & 0xff)]! ^
      TABLES[1536 + ((crc >>> 8) & 0xff)]! ^
      TABLES[1280 + ((crc >>> 16) & 0xff)]! ^
      TABLES[1024 + (crc >>> 24)]! ^
      TABLES[768 + bytes[at + 4]!]! ^
      TABLES[512 + bytes[at + 5]!]! ^
      TABLES[256 + bytes[at + 6]!]! ^
      TABLES[bytes[at + 7]!]!;
  }
  for (; at < end; at++) crc = TABLES[(crc ^ bytes[at]!) & 0xff]! ^ (crc >>> 8);
  return ~crc >>> 0;
}

function makeTables(): Int32Array {
  const tables = new Int32Array(8 * 256);
  for (let byte = 0; byte < 256; byte++) {
    let crc = byte;
    for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >>> 1) ^ 0xedb88320 : crc >>> 1;
    tables[byte] = crc;
  }
  for (let i = 256; i < tables.length; i++) {
    const before = tables[i - 256]!;
    tables[i] = tables[before & 0xff]! ^ (before >>> 8);
  }
  return tables;
}
