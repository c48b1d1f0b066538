import { ByteReader, ByteWriter, CorruptionError, InvalidArgumentError, LimitError, type Runtime } from "@strata/core";
import { bytesToHex, HASH_BYTES } from "../hash-bytes.js";
import type { Slices } from "../long-work.js";
import {
  BLOCK_BYTES,
  BLOCK_HEAD_SIZE,
  BlockKind,
  BUNDLE_FORMAT_VERSION,
  BundleHash,
  checkPrelude,
  decodeBlockHead,
  invalidBundle,
  PRELUDE_SIZE,
} from "./bundle-format.js";
import { type BundleHeader, decodeHeader, encodeHeader } from "./bundle-header.js";
import { type Bundle, BundleInput } from "./bundle-input.js";

/** Who is told what a bundle holds, in order. What they throw ends the reading; a StrataError about data is told as `BUNDLE_INVALID`. */
export interface BundleVisitor {
  header(header: BundleHeader): void;
  /** @param bytes one record, valid during the call. @returns how many operations it has */
  record(kind: "base" | "commit", bytes: Uint8Array): number;
}

/** What a whole, undamaged bundle says of itself. */
export interface BundleSummary {
  readonly header: BundleHeader;
  readonly formatVersion: number;
  /** Uncompressed. */
  readonly bytes: number;
  /** The hash of its last block, 64 hex digits. */
  readonly checksum: string;
}

/**
 * Reads a bundle to its end. Each block is believed only once its hash is right, and of the bundle nothing is settled before this returns:
 * whoever is told of records keeps them to himself until then.
 *
 * @throws InvalidArgumentError `BUNDLE_INVALID`, facts.reason, facts.offset
 * @throws StateError `FORMAT_TOO_NEW`
 */
export async function readBundle(
  bundle: Bundle,
  runtime: Pick<Runtime, "sha256Hex">,
  slices: Slices,
  visitor: BundleVisitor,
): Promise<BundleSummary> {
  const input = new BundleInput(bundle);
  try {
    checkPrelude(await input.read(PRELUDE_SIZE));
    const blocks = new BlockOrder(visitor);
    const hash = new BundleHash(runtime.sha256Hex);
    while (!blocks.isAtEnd) {
      await slices.pause();
      const offset = input.offset;
      const { kind, size } = decodeBlockHead(await input.read(BLOCK_HEAD_SIZE), offset);
      blocks.expect(kind, offset);
      const bytes = await input.read(size + HASH_BYTES);
      hash.block(kind, bytes.subarray(0, size));
      if (hash.hex !== bytesToHex(bytes, size)) throw invalidBundle("a block is not what its hash says", { offset });
      for (const _ of blocks.block(kind, bytes.subarray(0, size), offset + BLOCK_HEAD_SIZE)) await slices.pause();
    }
    await input.expectEnd();
    const header = blocks.header as BundleHeader;
    return { header, formatVersion: BUNDLE_FORMAT_VERSION, bytes: input.offset, checksum: hash.hex };
  } finally {
    await input.close();
  }
}

/** Holds the blocks against what a writer would have made. */
class BlockOrder {
  readonly #visitor: BundleVisitor;
  readonly #counts = { base: 0, commits: 0, operations: 0 };
  #last = 0;
  #lastSize = 0;
  header: BundleHeader | undefined;

  constructor(visitor: BundleVisitor) {
    this.#visitor = visitor;
  }

  get isAtEnd(): boolean {
    return this.#last === BlockKind.end;
  }

  expect(kind: number, offset: number): void {
    const isFirst = this.#last === 0;
    if (isFirst !== (kind === BlockKind.header) || kind < this.#last)
      throw invalidBundle("its blocks are not in order", { offset });
    if (kind === this.#last && this.#lastSize < BLOCK_BYTES)
      throw invalidBundle("a block ends where none should", { offset });
  }

  /** Yields after each record. */
  *block(kind: number, payload: Uint8Array, offset: number): Generator<undefined, void, undefined> {
    this.#last = kind;
    this.#lastSize = payload.length;
    if (kind === BlockKind.header) told(offset, () => this.#header(payload));
    else if (kind === BlockKind.end) told(offset, () => this.#end(payload));
    else yield* this.#records(kind, payload, offset);
  }

  #header(payload: Uint8Array): void {
    const header = decodeHeader(payload);
    const writer = new ByteWriter(payload.length);
    encodeHeader(writer, header);
    if (!areEqual(writer.view(), payload)) throw invalidBundle("its header is not in canonical form");
    this.header = header;
    this.#visitor.header(header);
  }

  *#records(kind: number, payload: Uint8Array, offset: number): Generator<undefined, void, undefined> {
    const reader = new ByteReader(payload);
    const isBase = kind === BlockKind.base;
    if (reader.remaining === 0) throw invalidBundle("a block is empty", { offset });
    while (reader.remaining > 0) {
      const at = offset + reader.offset;
      if (reader.offset >= BLOCK_BYTES) throw invalidBundle("a block goes on where it should end", { offset: at });
      told(at, () => {
        if (isBase) this.#counts.base++;
        else this.#counts.commits++;
        this.#counts.operations += this.#visitor.record(isBase ? "base" : "commit", reader.bytes());
      });
      yield;
    }
  }

  #end(payload: Uint8Array): void {
    const reader = new ByteReader(payload);
    const { base, commits, operations } = this.#counts;
    const told = { base: reader.varint(), commits: reader.varint(), operations: reader.varint() };
    reader.expectEnd();
    if (told.base !== base || told.commits !== commits || told.operations !== operations)
      throw invalidBundle("its end counts other records than there are");
    if (this.header?.commits !== commits) throw invalidBundle("its header counts other commits than there are");
  }
}

/** Runs `work`; what it says of data is said of the bundle. */
function told(offset: number, work: () => void): void {
  try {
    work();
  } catch (error) {
    const isOfData =
      error instanceof CorruptionError || error instanceof InvalidArgumentError || error instanceof LimitError;
    if (!isOfData) throw error;
    if (error.code !== "BUNDLE_INVALID") throw invalidBundle(error.message, { offset }, error);
    throw error.facts["offset"] === undefined ? invalidBundle(String(error.facts["reason"]), { offset }) : error;
  }
}

export function areEqual(a: Uint8Array, b: Uint8Array): boolean {
  if (a.length !== b.length) return false;
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return false;
  return true;
}
