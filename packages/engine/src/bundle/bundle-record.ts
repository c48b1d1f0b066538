import { type ByteReader, type ByteWriter, CorruptionError, type Version } from "@strata/core";
import { decodeStored, encodeStored } from "@strata/storage";
import { decodeOrigin, encodeOrigin } from "../event-origin.js";
import { bytesToHex, HASH_BYTES, hexToBytes } from "../hash-bytes.js";
import type { AppendOperation, PutOperation, SpaceOperation } from "../operation.js";
import type { KeyedPrimitive } from "../scope.js";

/** What a bundle says of a write: whole states, no steps. */
export type BundleOperation = PutOperation | AppendOperation | SpaceOperation;

/** One commit of a run, or what is left of one. */
export interface BundleRecord {
  readonly version: Version;
  /** µs since the epoch. */
  readonly timestamp: number;
  readonly message: string | undefined;
  readonly operations: readonly BundleOperation[];
}

/**
 * Integers are LEB128 varints, text is length-prefixed UTF-8, values are as in `docs/formats/value.md`.
 *
 *   record    := version | timestamp | hasMessage u8 | [message text] | operationCount | operation*
 *   operation := tag u8 | [space text unless SAME_SPACE] | body
 *   kv(1) state(2) json(3) vector(9) := key text | stored           see `stored-codec.ts` of the storage package, and `vector-row.ts`
 *   registerSpace(6) dropSpace(7) := nothing
 *   append(5) := type text | sequence | hash[32] | [prevHash[32] when sequence is 0] | payload bytes
 *   copy(8)   := append | origin                                    an event of another run
 *
 * SAME_SPACE stands for the space of the operation before; before the first it is "default".
 */
const Tag = { kv: 1, state: 2, json: 3, append: 5, registerSpace: 6, dropSpace: 7, copy: 8, vector: 9 } as const;
const SAME_SPACE = 0x80;
const FIRST_SPACE = "default";

const PRIMITIVE_OF_TAG: { readonly [tag: number]: KeyedPrimitive } = { 1: "kv", 2: "state", 3: "json", 9: "vector" };

const hashScratch = new Uint8Array(HASH_BYTES);

export function encodeRecord(writer: ByteWriter, record: BundleRecord): void {
  const { version, timestamp, message, operations } = record;
  writer.varint(version);
  writer.varint(timestamp);
  writer.u8(message === undefined ? 0 : 1);
  if (message !== undefined) writer.text(message);
  writer.varint(operations.length);
  let space = FIRST_SPACE;
  for (const operation of operations) {
    const same = operation.space === space ? SAME_SPACE : 0;
    writer.u8(tagOf(operation) | same);
    if (same === 0) writer.text(operation.space);
    space = operation.space;
    if (operation.kind === "put") {
      writer.text(operation.key);
      encodeStored(writer, operation.stored);
    } else if (operation.kind === "append") {
      encodeAppend(writer, operation);
    }
  }
}

function tagOf(operation: BundleOperation): number {
  if (operation.kind === "put") return Tag[operation.primitive];
  return operation.kind === "append" && operation.origin !== undefined ? Tag.copy : Tag[operation.kind];
}

function encodeAppend(writer: ByteWriter, operation: AppendOperation): void {
  writer.text(operation.type);
  writer.varint(operation.sequence);
  writeHash(writer, operation.hash);
  if (operation.sequence === 0) writeHash(writer, operation.prevHash as string);
  writer.bytes(operation.payload);
  if (operation.origin !== undefined) encodeOrigin(writer, operation.origin);
}

function writeHash(writer: ByteWriter, hex: string): void {
  hexToBytes(hex, hashScratch, 0);
  writer.raw(hashScratch);
}

/** All of a record before its operations, which follow. */
export interface RecordHead extends Omit<BundleRecord, "operations"> {
  readonly operationCount: number;
}

/** @throws CorruptionError `CORRUPT_RECORD` */
export function decodeRecordHead(reader: ByteReader): RecordHead {
  const version = reader.varint();
  const timestamp = reader.varint();
  const hasMessage = reader.u8();
  if (hasMessage > 1) throw new CorruptionError("CORRUPT_RECORD", "a record has unknown flags", { flags: hasMessage });
  const message = hasMessage === 1 ? reader.text() : undefined;
  return { version, timestamp, message, operationCount: reader.varint() };
}

/**
 * The operations of a record, one at a time: who refuses one of them reads none behind it.
 *
 * @throws CorruptionError `CORRUPT_RECORD`, `CORRUPT_VALUE`
 */
export function* decodeOperations(reader: ByteReader, count: number): Generator<BundleOperation, void, undefined> {
  let space = FIRST_SPACE;
  for (let i = 0; i < count; i++) {
    const tag = reader.u8();
    if ((tag & SAME_SPACE) === 0) space = reader.text();
    yield decodeBody(reader, tag & ~SAME_SPACE, space);
  }
}

function decodeBody(reader: ByteReader, tag: number, space: string): BundleOperation {
  switch (tag) {
    case Tag.kv:
    case Tag.state:
    case Tag.json:
    case Tag.vector: {
      const primitive = PRIMITIVE_OF_TAG[tag] as KeyedPrimitive;
      return { kind: "put", space, primitive, key: reader.text(), stored: decodeStored(reader) };
    }
    case Tag.append:
      return decodeAppend(reader, space);
    case Tag.copy:
      return { ...decodeAppend(reader, space), origin: decodeOrigin(reader) };
    case Tag.registerSpace:
      return { kind: "registerSpace", space };
    case Tag.dropSpace:
      return { kind: "dropSpace", space };
    default:
      throw new CorruptionError("CORRUPT_RECORD", `a record holds an operation with the unknown tag ${tag}`, { tag });
  }
}

function decodeAppend(reader: ByteReader, space: string): AppendOperation {
  const type = reader.text();
  const sequence = reader.varint();
  const hash = bytesToHex(reader.raw(HASH_BYTES), 0);
  const prevHash = sequence === 0 ? bytesToHex(reader.raw(HASH_BYTES), 0) : undefined;
  return { kind: "append", space, type, sequence, hash, prevHash, payload: reader.bytes() };
}
