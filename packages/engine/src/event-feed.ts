import type { Version } from "@strata/core";
import type { EventTable } from "@strata/storage";
import { decodeEventRecord } from "./event-record.js";
import type { FeedSource } from "./feed.js";
import type { Run } from "./run.js";
import type { StoredEvent } from "./scope.js";

/** The events of a space, from one on. When the space is deleted, the log that begins anew follows, from its first event. */
export class EventFeedSource<T> implements FeedSource<T> {
  readonly #run: Run;
  readonly #space: string;
  readonly #types: readonly string[] | undefined;
  readonly #read: (event: StoredEvent) => T;
  #next: number;
  #table: EventTable | undefined;

  /**
   * @param after events behind this sequence, -1 for all.
   * @param types only these; `undefined` for all.
   * @param read what is delivered of an event.
   */
  constructor(
    run: Run,
    space: string,
    after: number,
    types: readonly string[] | undefined,
    read: (event: StoredEvent) => T,
  ) {
    this.#run = run;
    this.#space = space;
    this.#types = types;
    this.#read = read;
    this.#next = after + 1;
    this.#table = run.shard.events(space);
  }

  take(through: Version): T | undefined {
    const table = this.#run.shard.events(this.#space);
    if (table !== this.#table) {
      if (this.#table !== undefined) this.#next = 0;
      this.#table = table;
    }
    if (table === undefined) return undefined;
    const sequence = this.#nextOf(table);
    if (sequence >= table.length()) return undefined;
    const version = table.versionOf(sequence);
    if (version > through) return undefined;
    this.#next = sequence + 1;
    return this.#read(decodeEventRecord(table.record(sequence), sequence, table.typeOf(sequence), version));
  }

  #nextOf(table: EventTable): number {
    if (this.#types === undefined) return this.#next;
    let first = Number.POSITIVE_INFINITY;
    for (const type of this.#types) {
      const [sequence = first] = table.sequencesOf(type, this.#next, 1, false);
      if (sequence < first) first = sequence;
    }
    return first;
  }
}
