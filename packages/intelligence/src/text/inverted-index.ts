import type { ImageParts } from "../image/image-parts.js";
import { termOf } from "./query.js";
import { tokenize } from "./tokenize.js";

/** What an index asks of the slots it is told of: `Slots` of a partition, for one. */
export interface SlotTimes {
  /** How many slots were born at or below `version`: they are those below that number. */
  bornThrough(version: number): number;
  /** How many slots died at or below `version`. */
  diedThrough(version: number): number;
  /** The slots that died, in order of the version they died at. */
  deathAt(position: number): number;
}

export interface InvertedIndexOptions {
  /** Whether English words are found in all their forms. True unless told otherwise. */
  readonly stem?: boolean;
}

/** Tokens that lie between the last one of a field and the first one of the next: no phrase crosses it. */
export const FIELD_GAP = 100;

/** Which documents hold which words, and where. Working but slow: what it is asked for by callers stays. */
export class InvertedIndex {
  readonly slots: SlotTimes;
  readonly withStems: boolean;
  /** Terms with their positions, by slot. */
  readonly documents: Map<string, number[]>[] = [];
  readonly lengths: number[] = [];

  constructor(slots: SlotTimes, options: InvertedIndexOptions = {}) {
    this.slots = slots;
    this.withStems = options.stem ?? true;
  }

  /** @throws when they make no sense for this tokenizer: the index is built anew then */
  static load(_parts: ImageParts, slots: SlotTimes, options: InvertedIndexOptions = {}): InvertedIndex {
    return new InvertedIndex(slots, options);
  }

  /** Slots it was told of, dead ones included. */
  get length(): number {
    return this.documents.length;
  }

  get memoryBytes(): number {
    return 0;
  }

  /** @param slot the next one. @param fields texts of the document, in order; a phrase is never found across two of them. */
  add(_slot: number, fields: readonly string[]): void {
    const positions = new Map<string, number[]>();
    let position = 0;
    let length = 0;
    for (const field of fields) {
      tokenize(field, (word) => {
        const term = termOf(word, this.withStems);
        const known = positions.get(term);
        if (known === undefined) positions.set(term, [position]);
        else known.push(position);
        position++;
        length++;
      });
      position += FIELD_GAP;
    }
    this.documents.push(positions);
    this.lengths.push(length);
  }

  /** Once for a slot, in order of version. */
  remove(_slot: number, _version: number): void {}

  save(): ImageParts {
    return { head: {}, columns: {} };
  }
}
