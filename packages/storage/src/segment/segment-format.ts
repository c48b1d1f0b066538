/**
 * Segment of a run, in a snapshot file: what the run did in (from, through], complete in itself. `docs/formats/snapshot-file.md` says why.
 *
 *   segment    := header block* footer trailer
 *   header     := magic[8] "STRATASG" | formatVersion u16 | zero u16 | salt u32
 *   block      := payload | crc u32
 *   trailer    := footerSize u32 | formatVersion u16 | zero u16 | salt u32 | crc u32
 *
 * Little-endian; `varint` is unsigned LEB128, `text` its size in bytes and UTF-8. `footerSize` is that of the footer without the trailer.
 * Checksums are CRC-32. That of the trailer covers the footer and what of the trailer lies before it, begun from 0. That of a block covers
 * its payload and begins from (salt + position of the block in the segment) mod 2^32, so that a block of another segment or place is none.
 * The salt is the CRC-32 of the varints run, from, through.
 *
 *   pointer    := position varint | size varint             of a block, its checksum included
 *   footer     := run from through varint | liveBytes historyBytes varint | spaces varint, space* | timeline | merges varint, [pointer]
 *   space      := name text | createdAt varint | droppedAt varint (0: alive) | flags u8 (1: inherited) | tables varint, table* | events u8, [events]
 *   table      := primitive u8 | index pointer | keys entries firstVersion lastVersion lastDeath varint | live varint (0: not counted, else live + 1)
 *                 | flags u8 (1: dead boxes, 2: surrogates) | lost varint, (from, to varint)* | filter lines varint, [position varint, unless there are none]
 *   events     := index pointer | length firstVersion lastVersion varint
 *   timeline   := floor rows writes landmarks varint, [index pointer, unless all three are 0]
 *
 * Keys of a table ascend by code point, that is by their UTF-8. Entries of a key come newest first. A key is divided among blocks only when its entries fill one;
 * then the next block begins with the same key again.
 *
 *   keys       := group*
 *   group      := shared varint | suffix text | bodySize varint | entry+              shared: bytes in common with the key before, 0 for the first
 *   entry      := age varint | storedSize varint | stored                              age: of the first, through - version; then the version before - version
 *                 the first is whole, others may be deltas against the one before: `stored-codec.ts`, `value-delta.ts`
 *   keyIndex   := row* | offset u32 each | rows u32                                    one row a block
 *   row        := pointer | age varint | flags u8 (1: the key began in the block before) | key text        of the first entry
 *
 *   filter     := line[64]*                                                            of up to 256 lines, one behind the other: `key-filter.ts`
 *
 *   events     := (version - version before varint | type varint | record bytes)*      types are numbers of the index
 *   eventIndex := types varint, (name text | count varint | pointer of postings)* | blocks varint, (version - before varint | rows varint | pointer)*
 *   postings   := (row - row before varint)*                                           rows are counted within the segment, the first from -1
 *
 *   commits    := (version - before | timestamp - before | bytes | writes varint | hasMessage u8, [text])*       up to 1024
 *   writes     := (5 * space + primitive varint | unless an event: shared varint | suffix text)*
 *   landmarks  := (version - before | timestamp varint)*                               up to 1024
 *   timelineIndex := commits, then writes, then landmarks: varint, (first - before varint | [firstTimestamp - before | firstWrite - before] | pointer)*
 *                    first: version, number of the write, version; timestamp and number of the first write for commits alone
 *   merges     := (version varint | contained varint, (run version varint)*)*
 */
import type { Primitive } from "@strata/core";

/** Stored on users' disks. */
export const SEGMENT_MAGIC: Uint8Array = Uint8Array.of(0x53, 0x54, 0x52, 0x41, 0x54, 0x41, 0x53, 0x47);
export const SEGMENT_FORMAT_VERSION = 1;

const FORMAT_VERSION_OFFSET: number = SEGMENT_MAGIC.length;
export const HEADER_SALT_OFFSET: number = FORMAT_VERSION_OFFSET + 4;
export const HEADER_SIZE: number = HEADER_SALT_OFFSET + 4;

/** From its end. */
export const TRAILER_SIZE = 16;
export const CRC_SIZE = 4;

/** A block is closed once it has as many. */
export const BLOCK_BYTES = 4096;
/** Tables of fewer keys in a segment have no filter. */
export const FILTER_KEYS_MIN = 500;
export const FILTER_LINE_BYTES = 64;
export const BYTES_PER_FILTER_PAGE: number = 256 * FILTER_LINE_BYTES;
/** Entries in a row that are deltas: so many are read, at most, besides the whole one they begin from. */
export const DELTAS_MAX = 63;
/** Commits, or landmarks, in a block. */
export const ROWS_PER_BLOCK = 1024;

/** Stored on users' disks: add, never renumber. */
export const PRIMITIVE_CODES: { readonly [P in Primitive]: number } = { kv: 0, state: 1, json: 2, vector: 3, event: 4 };
export const PRIMITIVE_OF_CODE: readonly Primitive[] = ["kv", "state", "json", "vector", "event"];
/** Numbers of spaces are multiplied by it to make room for a primitive. */
export const PRIMITIVE_RANGE = 5;
export const EVENT_CODE: number = PRIMITIVE_CODES.event;

export const SpaceFlag = { inherited: 1 } as const;
export const TableFlag = { deadBoxes: 1, surrogates: 2 } as const;
export const RowFlag = { continues: 1 } as const;

/** Where the first page of a filter lies, with the others behind it, and how many lines they have together. */
export interface FilterFooter {
  readonly lines: number;
  readonly position: number;
}

/** Where a block lies in its segment, its checksum included. */
export interface Pointer {
  readonly position: number;
  readonly size: number;
}
