import { type Logger, StrataError } from "@strata/core";
import type { SnapshotFiles } from "@strata/durability";

/** Which snapshot files stay and which go. One goes when no checkpoint names it, nobody reads it, and nobody is about to name it. */
export class FileKeeper {
  readonly #files: SnapshotFiles;
  readonly #logger: Logger;
  /** Readers of the files that do not follow checkpoints: replays. While there are any, no file goes. */
  #readers = 0;
  /** Files of runs that are on their way into the database. */
  readonly #incoming = new Set<string>();
  /** To be removed. */
  #obsolete: string[] = [];
  #hasSwept = false;
  #isClosed = false;

  constructor(files: SnapshotFiles, logger: Logger) {
    this.#files = files;
    this.#logger = logger;
  }

  /** Holds all files in place until what it returns is called. */
  hold(): () => void {
    this.#readers++;
    let isHeld = true;
    return () => {
      if (!isHeld) return;
      isHeld = false;
      if (--this.#readers === 0) this.#removeObsolete();
    };
  }

  /** Something else than a checkpoint is about to name these files. @returns to be called once it does, or never will */
  expect(names: readonly string[]): () => void {
    for (const name of names) this.#incoming.add(name);
    return () => {
      for (const name of names) this.#incoming.delete(name);
    };
  }

  /** The disk failed: what was to go may still be there. */
  sweepAgain(): void {
    this.#hasSwept = false;
  }

  /** A checkpoint was published: neither it nor the one before names these. */
  letGo(obsolete: readonly string[]): void {
    this.#obsolete.push(...obsolete);
  }

  /**
   * Removes what can be.
   *
   * @param isNamed whether the newest checkpoint, the one before or a commit behind them names a file.
   */
  remove(isNamed: (name: string) => boolean): void {
    if (this.#isClosed || this.#readers > 0) return;
    if (!this.#hasSwept) {
      // What an earlier process left over when it ended in the middle of a checkpoint, and this one when the disk failed.
      for (const name of this.#files.list()) if (!this.#incoming.has(name) && !isNamed(name)) this.#obsolete.push(name);
    }
    this.#hasSwept = true;
    this.#removeObsolete();
  }

  /** From here on files belong to nobody. */
  close(): void {
    this.#isClosed = true;
  }

  /** A file that cannot be removed is no harm: the next checkpoint tries again. */
  #removeObsolete(): void {
    if (!this.#isClosed) this.#obsolete = this.#obsolete.filter((name) => !this.#isRemoved(name));
  }

  #isRemoved(name: string): boolean {
    try {
      this.#files.remove(name);
      return true;
    } catch (cause) {
      if (!StrataError.is(cause)) throw cause;
      const message = "a file that is not needed could not be removed";
      this.#logger.log("warn", "strata.checkpoint", message, { name, cause });
      return false;
    }
  }
}
