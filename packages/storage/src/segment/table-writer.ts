/**
 * One table on its way into a segment.
 */
import { assert, type Version } from "@strata/core";
import type { LostInterval } from "../cold.js";
import { withInterval } from "../lost-intervals.js";
import type { KeepEntries } from "../retention.js";
import type { TablePrimitive } from "../table.js";
import type { CommitMarks } from "./commit-marks.js";
import type { EncodedEntries } from "./encoded-entries.js";
import { EntryEncoder } from "./entry-encoder.js";
import { EntryList } from "./entry-list.js";
import { KeyBlocksWriter } from "./key-blocks.js";
import type { KeyBytes } from "./key-bytes.js";
import { KeyFilterWriter } from "./key-filter.js";
import { type KeySource, MergedKeys } from "./key-sources.js";
import type { TableFooter } from "./segment-footer.js";
import type { SegmentOutput } from "./segment-output.js";
import type { WorkBudget } from "./work-budget.js";

/** First byte of a code point that has surrogates in UTF-16. */
const SURROGATE_LEAD = 0xf0;

export interface TableInput {
  readonly primitive: TablePrimitive;
  /** Newest first. */
  readonly sources: readonly KeySource[];
  readonly through: Version;
  /** Live keys as of `through`; -1 when nobody has counted. */
  readonly live: number;
  readonly lost: readonly LostInterval[];
  /** `undefined` when everything stays. */
  readonly keep: KeepEntries | undefined;
  /** Whether a key may be left out altogether: nothing lies below that it hides. */
  readonly mayVanish: boolean;
  readonly marks: CommitMarks | undefined;
}

/** Of all tables of a segment. */
export class SegmentTotals {
  keys = 0;
  entries = 0;
  liveBytes = 0;
  historyBytes = 0;
}

/** @returns `undefined` when there is nothing to write. */
export function* writeTable(
  output: SegmentOutput,
  input: TableInput,
  totals: SegmentTotals,
  budget: WorkBudget,
): Generator<void, TableFooter | undefined, undefined> {
  const blocks = new KeyBlocksWriter(output, input.through);
  const source = new MergedKeys(input.sources);
  const counter = new TableCounter(totals);
  const keeper = input.keep === undefined ? undefined : new EntryKeeper(input, input.keep);
  const gathered = new EntryList();
  const encoder = new EntryEncoder();
  const filter = new KeyFilterWriter();
  const { encoded } = encoder;
  let { lost } = input;
  while (source.advance()) {
    gathered.clear();
    while (!source.gather(gathered, budget)) yield;
    if (gathered.length === 0) continue;
    if (keeper !== undefined && !keeper.keep(source.key, gathered)) {
      lost = withInterval(lost, gathered.versionOf(gathered.length - 1), gathered.versionOf(0));
      continue;
    }
    encoder.clear();
    while (!encoder.encode(gathered, budget)) yield;
    counter.add(source.key, encoded, input.marks);
    filter.add(source.key.bytes, source.key.length);
    while (!blocks.write(source.key.bytes, source.key.length, encoded, budget)) yield;
    if (budget.isSpent) yield;
  }
  if (counter.keys === 0 && lost.length === 0) return undefined;
  for (const { from, to } of lost) counter.addLost(from, to);
  const index = blocks.finish();
  return {
    primitive: input.primitive,
    index,
    keys: counter.keys,
    entries: counter.entries,
    firstVersion: counter.firstVersion,
    lastVersion: counter.lastVersion,
    lastDeath: counter.lastDeath,
    live: input.live,
    hasDeadBoxes: counter.hasDeadBoxes,
    hasSurrogates: counter.hasSurrogates,
    lost,
    filter: yield* filter.write(output, budget),
  };
}

/** What the footer says of a table. */
class TableCounter {
  readonly #totals: SegmentTotals;
  keys = 0;
  entries = 0;
  firstVersion = Number.POSITIVE_INFINITY;
  lastVersion = 0;
  lastDeath = 0;
  hasDeadBoxes = false;
  hasSurrogates = false;

  constructor(totals: SegmentTotals) {
    this.#totals = totals;
  }

  add(key: KeyBytes, entries: EncodedEntries, marks: CommitMarks | undefined): void {
    const totals = this.#totals;
    const count = entries.length;
    this.keys++;
    this.entries += count;
    totals.keys++;
    totals.entries += count;
    this.lastVersion = Math.max(this.lastVersion, entries.versionOf(0));
    this.firstVersion = Math.min(this.firstVersion, entries.versionOf(count - 1));
    for (let i = 0; i < count; i++) {
      const size = entries.sizeOf(i);
      const isDead = entries.isDead(i);
      if (isDead) {
        if (entries.isDeadBox(i)) this.hasDeadBoxes = true;
        // What the oldest took the place of lies elsewhere, or nowhere: taken for a death, it costs a scan little.
        if (i === count - 1 || !entries.isDead(i + 1)) this.lastDeath = Math.max(this.lastDeath, entries.versionOf(i));
      }
      if (i === 0 && !isDead) totals.liveBytes += size + key.length;
      else totals.historyBytes += size + (i === 0 ? key.length : 0);
      if (marks !== undefined && !entries.isTrimmed(i)) marks.note(entries.versionOf(i));
    }
    if (this.hasSurrogates) return;
    for (let i = 0; i < key.length; i++) if (key.bytes[i]! >= SURROGATE_LEAD) this.hasSurrogates = true;
  }

  /** Reads as of these versions must not pass the table by. */
  addLost(from: Version, to: Version): void {
    this.firstVersion = Math.min(this.firstVersion, from);
    this.lastVersion = Math.max(this.lastVersion, to);
  }
}

/** Leaves out what retention does not keep. */
class EntryKeeper {
  readonly #input: TableInput;
  readonly #keep: KeepEntries;

  constructor(input: TableInput, keep: KeepEntries) {
    this.#input = input;
    this.#keep = keep;
  }

  /** Says of each entry whether it stays. @returns false when nothing is left of the key. */
  keep(key: KeyBytes, entries: EntryList): boolean {
    const versions: Version[] = [];
    const indexes: number[] = [];
    for (let i = entries.length - 1; i >= 0; i--) {
      if (entries.isTrimmed(i)) continue;
      versions.push(entries.versionOf(i));
      indexes.push(i);
    }
    const stays = this.#keep(this.#input.primitive, key.toString(), versions, (entry) =>
      entries.isDead(indexes[entry]!),
    );
    if (stays === undefined) return true;
    if (this.#input.mayVanish && !stays.includes(true)) {
      assert(entries.isDead(0), "a key that is alive does not vanish");
      return false;
    }
    const isKept: boolean[] = new Array(entries.length).fill(false);
    for (const [entry, index] of indexes.entries()) isKept[index] = index === 0 || stays[entry] === true;
    // What is dropped one after the other leaves one gap, at the first version of it.
    for (let i = 0; i < entries.length; i++) {
      if (isKept[i]) continue;
      if (i + 1 < entries.length && !isKept[i + 1]) entries.drop(i);
      else entries.leaveGap(i);
    }
    return true;
  }
}
