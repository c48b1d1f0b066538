import type { Version } from "@strata/core";
import type { StoredEvent } from "./scope.js";

/** Bytes of a SHA-256 digest. */
export const HASH_BYTES = 32;

/**
 * An event as the event table keeps it; type, sequence and version stand beside it in the table.
 *
 *   record := timestamp f64 | hash[32] | prevHash[32] | payload        (little-endian, payload in canonical form)
 */
const TIMESTAMP_OFFSET = 0;
const HASH_OFFSET = TIMESTAMP_OFFSET + 8;
const PREV_HASH_OFFSET = HASH_OFFSET + HASH_BYTES;
const PAYLOAD_OFFSET: number = PREV_HASH_OFFSET + HASH_BYTES;

let scratch = new Uint8Array(1024);
let scratchView = new DataView(scratch.buffer);

/** The record's bytes, valid until the next call: the event table copies them. */
export function encodeEventRecord(timestamp: number, hash: string, prevHash: string, payload: Uint8Array): Uint8Array {
  const size = PAYLOAD_OFFSET + payload.length;
  if (size > scratch.length) {
    scratch = new Uint8Array(size * 2);
    scratchView = new DataView(scratch.buffer);
  }
  scratchView.setFloat64(TIMESTAMP_OFFSET, timestamp, true);
  hexToBytes(hash, scratch, HASH_OFFSET);
  hexToBytes(prevHash, scratch, PREV_HASH_OFFSET);
  scratch.set(payload, PAYLOAD_OFFSET);
  return scratch.subarray(0, size);
}

export function decodeEventRecord(record: Uint8Array, sequence: number, type: string, version: Version): StoredEvent {
  return {
    sequence,
    type,
    version,
    timestamp: new DataView(record.buffer, record.byteOffset).getFloat64(TIMESTAMP_OFFSET, true),
    hash: bytesToHex(record, HASH_OFFSET),
    prevHash: bytesToHex(record, PREV_HASH_OFFSET),
    payload: record.subarray(PAYLOAD_OFFSET),
  };
}

/** Hash of the event in `record`, 64 hex digits. */
export function hashOfRecord(record: Uint8Array): string {
  return bytesToHex(record, HASH_OFFSET);
}

const HEX_OF_BYTE: readonly string[] = Array.from({ length: 256 }, (_, byte) => byte.toString(16).padStart(2, "0"));

/** The 32 bytes of a digest from `at` on, as 64 hex digits. */
export function bytesToHex(bytes: Uint8Array, at: number): string {
  let hex = "";
  for (let i = 0; i < HASH_BYTES; i++) hex += HEX_OF_BYTE[bytes[at + i] as number];
  return hex;
}

/** Writes the 32 bytes that `hex` spells to `target` from `at` on. */
export function hexToBytes(hex: string, target: Uint8Array, at: number): void {
  for (let i = 0; i < HASH_BYTES; i++) {
    target[at + i] = ((DIGITS[hex.charCodeAt(2 * i)] as number) << 4) | (DIGITS[hex.charCodeAt(2 * i + 1)] as number);
  }
}

/** Value of each lower-case hex digit, by its character code. */
const DIGITS: Uint8Array = Uint8Array.from({ length: 128 }, (_, code) =>
  Math.max(0, "0123456789abcdef".indexOf(String.fromCharCode(code))),
);
