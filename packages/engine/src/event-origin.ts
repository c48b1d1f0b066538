import type { EventOrigin } from "@strata/concurrency";
import type { ByteReader, ByteWriter } from "@strata/core";
import { bytesToHex, HASH_BYTES, hexToBytes } from "./hash-bytes.js";

/**
 * Where a copied event was appended first, as it lies in the log, in the event table and in what its hash covers.
 *
 *   origin := run text | sequence u64 | timestamp u64 | hash[32]          (little-endian, text preceded by its length as a varint)
 */
export function encodeOrigin(writer: ByteWriter, origin: EventOrigin): void {
  writer.text(origin.run);
  writer.u64(origin.sequence);
  writer.u64(origin.timestamp);
  hexToBytes(origin.hash, hashBytes, 0);
  writer.raw(hashBytes);
}

/** @throws CorruptionError `CORRUPT_RECORD` */
export function decodeOrigin(reader: ByteReader): EventOrigin {
  const run = reader.text();
  const sequence = reader.u64();
  const timestamp = reader.u64();
  const hash = bytesToHex(reader.raw(HASH_BYTES), 0);
  return Object.freeze({ run, sequence, hash, timestamp });
}

const hashBytes = new Uint8Array(HASH_BYTES);
