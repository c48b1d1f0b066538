import { ByteWriter, type Runtime } from "@strata/core";
import { BLOCK_BYTES, BlockKind, BundleHash, prelude } from "./bundle-format.js";
import { type BundleHeader, encodeHeader } from "./bundle-header.js";
import { type BundleRecord, encodeRecord } from "./bundle-record.js";

/**
 * Makes the blocks of a bundle, in order: the header, records, and an end. What a call returns is a copy, to be given away; records give
 * something only when they fill a block.
 */
export class BundleWriter {
  readonly #hash: BundleHash;
  readonly #payload = new ByteWriter();
  readonly #record = new ByteWriter();
  readonly #counts = { base: 0, commits: 0, operations: 0 };
  #kind: number = BlockKind.header;

  constructor(runtime: Pick<Runtime, "sha256Hex">) {
    this.#hash = new BundleHash(runtime.sha256Hex);
  }

  begin(header: BundleHeader): Uint8Array {
    encodeHeader(this.#payload, header);
    const block = this.#flush() as Uint8Array;
    const start = prelude();
    const bytes = new Uint8Array(start.length + block.length);
    bytes.set(start);
    bytes.set(block, start.length);
    return bytes;
  }

  base(record: BundleRecord): Uint8Array | undefined {
    this.#counts.base++;
    return this.#add(BlockKind.base, record);
  }

  /** The last block of the base too, where this is the first commit. */
  commit(record: BundleRecord): Uint8Array[] {
    const base = this.#kind === BlockKind.base ? this.#flush() : undefined;
    this.#counts.commits++;
    const commits = this.#add(BlockKind.commits, record);
    return [base, commits].filter((block) => block !== undefined);
  }

  /** The last blocks. */
  end(): Uint8Array[] {
    const rest = this.#flush();
    this.#kind = BlockKind.end;
    const { base, commits, operations } = this.#counts;
    for (const count of [base, commits, operations]) this.#payload.varint(count);
    return [rest, this.#flush()].filter((block) => block !== undefined);
  }

  /** Of all blocks so far, 64 hex digits: after the end the bundle's checksum. */
  get checksum(): string {
    return this.#hash.hex;
  }

  #add(kind: number, record: BundleRecord): Uint8Array | undefined {
    this.#kind = kind;
    this.#counts.operations += record.operations.length;
    this.#record.reset();
    encodeRecord(this.#record, record);
    this.#payload.bytes(this.#record.view());
    return this.#payload.length >= BLOCK_BYTES ? this.#flush() : undefined;
  }

  #flush(): Uint8Array | undefined {
    if (this.#payload.length === 0) return undefined;
    const block = this.#hash.block(this.#kind, this.#payload.view()).slice();
    this.#payload.reset();
    return block;
  }
}
