import { ByteReader, ByteWriter, CorruptionError, crc32, StateError } from "@strata/core";
import { databaseIdBytes, databaseIdText, hex } from "./wal-format.js";

/**
 * The manifest: what the log consists of. One file, named `MANIFEST-<epoch, 8 hex digits>-<number, 8 hex digits>`; the
 * one with the highest epoch, then number, counts.
 *
 *   manifest := magic[8] "STRATAMF" | formatVersion u16 | zero u16 | size u32 | databaseId[16] | createdAt u64
 *               | epoch varint | number varint | nextVersion varint
 *               | spans varint, then each: epoch varint | fromLsn varint | durableLsn varint
 *               | endings varint, then each: epoch varint | lastVersion varint
 *               | clean u8, and when it is 1: endLsn varint | checksum u32 | nextVersion varint
 *               | checkpoint u8, and when it is 1: version varint | lsn varint | previousLsn varint | size varint | root[size]
 *               | crc u32
 *
 * Little-endian; varints are unsigned LEB128 below 2^53. `size` is the length of the whole file, `crc` the CRC-32 of every
 * byte before it.
 *
 * It appears by write, fsync, rename, fsync of the directory, so what bears the name is whole; nothing that bears the name
 * and does not parse is ever written over. Number 1 of an epoch raises the epoch and changes nothing else.
 */
export interface Manifest {
  /** 32 lower case hex digits. */
  readonly databaseId: string;
  /** When the database was made, in µs since 1970. */
  readonly createdAt: number;
  readonly epoch: number;
  /** Counts the manifests of one epoch, from 1. */
  readonly number: number;
  /** No version from here on was used when this was written. */
  readonly nextVersion: number;
  /** Ascending by `fromLsn` and by `epoch`. */
  readonly spans: readonly LogSpan[];
  /** Ascending by `epoch`; at most `ENDINGS_MAX`, the latest. */
  readonly endings: readonly EpochEnding[];
  readonly clean: CleanEnd | undefined;
  readonly checkpoint: ManifestCheckpoint | undefined;
}

/** The log below `lsn` is not needed to recover; it is there from `previousLsn` on. */
export interface ManifestCheckpoint {
  /** Of the last commit that is in the checkpoint. */
  readonly version: number;
  readonly lsn: number;
  /** Of the checkpoint before; where the log begins, without one. */
  readonly previousLsn: number;
  /** The caller's own. */
  readonly root: Uint8Array;
}

/**
 * From `fromLsn` on, up to where the next span begins, the log is in the segments of this epoch. What those of other epochs
 * hold there does not count.
 */
export interface LogSpan {
  readonly epoch: number;
  readonly fromLsn: number;
  /** Through here the log was on stable storage when the span was added. */
  readonly durableLsn: number;
}

/** The last version that recovery found of an epoch and those before it: later ones of that epoch are lost. */
export interface EpochEnding {
  readonly epoch: number;
  readonly lastVersion: number;
}

/** Where the log ends, for certain. */
export interface CleanEnd {
  readonly endLsn: number;
  /** Checksum of the last frame; 0 when the log is empty. */
  readonly checksum: number;
  readonly nextVersion: number;
}

export const MANIFEST_MAGIC = "STRATAMF";
export const MANIFEST_FORMAT_VERSION = 1;
export const MANIFEST_NAME_PATTERN = /^MANIFEST-([0-9a-f]{8})-([0-9a-f]{8})$/;
/** A manifest in the making. */
export const MANIFEST_TEMPORARY_PATTERN = /^MANIFEST-([0-9a-f]{8})-([0-9a-f]{8})\.tmp$/;
/** An empty file whose creation makes an epoch somebody's own. */
export const EPOCH_CLAIM_PATTERN = /^EPOCH-([0-9a-f]{8})$/;
/** An empty file that stands for an owner of the database, as long as it is one: its epoch, and a number that nobody else draws. */
export const OWNER_PATTERN = /^OWNER-([0-9a-f]{8})-[0-9a-f]{16}$/;
/** More than any manifest has; what is longer is none. */
export const MANIFEST_BYTES_MAX: number = 16 * 1024 * 1024;
/** Older epochs are forgotten by `commitStatus`. */
export const ENDINGS_MAX = 256;

