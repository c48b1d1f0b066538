/**
 * A segment of a run: what the run did in a range of versions, and older segments that are taken in.
 */
import { assert, ByteWriter, compareCodePoints, type Version } from "@strata/core";
import { withInterval } from "../lost-intervals.js";
import type { MergeRecord } from "../merge-record.js";
import type { KeepEntries } from "../retention.js";
import type { RunShard } from "../shard.js";
import type { SpaceTables } from "../space-tables.js";
import type { Table, TablePrimitive } from "../table.js";
import { BlockCache } from "./block-cache.js";
import type { ByteSource } from "./byte-source.js";
import type { TimelineSegment } from "./cold-timeline-stack.js";
import type { CommitMarks } from "./commit-marks.js";
import { EventBlocksWriter } from "./event-blocks.js";
import { EventPart } from "./event-part.js";
import { type KeySource, LiveKeys, PartKeys } from "./key-sources.js";
import { countLive } from "./live-count.js";
import { collectDelta, type LiveDelta } from "./live-delta.js";
import type { SegmentFile } from "./segment-file.js";
import {
  type EventsFooter,
  encodeFooter,
  type MergesFooter,
  type SpaceFooter,
  type TableFooter,
} from "./segment-footer.js";
import { SegmentOutput, saltOf } from "./segment-output.js";
import { openFiles, readMerges, spaceIdentity } from "./segment-reader.js";
import { sortChains } from "./sort-chains.js";
import { TablePart } from "./table-part.js";
import { SegmentTotals, writeTable } from "./table-writer.js";
import { TimelinePart } from "./timeline-part.js";
import { TimelineWriter } from "./timeline-writer.js";
import { WorkBudget } from "./work-budget.js";

/** For the little that is read of older segments other than from the beginning to the end. */
const MERGE_CACHE_BYTES = 1 << 20;

const PRIMITIVES: readonly TablePrimitive[] = ["kv", "state", "json", "vector"];

export interface SegmentInput {
  readonly shard: RunShard;
  /** What the run did in (from, through] is taken from memory, which has all of it; none when both are the same. */
  readonly from: Version;
  /** Held by a view as long as the segment is being written: what is seen as of it must not be trimmed. */
  readonly through: Version;
  /** Older segments that are taken in: oldest first, each beginning where the one before ends, the last of them ending at `from`. */
  readonly merge: readonly ByteSource[];
  /**
   * Which entries of a key stay; all when missing. It is asked about what this segment would have of the key. The newest entry stays
   * whatever it says, unless the key is dead and none stays: then it is left out, where nothing lies below that it hides.
   */
  readonly keep?: KeepEntries | undefined;
  /** Whether a version in [from, to) is held by somebody: the commit that it shows stays known. With `keep`. */
  readonly isPinned?: ((from: Version, to: Version) => boolean) | undefined;
  /** How much is done in a slice; 1300 units take about two milliseconds. */
  readonly unitsPerSlice?: number | undefined;
}

export interface SegmentSummary {
  readonly from: Version;
  readonly through: Version;
  /** Size of the segment. */
  readonly bytes: number;
  /** Keys of all tables, and their entries. */
  readonly keys: number;
  readonly entries: number;
  readonly events: number;
  readonly commits: number;
  /** Keys and values of the newest entries that are alive, as far as this segment knows, and of all others. */
  readonly liveBytes: number;
  readonly historyBytes: number;
  /** Commits above it can be asked for, as far as this segment knows. */
  readonly floor: Version;
}

/**
 * Writes a segment in slices of about two milliseconds, between which the run may be read and written, and leave memory as far as it lies in files. What it has
 * of a run does not depend on that: the same run, the same bytes.
 *
 * @param sink is given the bytes piece by piece; each is good during the call only.
 * @throws CorruptionError `SNAPSHOT_CORRUPT` of a segment that was to be taken in; whatever `sink` throws. What was written is then no segment.
 */
export function* writeSegment(
  input: SegmentInput,
  sink: (bytes: Uint8Array) => void,
): Generator<void, SegmentSummary, undefined> {
  const { shard, from, through, merge } = input;
  assert(from <= through, "a segment does not end before it begins");
  assert(from === through || from >= shard.coldThrough, "memory has everything above what lies in files alone");
  const merged = merge.length === 0 ? [] : openFiles(merge, new BlockCache(MERGE_CACHE_BYTES));
  assert(
    merged.length === 0 || merged.at(-1)!.footer.through === from,
    "segments that are taken in end where memory begins",
  );
  assert(
    merged.every((file) => file.footer.run === shard.id),
    "segments that are taken in are of the same run",
  );
  return yield* new SegmentWriting(input, merged, sink).write();
}

