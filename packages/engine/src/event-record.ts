import type { EventOrigin } from "@strata/concurrency";
import { ByteReader, ByteWriter, type Version } from "@strata/core";
import { decodeOrigin, encodeOrigin } from "./event-origin.js";
import { bytesToHex, HASH_BYTES, hexToBytes } from "./hash-bytes.js";
import type { StoredEvent } from "./scope.js";

/**
 * An event as the event table keeps it; type, sequence and version stand beside it in the table.
 *
 *   record := kind u8 | timestamp f64 | hash[32] | prevHash[32] | [origin, of a copy] | payload        (little-endian, payload in canonical form)
 */
const Kind = { own: 0, copy: 1 } as const;
const TIMESTAMP_OFFSET = 1;
const HASH_OFFSET: number = TIMESTAMP_OFFSET + 8;
const PREV_HASH_OFFSET: number = HASH_OFFSET + HASH_BYTES;
const REST_OFFSET: number = PREV_HASH_OFFSET + HASH_BYTES;

let scratch = new Uint8Array(1024);
let scratchView = new DataView(scratch.buffer);
const originWriter = new ByteWriter();

/** The record's bytes, valid until the next call: the event table copies them. */
export function encodeEventRecord(
  timestamp: number,
  hash: string,
  prevHash: string,
  payload: Uint8Array,
  origin: EventOrigin | undefined,
): Uint8Array {
  originWriter.reset();
  if (origin !== undefined) encodeOrigin(originWriter, origin);
  const payloadOffset = REST_OFFSET + originWriter.length;
  const size = payloadOffset + payload.length;
  if (size > scratch.length) {
    scratch = new Uint8Array(size * 2);
    scratchView = new DataView(scratch.buffer);
  }
  scratch[0] = origin === undefined ? Kind.own : Kind.copy;
  scratchView.setFloat64(TIMESTAMP_OFFSET, timestamp, true);
  hexToBytes(hash, scratch, HASH_OFFSET);
  hexToBytes(prevHash, scratch, PREV_HASH_OFFSET);
  if (origin !== undefined) scratch.set(originWriter.view(), REST_OFFSET);
  scratch.set(payload, payloadOffset);
  return scratch.subarray(0, size);
}

export function decodeEventRecord(record: Uint8Array, sequence: number, type: string, version: Version): StoredEvent {
  const event = {
    sequence,
    type,
    version,
    timestamp: timestampOfRecord(record),
    hash: bytesToHex(record, HASH_OFFSET),
    prevHash: bytesToHex(record, PREV_HASH_OFFSET),
  };
  if (record[0] !== Kind.copy) return { ...event, payload: record.subarray(REST_OFFSET) };
  const reader = new ByteReader(record, REST_OFFSET);
  const origin = decodeOrigin(reader);
  return { ...event, origin, payload: record.subarray(reader.offset) };
}

/** Canonical bytes of the payload of the event in `record`, part of it: for those who need nothing else. */
export function payloadOfRecord(record: Uint8Array): Uint8Array {
  if (record[0] !== Kind.copy) return record.subarray(REST_OFFSET);
  const reader = new ByteReader(record, REST_OFFSET);
  decodeOrigin(reader);
  return record.subarray(reader.offset);
}

/** µs since the epoch: when the event in `record` was committed. */
export function timestampOfRecord(record: Uint8Array): number {
  return new DataView(record.buffer, record.byteOffset).getFloat64(TIMESTAMP_OFFSET, true);
}

/** Hash of the event in `record`, 64 hex digits. */
export function hashOfRecord(record: Uint8Array): string {
  return bytesToHex(record, HASH_OFFSET);
}

/** The hash it was given where it was appended first: the same for an event and its copies, and for nothing else. */
export function firstHashOf(record: Uint8Array): string {
  return originOfRecord(record)?.hash ?? hashOfRecord(record);
}

/** Where the event in `record` was appended first, of a copy. */
export function originOfRecord(record: Uint8Array): EventOrigin | undefined {
  return record[0] === Kind.copy ? decodeOrigin(new ByteReader(record, REST_OFFSET)) : undefined;
}