const SIZE_OFFSET = 12;
const FIXED_SIZE = 40;
const CRC_SIZE = 4;

export function manifestName(epoch: number, number: number): string {
  return `MANIFEST-${hex(epoch, 8)}-${hex(number, 8)}`;
}

export function claimName(epoch: number): string {
  return `EPOCH-${hex(epoch, 8)}`;
}

/** @param nonce 8 random bytes. */
export function ownerName(epoch: number, nonce: Uint8Array): string {
  return `OWNER-${hex(epoch, 8)}-${[...nonce].map((byte) => hex(byte, 2)).join("")}`;
}

export function encodeManifest(manifest: Manifest): Uint8Array {
  const writer = new ByteWriter();
  for (let i = 0; i < MANIFEST_MAGIC.length; i++) writer.u8(MANIFEST_MAGIC.charCodeAt(i));
  writer.u16(MANIFEST_FORMAT_VERSION);
  writer.u16(0);
  writer.u32(0);
  writer.raw(databaseIdBytes(manifest.databaseId));
  writer.u64(manifest.createdAt);
  writer.varint(manifest.epoch);
  writer.varint(manifest.number);
  writer.varint(manifest.nextVersion);
  writer.varint(manifest.spans.length);
  for (const span of manifest.spans) {
    writer.varint(span.epoch);
    writer.varint(span.fromLsn);
    writer.varint(span.durableLsn);
  }
  writer.varint(manifest.endings.length);
  for (const ending of manifest.endings) {
    writer.varint(ending.epoch);
    writer.varint(ending.lastVersion);
  }
  writer.u8(manifest.clean === undefined ? 0 : 1);
  if (manifest.clean !== undefined) {
    writer.varint(manifest.clean.endLsn);
    writer.u32(manifest.clean.checksum);
    writer.varint(manifest.clean.nextVersion);
  }
  const { checkpoint } = manifest;
  writer.u8(checkpoint === undefined ? 0 : 1);
  if (checkpoint !== undefined) {
    writer.varint(checkpoint.version);
    writer.varint(checkpoint.lsn);
    writer.varint(checkpoint.previousLsn);
    writer.varint(checkpoint.root.length);
    writer.raw(checkpoint.root);
  }
  writer.patchU32(SIZE_OFFSET, writer.length + CRC_SIZE);
  const body = writer.view();
  writer.u32(crc32(body, 0, body.length));
  return writer.take();
}

/**
 * @param path for messages.
 * @throws {CorruptionError} `MANIFEST_CORRUPT`
 * @throws {StateError} `FORMAT_TOO_NEW`
 */
export function decodeManifest(bytes: Uint8Array, path: string): Manifest {
  if (bytes.length < FIXED_SIZE + CRC_SIZE) throw manifestDamage(path, "it is cut off");
  for (let i = 0; i < MANIFEST_MAGIC.length; i++) {
    if (bytes[i] !== MANIFEST_MAGIC.charCodeAt(i)) throw manifestDamage(path, "it does not begin like a manifest");
  }
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const formatVersion = view.getUint16(8, true);
  const checksum = view.getUint32(bytes.length - CRC_SIZE, true);
  if (formatVersion > MANIFEST_FORMAT_VERSION && !passesAsOurs(bytes, checksum)) {
    throw new StateError(
      "FORMAT_TOO_NEW",
      `${path} has format version ${formatVersion}; this version reads up to ${MANIFEST_FORMAT_VERSION}`,
      {
        file: path,
        formatVersion,
        supported: MANIFEST_FORMAT_VERSION,
      },
    );
  }
  if (formatVersion !== MANIFEST_FORMAT_VERSION)
    throw manifestDamage(path, `it has the impossible format version ${formatVersion}`);
  if (view.getUint32(SIZE_OFFSET, true) !== bytes.length)
    throw manifestDamage(path, "its length is not the one it names");
  if (checksum !== crc32(bytes, 0, bytes.length - CRC_SIZE)) throw manifestDamage(path, "it fails its checksum");
  try {
    return decodeFields(bytes);
  } catch (cause) {
    if (!(cause instanceof CorruptionError)) throw cause;
    throw new CorruptionError(
      "MANIFEST_CORRUPT",
      `${path}: ${cause.message}`,
      { file: path, reason: cause.message },
      { cause },
    );
  }
}