/** One space on its way into the segment. */
interface SpaceInput {
  readonly name: string;
  readonly createdAt: Version;
  readonly inherited: boolean;
  readonly droppedAt: Version;
  /** `undefined` when nothing of it is in memory. */
  readonly live: SpaceTables | undefined;
}

class SegmentWriting {
  readonly #input: SegmentInput;
  readonly #merged: readonly SegmentFile[];
  readonly #mergedTimeline: readonly TimelineSegment[];
  /** Where the segment begins. */
  readonly #begin: Version;
  readonly #output: SegmentOutput;
  readonly #budget: WorkBudget;
  readonly #totals = new SegmentTotals();
  #bytes = 0;

  constructor(input: SegmentInput, merged: readonly SegmentFile[], sink: (bytes: Uint8Array) => void) {
    this.#input = input;
    this.#budget = new WorkBudget(input.unitsPerSlice);
    this.#merged = merged;
    this.#begin = merged[0]?.footer.from ?? input.from;
    this.#output = new SegmentOutput(saltOf(input.shard.id, this.#begin, input.through), (bytes) => {
      this.#bytes += bytes.length;
      sink(bytes);
    });
    // Spaces keep the numbers that they have in their segments.
    this.#mergedTimeline = merged.map((file) => ({
      file,
      part: new TimelinePart(file),
      spaces: file.footer.spaces.map((_, number) => number),
    }));
  }

  *write(): Generator<void, SegmentSummary, undefined> {
    const { shard, from, through, keep, isPinned } = this.#input;
    const budget = this.#budget;
    const live = yield* this.#sliced(countLive(shard, through, budget));
    const delta = yield* this.#sliced(collectDelta(shard, from, through, budget));
    const merged = this.#mergedTimeline;
    const timelineInput = {
      shard,
      from,
      through,
      begin: this.#begin,
      merged,
      delta,
      trims: keep !== undefined,
      isPinned,
    };
    const timelineWriter = new TimelineWriter(this.#output, timelineInput, budget);
    const marks = yield* this.#sliced(timelineWriter.prepare());
    const spaces: SpaceFooter[] = [];
    let events = 0;
    for (const space of this.#spaces(delta)) {
      const tables: TableFooter[] = [];
      for (const primitive of PRIMITIVES) {
        const table = yield* this.#sliced(this.#writeTable(space, primitive, delta, live, marks));
        if (table !== undefined) tables.push(table);
      }
      const log = yield* this.#sliced(this.#writeEvents(space, delta, marks));
      events += log?.length ?? 0;
      const { name, createdAt, droppedAt, inherited } = space;
      spaces.push({ name, createdAt, droppedAt, inherited, tables, events: log });
    }
    const timeline = yield* this.#sliced(timelineWriter.write(spaces));
    const merges = this.#writeMerges();
    const { keys, entries, liveBytes, historyBytes } = this.#totals;
    const footer = new ByteWriter(1024);
    const run = shard.id;
    encodeFooter(footer, { run, from: this.#begin, through, liveBytes, historyBytes, spaces, timeline, merges });
    this.#output.finish(footer.view());
    return {
      from: this.#begin,
      through,
      bytes: this.#bytes,
      keys,
      entries,
      events,
      commits: timeline.rows,
      liveBytes,
      historyBytes,
      floor: timeline.floor,
    };
  }

  /** Gives others their turn whenever the work does, and begins the next slice after it. */
  *#sliced<T>(work: Generator<void, T, undefined>): Generator<void, T, undefined> {
    for (;;) {
      const step = work.next();
      if (step.done === true) return step.value;
      yield;
      this.#budget.renew();
    }
  }

  /** The spaces that the segment tells of, in the order of their numbers. */
  #spaces(delta: LiveDelta): SpaceInput[] {
    const { shard, through } = this.#input;
    const spaces = new Map<string, SpaceInput>();
    const known = new Map(shard.ownSpaces().map((space) => [spaceIdentity(space), space]));
    for (const file of this.#merged) {
      for (const { name, createdAt, inherited, droppedAt } of file.footer.spaces) {
        const identity = spaceIdentity({ name, createdAt });
        const before = spaces.get(identity)?.droppedAt ?? Number.POSITIVE_INFINITY;
        const live = known.get(identity);
        spaces.set(identity, { name, createdAt, inherited, droppedAt: Math.min(before, droppedAt), live });
      }
    }
    for (const space of delta.spaces) {
      const { name, createdAt, inherited } = space;
      const droppedAt = space.droppedAt <= through ? space.droppedAt : Number.POSITIVE_INFINITY;
      spaces.set(spaceIdentity(space), { name, createdAt, inherited, droppedAt, live: space });
    }
    return [...spaces.values()].sort((a, b) => a.createdAt - b.createdAt || compareCodePoints(a.name, b.name));
  }

  *#writeTable(
    space: SpaceInput,
    primitive: TablePrimitive,
    delta: LiveDelta,
    live: ReadonlyMap<Table, number>,
    marks: CommitMarks | undefined,
  ): Generator<void, TableFooter | undefined, undefined> {
    const { shard, from, through, keep } = this.#input;
    const table = space.live?.ownTables().find((own) => own.primitive === primitive);
    const sources: KeySource[] = [];
    let count = -1;
    const written = table === undefined ? undefined : delta.tables.get(table);
    if (written !== undefined && table !== undefined) {
      const sorted = yield* sortChains(written.chains, written.hasSurrogates, this.#budget);
      sources.push(new LiveKeys(sorted, from, through));
      count = live.get(table) ?? -1;
    }
    const parts = this.#merged.flatMap((file) => partsOf(file, space, primitive));
    for (const part of parts.toReversed()) sources.push(new PartKeys(part));
    let lost = table?.lost ?? [];
    // All that there was of a table may be forgotten before it ever came into a file.
    if (sources.length === 0 && (table?.cold !== undefined || lost.length === 0)) return undefined;
    if (written === undefined) count = parts.at(-1)?.footer.live ?? (shard.parent === undefined ? 0 : -1);
    for (const part of parts) for (const each of part.footer.lost) lost = withInterval(lost, each.from, each.to);
    const mayVanish = !space.inherited && this.#begin <= shard.forkVersion;
    const tableInput = { primitive, sources, through, live: count, lost, keep, mayVanish, marks };
    return yield* writeTable(this.#output, tableInput, this.#totals, this.#budget);
  }

  *#writeEvents(
    space: SpaceInput,
    delta: LiveDelta,
    marks: CommitMarks | undefined,
  ): Generator<void, EventsFooter | undefined, undefined> {
    const { from, through } = this.#input;
    const budget = this.#budget;
    const writer = new EventBlocksWriter(this.#output);
    const add = (version: Version, type: string, record: Uint8Array): void => {
      writer.add(version, type, record);
      marks?.note(version);
      this.#totals.liveBytes += record.length;
      budget.spend(1);
      budget.spendBytes(record.length);
    };
    for (const file of this.#merged) {
      const footer = spaceIn(file, space)?.events;
      if (footer === undefined) continue;
      const part = new EventPart(file, footer);
      for (let row = 0; row < footer.length; row++) {
        add(part.versionOf(row), part.typeOf(row), part.record(row));
        if (budget.isSpent) yield;
      }
    }
    const log = space.live?.ownEvents();
    if (log !== undefined && delta.logs.has(log)) {
      const end = log.length(through);
      for (let sequence = log.length(from); sequence < end; sequence++) {
        add(log.versionOf(sequence), log.typeOf(sequence), log.record(sequence));
        if (budget.isSpent) yield;
      }
    }
    return writer.length === 0 ? undefined : writer.finish();
  }

  /** As they lie in the segments that are taken in, and then those since. */
  #writeMerges(): MergesFooter {
    const { shard, from, through } = this.#input;
    const merges: MergeRecord[] = this.#merged.flatMap((file) => readMerges(file));
    for (const merge of shard.merges) if (merge.version > from && merge.version <= through) merges.push(merge);
    if (merges.length === 0) return { count: 0, block: undefined };
    const writer = new ByteWriter(64 * merges.length);
    for (const { version, contained } of merges) {
      writer.varint(version);
      writer.varint(contained.length);
      for (const each of contained) {
        writer.varint(each.run);
        writer.varint(each.version);
      }
    }
    return { count: merges.length, block: this.#output.block(writer.view()) };
  }
}

/** What a segment tells of a space. */
function spaceIn(file: SegmentFile, { name, createdAt }: SpaceInput): SpaceFooter | undefined {
  return file.footer.spaces.find((space) => space.name === name && space.createdAt === createdAt);
}

/** What a segment has of a table: one part, or none. */
function partsOf(file: SegmentFile, space: SpaceInput, primitive: TablePrimitive): TablePart[] {
  const footer = spaceIn(file, space)?.tables.find((table) => table.primitive === primitive);
  return footer === undefined ? [] : [new TablePart(file, footer)];
}
