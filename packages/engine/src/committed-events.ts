import type { EventTable } from "@strata/storage";
import { decodeEventRecord } from "./event-record.js";
import type { EventSource, EventView, StoredEvent } from "./scope.js";

const NO_EVENTS: readonly StoredEvent[] = Object.freeze([]);

/**
 * The committed events of one space: all of them at the head, those up to `asOf` in the past. `resolve` gives the table in force, or
 * `undefined` while the space has none.
 */
export class CommittedEvents implements EventSource {
  readonly #resolve: () => EventTable | undefined;
  readonly #asOf: number;

  constructor(resolve: () => EventTable | undefined, asOf: number) {
    this.#resolve = resolve;
    this.#asOf = asOf;
  }

  length(): number {
    return this.#resolve()?.length(this.#asOf) ?? 0;
  }

  read(sequence: number): StoredEvent | undefined {
    const table = this.#resolve();
    if (table === undefined || sequence >= table.length(this.#asOf)) return undefined;
    return decodeEventRecord(table.record(sequence), sequence, table.typeOf(sequence), table.versionOf(sequence));
  }

  countOf(type: string): number {
    return this.#resolve()?.countOf(type, this.#asOf) ?? 0;
  }

  sequencesOf(type: string, from: number, limit: number, reverse: boolean): number[] {
    return this.#resolve()?.sequencesOf(type, from, limit, reverse, this.#asOf) ?? [];
  }

  types(): { readonly type: string; readonly count: number }[] {
    return this.#resolve()?.types(this.#asOf) ?? [];
  }

  view(): EventView {
    return { layers: this.#resolve()?.layers(this.#asOf) ?? [], pending: NO_EVENTS };
  }

  /** Nobody validates what is read here. */
  observeAll(): void {
    this.#resolve();
  }
}