function decodeFields(bytes: Uint8Array): Manifest {
  const reader = new ByteReader(bytes, SIZE_OFFSET + 4, bytes.length - CRC_SIZE);
  const databaseId = databaseIdText(reader.raw(16));
  const createdAt = reader.u64();
  const epoch = reader.varint();
  const number = reader.varint();
  const nextVersion = reader.varint();
  const spans: LogSpan[] = [];
  for (let left = reader.varint(); left > 0; left--) {
    spans.push({ epoch: reader.varint(), fromLsn: reader.varint(), durableLsn: reader.varint() });
  }
  const endings: EpochEnding[] = [];
  for (let left = reader.varint(); left > 0; left--) {
    endings.push({ epoch: reader.varint(), lastVersion: reader.varint() });
  }
  let clean: CleanEnd | undefined;
  if (reader.u8() === 1) clean = { endLsn: reader.varint(), checksum: reader.u32(), nextVersion: reader.varint() };
  const checkpoint = reader.u8() === 1 ? decodeCheckpoint(reader) : undefined;
  reader.expectEnd();
  const manifest = { databaseId, createdAt, epoch, number, nextVersion, spans, endings, clean, checkpoint };
  checkOrder(manifest);
  return manifest;
}

function decodeCheckpoint(reader: ByteReader): ManifestCheckpoint {
  const version = reader.varint();
  const lsn = reader.varint();
  const previousLsn = reader.varint();
  // `raw` gives a view of the file's bytes, or refuses a length that they do not have.
  return { version, lsn, previousLsn, root: reader.raw(reader.varint()).slice() };
}

function checkOrder({ spans, endings, clean, checkpoint, nextVersion }: Manifest): void {
  const first = spans[0]?.fromLsn ?? Number.POSITIVE_INFINITY;
  const ordered =
    spans.every((span, i) => i === 0 || (span.fromLsn > spans[i - 1]!.fromLsn && span.epoch > spans[i - 1]!.epoch)) &&
    endings.every((ending, i) => i === 0 || ending.epoch > endings[i - 1]!.epoch) &&
    (clean === undefined || clean.endLsn >= Math.max(spans.at(-1)?.fromLsn ?? 0, checkpoint?.lsn ?? 0)) &&
    (checkpoint === undefined ||
      (first <= checkpoint.lsn && checkpoint.previousLsn <= checkpoint.lsn && checkpoint.version < nextVersion));
  if (!ordered) throw new CorruptionError("MANIFEST_CORRUPT", "its parts contradict each other");
}

/** Whether it is a manifest of this format version whose version field alone is damaged. */
function passesAsOurs(bytes: Uint8Array, checksum: number): boolean {
  const repaired = bytes.slice();
  new DataView(repaired.buffer).setUint16(8, MANIFEST_FORMAT_VERSION, true);
  return checksum === crc32(repaired, 0, repaired.length - CRC_SIZE);
}

function manifestDamage(path: string, reason: string): CorruptionError {
  return new CorruptionError("MANIFEST_CORRUPT", `${path}: ${reason}`, { file: path, reason });
}
