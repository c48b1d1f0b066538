import { CorruptionError, crc32, StateError } from "@strata/core";

/**
 * A WAL segment: one file of the endless log, named `wal/<epoch, 8 hex digits>-<first LSN, 16 hex digits>.wal`.
 *
 *   segment := header frame* (zeros up to the file's end)
 *   header  := magic[8] "STRATAWL" | formatVersion u16 | zero u16 | salt u32 | databaseId[16] | epoch u64
 *              | firstLsn u64 | versionLimit u64 | sizeBytes u64 | zero u32 | crc u32      padded to 4096 bytes
 *   frame   := crc u32 | size u32 | lsn u64 | durableThrough u64 | version u64 | type u8 | payload[size]
 *
 * Little-endian; u64 fields hold integers below 2^53. `header.crc` is the CRC-32 of the 68 bytes before it. `frame.crc` is
 * the CRC-32, **begun from the segment's salt**, of every byte of the frame behind it, length included: a frame of another
 * segment, or one that somebody stored as a value, does not pass.
 *
 * LSNs count the bytes of frames, headers left out: the frame at file offset `o` has `lsn = firstLsn + o - 4096`, and that
 * very number stands in it. A segment begins where its predecessor ends. `durableThrough` says up to which LSN the log was
 * on stable storage when the frame was written: a bad frame below the highest such mark is damage, one above is the remains
 * of an interrupted write.
 *
 * A segment is laid out in its full length, and its header is on stable storage under the final name, before the first frame
 * is written. All versions in
 * it and before it are below `versionLimit`: a version from a lost frame is never used again.
 */
export const SEGMENT_MAGIC = "STRATAWL";
export const WAL_FORMAT_VERSION = 1;

const MAGIC_OFFSET = 0;
const FORMAT_VERSION_OFFSET: number = MAGIC_OFFSET + 8;
const SALT_OFFSET: number = FORMAT_VERSION_OFFSET + 4;
const DATABASE_ID_OFFSET: number = SALT_OFFSET + 4;
const EPOCH_OFFSET: number = DATABASE_ID_OFFSET + 16;
const FIRST_LSN_OFFSET: number = EPOCH_OFFSET + 8;
const VERSION_LIMIT_OFFSET: number = FIRST_LSN_OFFSET + 8;
const SIZE_BYTES_OFFSET: number = VERSION_LIMIT_OFFSET + 8;
const HEADER_CRC_OFFSET: number = SIZE_BYTES_OFFSET + 8 + 4;
const HEADER_FIELDS_SIZE: number = HEADER_CRC_OFFSET + 4;

/** A page of its own: no write of a frame touches the sector that holds the header. */
export const SEGMENT_HEADER_SIZE = 4096;

export const FRAME_CRC_OFFSET = 0;
export const FRAME_SIZE_OFFSET: number = FRAME_CRC_OFFSET + 4;
export const FRAME_LSN_OFFSET: number = FRAME_SIZE_OFFSET + 4;
export const FRAME_DURABLE_OFFSET: number = FRAME_LSN_OFFSET + 8;
export const FRAME_VERSION_OFFSET: number = FRAME_DURABLE_OFFSET + 8;
export const FRAME_TYPE_OFFSET: number = FRAME_VERSION_OFFSET + 8;
export const FRAME_HEADER_SIZE: number = FRAME_TYPE_OFFSET + 1;

/**
 * Stored on users' disks: add, never renumber. 0 stays free, so that zeros never parse.
 *
 * `commit` carries a commit. `mark` carries nothing but its `durableThrough`, and the version of the commit before it.
 * `roll` is a mark that ends its segment: the next one is on stable storage already.
 */
export const FrameType = { commit: 1, mark: 2, roll: 3 } as const;

/** Bytes of one payload. What a transaction may hold is bounded far below (`limits.transactionBytes`). */
export const PAYLOAD_BYTES_MAX: number = 2 ** 30;

/** Bytes of a segment's file: more than the largest frame needs. What is longer is none of ours, whatever its header says. */
export const SEGMENT_BYTES_MAX: number = 2 ** 31;

/** One version is reserved for so many bytes of a segment; a frame is longer, so the segment is full before its reserve is used up. */
export const BYTES_PER_RESERVED_VERSION = 32;

export const WAL_DIRECTORY = "wal";
export const SEGMENT_NAME_PATTERN = /^([0-9a-f]{8})-([0-9a-f]{16})\.wal$/;
/** A segment in the making: nothing reads it, opening sweeps it. */
export const PREPARED_NAME_PATTERN = /^[0-9a-f]{8}-[0-9]+\.prepared$/;
export const EPOCH_MAX: number = 2 ** 32 - 1;

export interface SegmentHeader {
  readonly databaseId: string;
  readonly epoch: number;
  readonly firstLsn: number;
  /** Every version of this segment, and of those before it, is below. */
  readonly versionLimit: number;
  /** Length of the file from its first day on; an orderly end gives back what was not used. */
  readonly sizeBytes: number;
  readonly salt: number;
}

/** Path of a segment. */
export function segmentPath(epoch: number, firstLsn: number): string {
  return `${WAL_DIRECTORY}/${hex(epoch, 8)}-${hex(firstLsn, 16)}.wal`;
}

/** Path under which a segment is laid out before its place in the log is known. */
export function preparedPath(epoch: number, serial: number): string {
  return `${WAL_DIRECTORY}/${hex(epoch, 8)}-${serial}.prepared`;
}

