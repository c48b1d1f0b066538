import type { Logger, RunId, Version } from "@strata/core";
import type { CommitRecord } from "./operation.js";
import type { Run } from "./run.js";

/**
 * Something that can be rebuilt from commits: a text index, a vector graph, a change feed. The database tells it of every commit once it is
 * visible; it must be quick, for it runs in the commit pass, and is free to note what changed and do the work later.
 */
export interface DerivedIndex {
  /** Unique in its database; in messages and file names. */
  readonly name: string;
  /** A commit of `run` is visible. What it throws fails no commit: it only marks the index stale. */
  onCommit(run: Run, commit: CommitRecord): void;
  /** `run` and everything in it is gone. */
  onRunDropped(run: Run): void;
  /**
   * What the index holds now, for a checkpoint to write: an image per part that is in memory. Called at the moment that the checkpoint is
   * of; each image stays as it is then, until it is told that it was written or dropped.
   */
  images?(): Iterable<IndexImage>;
  /** What was deleted is gone from the store for good, and every image with it: nothing of it may stay in memory, or be written again. */
  erased?(): void;
  /** The database was closed: nothing is asked of the index any more. */
  closed?(): void;
}

/** Bytes of a page of an image; the last one of what is laid out in pages may be shorter. */
export const IMAGE_PAGE_BYTES: number = 64 * 1024;

/** A part of an index, as it was at one moment, in pages: of those only the ones that have changed are written anew. */
export interface IndexImage {
  /** The run whose data it is an index of: the image goes when the run does. */
  readonly run: RunId;
  /** Unique among the images of the index and the run. */
  readonly name: string;
  /** The checkpoint that wrote the image which this one differs from in its changed pages; `undefined` where all of it is new. */
  readonly base: Version | undefined;
  /** Whether anything differs from the image at `base`. */
  readonly isChanged: boolean;
  /** What pages do not hold. */
  readonly head: Uint8Array;
  /** How many there are; numbered from 0. */
  readonly pages: number;
  isPageChanged(page: number): boolean;
  /** At most `IMAGE_PAGE_BYTES`, valid until the next call. A page can be asked for once, changed or not. */
  page(page: number): Uint8Array;
  /** It lies in files now, and counts: the next one may be based on it. */
  written(checkpoint: Version): void;
  /** It was not written after all; what had changed still has. */
  dropped(): void;
}

/** An image as a checkpoint wrote it. */
export interface SavedImage {
  readonly run: RunId;
  readonly name: string;
  /** Of the checkpoint that wrote it: what an image is based on that continues it. */
  readonly version: Version;
  readonly head: Uint8Array;
  readonly pages: number;
  /**
   * A page, as an array of its own, or in `target`, which has room for a page.
   *
   * @throws {CorruptionError} `SNAPSHOT_CORRUPT` when it is damaged: the image is of no use then, and the index is built anew.
   */
  page(page: number, target?: Uint8Array): Uint8Array;
}

/** An image, and the index that gave it. */
export interface GivenImage {
  /** Its name. */
  readonly index: string;
  readonly image: IndexImage;
}

/** The derived indexes of one database, and which of them missed something and must be rebuilt. */
export class DerivedViews {
  readonly #indexes: DerivedIndex[] = [];
  readonly #stale = new Set<DerivedIndex>();
  readonly #logger: Logger;

  constructor(logger: Logger) {
    this.#logger = logger;
  }

  register(index: DerivedIndex): void {
    this.#indexes.push(index);
  }

  isStale(index: DerivedIndex): boolean {
    return this.#stale.has(index);
  }

  /** The index was rebuilt up to the head. */
  markFresh(index: DerivedIndex): void {
    this.#stale.delete(index);
  }

  notify(run: Run, commit: CommitRecord): void {
    for (const index of this.#indexes) this.#guard(index, () => index.onCommit(run, commit));
  }

  runDropped(run: Run): void {
    for (const index of this.#indexes) this.#guard(index, () => index.onRunDropped(run));
  }

  /** What all indexes have, to be given back to `imagesTaken`. One that is stale, or fails, has nothing. */
  images(): GivenImage[] {
    const given: GivenImage[] = [];
    for (const index of this.#indexes) {
      if (this.isStale(index)) continue;
      const { name } = index;
      const own: GivenImage[] = [];
      this.#attempt(index, "failed to give its images", () => {
        for (const image of index.images?.() ?? []) own.push({ index: name, image });
        given.push(...own);
      });
    }
    return given;
  }

  /** @param written those of `given` that are in the checkpoint. */
  imagesTaken(given: readonly GivenImage[], written: readonly IndexImage[], checkpoint: Version): void {
    const isWritten = new Set(written);
    for (const { index, image } of given) {
      this.#attempt({ name: index }, "failed to take note of an image", () => {
        if (isWritten.has(image)) image.written(checkpoint);
        else image.dropped();
      });
    }
  }

  erased(): void {
    for (const index of this.#indexes) this.#guard(index, () => index.erased?.());
  }

  closed(): void {
    for (const index of this.#indexes) this.#attempt(index, "failed to close", () => index.closed?.());
  }

  /** What fails takes nothing from what the index knows of its commits. */
  #attempt({ name }: { readonly name: string }, what: string, work: () => void): void {
    try {
      work();
    } catch (cause) {
      this.#logger.log("error", "strata.index", `index "${name}" ${what}`, { cause });
    }
  }

  #guard(index: DerivedIndex, work: () => void): void {
    try {
      work();
    } catch (cause) {
      this.#stale.add(index);
      this.#logger.log("error", "strata.index", `index "${index.name}" failed to follow a commit and is stale`, {
        cause,
      });
    }
  }
}
