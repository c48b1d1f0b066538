/**
 * A segment made of what is left of a damaged one.
 */
import { ByteWriter } from "@strata/core";
import { withInterval } from "../lost-intervals.js";
import type { MergeRecord } from "../merge-record.js";
import { BlockCache } from "./block-cache.js";
import type { ByteSource } from "./byte-source.js";
import { EventBlocksWriter } from "./event-blocks.js";
import { EventPart } from "./event-part.js";
import { SegmentFile } from "./segment-file.js";
import {
  type EventsFooter,
  encodeFooter,
  type MergesFooter,
  type SpaceFooter,
  type TableFooter,
} from "./segment-footer.js";
import { EVENT_CODE } from "./segment-format.js";
import { SegmentOutput } from "./segment-output.js";
import { readMerges, spaceIdentity } from "./segment-reader.js";
import { messageOf, SoundKeys } from "./sound-keys.js";
import { TablePart } from "./table-part.js";
import { SegmentTotals, writeTable } from "./table-writer.js";
import { TimelineBlocksWriter } from "./timeline-blocks.js";
import { TimelinePart } from "./timeline-part.js";
import { WorkBudget } from "./work-budget.js";

/** What could not be read. */
export interface SegmentLoss {
  /** In the file. */
  readonly offset: number;
  readonly bytes: number;
  readonly what: string;
}

const CACHE_BYTES = 1 << 24;

/**
 * Writes a segment of the same run and range of versions with everything that can be read of a damaged one: keys of whole blocks, events
 * up to the first that is lost, commits behind the last that is lost. What is asked for as of a version at which a lost key may have been
 * there is refused as `HISTORY_TRIMMED`, as far as the segment can say so.
 *
 * @param cutLogs identities of spaces whose events end before this segment; those that end in it are added.
 * @throws CorruptionError `SNAPSHOT_CORRUPT` when its end cannot be read: then nothing can
 */
export function* salvageSegment(
  source: ByteSource,
  cutLogs: Set<string>,
  sink: (bytes: Uint8Array) => void,
): Generator<void, readonly SegmentLoss[], undefined> {
  const file = new SegmentFile(source, new BlockCache(CACHE_BYTES));
  return yield* new SegmentSalvage(file, cutLogs, sink).write();
}

class SegmentSalvage {
  readonly #file: SegmentFile;
  readonly #cutLogs: Set<string>;
  readonly #output: SegmentOutput;
  readonly #budget = new WorkBudget();
  readonly #totals = new SegmentTotals();
  readonly #lost: SegmentLoss[] = [];

  constructor(file: SegmentFile, cutLogs: Set<string>, sink: (bytes: Uint8Array) => void) {
    this.#file = file;
    this.#cutLogs = cutLogs;
    this.#output = new SegmentOutput(file.salt, sink);
  }

  *write(): Generator<void, readonly SegmentLoss[], undefined> {
    const { run, from, through, spaces: found } = this.#file.footer;
    const spaces: SpaceFooter[] = [];
    for (const space of found) {
      const tables: TableFooter[] = [];
      for (const table of space.tables) {
        const written = yield* this.#writeTable(space.name, table);
        if (written !== undefined) tables.push(written);
      }
      const events = space.events === undefined ? undefined : yield* this.#writeEvents(space, space.events);
      spaces.push({ ...space, tables, events });
    }
    const timeline = yield* this.#writeTimeline();
    const merges = this.#writeMerges();
    const { liveBytes, historyBytes } = this.#totals;
    const footer = new ByteWriter(1024);
    encodeFooter(footer, { run, from, through, liveBytes, historyBytes, spaces, timeline, merges });
    this.#output.finish(footer.view());
    return this.#lost;
  }

