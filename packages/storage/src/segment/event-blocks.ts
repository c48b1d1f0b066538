/**
 * Blocks of events and their index: how they are written. Layout: `segment-format.ts`.
 */
import { ByteWriter, type Version } from "@strata/core";
import { type EventsFooter, encodePointer } from "./segment-footer.js";
import { BLOCK_BYTES } from "./segment-format.js";
import type { SegmentOutput } from "./segment-output.js";

/** Rows of one type so far, as they will lie in the file. */
class PostingsWriter {
  readonly type: string;
  /** Number of the type in the index: in order of first appearance. */
  readonly id: number;
  readonly rows = new ByteWriter(64);
  count = 0;
  #last = -1;

  constructor(type: string, id: number) {
    this.type = type;
    this.id = id;
  }

  add(row: number): void {
    this.rows.varint(row - this.#last);
    this.#last = row;
    this.count++;
  }
}

export class EventBlocksWriter {
  readonly #output: SegmentOutput;
  readonly #block = new ByteWriter(2 * BLOCK_BYTES);
  readonly #index = new ByteWriter(256);
  readonly #types: Map<string, PostingsWriter> = new Map();
  #length = 0;
  #blocks = 0;
  #blockRows = 0;
  /** Of the first event, of the first in the block, of the first in the block before, and of the event before. */
  #firstVersion = 0;
  #blockVersion = 0;
  #indexedVersion = 0;
  #lastVersion = 0;

  constructor(output: SegmentOutput) {
    this.#output = output;
  }

  get length(): number {
    return this.#length;
  }

  /** @param version at least that of the event before. */
  add(version: Version, type: string, record: Uint8Array): void {
    let postings = this.#types.get(type);
    if (postings === undefined) {
      postings = new PostingsWriter(type, this.#types.size);
      this.#types.set(type, postings);
    }
    postings.add(this.#length);
    if (this.#length === 0) this.#firstVersion = version;
    if (this.#blockRows === 0) this.#blockVersion = version;
    const block = this.#block;
    block.varint(version - (this.#blockRows === 0 ? 0 : this.#lastVersion));
    block.varint(postings.id);
    block.bytes(record);
    this.#lastVersion = version;
    this.#blockRows++;
    this.#length++;
    if (block.length >= BLOCK_BYTES) this.#endBlock();
  }

  /** Ends the last block and writes what leads to the others. There is at least one event. */
  finish(): EventsFooter {
    this.#endBlock();
    const index = new ByteWriter(256 + this.#index.length);
    index.varint(this.#types.size);
    for (const { type, count, rows } of this.#types.values()) {
      index.text(type);
      index.varint(count);
      encodePointer(index, this.#output.block(rows.view()));
    }
    index.varint(this.#blocks);
    index.raw(this.#index.view());
    return {
      index: this.#output.block(index.view()),
      length: this.#length,
      firstVersion: this.#firstVersion,
      lastVersion: this.#lastVersion,
    };
  }

  #endBlock(): void {
    if (this.#blockRows === 0) return;
    const pointer = this.#output.block(this.#block.view());
    this.#index.varint(this.#blockVersion - this.#indexedVersion);
    this.#index.varint(this.#blockRows);
    encodePointer(this.#index, pointer);
    this.#indexedVersion = this.#blockVersion;
    this.#blocks++;
    this.#blockRows = 0;
    this.#block.reset();
  }
}
