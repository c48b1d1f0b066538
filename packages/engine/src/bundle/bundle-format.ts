import { ByteReader, ByteWriter, InvalidArgumentError, StateError } from "@strata/core";
import { HASH_BYTES, hexToBytes } from "../hash-bytes.js";

/**
 * A bundle: one run in one stream of bytes, complete in itself. `docs/formats/bundle.md` has the same with an example.
 *
 *   bundle   := prelude block+
 *   prelude  := magic[8] "STRATABN" | formatVersion u16 | zero u16
 *   block    := kind u8 | size u32 | payload[size] | hash[32]
 *   hash     := SHA-256 of: the hash before | kind | size | payload          before the first block stands SHA-256 of the prelude
 *
 *   kinds, in this order: header(1) once, base(2) any number, commits(3) any number, end(4) once, and nothing behind it
 *   header   := a value in canonical form; see `bundle-header.ts`
 *   base, commits := (length varint | record[length])+                       see `bundle-record.ts`
 *   end      := base records varint | commits varint | operations varint
 *
 * Little-endian. A block of records ends with the record that brings its payload to `BLOCK_BYTES` or more, or with the last of its kind: so
 * one content has one form. The hash of the end block stands for the whole bundle: it is its checksum.
 */
const MAGIC = "STRATABN";
export const BUNDLE_FORMAT_VERSION = 1;
export const PRELUDE_SIZE: number = MAGIC.length + 4;
export const BLOCK_HEAD_SIZE: number = 1 + 4;
export const BLOCK_BYTES = 65_536;
/** Nothing that one record holds can be larger than what a buffer of the runtime holds. */
export const BLOCK_SIZE_MAX: number = 2 ** 29;

/** Stored in users' files: add, never renumber. */
export const BlockKind = { header: 1, base: 2, commits: 3, end: 4 } as const;

/** Whatever a bundle has wrong. `offset` counts uncompressed bytes, where the place is known. */
export function invalidBundle(reason: string, facts: { readonly offset?: number } = {}, cause?: unknown) {
  const place = facts.offset === undefined ? "" : ` at byte ${facts.offset}`;
  return new InvalidArgumentError(
    "BUNDLE_INVALID",
    `this is no bundle, or a damaged one: ${reason}${place}`,
    {
      ...facts,
      reason,
    },
    cause === undefined ? undefined : { cause },
  );
}

export function prelude(): Uint8Array {
  const bytes = new Uint8Array(PRELUDE_SIZE);
  for (let i = 0; i < MAGIC.length; i++) bytes[i] = MAGIC.charCodeAt(i);
  bytes[MAGIC.length] = BUNDLE_FORMAT_VERSION & 0xff;
  bytes[MAGIC.length + 1] = BUNDLE_FORMAT_VERSION >> 8;
  return bytes;
}

/**
 * @throws InvalidArgumentError `BUNDLE_INVALID`
 * @throws StateError `FORMAT_TOO_NEW`
 */
export function checkPrelude(bytes: Uint8Array): void {
  const reader = new ByteReader(bytes);
  const magic = String.fromCharCode(...reader.raw(MAGIC.length));
  if (magic !== MAGIC) throw invalidBundle("it does not begin like one", { offset: 0 });
  const formatVersion = reader.u16();
  if (formatVersion > BUNDLE_FORMAT_VERSION) {
    throw new StateError("FORMAT_TOO_NEW", `the bundle has format version ${formatVersion}`, {
      formatVersion,
      known: BUNDLE_FORMAT_VERSION,
    });
  }
  if (formatVersion !== BUNDLE_FORMAT_VERSION || reader.u16() !== 0)
    throw invalidBundle("its prelude is of no format version that there was", { offset: MAGIC.length });
}

type Sha256 = (bytes: Uint8Array) => string;

/** The hashes of a bundle, block after block. */
export class BundleHash {
  readonly #sha256Hex: Sha256;
  readonly #writer = new ByteWriter();
  /** Of the last block, 64 hex digits. */
  hex: string;

  constructor(sha256Hex: Sha256) {
    this.#sha256Hex = sha256Hex;
    this.hex = sha256Hex(prelude());
  }

  /** The block's bytes, hash included; valid until the next call. */
  block(kind: number, payload: Uint8Array): Uint8Array {
    const writer = this.#writer;
    writer.reset();
    this.#writeHash();
    writer.u8(kind);
    writer.u32(payload.length);
    writer.raw(payload);
    this.hex = this.#sha256Hex(writer.view());
    this.#writeHash();
    return writer.view().subarray(HASH_BYTES);
  }

  #writeHash(): void {
    hexToBytes(this.hex, this.#writer.reserve(HASH_BYTES), this.#writer.length);
    this.#writer.advance(HASH_BYTES);
  }
}

/** Where a block begins, its head is read and the rest follows. */
export interface BlockHead {
  readonly kind: number;
  /** Of the payload. */
  readonly size: number;
}

/** @throws InvalidArgumentError `BUNDLE_INVALID` */
export function decodeBlockHead(bytes: Uint8Array, offset: number): BlockHead {
  const reader = new ByteReader(bytes);
  const kind = reader.u8();
  const size = reader.u32();
  if (kind < BlockKind.header || kind > BlockKind.end)
    throw invalidBundle(`a block is of the unknown kind ${kind}`, { offset });
  if (size > BLOCK_SIZE_MAX) throw invalidBundle(`a block claims ${size} bytes`, { offset });
  return { kind, size };
}
