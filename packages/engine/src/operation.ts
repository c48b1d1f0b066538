import type { EventOrigin } from "@strata/concurrency";
import { assert, type ByteReader, type ByteWriter, CorruptionError, type RunId, type Version } from "@strata/core";
import { type ContainedRun, decodeStored, encodeStored, type Stored, TRIMMED } from "@strata/storage";
import { decodeOrigin, encodeOrigin } from "./event-origin.js";
import { bytesToHex, HASH_BYTES, hexToBytes } from "./hash-bytes.js";
import { decodeOperation, encodeOperation, type JsonOperation } from "./json/index.js";
import type { KeyedPrimitive } from "./scope.js";

/** The atom of the database: what one transaction did to one run, complete in itself. Everything else is folded from these. */
export interface CommitRecord {
  readonly run: RunId;
  readonly version: Version;
  /** µs since the epoch; rises strictly within the database. */
  readonly timestamp: number;
  readonly message: string | undefined;
  /** Of a merge: what the run contains of others from this commit on, first the run that was merged. Empty where changes were picked. */
  readonly contained?: readonly ContainedRun[] | undefined;
  readonly operations: readonly Operation[];
}

export type Operation = PutOperation | PatchOperation | AppendOperation | SpaceOperation;

/** The whole of one key. `stored` is `undefined`, or a Box without value, when the key is deleted. */
export interface PutOperation {
  readonly kind: "put";
  readonly space: string;
  readonly primitive: KeyedPrimitive;
  readonly key: string;
  readonly stored: Stored | undefined;
}

/** Path writes on one document: small, whatever the document's size. */
export interface PatchOperation {
  readonly kind: "patch";
  readonly space: string;
  readonly key: string;
  readonly operations: readonly JsonOperation[];
}

export interface AppendOperation {
  readonly kind: "append";
  readonly space: string;
  readonly type: string;
  readonly sequence: number;
  /** Canonical bytes. */
  readonly payload: Uint8Array;
  /** 64 hex digits. */
  readonly hash: string;
  /** 64 hex digits for the first event of a log; of later ones it is the hash before, and is not written again. */
  readonly prevHash: string | undefined;
  /** Of an event that was copied from another run. */
  readonly origin?: EventOrigin | undefined;
}

export interface SpaceOperation {
  readonly kind: "registerSpace" | "dropSpace";
  readonly space: string;
}

/**
 * Payload of a log frame. Integers are LEB128 varints, text is length-prefixed UTF-8, values are as in `docs/formats/value.md`.
 *
 *   commit   := run version timestamp flags u8, [message text], [contained], operationCount operation*
 *   contained := count, (run version)*                                               of a merge
 *   operation := tag u8, [space text unless SAME_SPACE], body
 *   put      := key text, stored                                                     as `encodeStored` of the storage package writes it;
 *                                                                                    of vectors: see `vector-row.ts`
 *   patch    := key text, count, jsonOperation*
 *   append   := type text, sequence, hash[32], [prevHash[32] when sequence is 0], payload bytes
 *   copy     := append, origin                                                       an event of another run
 *   space    := nothing
 *
 * SAME_SPACE stands for the space of the operation before; before the first it is "default".
 */
const Tag = {
  kv: 1,
  state: 2,
  json: 3,
  patch: 4,
  append: 5,
  registerSpace: 6,
  dropSpace: 7,
  copy: 8,
  vector: 9,
} as const;
const SAME_SPACE = 0x80;
const FIRST_SPACE = "default";
const CommitFlag = { message: 1, contained: 2 } as const;

const PRIMITIVE_OF_TAG: { readonly [tag: number]: KeyedPrimitive } = { 1: "kv", 2: "state", 3: "json", 9: "vector" };

export function encodeCommit(writer: ByteWriter, commit: CommitRecord): void {
  writer.varint(commit.run);
  writer.varint(commit.version);
  writer.varint(commit.timestamp);
  const { message, contained } = commit;
  writer.u8((message === undefined ? 0 : CommitFlag.message) | (contained === undefined ? 0 : CommitFlag.contained));
  if (message !== undefined) writer.text(message);
  if (contained !== undefined) encodeContained(writer, contained);
  const { operations } = commit;
  writer.varint(operations.length);
  let space = FIRST_SPACE;
  for (let i = 0; i < operations.length; i++) {
    const operation = operations[i] as Operation;
    const same = operation.space === space ? SAME_SPACE : 0;
    writer.u8(tagOf(operation) | same);
    if (same === 0) writer.text(operation.space);
    space = operation.space;
    if (operation.kind === "put") encodePut(writer, operation.key, operation.stored);
    else if (operation.kind === "append") encodeAppend(writer, operation);
    else if (operation.kind === "patch") encodePatch(writer, operation);
  }
}

function tagOf(operation: Operation): number {
  if (operation.kind === "put") return Tag[operation.primitive];
  return operation.kind === "append" && operation.origin !== undefined ? Tag.copy : Tag[operation.kind];
}

/** What of a commit is known before its operations are decoded. */
export interface CommitHead {
  readonly run: RunId;
  readonly version: Version;
  readonly timestamp: number;
  readonly isMerge: boolean;
}

