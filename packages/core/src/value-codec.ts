/** Bytes of values. */

import { ByteWriter, type ByteReader } from "./bytes.js";
import { readValue } from "./cbor-reader.js";
import { writeCanonical, writeValue } from "./cbor-writer.js";
import type { Value } from "./value.js";

/** Appends the value. It must have come through `copyValue` or `decodeValue`. */
export function encodeValue(writer: ByteWriter, value: Value): void {
  writeValue(writer, value);
}

/** @throws {CorruptionError} `CORRUPT_VALUE` with facts.offset. */
export function decodeValue(reader: ByteReader): Value {
  return readValue(reader);
}

/** Appends the value's one canonical form. */
export function encodeCanonical(writer: ByteWriter, value: Value): void {
  writeCanonical(writer, value);
}

/** The value's one canonical form, in bytes of its own. */
export function canonicalBytes(value: Value): Uint8Array {
  const writer = new ByteWriter();
  writeCanonical(writer, value);
  return writer.take();
}
