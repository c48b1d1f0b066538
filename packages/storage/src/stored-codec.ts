/**
 * Bytes of what a table keeps for one version of a key, the same in the log and in snapshot files.
 *
 *   stored := flags u8 | [value] | [expiresAt varint] | [counter varint] | [createdAt varint]      in the order of the flags
 *
 * No flag at all is a tombstone. Values are as in `docs/formats/value.md`.
 */
import { type ByteReader, type ByteWriter, CorruptionError, decodeValue, encodeValue } from "@strata/core";
import { Box, type Stored, TRIMMED } from "./stored.js";

/** Stored on users' disks: add, never renumber. */
const Flag = { value: 1, boxed: 2, expires: 4, counter: 8, createdAt: 16, holdsBytes: 32, trimmed: 64 } as const;
/** What only a box has. */
const BOX_FLAGS = Flag.expires | Flag.counter | Flag.createdAt | Flag.holdsBytes;
const KNOWN_FLAGS = Flag.value | Flag.boxed | BOX_FLAGS;

/** @param stored `undefined` for a tombstone. */
export function encodeStored(writer: ByteWriter, stored: Stored | undefined): void {
  if (!(stored instanceof Box)) {
    writer.u8(stored === undefined ? 0 : Flag.value);
    if (stored !== undefined) encodeValue(writer, stored);
    return;
  }
  if (stored === TRIMMED) {
    writer.u8(Flag.trimmed);
    return;
  }
  const expires = stored.expiresAt !== Number.POSITIVE_INFINITY;
  writer.u8(
    Flag.boxed |
      (stored.value === undefined ? 0 : Flag.value) |
      (expires ? Flag.expires : 0) |
      (stored.counter > 0 ? Flag.counter : 0) |
      (stored.createdAt > 0 ? Flag.createdAt : 0) |
      (stored.holdsBytes ? Flag.holdsBytes : 0),
  );
  if (stored.value !== undefined) encodeValue(writer, stored.value);
  if (expires) writer.varint(stored.expiresAt);
  if (stored.counter > 0) writer.varint(stored.counter);
  if (stored.createdAt > 0) writer.varint(stored.createdAt);
}

/**
 * What `encodeStored` wrote; values are deeply frozen and share no memory with the reader's bytes. The reader then stands behind it.
 *
 * @throws CorruptionError `CORRUPT_RECORD` or `CORRUPT_VALUE`
 */
export function decodeStored(reader: ByteReader): Stored | undefined {
  const flags = reader.u8();
  if (flags === Flag.trimmed) return TRIMMED;
  if ((flags & ~KNOWN_FLAGS) !== 0 || ((flags & Flag.boxed) === 0 && (flags & BOX_FLAGS) !== 0)) {
    throw new CorruptionError("CORRUPT_RECORD", `an entry has the flags ${flags}, which none has`, { flags });
  }
  const value = (flags & Flag.value) === 0 ? undefined : decodeValue(reader);
  if ((flags & Flag.boxed) === 0) return value;
  const expiresAt = (flags & Flag.expires) === 0 ? Number.POSITIVE_INFINITY : reader.varint();
  const counter = (flags & Flag.counter) === 0 ? 0 : reader.varint();
  const createdAt = (flags & Flag.createdAt) === 0 ? 0 : reader.varint();
  return new Box(value, expiresAt, counter, createdAt, (flags & Flag.holdsBytes) !== 0);
}

/** Of the first byte of an entry: whether it has no value. True for what was trimmed, too. */
export function isDeadByte(first: number): boolean {
  return (first & Flag.value) === 0;
}

/** Of the first byte of an entry: whether it is a box that has no value, but a counter. */
export function isDeadBoxByte(first: number): boolean {
  return (first & (Flag.value | Flag.boxed)) === Flag.boxed;
}

/** Of the first byte of an entry: whether it stands for what retention dropped. */
export function isTrimmedByte(first: number): boolean {
  return first === Flag.trimmed;
}