/** The beginning of a commit, for whoever wants to know what it is of. Throws like `decodeCommit`. */
export function decodeHead(reader: ByteReader): CommitHead {
  const run = reader.varint() as RunId;
  const version = reader.varint();
  const timestamp = reader.varint();
  return { run, version, timestamp, isMerge: (decodeFlags(reader) & CommitFlag.contained) !== 0 };
}

function decodeFlags(reader: ByteReader): number {
  const flags = reader.u8();
  if (flags <= (CommitFlag.message | CommitFlag.contained)) return flags;
  throw new CorruptionError("CORRUPT_RECORD", `a commit has the unknown flags ${flags}`, { flags });
}

/** @throws CorruptionError `CORRUPT_RECORD` or `CORRUPT_VALUE`: the bytes passed their checksum and still make no commit. */
export function decodeCommit(reader: ByteReader): CommitRecord {
  const run = reader.varint() as RunId;
  const version = reader.varint();
  const timestamp = reader.varint();
  const flags = decodeFlags(reader);
  const message = (flags & CommitFlag.message) === 0 ? undefined : reader.text();
  const contained = (flags & CommitFlag.contained) === 0 ? undefined : decodeContained(reader);
  const count = reader.varint();
  const operations: Operation[] = [];
  let space = FIRST_SPACE;
  for (let i = 0; i < count; i++) {
    const tag = reader.u8();
    if ((tag & SAME_SPACE) === 0) space = reader.text();
    operations.push(decodeBody(reader, tag & ~SAME_SPACE, space));
  }
  reader.expectEnd();
  const commit = { run, version, timestamp, message, operations };
  return contained === undefined ? commit : { ...commit, contained };
}

function encodeContained(writer: ByteWriter, contained: readonly ContainedRun[]): void {
  writer.varint(contained.length);
  for (const { run, version } of contained) {
    writer.varint(run);
    writer.varint(version);
  }
}

function decodeContained(reader: ByteReader): ContainedRun[] {
  const contained: ContainedRun[] = [];
  for (let left = reader.varint(); left > 0; left--)
    contained.push({ run: reader.varint() as RunId, version: reader.varint() });
  return contained;
}

function decodeBody(reader: ByteReader, tag: number, space: string): Operation {
  switch (tag) {
    case Tag.kv:
    case Tag.state:
    case Tag.json:
    case Tag.vector:
      return decodePut(reader, PRIMITIVE_OF_TAG[tag] as KeyedPrimitive, space);
    case Tag.patch:
      return decodePatch(reader, space);
    case Tag.append:
      return decodeAppend(reader, space);
    case Tag.copy:
      return { ...decodeAppend(reader, space), origin: decodeOrigin(reader) };
    case Tag.registerSpace:
      return { kind: "registerSpace", space };
    case Tag.dropSpace:
      return { kind: "dropSpace", space };
    default:
      throw new CorruptionError("CORRUPT_RECORD", `a commit holds an operation with the unknown tag ${tag}`, { tag });
  }
}

function encodePut(writer: ByteWriter, key: string, stored: Stored | undefined): void {
  writer.text(key);
  encodeStored(writer, stored);
}

function decodePut(reader: ByteReader, primitive: KeyedPrimitive, space: string): PutOperation {
  const key = reader.text();
  const stored = decodeStored(reader);
  if (stored === TRIMMED)
    throw new CorruptionError("CORRUPT_RECORD", "a commit holds an entry that was trimmed", { key });
  return { kind: "put", space, primitive, key, stored };
}

function encodePatch(writer: ByteWriter, operation: PatchOperation): void {
  writer.text(operation.key);
  writer.varint(operation.operations.length);
  for (const step of operation.operations) encodeOperation(writer, step);
}

function decodePatch(reader: ByteReader, space: string): PatchOperation {
  const key = reader.text();
  const count = reader.varint();
  const operations: JsonOperation[] = [];
  for (let i = 0; i < count; i++) operations.push(decodeOperation(reader));
  return { kind: "patch", space, key, operations };
}

const hashScratch = new Uint8Array(HASH_BYTES);

function encodeAppend(writer: ByteWriter, operation: AppendOperation): void {
  writer.text(operation.type);
  writer.varint(operation.sequence);
  hexToBytes(operation.hash, hashScratch, 0);
  writer.raw(hashScratch);
  if (operation.sequence === 0) {
    assert(operation.prevHash !== undefined, "the first event of a log carries the hash its chain begins with");
    hexToBytes(operation.prevHash, hashScratch, 0);
    writer.raw(hashScratch);
  }
  writer.bytes(operation.payload);
  if (operation.origin !== undefined) encodeOrigin(writer, operation.origin);
}

function decodeAppend(reader: ByteReader, space: string): AppendOperation {
  const type = reader.text();
  const sequence = reader.varint();
  const hash = bytesToHex(reader.raw(HASH_BYTES), 0);
  const prevHash = sequence === 0 ? bytesToHex(reader.raw(HASH_BYTES), 0) : undefined;
  return { kind: "append", space, type, sequence, hash, prevHash, payload: reader.bytes() };
}
