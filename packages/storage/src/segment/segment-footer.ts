/**
 * The end of a segment: what is in it, and where.
 */
import { type ByteReader, type ByteWriter, CorruptionError, type Version } from "@strata/core";
import type { LostInterval } from "../cold.js";
import type { TablePrimitive } from "../table.js";
import {
  EVENT_CODE,
  type FilterFooter,
  type Pointer,
  PRIMITIVE_CODES,
  PRIMITIVE_OF_CODE,
  SpaceFlag,
  TableFlag,
} from "./segment-format.js";

export interface SegmentFooter {
  readonly run: number;
  /** The segment has what the run did in (from, through]. */
  readonly from: Version;
  readonly through: Version;
  /** Keys and values of the newest entries that are alive, and what all others take. */
  readonly liveBytes: number;
  readonly historyBytes: number;
  /** Those that were registered, dropped or written to in (from, through]; by `createdAt`, then name. */
  readonly spaces: readonly SpaceFooter[];
  readonly timeline: TimelineFooter;
  readonly merges: MergesFooter;
}

export interface SpaceFooter {
  readonly name: string;
  readonly createdAt: Version;
  readonly droppedAt: Version;
  readonly inherited: boolean;
  readonly tables: readonly TableFooter[];
  readonly events: EventsFooter | undefined;
}

/** Fields as those of `ColdTable`, as far as this segment knows. */
export interface TableFooter {
  readonly primitive: TablePrimitive;
  readonly index: Pointer;
  readonly keys: number;
  readonly entries: number;
  readonly firstVersion: Version;
  readonly lastVersion: Version;
  readonly lastDeath: Version;
  readonly live: number;
  readonly hasDeadBoxes: boolean;
  readonly hasSurrogates: boolean;
  readonly lost: readonly LostInterval[];
  /** `undefined` for few keys. */
  readonly filter: FilterFooter | undefined;
}

export interface EventsFooter {
  readonly index: Pointer;
  readonly length: number;
  readonly firstVersion: Version;
  readonly lastVersion: Version;
}

export interface TimelineFooter {
  /** Commits above it are here; `from` unless some were trimmed. */
  readonly floor: Version;
  readonly rows: number;
  readonly writes: number;
  /** Commits at or below the floor whose timestamps are known. */
  readonly landmarks: number;
  readonly index: Pointer | undefined;
}

export interface MergesFooter {
  readonly count: number;
  readonly block: Pointer | undefined;
}

export function encodeFooter(writer: ByteWriter, footer: SegmentFooter): void {
  writer.varint(footer.run);
  writer.varint(footer.from);
  writer.varint(footer.through);
  writer.varint(footer.liveBytes);
  writer.varint(footer.historyBytes);
  writer.varint(footer.spaces.length);
  for (const space of footer.spaces) encodeSpace(writer, space);
  const { timeline, merges } = footer;
  writer.varint(timeline.floor);
  writer.varint(timeline.rows);
  writer.varint(timeline.writes);
  writer.varint(timeline.landmarks);
  if (timeline.index !== undefined) encodePointer(writer, timeline.index);
  writer.varint(merges.count);
  if (merges.block !== undefined) encodePointer(writer, merges.block);
}

/** @throws CorruptionError `CORRUPT_RECORD` */
export function decodeFooter(reader: ByteReader): SegmentFooter {
  const run = reader.varint();
  const from = reader.varint();
  const through = reader.varint();
  if (from > through) throw damaged(`it begins at version ${from} and ends at ${through}`);
  const liveBytes = reader.varint();
  const historyBytes = reader.varint();
  const spaces: SpaceFooter[] = [];
  for (let left = reader.varint(); left > 0; left--) spaces.push(decodeSpace(reader));
  const floor = reader.varint();
  const rows = reader.varint();
  const writes = reader.varint();
  const landmarks = reader.varint();
  const index = rows + writes + landmarks === 0 ? undefined : decodePointer(reader);
  const count = reader.varint();
  const block = count === 0 ? undefined : decodePointer(reader);
  reader.expectEnd();
  const timeline = { floor, rows, writes, landmarks, index };
  return { run, from, through, liveBytes, historyBytes, spaces, timeline, merges: { count, block } };
}

