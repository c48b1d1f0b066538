/**
 * The keys of a segment that can be read, where others cannot.
 */
import { CorruptionError, IoError } from "@strata/core";
import { TRIMMED } from "../stored.js";
import type { EntryList } from "./entry-list.js";
import { KeyBlock } from "./key-block.js";
import { KeyBytes } from "./key-bytes.js";
import type { KeySource } from "./key-sources.js";
import type { TablePart } from "./table-part.js";
import type { WorkBudget } from "./work-budget.js";

/** A block that cannot be read. Position and size are those in the segment. */
export type OnDamage = (position: number, size: number, what: string) => void;

/** What can be read of a table: damaged blocks are passed over, and told. */
export class SoundKeys implements KeySource {
  readonly key = new KeyBytes();
  readonly #part: TablePart;
  readonly #onDamage: OnDamage;
  #rows = 0;
  #row = -1;
  #block: KeyBlock | undefined;
  #keys: readonly string[] = [];
  #bodies: readonly number[] = [];
  #slot = -1;

  constructor(part: TablePart, onDamage: OnDamage) {
    this.#part = part;
    this.#onDamage = onDamage;
    const { position, size } = part.footer.index;
    try {
      this.#rows = part.index.rows;
    } catch (error) {
      onDamage(position, size, `all ${part.footer.keys} keys: ${messageOf(error)}`);
    }
  }

  advance(): boolean {
    this.#slot++;
    while (this.#slot >= this.#keys.length) {
      if (this.#row + 1 >= this.#rows) return false;
      const wasRead = this.#block !== undefined || this.#row < 0;
      const isRead = this.#nextBlock();
      // The first key of the block began in one that is lost: what is left of it is not its newest.
      this.#slot = isRead && !wasRead && this.#continues(this.#row) ? 1 : 0;
    }
    this.key.set(this.#keys[this.#slot]!);
    return true;
  }

  /** All at once: what is damaged is not large. */
  gather(entries: EntryList, budget: WorkBudget): boolean {
    const part = this.#part;
    for (;;) {
      const block = this.#block!;
      block.enter(this.#bodies[2 * this.#slot]!, this.#bodies[2 * this.#slot + 1]!, part.through);
      while (block.nextEntry()) {
        entries.addBytes(block.version, block.storedBytes);
        budget.spend(0.3);
        budget.spendBytes(block.storedBytes.length);
      }
      const isLast = this.#slot === this.#keys.length - 1;
      if (!isLast || this.#row + 1 >= this.#rows || !this.#continues(this.#row + 1)) return true;
      if (!this.#nextBlock()) {
        // Older entries there were, and what they were is not known.
        const first = part.file.footer.from + 1;
        if (entries.versionOf(entries.length - 1) > first) entries.add(first, TRIMMED);
        return true;
      }
      this.#slot = 0;
    }
  }

  #continues(row: number): boolean {
    try {
      const { index } = this.#part;
      index.read(row);
      return index.continues;
    } catch {
      return false;
    }
  }

  /** @returns whether it can be read. */
  #nextBlock(): boolean {
    const { file, footer, index } = this.#part;
    this.#row++;
    this.#block = undefined;
    this.#keys = [];
    let { position, size } = footer.index;
    let first = "";
    try {
      index.read(this.#row);
      ({ position, size } = index);
      first = index.key();
      const block = new KeyBlock(file.payload(position, size), position);
      const { keys, bodies } = block.groups();
      this.#keys = keys;
      this.#bodies = bodies;
      this.#block = block;
      return true;
    } catch (error) {
      this.#onDamage(position, size, `keys from ${JSON.stringify(first)} on: ${messageOf(error)}`);
      return false;
    }
  }
}

/** Of an error that says that something cannot be read; any other is thrown on. */
export function messageOf(error: unknown): string {
  if (error instanceof CorruptionError || error instanceof IoError) return error.message;
  throw error;
}
