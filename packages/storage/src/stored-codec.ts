/**
 * Bytes of what a table keeps for one version of a key, the same in the log and in snapshot files.
 *
 *   stored := flags u8 | [value or delta] | [expiresAt varint] | [counter varint] | [createdAt varint]      in the order of the flags
 *
 * No flag at all is a tombstone. Values are as in `docs/formats/value.md`; deltas, which only snapshot files have, as in `segment/value-delta.ts`.
 */
import { type ByteReader, ByteWriter, CorruptionError, decodeValue, encodeValue, type Value } from "@strata/core";
import { Box, type Stored, TRIMMED } from "./stored.js";

/** Stored on users' disks: add, never renumber. */
const Flag = {
  value: 1,
  boxed: 2,
  expires: 4,
  counter: 8,
  createdAt: 16,
  holdsBytes: 32,
  trimmed: 64,
  /** With `value`, in place of which there is a delta. */
  delta: 128,
} as const;
/** What only a box has. */
const BOX_FLAGS = Flag.expires | Flag.counter | Flag.createdAt | Flag.holdsBytes;
const KNOWN_FLAGS = Flag.value | Flag.boxed | BOX_FLAGS;

/** @param stored `undefined` for a tombstone. */
export function encodeStored(writer: ByteWriter, stored: Stored | undefined): void {
  if (stored === TRIMMED) {
    writer.u8(Flag.trimmed);
    return;
  }
  const value = valueIn(stored);
  writer.u8(flagsOf(stored));
  if (value !== undefined) encodeValue(writer, value);
  if (stored instanceof Box) encodeRest(writer, stored);
}

/** As `encodeStored`, with a delta in place of the value. @param stored has a value. */
export function encodeStoredDelta(writer: ByteWriter, stored: Stored, delta: Uint8Array): void {
  writer.u8(flagsOf(stored) | Flag.delta);
  writer.raw(delta);
  if (stored instanceof Box) encodeRest(writer, stored);
}

/**
 * What `encodeStored` wrote; values are deeply frozen and share no memory with the reader's bytes. The reader then stands behind it.
 *
 * @param readDelta makes the value of a delta; without it, there must be none.
 * @throws CorruptionError `CORRUPT_RECORD` or `CORRUPT_VALUE`
 */
export function decodeStored(reader: ByteReader, readDelta?: (reader: ByteReader) => Value): Stored | undefined {
  const first = reader.u8();
  if (first === Flag.trimmed) return TRIMMED;
  const isDelta = isDeltaByte(first) && readDelta !== undefined;
  const flags = isDelta ? first & ~Flag.delta : first;
  const isBoxed = (flags & Flag.boxed) !== 0;
  if (
    (flags & ~KNOWN_FLAGS) !== 0 ||
    (!isBoxed && (flags & BOX_FLAGS) !== 0) ||
    (isDelta && (flags & Flag.value) === 0)
  ) {
    throw new CorruptionError("CORRUPT_RECORD", `an entry has the flags ${first}, which none has`, { flags: first });
  }
  const value = (flags & Flag.value) === 0 ? undefined : isDelta ? readDelta(reader) : decodeValue(reader);
  if (!isBoxed) return value;
  const expiresAt = (flags & Flag.expires) === 0 ? Number.POSITIVE_INFINITY : reader.varint();
  const counter = (flags & Flag.counter) === 0 ? 0 : reader.varint();
  const createdAt = (flags & Flag.createdAt) === 0 ? 0 : reader.varint();
  return new Box(value, expiresAt, counter, createdAt, (flags & Flag.holdsBytes) !== 0);
}

/** The value in it; `undefined` for a tombstone. */
export function valueIn(stored: Stored | undefined): Value | undefined {
  return stored instanceof Box ? stored.value : stored;
}

/** Bytes that `encodeStored` writes besides the value. */
export function sizeBesideValue(stored: Stored | undefined): number {
  if (!(stored instanceof Box)) return 1;
  rest.reset();
  encodeRest(rest, stored);
  return 1 + rest.length;
}

/** For measuring. */
const rest = new ByteWriter(32);

function flagsOf(stored: Stored | undefined): number {
  if (!(stored instanceof Box)) return stored === undefined ? 0 : Flag.value;
  return (
    Flag.boxed |
    (stored.value === undefined ? 0 : Flag.value) |
    (stored.expiresAt === Number.POSITIVE_INFINITY ? 0 : Flag.expires) |
    (stored.counter > 0 ? Flag.counter : 0) |
    (stored.createdAt > 0 ? Flag.createdAt : 0) |
    (stored.holdsBytes ? Flag.holdsBytes : 0)
  );
}

/** What a box has behind its value. */
function encodeRest(writer: ByteWriter, box: Box): void {
  if (box.expiresAt !== Number.POSITIVE_INFINITY) writer.varint(box.expiresAt);
  if (box.counter > 0) writer.varint(box.counter);
  if (box.createdAt > 0) writer.varint(box.createdAt);
}

/** Of the first byte of an entry: whether it has a delta in place of a value. */
export function isDeltaByte(first: number): boolean {
  return (first & Flag.delta) !== 0;
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
