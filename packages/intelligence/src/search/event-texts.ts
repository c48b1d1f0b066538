import { ByteReader, decodeValue } from "@strata/core";
import { payloadOfRecord } from "@strata/engine";
import type { EventTable } from "@strata/storage";
import { InvertedIndex, type SlotTimes } from "../text/inverted-index.js";
import { textsOfEvent } from "./entry-text.js";

/**
 * The words of the events of one table, its own ones: slot i is event `firstSequence + i`. Events come in order and never change, so a reader
 * that sees n of them sees the first n slots, and n stands for the version it reads at.
 */
export class EventTexts implements SlotTimes {
  readonly table: EventTable;
  readonly postings: InvertedIndex;

  constructor(table: EventTable, stem: boolean) {
    this.table = table;
    this.postings = new InvertedIndex(this, { stem });
  }

  bornThrough(count: number): number {
    return Math.min(count, this.postings.length);
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
    for (let slot = this.postings.length; firstSequence + slot < end; slot++) {
      const sequence = firstSequence + slot;
      const payload = payloadOfRecord(this.table.record(sequence));
      this.postings.add(slot, textsOfEvent(this.table.typeOf(sequence), decodeValue(new ByteReader(payload))));
    }
  }
}
