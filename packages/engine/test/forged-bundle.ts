import { ByteReader, ByteWriter, canonicalBytes, decodeValue, defaultRuntime, type Value } from "@strata/core";
import { BLOCK_HEAD_SIZE, BlockKind, BundleHash, PRELUDE_SIZE, prelude } from "../src/bundle/bundle-format.js";
import {
  type BundleOperation,
  type BundleRecord,
  decodeOperations,
  decodeRecordHead,
  encodeRecord,
} from "../src/bundle/bundle-record.js";

export interface Block {
  kind: number;
  payload: Uint8Array;
}

type Header = { [member: string]: unknown };

/** A bundle in its parts, to be changed; `bytes` puts it together again with hashes that are right, so that only what was changed is wrong. */
export class ForgedBundle {
  header: Header;
  base: Uint8Array[] = [];
  commits: Uint8Array[] = [];
  /** In place of what counts the records truly. */
  end: Uint8Array | undefined;

  constructor(bundle: Uint8Array) {
    const blocks = blocksOf(bundle);
    this.header = { ...(decodeValue(new ByteReader((blocks[0] as Block).payload)) as object) };
    for (const { kind, payload } of blocks) {
      const target = kind === BlockKind.base ? this.base : kind === BlockKind.commits ? this.commits : undefined;
      const reader = new ByteReader(payload);
      while (target !== undefined && reader.remaining > 0) target.push(reader.bytes().slice());
    }
  }

  /** The n-th commit, decoded. */
  commit(n: number): BundleRecord {
    return decoded(this.commits[n] as Uint8Array);
  }

  replaceCommit(n: number, change: (record: BundleRecord) => BundleRecord): this {
    this.commits[n] = encoded(change(this.commit(n)));
    return this;
  }

  /** A commit behind the last, with these operations. */
  addCommit(operations: readonly BundleOperation[], rest: Partial<BundleRecord> = {}): this {
    const last = this.commit(this.commits.length - 1);
    const record = {
      version: last.version + 1,
      timestamp: last.timestamp + 1,
      message: undefined,
      operations,
      ...rest,
    };
    this.commits.push(encoded(record));
    this.header["commits"] = this.commits.length;
    this.header["version"] = Math.max(this.header["version"] as number, record.version);
    return this;
  }

  blocks(): Block[] {
    let operations = 0;
    for (const record of [...this.base, ...this.commits]) {
      try {
        operations += decodeRecordHead(new ByteReader(record)).operationCount;
      } catch {
        // One that is no record at all.
      }
    }
    const end = new ByteWriter();
    for (const count of [this.base.length, this.commits.length, operations]) end.varint(count);
    return [
      { kind: BlockKind.header, payload: canonicalBytes(this.header as Value) },
      ...recordBlocks(BlockKind.base, this.base),
      ...recordBlocks(BlockKind.commits, this.commits),
      { kind: BlockKind.end, payload: this.end ?? end.take() },
    ];
  }

  bytes(): Uint8Array {
    return sealed(this.blocks());
  }
}

function recordBlocks(kind: number, records: readonly Uint8Array[]): Block[] {
  if (records.length === 0) return [];
  const writer = new ByteWriter();
  for (const record of records) writer.bytes(record);
  return [{ kind, payload: writer.take() }];
}

export function blocksOf(bundle: Uint8Array): Block[] {
  const blocks: Block[] = [];
  const reader = new ByteReader(bundle, PRELUDE_SIZE);
  while (reader.remaining > 0) {
    const kind = reader.u8();
    blocks.push({ kind, payload: reader.raw(reader.u32()).slice() });
    reader.raw(32);
  }
  return blocks;
}

/** Blocks as a bundle, with hashes that are right. */
export function sealed(blocks: readonly Block[]): Uint8Array {
  const hash = new BundleHash(defaultRuntime().sha256Hex);
  const writer = new ByteWriter();
  writer.raw(prelude());
  for (const { kind, payload } of blocks) writer.raw(hash.block(kind, payload));
  return writer.take();
}

export function encoded(record: BundleRecord): Uint8Array {
  const writer = new ByteWriter();
  encodeRecord(writer, record);
  return writer.take();
}

export function decoded(bytes: Uint8Array): BundleRecord {
  const reader = new ByteReader(bytes);
  const { operationCount, ...head } = decodeRecordHead(reader);
  return { ...head, operations: [...decodeOperations(reader, operationCount)] };
}

export const headSize: number = BLOCK_HEAD_SIZE;
