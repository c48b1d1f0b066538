/**
 * Blocks of keys with their entries, and the index of the blocks of one table: how they are written. Layout: `segment-format.ts`.
 */
import { ByteWriter, type Version } from "@strata/core";
import type { EncodedEntries } from "./encoded-entries.js";
import { encodePointer } from "./segment-footer.js";
import { BLOCK_BYTES, type Pointer, RowFlag } from "./segment-format.js";
import type { SegmentOutput } from "./segment-output.js";
import type { WorkBudget } from "./work-budget.js";

export class KeyBlocksWriter {
  readonly #output: SegmentOutput;
  readonly #through: Version;
  readonly #block = new ByteWriter(2 * BLOCK_BYTES);
  readonly #body = new ByteWriter(2 * BLOCK_BYTES);
  readonly #index = new ByteWriter(1024);
  readonly #rowOffsets: number[] = [];
  /** The key before, as far as the block knows. */
  #lastKey = new Uint8Array(256);
  #lastKeyLength = 0;
  /** Entries of the key at hand that were written. */
  #done = 0;
  /** Of the first entry in the block. */
  #firstAge = -1;
  #firstKey = new Uint8Array(256);
  #firstKeyLength = 0;
  #firstContinues = false;

  constructor(output: SegmentOutput, through: Version) {
    this.#output = output;
    this.#through = through;
  }

  /**
   * Writes entries of one key, newest first, as far as the budget goes.
   *
   * @param entries not empty; the same in every call for the key.
   * @returns whether the key is done; if not, call again.
   */
  write(key: Uint8Array, keyLength: number, entries: EncodedEntries, budget: WorkBudget): boolean {
    const { length } = entries;
    const body = this.#body;
    while (this.#done < length) {
      const first = this.#done;
      body.reset();
      let version = this.#through;
      let index = first;
      while (index < length && (body.length < BLOCK_BYTES || entries.isDelta(index))) {
        const next = entries.versionOf(index);
        body.varint(version - next);
        version = next;
        const size = entries.sizeOf(index);
        body.varint(size);
        body.raw(entries.storedOf(index));
        index++;
      }
      this.#group(key, keyLength, this.#through - entries.versionOf(first), first > 0);
      this.#done = index;
      budget.spend(index - first);
      budget.spendBytes(body.length);
      if (this.#block.length >= BLOCK_BYTES) this.#endBlock();
      else if (index < length) this.#endBlock();
      if (budget.isSpent && index < length) return false;
    }
    this.#done = 0;
    return true;
  }

  /** Ends the last block and writes the index. */
  finish(): Pointer {
    this.#endBlock();
    for (const offset of this.#rowOffsets) this.#index.u32(offset);
    this.#index.u32(this.#rowOffsets.length);
    return this.#output.block(this.#index.view());
  }

  #group(key: Uint8Array, keyLength: number, age: number, continues: boolean): void {
    const block = this.#block;
    let shared = 0;
    if (block.length === 0) {
      this.#firstAge = age;
      this.#firstContinues = continues;
      if (this.#firstKey.length < keyLength) this.#firstKey = new Uint8Array(keyLength * 2);
      this.#firstKey.set(key.subarray(0, keyLength));
      this.#firstKeyLength = keyLength;
    } else {
      const last = this.#lastKey;
      const limit = Math.min(keyLength, this.#lastKeyLength);
      while (shared < limit && last[shared] === key[shared]) shared++;
    }
    block.varint(shared);
    block.bytes(key.subarray(shared, keyLength));
    block.bytes(this.#body.view());
    if (this.#lastKey.length < keyLength) this.#lastKey = new Uint8Array(keyLength * 2);
    this.#lastKey.set(key.subarray(0, keyLength));
    this.#lastKeyLength = keyLength;
  }

  #endBlock(): void {
    if (this.#block.length === 0) return;
    const pointer = this.#output.block(this.#block.view());
    const index = this.#index;
    this.#rowOffsets.push(index.length);
    encodePointer(index, pointer);
    index.varint(this.#firstAge);
    index.u8(this.#firstContinues ? RowFlag.continues : 0);
    index.bytes(this.#firstKey.subarray(0, this.#firstKeyLength));
    this.#block.reset();
    this.#lastKeyLength = 0;
  }
}
