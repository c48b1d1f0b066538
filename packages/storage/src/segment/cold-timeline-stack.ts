/**
 * The timeline of one run, in as many segments as it has.
 */
import type { Version } from "@strata/core";
import type { ColdTimeline, ColdWrite } from "../cold.js";
import type { TablePrimitive } from "../table.js";
import { lastAtOrBefore } from "./event-part.js";
import type { KeyBytes } from "./key-bytes.js";
import type { SegmentFile } from "./segment-file.js";
import type { SpaceFooter } from "./segment-footer.js";
import { PRIMITIVE_OF_CODE } from "./segment-format.js";
import type { TimelinePart } from "./timeline-part.js";

/** What one segment has of it. */
export interface TimelineSegment {
  readonly file: SegmentFile;
  readonly part: TimelinePart;
  /** Index in the run of each space of the segment. */
  readonly spaces: readonly number[];
}

export class ColdTimelineStack implements ColdTimeline {
  readonly length: number;
  readonly floor: Version;
  /** Oldest first; those before it are known by single commits only. */
  readonly #visible: readonly TimelineSegment[];
  readonly #all: readonly TimelineSegment[];
  readonly #starts: readonly number[];

  /** @param segments at least one, oldest first. */
  constructor(segments: readonly TimelineSegment[]) {
    this.#all = segments;
    // A segment whose floor lies above its beginning has trimmed what was before: older ones have nothing to add.
    let first = segments.length - 1;
    while (first > 0 && segments[first]!.part.footer.floor <= segments[first]!.file.footer.from) first--;
    this.#visible = segments.slice(first);
    this.floor = segments[first]!.part.footer.floor;
    const starts: number[] = [];
    let length = 0;
    for (const { part } of this.#visible) {
      starts.push(length);
      length += part.footer.rows;
    }
    this.#starts = starts;
    this.length = length;
  }

  lastAtOrBefore(version: Version): number {
    return this.#last((part) => part.lastAtOrBefore(version));
  }

  lastAtTime(time: number): number {
    return this.#last((part) => part.lastAtTime(time));
  }

  versionOf(row: number): Version {
    const i = this.#partOf(row);
    return this.#visible[i]!.part.versionOf(row - this.#starts[i]!);
  }

  timestampOf(row: number): number {
    const i = this.#partOf(row);
    return this.#visible[i]!.part.timestampOf(row - this.#starts[i]!);
  }

  bytesOf(row: number): number {
    const i = this.#partOf(row);
    return this.#visible[i]!.part.bytesOf(row - this.#starts[i]!);
  }

  messageOf(row: number): string | undefined {
    const i = this.#partOf(row);
    return this.#visible[i]!.part.messageOf(row - this.#starts[i]!);
  }

  operationsOf(row: number): number {
    const i = this.#partOf(row);
    return this.#visible[i]!.part.operationsOf(row - this.#starts[i]!);
  }

  visitWrites(row: number, visit: (write: ColdWrite) => boolean): boolean {
    const i = this.#partOf(row);
    const { file, part, spaces } = this.#visible[i]!;
    return part.visitWrites(row - this.#starts[i]!, (local, code, key) => {
      const space = spaces[local];
      const primitive = PRIMITIVE_OF_CODE[code];
      if (space === undefined || primitive === undefined) {
        throw file.corrupt(part.footer.index!.position, "a commit wrote to a space that is not there");
      }
      if (key === undefined) return visit({ space, primitive: "event", key: "" });
      return visit({ space, primitive: primitive as TablePrimitive, key: file.decode(0, () => key.toString()) });
    });
  }

  /** As `visitWrites`, with spaces as their segment names them and keys as bytes that are good during the call. */
  visitLocalWrites(
    row: number,
    visit: (space: SpaceFooter, primitive: number, key: KeyBytes | undefined) => boolean,
  ): boolean {
    const i = this.#partOf(row);
    const { file, part } = this.#visible[i]!;
    return part.visitWrites(row - this.#starts[i]!, (number, primitive, key) => {
      const space = file.footer.spaces[number];
      if (space === undefined)
        throw file.corrupt(part.footer.index!.position, "a commit wrote to a space that is not there");
      return visit(space, primitive, key);
    });
  }

  timestampBelowFloor(version: Version): number {
    for (const { file, part } of this.#all) {
      if (version > file.footer.through || version <= file.footer.from) continue;
      const landmark = part.landmarkAt(version);
      if (landmark > 0) return landmark;
      const row = part.lastAtOrBefore(version);
      return row >= 0 && part.versionOf(row) === version ? part.timestampOf(row) : 0;
    }
    return 0;
  }

  #last(find: (part: TimelinePart) => number): number {
    for (let i = this.#visible.length - 1; i >= 0; i--) {
      const row = find(this.#visible[i]!.part);
      if (row >= 0) return this.#starts[i]! + row;
    }
    return -1;
  }

  /** Parts without rows begin where the next one does: the last of them is the one that has it. */
  #partOf(row: number): number {
    return lastAtOrBefore(this.#starts, row);
  }
}
