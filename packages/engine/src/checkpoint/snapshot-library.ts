import type { SnapshotFile, SnapshotFiles } from "@strata/durability";
import {
  BlockCache,
  type ByteSource,
  type ColdRun,
  openSegments,
  type SegmentBytes,
  segmentBytes,
  slice,
} from "@strata/storage";
import type { SegmentPlace } from "./segment-place.js";

/** The snapshot files of one database, to be read: one cache for all of them. */
export class SnapshotLibrary {
  readonly files: SnapshotFiles;
  readonly #cache: BlockCache;
  readonly #onRead: () => void;

  /**
   * @param cacheBytes how much of the files may stay in memory, unpacked.
   * @param onRead called whenever something had to be read from a file; it must not change what is in memory.
   */
  constructor(files: SnapshotFiles, cacheBytes: number, onRead: () => void = () => {}) {
    this.files = files;
    this.#cache = new BlockCache(cacheBytes);
    this.#onRead = onRead;
  }

  /**
   * @param places oldest first.
   * @throws CorruptionError `SNAPSHOT_CORRUPT`
   */
  sources(places: readonly SegmentPlace[]): ByteSource[] {
    return places.map(({ file, offset, length }) => slice(this.#watched(this.files.open(file)), offset, length));
  }

  #watched(file: SnapshotFile): ByteSource {
    const onRead = this.#onRead;
    return {
      name: file.name,
      size: file.size,
      read(offset, length) {
        onRead();
        return file.read(offset, length);
      },
    };
  }

  /** `length` bytes of a file, as an array of their own. @throws CorruptionError `SNAPSHOT_CORRUPT` when it ends before, or is gone */
  read(file: string, offset: number, length: number): Uint8Array {
    return this.files.open(file).read(offset, length);
  }

  /** How much a stack of segments holds. Reads the end of each. */
  bytesOf(places: readonly SegmentPlace[]): SegmentBytes {
    return segmentBytes(this.sources(places), { cache: this.#cache });
  }

  /** What a stack of segments holds. Reads next to nothing until it is asked. */
  open(places: readonly SegmentPlace[]): ColdRun {
    return openSegments(this.sources(places), { cache: this.#cache });
  }
}
