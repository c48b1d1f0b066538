import type { RunId, Version } from "@strata/core";
import type { Table } from "@strata/storage";
import type { Discarded } from "./discarded.js";
import { Partition } from "./partition.js";
import type { IndexKind, SlotIndex } from "./slot-index.js";

/** Views of long ago that are looked at again: so many at most. */
const FROZEN_MOST = 8;

/** Partitions of tables as they were at one version each, for views that the followed ones do not serve. The last ones asked for are kept. */
export class FrozenPartitions {
  readonly #discarded: Discarded;
  readonly #budgetBytes: number;
  /** The last one asked for last. */
  #partitions: Partition<SlotIndex>[] = [];

  /** @param budgetBytes what they may take in memory, about; the last one asked for is kept anyway. */
  constructor(discarded: Discarded, budgetBytes: number) {
    this.#discarded = discarded;
    this.#budgetBytes = budgetBytes;
  }

  /** @throws StateError `HISTORY_TRIMMED`, facts.earliest */
  at<I extends SlotIndex>(kind: IndexKind<I>, table: Table, version: Version, now: number): Partition<I> {
    const known = this.#partitions.find(
      (partition) =>
        partition.table === table &&
        partition.kind.name === kind.name &&
        partition.floor === version &&
        partition.servesAt(now, version),
    );
    // A kind has one type of index.
    const partition = (known as Partition<I> | undefined) ?? Partition.built(kind, table, version, now);
    this.#partitions = this.#partitions.filter((other) => other !== partition);
    this.#partitions.push(partition);
    let bytes = this.#partitions.reduce((sum, { memoryBytes }) => sum + memoryBytes, 0);
    while (this.#partitions.length > 1 && (this.#partitions.length > FROZEN_MOST || bytes > this.#budgetBytes)) {
      const oldest = this.#partitions.shift()!;
      bytes -= oldest.memoryBytes;
      this.#discarded.add(oldest.index);
    }
    return partition;
  }

  /** @param run only those of its tables. */
  clear(run?: RunId): void {
    const isGone = ({ table }: Partition<SlotIndex>) => run === undefined || table.space.shard.id === run;
    for (const { index } of this.#partitions.filter(isGone)) this.#discarded.add(index);
    this.#partitions = this.#partitions.filter((partition) => !isGone(partition));
  }
}
