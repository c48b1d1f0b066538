import { assert, StateError, type StrataError } from "@strata/core";
import { toStrataError } from "./log-poisoned.js";
import type { SnapshotFileWriter } from "./snapshot-files.js";
import { snapshotPath, snapshotTemporaryPath } from "./snapshot-names.js";
import type { Vfs, VfsFile } from "./vfs.js";
import { closeQuietly, syncFile, writeFully } from "./vfs-io.js";

/** Whose files they are. */
export interface SnapshotOwner {
  readonly epoch: number;
  /** @throws {StateError} `DATABASE_FENCED`, `STATE_POISONED`: the names belong to somebody else, or nothing may be changed. */
  checkMine(): void;
}

/** Small writes are gathered up to this. */
const GATHER_BYTES: number = 64 * 1024;
/** One call writes no more: it blocks everything else meanwhile. */
const WRITE_BYTES_MAX: number = 1024 * 1024;

/**
 * One snapshot file in the making: written under a temporary name, fsynced, renamed.
 *
 * Invariant: the temporary name is there exactly while `#state` is `writing` or `finishing`, as far as it can be removed at all.
 */
export class LogSnapshotWriter implements SnapshotFileWriter {
  readonly name: string;
  readonly #vfs: Vfs;
  readonly #owner: SnapshotOwner;
  readonly #onEnd: () => void;
  readonly #file: VfsFile;
  readonly #gathered = new Uint8Array(GATHER_BYTES);
  #gatheredBytes = 0;
  #writtenBytes = 0;
  #state: "writing" | "finishing" | "finished" | "discarded" = "writing";
  #failure: StrataError | undefined;

  /** @param onEnd is called once, when nothing is in the making any more. @throws {IoError} */
  constructor(vfs: Vfs, name: string, owner: SnapshotOwner, onEnd: () => void) {
    this.name = name;
    this.#vfs = vfs;
    this.#owner = owner;
    this.#onEnd = onEnd;
    this.#file = vfs.open(snapshotTemporaryPath(name), "create");
  }

  get length(): number {
    return this.#writtenBytes + this.#gatheredBytes;
  }

  write(bytes: Uint8Array): void {
    this.#mustBeWriting();
    try {
      if (this.#gatheredBytes + bytes.length > GATHER_BYTES) this.#flush();
      if (bytes.length > GATHER_BYTES) {
        this.#put(bytes, bytes.length);
      } else {
        this.#gathered.set(bytes, this.#gatheredBytes);
        this.#gatheredBytes += bytes.length;
      }
    } catch (error) {
      throw this.#fail(error);
    }
  }

  async finish(): Promise<void> {
    this.#mustBeWriting();
    try {
      this.#flush();
      this.#state = "finishing";
      await syncFile(this.#file);
    } catch (error) {
      throw this.#fail(error);
    }
    if (this.#state !== "finishing") throw closed();
    try {
      this.#owner.checkMine();
      closeQuietly(this.#file);
      this.#vfs.rename(snapshotTemporaryPath(this.name), snapshotPath(this.name));
    } catch (error) {
      throw this.#fail(error);
    }
    this.#state = "finished";
    this.#onEnd();
  }

  discard(): void {
    if (this.#state === "finished" || this.#state === "discarded") return;
    this.#state = "discarded";
    this.#onEnd();
    try {
      this.#file.close();
      this.#owner.checkMine();
      this.#vfs.unlink(snapshotTemporaryPath(this.name));
    } catch {
      // Nobody reads it: the next opening removes it. And where the directory is somebody else's, so is the name.
    }
  }

  #mustBeWriting(): void {
    if (this.#failure !== undefined) throw this.#failure;
    if (this.#state === "discarded") throw closed();
    assert(this.#state === "writing", "a snapshot file is finished once");
  }

  /** @returns what is to be thrown. */
  #fail(cause: unknown): StrataError {
    if (this.#state === "discarded") return this.#failure ?? closed();
    let failure = toStrataError(cause);
    try {
      // Who takes a log over removes what was in the making: then that is the reason.
      this.#owner.checkMine();
    } catch (reason) {
      failure = toStrataError(reason);
    }
    this.#failure = failure;
    this.discard();
    return failure;
  }

  #flush(): void {
    this.#put(this.#gathered, this.#gatheredBytes);
    this.#gatheredBytes = 0;
  }

  #put(bytes: Uint8Array, length: number): void {
    for (let start = 0; start < length; start += WRITE_BYTES_MAX) {
      const count = Math.min(WRITE_BYTES_MAX, length - start);
      writeFully(this.#file, bytes, start, count, this.#writtenBytes);
      this.#writtenBytes += count;
    }
  }
}

function closed(): StateError {
  return new StateError("DATABASE_CLOSED", "the snapshot file was discarded: the log was closed");
}
