import { CorruptionError, IoError, type RunId, type Version } from "@strata/core";
import type { SnapshotFile, SnapshotFiles } from "@strata/durability";
import { identifySegment, type SegmentIdentity, type SegmentProblem, verifySegment } from "@strata/storage";
import type { Slices } from "../long-work.js";
import { beginsImages, IMAGE_HEADER_SIZE } from "./image-file.js";
import type { SegmentPlace } from "./segment-place.js";
import type { SnapshotLibrary } from "./snapshot-library.js";

/** A segment that was found, whole or not. */
export interface PooledSegment extends SegmentIdentity {
  readonly place: SegmentPlace;
}

/** Bytes that no segment could be made of. */
export interface UnknownBytes {
  readonly file: string;
  readonly offset: number;
  readonly bytes: number;
}

/** What every segment begins with: magic, format version 1, zero. The salt follows. */
const HEAD = [0x53, 0x54, 0x52, 0x41, 0x54, 0x41, 0x53, 0x47, 1, 0, 0, 0] as const;
const SALT_SIZE = 4;
/** Salt and checksum are the last of a segment. */
const SALT_FROM_END = 8;
const SMALLEST_SEGMENT = 32;
const CHUNK_BYTES = 1024 * 1024;

/** Every segment of every snapshot file of segments, found by what it says of itself: who looks here trusts no catalogue. */
export class SegmentPool {
  readonly #library: SnapshotLibrary;
  readonly #slices: Slices;
  readonly #problems = new Map<string, readonly SegmentProblem[]>();
  readonly segments: PooledSegment[] = [];
  readonly unknown: UnknownBytes[] = [];

  constructor(library: SnapshotLibrary, slices: Slices) {
    this.#library = library;
    this.#slices = slices;
  }

  /** Looks through all files. @param known where segments begin for certain. */
  async scan(files: SnapshotFiles, known: readonly SegmentPlace[]): Promise<void> {
    for (const name of files.list()) {
      try {
        const file = files.open(name);
        // Indexes are built anew from what is left.
        if (beginsImages(file.read(0, Math.min(IMAGE_HEADER_SIZE, file.size)))) continue;
        const starts = await this.#starts(file);
        for (const { file: of, offset } of known) if (of === name) starts.set(offset, starts.get(offset) ?? -1);
        this.#findIn(
          file,
          [...starts].sort(([a], [b]) => b - a),
        );
      } catch (error) {
        if (!isDamage(error)) throw error;
        this.unknown.push({ file: name, offset: 0, bytes: 0 });
      }
    }
  }

  /** What is wrong with a segment; found out once. */
  async problemsOf(place: SegmentPlace): Promise<readonly SegmentProblem[]> {
    const key = `${place.file} ${place.offset} ${place.length}`;
    let problems = this.#problems.get(key);
    if (problems === undefined) {
      problems = await this.#verify(place);
      this.#problems.set(key, problems);
    }
    return problems;
  }

  async areWhole(places: readonly SegmentPlace[]): Promise<boolean> {
    for (const place of places) if ((await this.problemsOf(place)).length > 0) return false;
    return true;
  }

  /** Whole segments of a run, one behind the other from its beginning on, as far as they go without passing `through`. */
  async pathOf(run: RunId, beginning: Version, through: Version): Promise<PooledSegment[]> {
    const own = this.segments.filter((segment) => segment.run === run && segment.through <= through);
    own.sort((a, b) => a.from - b.from || b.through - a.through);
    const paths = new Map<Version, PooledSegment[]>();
    let best: PooledSegment[] = [];
    for (const segment of own) {
      const before = segment.from <= beginning ? [] : paths.get(segment.from);
      if (before === undefined || paths.has(segment.through)) continue;
      if (!(await this.areWhole([segment.place]))) continue;
      const path = [...before, segment];
      paths.set(segment.through, path);
      if (segment.through > (best.at(-1)?.through ?? -1)) best = path;
    }
    return best;
  }

  /** Where segments may begin, each with its salt. */
  async #starts(file: SnapshotFile): Promise<Map<number, number>> {
    const starts = new Map<number, number>();
    const overlap = HEAD.length + SALT_SIZE - 1;
    for (let offset = 0; offset < file.size; offset += CHUNK_BYTES) {
      const chunk = file.read(offset, Math.min(CHUNK_BYTES + overlap, file.size - offset));
      for (let at = chunk.indexOf(HEAD[0]); at !== -1; at = chunk.indexOf(HEAD[0], at + 1)) {
        if (at + HEAD.length + SALT_SIZE > chunk.length || !HEAD.every((byte, i) => chunk[at + i] === byte)) continue;
        starts.set(offset + at, saltAt(chunk, at + HEAD.length));
      }
      await this.#slices.pause();
    }
    return starts;
  }

  /** From the end on, so that what looks like a segment inside of another one is none. @param starts the last first. */
  #findIn(file: SnapshotFile, starts: readonly (readonly [offset: number, salt: number])[]): void {
    let end = file.size;
    let next = 0;
    while (end > 0) {
      while (next < starts.length && starts[next]![0] >= end) next++;
      const salt = end < SMALLEST_SEGMENT ? 0 : saltAt(file.read(end - SALT_FROM_END, SALT_SIZE), 0);
      const candidates = starts.slice(next).filter(([, itsSalt]) => itsSalt === salt || itsSalt === -1);
      const found = candidates.map(([offset]) => this.#identify(file, offset, end)).find((each) => each !== undefined);
      if (found !== undefined) {
        this.segments.push(found);
        end = found.place.offset;
        continue;
      }
      // Damaged at its end: it reaches back to where the next one may begin, which ends there or is damaged too.
      const offset = starts[next]?.[0] ?? 0;
      this.unknown.push({ file: file.name, offset, bytes: end - offset });
      end = offset;
    }
  }

  #identify(file: SnapshotFile, offset: number, end: number): PooledSegment | undefined {
    const place = { file: file.name, offset, length: end - offset };
    try {
      return { ...identifySegment(this.#library.sources([place])[0]!), place };
    } catch (error) {
      if (!isDamage(error)) throw error;
      return undefined;
    }
  }

  async #verify(place: SegmentPlace): Promise<readonly SegmentProblem[]> {
    try {
      const source = this.#library.sources([place])[0]!;
      const problems = await this.#slices.run(verifySegment(source));
      if (source.size === place.length || problems.length > 0) return problems;
      return [{ file: place.file, offset: place.offset + source.size, message: "the file ends before its segment" }];
    } catch (error) {
      if (!isDamage(error)) throw error;
      return [{ file: place.file, offset: place.offset, message: error.message }];
    }
  }
}

/** Whether it says that something cannot be read, and not that nothing may be. */
export function isDamage(error: unknown): error is CorruptionError | IoError {
  return error instanceof CorruptionError || error instanceof IoError;
}

function saltAt(bytes: Uint8Array, at: number): number {
  return (bytes[at]! | (bytes[at + 1]! << 8) | (bytes[at + 2]! << 16) | (bytes[at + 3]! << 24)) >>> 0;
}
