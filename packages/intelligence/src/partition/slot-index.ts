import type { Version } from "@strata/core";
import type { Stored, TablePrimitive } from "@strata/storage";
import type { ImageParts } from "../image/index.js";
import type { Slots } from "./slots.js";

/**
 * What a partition keeps of the entries of one table: postings, vectors, values of fields. It is told of entries by slot and answers from
 * them; which of its slots a reader sees is the partition's business.
 */
export interface SlotIndex {
  /** The entry of the next slot: they come in order, without gaps. `stored` is alive and was accepted. */
  add(slot: number, key: string, stored: Stored): void;
  /** The entry of a slot was replaced or deleted at `version`, or had expired by then. Once for a slot, in order of version. */
  remove(slot: number, version: Version): void;
  /** About what it takes in memory, bytes. */
  readonly memoryBytes: number;
  /**
   * What may be done ahead in idle moments, in steps of about a millisecond. Between two steps slots may come and go. Begun anew when it is
   * through and more slots have come.
   */
  work?(): Generator<void, void, undefined>;
  /** All of it as columns, to be written; `undefined` for one that is made again faster than it is read. */
  save?(): ImageParts;
  /** Nobody asks it any more. */
  dispose?(): void;
}

/** One kind of index, over one primitive. */
export interface IndexKind<I extends SlotIndex> {
  /** Unique among the kinds of a database, and the same in every process: it names what is written to files. */
  readonly name: string;
  readonly primitive: TablePrimitive;
  /** Whether keys like this one belong to it at all. */
  owns(key: string): boolean;
  /** Whether a live entry of such a key gets a slot. */
  accepts(key: string, stored: Stored): boolean;
  create(slots: Slots): I;
  /** What `save` gave, read back. What it throws makes the index be built anew. */
  load?(parts: ImageParts, slots: Slots): I;
}
