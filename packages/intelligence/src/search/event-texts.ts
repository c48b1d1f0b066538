import { ByteReader, decodeValue } from "@strata/core";
import { payloadOfRecord } from "@strata/engine";
import type { EventTable } from "@strata/storage";
import type { ImageParts } from "../image/image-parts.js";
import { InvertedIndex, type SlotTimes } from "../text/inverted-index.js";
import { textsOfEvent } from "./entry-text.js";

/**
 * The words of the events of one table, its own ones. They come in order and never change, so that a count of them stands for the version that a
 * reader is at.
 *
 * 1. Slot i is event `firstSequence + i`.
 * 2. A reader that sees n of the table's own events sees its first n slots.
 */
export class EventTexts implements SlotTimes {
  readonly table: EventTable;
  readonly postings: InvertedIndex;
  /** Events that it has. */
  #length: number;

  /**
   * @param stem whether English words are found in all their forms.
   * @param saved what was saved of so many events.
   * @throws CorruptionError when it makes no sense
   */
  constructor(table: EventTable, stem: boolean, saved?: { readonly length: number; readonly parts: ImageParts }) {
    this.table = table;
    this.#length = saved?.length ?? 0;
    this.postings =
      saved === undefined ? new InvertedIndex(this, { stem }) : InvertedIndex.load(saved.parts, this, { stem });
  }

  /** How many of the table's own events it has, the first ones. */
  get length(): number {
    return this.#length;
  }

  bornThrough(count: number): number {
    return Math.min(count, this.#length);
  }

  diedThrough(): number {
    return 0;
  }

  deathAt(): number {
    throw new RangeError("events do not die");
  }

  /** Takes in the table's own events below `end`, a sequence. */
  catchUp(end: number): void {
    const { firstSequence } = this.table;
    for (; firstSequence + this.#length < end; this.#length++) {
      const sequence = firstSequence + this.#length;
      const payload = payloadOfRecord(this.table.record(sequence));
      const texts = textsOfEvent(this.table.typeOf(sequence), decodeValue(new ByteReader(payload)));
      this.postings.add(this.#length, texts);
    }
  }
}