export function encodePointer(writer: ByteWriter, pointer: Pointer): void {
  writer.varint(pointer.position);
  writer.varint(pointer.size);
}

export function decodePointer(reader: ByteReader): Pointer {
  return { position: reader.varint(), size: reader.varint() };
}

function encodeSpace(writer: ByteWriter, space: SpaceFooter): void {
  writer.text(space.name);
  writer.varint(space.createdAt);
  writer.varint(space.droppedAt === Number.POSITIVE_INFINITY ? 0 : space.droppedAt);
  writer.u8(space.inherited ? SpaceFlag.inherited : 0);
  writer.varint(space.tables.length);
  for (const table of space.tables) encodeTable(writer, table);
  writer.u8(space.events === undefined ? 0 : 1);
  if (space.events === undefined) return;
  encodePointer(writer, space.events.index);
  writer.varint(space.events.length);
  writer.varint(space.events.firstVersion);
  writer.varint(space.events.lastVersion);
}

function decodeSpace(reader: ByteReader): SpaceFooter {
  const name = reader.text();
  const createdAt = reader.varint();
  const dropped = reader.varint();
  const flags = reader.u8();
  const tables: TableFooter[] = [];
  for (let left = reader.varint(); left > 0; left--) tables.push(decodeTable(reader));
  const events =
    reader.u8() === 0
      ? undefined
      : {
          index: decodePointer(reader),
          length: reader.varint(),
          firstVersion: reader.varint(),
          lastVersion: reader.varint(),
        };
  return {
    name,
    createdAt,
    droppedAt: dropped === 0 ? Number.POSITIVE_INFINITY : dropped,
    inherited: (flags & SpaceFlag.inherited) !== 0,
    tables,
    events,
  };
}

function encodeTable(writer: ByteWriter, table: TableFooter): void {
  writer.u8(PRIMITIVE_CODES[table.primitive]);
  encodePointer(writer, table.index);
  writer.varint(table.keys);
  writer.varint(table.entries);
  writer.varint(table.firstVersion);
  writer.varint(table.lastVersion);
  writer.varint(table.lastDeath);
  writer.varint(table.live + 1);
  writer.u8((table.hasDeadBoxes ? TableFlag.deadBoxes : 0) | (table.hasSurrogates ? TableFlag.surrogates : 0));
  writer.varint(table.lost.length);
  for (const { from, to } of table.lost) {
    writer.varint(from);
    writer.varint(to);
  }
  writer.varint(table.filter?.lines ?? 0);
  if (table.filter !== undefined) writer.varint(table.filter.position);
}

function decodeTable(reader: ByteReader): TableFooter {
  const code = reader.u8();
  const primitive = PRIMITIVE_OF_CODE[code];
  if (primitive === undefined || code === EVENT_CODE) throw damaged(`it has a table of the unknown kind ${code}`);
  const index = decodePointer(reader);
  const keys = reader.varint();
  const entries = reader.varint();
  const firstVersion = reader.varint();
  const lastVersion = reader.varint();
  const lastDeath = reader.varint();
  const live = reader.varint() - 1;
  const flags = reader.u8();
  const lost: LostInterval[] = [];
  for (let left = reader.varint(); left > 0; left--) lost.push({ from: reader.varint(), to: reader.varint() });
  const lines = reader.varint();
  const filter = lines === 0 ? undefined : { lines, position: reader.varint() };
  return {
    primitive: primitive as TablePrimitive,
    index,
    keys,
    entries,
    firstVersion,
    lastVersion,
    lastDeath,
    live,
    hasDeadBoxes: (flags & TableFlag.deadBoxes) !== 0,
    hasSurrogates: (flags & TableFlag.surrogates) !== 0,
    lost,
    filter,
  };
}

function damaged(what: string): CorruptionError {
  return new CorruptionError("CORRUPT_RECORD", `the end of a segment is damaged: ${what}`);
}
