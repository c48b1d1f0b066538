/**
 * A run that lies in segments, as the store reads it.
 */
import { assert, ByteReader, CorruptionError, type RunId, type Version } from "@strata/core";
import type { ColdEvents, ColdRun, ColdSpace, ColdTable } from "../cold.js";
import type { ContainedRun, MergeRecord } from "../merge-record.js";
import type { TablePrimitive } from "../table.js";
import type { BlockCache } from "./block-cache.js";
import type { ByteSource } from "./byte-source.js";
import { ColdEventStack } from "./cold-event-stack.js";
import { ColdTableStack } from "./cold-table-stack.js";
import { ColdTimelineStack, type TimelineSegment } from "./cold-timeline-stack.js";
import { EventPart } from "./event-part.js";
import { SegmentFile } from "./segment-file.js";
import type { SpaceFooter } from "./segment-footer.js";
import { TablePart } from "./table-part.js";
import { TimelinePart } from "./timeline-part.js";

export interface OpenSegmentsOptions {
  /** Keeps what was read. */
  readonly cache: BlockCache;
}

/**
 * The run whose segments these are. Reads the end of each, and nothing else until it is asked for.
 *
 * @param sources at least one, oldest first, each beginning where the one before ends. They stay in use as long as the run does.
 * @throws CorruptionError `SNAPSHOT_CORRUPT`, facts.file and facts.offset, here and by every read of what is damaged; StateError `FORMAT_TOO_NEW`
 */
export function openSegments(sources: readonly ByteSource[], options: OpenSegmentsOptions): ColdRun {
  return new SegmentRun(openFiles(sources, options.cache));
}

/** What segments hold, in bytes: as it was when each was written, so that what a newer one replaced counts as live in the older. */
export interface SegmentBytes {
  /** Values, keys and events that could be read. */
  readonly liveBytes: number;
  /** Older versions, and deletions. */
  readonly historyBytes: number;
  /** The segments themselves. */
  readonly diskBytes: number;
}

/** Reads the end of each. @throws as `openSegments` */
export function segmentBytes(sources: readonly ByteSource[], options: OpenSegmentsOptions): SegmentBytes {
  const total = { liveBytes: 0, historyBytes: 0, diskBytes: 0 };
  for (const source of sources) {
    const { liveBytes, historyBytes } = new SegmentFile(source, options.cache).footer;
    total.liveBytes += liveBytes;
    total.historyBytes += historyBytes;
    total.diskBytes += source.size;
  }
  return total;
}

/** @internal */
export function openFiles(sources: readonly ByteSource[], cache: BlockCache): SegmentFile[] {
  assert(sources.length > 0, "a run in files has at least one segment");
  const files = sources.map((source) => new SegmentFile(source, cache));
  for (let i = 1; i < files.length; i++) {
    const { run, from } = files[i]!.footer;
    const before = files[i - 1]!.footer;
    if (run !== before.run || from !== before.through) {
      throw files[i]!.corrupt(
        files[i]!.footerStart,
        `the segment of run ${run} begins at version ${from}, behind one of run ${before.run} that ends at ${before.through}`,
      );
    }
  }
  return files;
}

class SegmentRun implements ColdRun {
  readonly through: Version;
  readonly spaces: readonly ColdSpace[];
  readonly timeline: ColdTimelineStack;
  readonly #files: readonly SegmentFile[];
  #merges: readonly MergeRecord[] | undefined = undefined;

  constructor(files: readonly SegmentFile[]) {
    this.#files = files;
    this.through = files.at(-1)!.footer.through;
    const spaces = new Map<string, SegmentSpace>();
    for (const file of files) {
      for (const footer of file.footer.spaces) {
        const identity = spaceIdentity(footer);
        let space = spaces.get(identity);
        if (space === undefined) {
          space = new SegmentSpace(footer);
          spaces.set(identity, space);
        }
        space.add(file, footer);
      }
    }
    const ordered = [...spaces.values()].sort((a, b) => a.createdAt - b.createdAt);
    this.spaces = ordered;
    const positions = new Map(ordered.map((space, position) => [spaceIdentity(space), position]));
    const segments = files.map(
      (file): TimelineSegment => ({
        file,
        part: new TimelinePart(file),
        spaces: file.footer.spaces.map((footer) => positions.get(spaceIdentity(footer))!),
      }),
    );
    this.timeline = new ColdTimelineStack(segments);
  }

  get merges(): readonly MergeRecord[] {
    this.#merges ??= this.#files.flatMap((file) => readMerges(file));
    return this.#merges;
  }
}

/** One incarnation, as far as files tell of it. */
class SegmentSpace implements ColdSpace {
  readonly name: string;
  readonly createdAt: Version;
  readonly inherited: boolean;
  droppedAt: Version = Number.POSITIVE_INFINITY;
  readonly #tableParts: Map<TablePrimitive, TablePart[]> = new Map();
  readonly #eventParts: EventPart[] = [];
  readonly #tables: Map<TablePrimitive, ColdTable> = new Map();
  #events: ColdEvents | undefined = undefined;

  constructor(footer: SpaceFooter) {
    this.name = footer.name;
    this.createdAt = footer.createdAt;
    this.inherited = footer.inherited;
  }

  /** Takes what a segment has of it: the next newer one each time. */
  add(file: SegmentFile, footer: SpaceFooter): void {
    this.droppedAt = Math.min(this.droppedAt, footer.droppedAt);
    for (const table of footer.tables) {
      const part = new TablePart(file, table);
      const parts = this.#tableParts.get(table.primitive);
      if (parts === undefined) this.#tableParts.set(table.primitive, [part]);
      else parts.push(part);
    }
    if (footer.events !== undefined) this.#eventParts.push(new EventPart(file, footer.events));
  }

  table(primitive: TablePrimitive): ColdTable | undefined {
    const parts = this.#tableParts.get(primitive);
    if (parts === undefined) return undefined;
    let table = this.#tables.get(primitive);
    if (table === undefined) {
      table = new ColdTableStack(parts);
      this.#tables.set(primitive, table);
    }
    return table;
  }

  events(): ColdEvents | undefined {
    if (this.#eventParts.length === 0) return undefined;
    this.#events ??= new ColdEventStack(this.#eventParts);
    return this.#events;
  }
}

/** Incarnations of a space are told apart by it. */
export function spaceIdentity(space: { readonly name: string; readonly createdAt: Version }): string {
  return `${space.createdAt}/${space.name}`;
}

/** The merges that a segment tells of, oldest first. */
export function readMerges(file: SegmentFile): MergeRecord[] {
  const { count, block } = file.footer.merges;
  if (block === undefined) return [];
  const payload = file.payload(block.position, block.size);
  return file.decode(block.position, () => {
    const reader = new ByteReader(payload);
    const merges: MergeRecord[] = [];
    while (reader.remaining > 0) {
      const version = reader.varint();
      const contained: ContainedRun[] = [];
      for (let left = reader.varint(); left > 0; left--) {
        contained.push({ run: reader.varint() as RunId, version: reader.varint() });
      }
      merges.push({ version, contained });
    }
    if (merges.length !== count) throw new CorruptionError("CORRUPT_RECORD", `${count} merges were expected`);
    return merges;
  });
}