  *#writeTable(space: string, footer: TableFooter): Generator<void, TableFooter | undefined, undefined> {
    const { from, through } = this.#file.footer;
    const before = this.#lost.length;
    const where = `${footer.primitive} in space "${space}"`;
    const keys = new SoundKeys(new TablePart(this.#file, footer), (position, size, what) =>
      this.#note(position, size, `${where}: ${what}`),
    );
    const input = {
      primitive: footer.primitive,
      sources: [keys],
      through,
      live: footer.live,
      lost: footer.lost,
      keep: undefined,
      mayVanish: false,
      marks: undefined,
    };
    const writing = writeTable(this.#output, input, this.#totals, this.#budget);
    let step = writing.next();
    for (; step.done !== true; step = writing.next()) yield this.#budget.renew();
    const written = step.value;
    if (this.#lost.length === before) return written;
    // Keys were there that nobody knows: as of which versions, neither.
    const lost = withInterval(footer.lost, from + 1, footer.lastVersion);
    if (written === undefined) return undefined;
    return {
      ...written,
      live: -1,
      lost,
      firstVersion: Math.min(written.firstVersion, footer.firstVersion),
      lastVersion: Math.max(written.lastVersion, footer.lastVersion),
      lastDeath: Math.max(written.lastDeath, footer.lastDeath),
    };
  }

  *#writeEvents(space: SpaceFooter, footer: EventsFooter): Generator<void, EventsFooter | undefined, undefined> {
    const identity = spaceIdentity(space);
    const writer = new EventBlocksWriter(this.#output);
    const part = new EventPart(this.#file, footer);
    let row = 0;
    try {
      while (row < footer.length && !this.#cutLogs.has(identity)) {
        const record = part.record(row);
        writer.add(part.versionOf(row), part.typeOf(row), record);
        this.#totals.liveBytes += record.length;
        row++;
        this.#budget.spend(2);
        if (this.#budget.isSpent) yield this.#budget.renew();
      }
    } catch (error) {
      this.#cutLogs.add(identity);
      const what = `events in space "${space.name}": the last ${footer.length - row}: ${messageOf(error)}`;
      this.#note(footer.index.position, footer.index.size, what);
    }
    if (row < footer.length && this.#lost.at(-1)?.what.startsWith(`events in space "${space.name}"`) !== true) {
      const what = `events in space "${space.name}": all ${footer.length}, which follow others that are lost`;
      this.#note(footer.index.position, footer.index.size, what);
    }
    return writer.length === 0 ? undefined : writer.finish();
  }

  /** Commits from the end back to the first that is lost; of those before, when they were made, as far as it is known. */
  *#writeTimeline(): Generator<void, ReturnType<TimelineBlocksWriter["finish"]>, undefined> {
    const part = new TimelinePart(this.#file);
    const { rows, floor: known } = part.footer;
    const { through } = this.#file.footer;
    let first = rows;
    try {
      for (; first > 0; first--) {
        part.timestampOf(first - 1);
        part.messageOf(first - 1);
        part.visitWrites(first - 1, () => true);
        this.#budget.spend(1 + 0.4 * part.operationsOf(first - 1));
        if (this.#budget.isSpent) yield this.#budget.renew();
      }
    } catch (error) {
      const { position, size } = part.footer.index ?? { position: this.#file.footerStart, size: 0 };
      this.#note(position, size, `what ${first} commits did, though not what is left of it: ${messageOf(error)}`);
    }
    const writer = new TimelineBlocksWriter(this.#output);
    for (let row = first; row < rows; row++) {
      const operations = part.operationsOf(row);
      writer.commit(part.versionOf(row), part.timestampOf(row), part.bytesOf(row), operations, part.messageOf(row));
      part.visitWrites(row, (space, primitive, key) => {
        writer.write(space, primitive, primitive === EVENT_CODE ? undefined : key);
        return true;
      });
      this.#budget.spend(1 + 0.4 * operations);
      if (this.#budget.isSpent) yield this.#budget.renew();
    }
    for (const [version, timestamp] of knownBelow(part, first)) writer.landmark(version, timestamp);
    if (first === 0) return writer.finish(known);
    return writer.finish(first < rows ? part.versionOf(first) - 1 : through);
  }

  #writeMerges(): MergesFooter {
    const { block } = this.#file.footer.merges;
    let merges: MergeRecord[] = [];
    try {
      merges = readMerges(this.#file);
    } catch (error) {
      this.#note(block?.position ?? 0, block?.size ?? 0, `which runs were merged into it: ${messageOf(error)}`);
    }
    if (merges.length === 0) return { count: 0, block: undefined };
    const { position, size } = block!;
    return { count: merges.length, block: this.#output.block(this.#file.payload(position, size)) };
  }

  #note(position: number, bytes: number, what: string): void {
    this.#lost.push({ offset: (this.#file.source.start ?? 0) + position, bytes, what });
  }
}

/** When commits below a row were made, as far as it can be read. */
function knownBelow(part: TimelinePart, first: number): [version: number, timestamp: number][] {
  const known: [number, number][] = [];
  try {
    known.push(...[...part.landmarks()].map(([version, timestamp]): [number, number] => [version, timestamp]));
  } catch (error) {
    messageOf(error);
  }
  for (let row = 0; row < first; row++) {
    try {
      known.push([part.versionOf(row), part.timestampOf(row)]);
    } catch (error) {
      messageOf(error);
    }
  }
  return known;
}
