import { StrataError } from "@strata/core";
import type { SnapshotFiles, SnapshotFileWriter } from "@strata/durability";
import { imageHeader } from "./image-file.js";
import type { SegmentPlace } from "./segment-place.js";

/** Segments that are not going to be larger share files: a checkpoint of ten thousand small runs is a few files. Bytes. */
const SHARED_SEGMENT_BYTES = 1024 * 1024;
/** A shared file that has grown beyond it is followed by another. Bytes. */
const SHARED_FILE_BYTES = 16 * 1024 * 1024;

/** The snapshot files that one checkpoint writes. */
export class SnapshotBatch {
  readonly #files: SnapshotFiles;
  readonly #writers: SnapshotFileWriter[] = [];
  #shared: SnapshotFileWriter | undefined;
  #images: SnapshotFileWriter | undefined;

  constructor(files: SnapshotFiles) {
    this.#files = files;
  }

  /** The files so far: name and size in bytes. */
  get files(): { readonly name: string; readonly bytes: number }[] {
    return this.#writers.map(({ name, length }) => ({ name, bytes: length }));
  }

  /** @param expectedBytes about how large the segment is going to be. */
  begin(expectedBytes: number): SegmentDraft {
    if (expectedBytes > SHARED_SEGMENT_BYTES) return new SegmentDraft(this.#create());
    if (this.#shared === undefined || this.#shared.length >= SHARED_FILE_BYTES) this.#shared = this.#create();
    return new SegmentDraft(this.#shared);
  }

  /** A file for images: they have files of their own, which begin with a header. @param expectedBytes about how large the image is going to be. */
  beginImage(expectedBytes: number): SegmentDraft {
    const isShared = expectedBytes <= SHARED_SEGMENT_BYTES;
    if (isShared && this.#images !== undefined && this.#images.length < SHARED_FILE_BYTES) {
      return new SegmentDraft(this.#images);
    }
    const writer = this.#create();
    if (isShared) this.#images = writer;
    const draft = new SegmentDraft(writer);
    draft.write(imageHeader());
    return draft;
  }

  /** Makes the files durable; their names become so with the checkpoint that is published next. */
  async finish(): Promise<void> {
    const finished: SnapshotFileWriter[] = [];
    try {
      for (const writer of this.#writers) {
        await writer.finish();
        finished.push(writer);
      }
    } catch (error) {
      for (const { name } of finished) this.#remove(name);
      throw error;
    }
  }

  /** Removes what was written, finished or not. Only for files that no checkpoint names. */
  discard(): void {
    for (const writer of this.#writers) {
      writer.discard();
      this.#remove(writer.name);
    }
  }

  /** Nobody knows of it. A failure is no harm: what is left over goes with the next opening. */
  #remove(name: string): void {
    try {
      this.#files.remove(name);
    } catch (error) {
      if (!StrataError.is(error)) throw error;
    }
  }

  #create(): SnapshotFileWriter {
    const writer = this.#files.create();
    this.#writers.push(writer);
    return writer;
  }
}

/** One segment or image in the making. A file has one at a time. */
export class SegmentDraft {
  readonly #writer: SnapshotFileWriter;
  readonly #offset: number;

  constructor(writer: SnapshotFileWriter) {
    this.#writer = writer;
    this.#offset = writer.length;
  }

  get file(): string {
    return this.#writer.name;
  }

  /** Where the next byte goes. */
  get position(): number {
    return this.#writer.length;
  }

  /** @param bytes are copied. */
  readonly write = (bytes: Uint8Array): void => this.#writer.write(bytes);

  end(): SegmentPlace {
    const { name, length } = this.#writer;
    return { file: name, offset: this.#offset, length: length - this.#offset };
  }
}