/** Epoch and first LSN that a name (without its directory) stands for; `undefined` for other names. */
export function parseSegmentName(name: string): { readonly epoch: number; readonly firstLsn: number } | undefined {
  const match = SEGMENT_NAME_PATTERN.exec(name);
  if (match === null) return undefined;
  const firstLsn = Number.parseInt(match[2]!, 16);
  return Number.isSafeInteger(firstLsn) ? { epoch: Number.parseInt(match[1]!, 16), firstLsn } : undefined;
}

/** The header as the segment's first page. */
export function encodeSegmentHeader(header: SegmentHeader): Uint8Array {
  const bytes = new Uint8Array(SEGMENT_HEADER_SIZE);
  const view = new DataView(bytes.buffer);
  for (let i = 0; i < SEGMENT_MAGIC.length; i++) bytes[MAGIC_OFFSET + i] = SEGMENT_MAGIC.charCodeAt(i);
  view.setUint16(FORMAT_VERSION_OFFSET, WAL_FORMAT_VERSION, true);
  view.setUint32(SALT_OFFSET, header.salt, true);
  bytes.set(databaseIdBytes(header.databaseId), DATABASE_ID_OFFSET);
  writeU64(view, EPOCH_OFFSET, header.epoch);
  writeU64(view, FIRST_LSN_OFFSET, header.firstLsn);
  writeU64(view, VERSION_LIMIT_OFFSET, header.versionLimit);
  writeU64(view, SIZE_BYTES_OFFSET, header.sizeBytes);
  view.setUint32(HEADER_CRC_OFFSET, crc32(bytes, 0, HEADER_CRC_OFFSET), true);
  return bytes;
}

/**
 * @param bytes begin with the segment's first byte; more than the header may follow.
 * @throws {CorruptionError} `WAL_CORRUPT`
 * @throws {StateError} `FORMAT_TOO_NEW`
 */
export function decodeSegmentHeader(bytes: Uint8Array, path: string): SegmentHeader {
  if (bytes.length < SEGMENT_HEADER_SIZE) throw headerDamage(path, "its header is cut off");
  const view = new DataView(bytes.buffer, bytes.byteOffset, SEGMENT_HEADER_SIZE);
  for (let i = 0; i < SEGMENT_MAGIC.length; i++) {
    if (bytes[MAGIC_OFFSET + i] !== SEGMENT_MAGIC.charCodeAt(i))
      throw headerDamage(path, "it does not begin like a segment");
  }
  const formatVersion = view.getUint16(FORMAT_VERSION_OFFSET, true);
  if (formatVersion > WAL_FORMAT_VERSION && !passesAsOurs(bytes, view)) {
    throw new StateError(
      "FORMAT_TOO_NEW",
      `${path} has format version ${formatVersion}; this version reads up to ${WAL_FORMAT_VERSION}`,
      {
        file: path,
        formatVersion,
        supported: WAL_FORMAT_VERSION,
      },
    );
  }
  if (view.getUint32(HEADER_CRC_OFFSET, true) !== crc32(bytes, 0, HEADER_CRC_OFFSET)) {
    throw headerDamage(path, "its header fails its checksum");
  }
  const header: SegmentHeader = {
    databaseId: databaseIdText(bytes.subarray(DATABASE_ID_OFFSET, DATABASE_ID_OFFSET + 16)),
    epoch: readU64(view, EPOCH_OFFSET),
    firstLsn: readU64(view, FIRST_LSN_OFFSET),
    versionLimit: readU64(view, VERSION_LIMIT_OFFSET),
    sizeBytes: readU64(view, SIZE_BYTES_OFFSET),
    salt: view.getUint32(SALT_OFFSET, true),
  };
  if (formatVersion !== WAL_FORMAT_VERSION)
    throw headerDamage(path, `it has the impossible format version ${formatVersion}`);
  return header;
}

/** Whether the header is one of this format version whose version field alone is damaged. */
function passesAsOurs(bytes: Uint8Array, view: DataView): boolean {
  const repaired = bytes.slice(0, HEADER_FIELDS_SIZE);
  new DataView(repaired.buffer).setUint16(FORMAT_VERSION_OFFSET, WAL_FORMAT_VERSION, true);
  return view.getUint32(HEADER_CRC_OFFSET, true) === crc32(repaired, 0, HEADER_CRC_OFFSET);
}

/** The error for a segment that is not what its name says. */
export function headerDamage(path: string, reason: string): CorruptionError {
  return new CorruptionError("WAL_CORRUPT", `${path}: ${reason}`, { file: path, offset: 0, reason });
}

/** `value` is an integer in [0, 2^53). */
export function writeU64(view: DataView, offset: number, value: number): void {
  view.setUint32(offset, value >>> 0, true);
  view.setUint32(offset + 4, (value / 4294967296) >>> 0, true);
}

/** Inexact, and above `Number.MAX_SAFE_INTEGER`, where the field holds 2^53 or more. */
export function readU64(view: DataView, offset: number): number {
  return view.getUint32(offset, true) + view.getUint32(offset + 4, true) * 4294967296;
}

/** The 16 bytes of a database id of 32 hex digits. */
export function databaseIdBytes(databaseId: string): Uint8Array {
  const bytes = new Uint8Array(16);
  for (let i = 0; i < 16; i++) bytes[i] = Number.parseInt(databaseId.slice(i * 2, i * 2 + 2), 16);
  return bytes;
}

/** 32 lower case hex digits. */
export function databaseIdText(bytes: Uint8Array): string {
  let text = "";
  for (const byte of bytes) text += hex(byte, 2);
  return text;
}

/** `digits` lower case hex digits. */
export function hex(value: number, digits: number): string {
  return value.toString(16).padStart(digits, "0");
}
