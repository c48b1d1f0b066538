/**
 * Files beside the log that checkpoints name, as a port: what a checkpoint wrote down lies in them. Each is written once, by one
 * writer, and never changes. Which of them are needed is known only to who publishes checkpoints; here nothing is ever removed without
 * being asked, but what a crash left unfinished.
 *
 * Names are `<epoch, 8 hex digits>-<number, 8 hex digits or more>.snap`, given by `create`; no name is ever given twice.
 *
 * A file that was finished is there for every reader at once. It survives a power failure once a checkpoint has been published, or
 * `syncNames` was called, after it was finished.
 *
 * Failures: `DATABASE_CLOSED`; for whoever writes or removes also `READ_ONLY`, `STATE_POISONED`, and `DATABASE_FENCED` once another
 * process has taken the database over.
 */
export interface SnapshotFiles {
  /** Begins a file. Nobody sees it before it is finished. @throws {IoError} */
  create(): SnapshotFileWriter;

  /**
   * A finished file. There is nothing to close: descriptors are opened as they are needed, and few of them stay open.
   *
   * @throws {CorruptionError} `SNAPSHOT_CORRUPT` when it is missing
   */
  open(name: string): SnapshotFile;

  /**
   * Removes a file; does nothing when it is absent. Neither the newest checkpoint nor the one published before it may need it: a
   * database whose newest manifest is damaged opens with the one before.
   */
  remove(name: string): void;

  /** Names of all finished files, in code unit order. */
  list(): string[];

  /**
   * Makes the names of all finished files durable, and the removal of those that were removed: for a file that something else than a
   * checkpoint is going to name, or that nobody may find again.
   *
   * @throws {IoError}
   */
  syncNames(): void;
}

/** A file in the making. */
export interface SnapshotFileWriter {
  readonly name: string;

  /** Bytes written so far. */
  readonly length: number;

  /**
   * Writes behind what was written before.
   *
   * @param bytes are copied: the caller may reuse them at once.
   * @throws {IoError} `IO_ERROR`, `DISK_FULL`: the file was discarded, and the log is as it was. A later call throws the same.
   */
  write(bytes: Uint8Array): void;

  /**
   * Makes the contents durable, without blocking where the platform can, and gives the file its name.
   *
   * @throws {IoError} the file was discarded.
   * @throws {StateError} `DATABASE_CLOSED` when the log was closed meanwhile: the file was discarded.
   */
  finish(): Promise<void>;

  /** Gives the file up. Does nothing once it is finished, discarded, or has failed. Never throws. */
  discard(): void;
}

/** A finished file. It can be read as long as the log is open. */
export interface SnapshotFile {
  readonly name: string;

  /** Bytes of the whole file. */
  readonly size: number;

  /**
   * `length` bytes from `offset` on, as an array of their own, exactly that long, that nobody else will write to.
   *
   * @throws {CorruptionError} `SNAPSHOT_CORRUPT` with the facts `file` and `offset`, when the file ends before, or is gone
   * @throws {IoError}
   */
  read(offset: number, length: number): Uint8Array;

  /** The same bytes from `offset` on into `target`, as many as it has room for: for who reads much and keeps nothing. */
  readInto(offset: number, target: Uint8Array): void;
}
