import { StateError } from "@strata/core";
import { DescriptorPool, missing, snapshotDamage } from "./descriptor-pool.js";
import type { SnapshotFile, SnapshotFiles, SnapshotFileWriter } from "./snapshot-files.js";
import { SNAPSHOT_DIRECTORY, SNAPSHOT_NAME_PATTERN, snapshotName, snapshotPath } from "./snapshot-names.js";
import { LogSnapshotWriter, type SnapshotOwner } from "./snapshot-writer.js";
import type { Vfs } from "./vfs.js";

/**
 * The snapshot files of a log, in a directory beside it.
 *
 * Invariants:
 *  1. `#writers` holds exactly the writers whose file is in the making.
 *  2. Nothing is open, and nothing in the making, unless `#isOpen`.
 */
export class SnapshotDirectory implements SnapshotFiles {
  readonly #vfs: Vfs;
  readonly #pool: DescriptorPool;
  readonly #writers = new Set<LogSnapshotWriter>();
  #owner: SnapshotOwner | undefined;
  #number = 0;
  #isOpen = false;

  constructor(vfs: Vfs) {
    this.#vfs = vfs;
    this.#pool = new DescriptorPool(vfs);
  }

  /** Lets files be read: the log is held, or being recovered. */
  openForReading(): void {
    this.#isOpen = true;
  }

  /** Lets files be written and removed. */
  openForWriting(owner: SnapshotOwner): void {
    this.#owner = owner;
  }

  create(): SnapshotFileWriter {
    const owner = this.#mustOwn();
    this.#number += 1;
    const name = snapshotName(owner.epoch, this.#number);
    const writer = new LogSnapshotWriter(this.#vfs, name, owner, () => this.#writers.delete(writer));
    this.#writers.add(writer);
    return writer;
  }

  open(name: string): SnapshotFile {
    this.#mustBeOpen();
    const path = snapshotPath(name);
    if (!SNAPSHOT_NAME_PATTERN.test(name)) throw snapshotDamage(path, 0, "no snapshot file has this name");
    const size = this.#vfs.size(path);
    if (size === undefined) throw missing(path);
    return {
      name,
      size,
      read: (offset, length) => {
        this.#mustHave(path, size, offset, length);
        const bytes = new Uint8Array(length);
        this.#pool.read(path, bytes, offset);
        return bytes;
      },
      readInto: (offset, target) => {
        this.#mustHave(path, size, offset, target.length);
        this.#pool.read(path, target, offset);
      },
    };
  }

  remove(name: string): void {
    this.#mustOwn();
    if (!SNAPSHOT_NAME_PATTERN.test(name)) return;
    const path = snapshotPath(name);
    this.#pool.close(path);
    this.#vfs.unlink(path);
  }

  list(): string[] {
    this.#mustBeOpen();
    return this.#vfs.list(SNAPSHOT_DIRECTORY).filter((name) => SNAPSHOT_NAME_PATTERN.test(name));
  }

  syncNames(): void {
    this.#mustOwn();
    this.#vfs.syncDirectory(SNAPSHOT_DIRECTORY);
  }

  /** Discards what is in the making and closes what is open. Never throws. */
  close(): void {
    for (const writer of [...this.#writers]) writer.discard();
    this.#pool.closeAll();
    this.#isOpen = false;
    this.#owner = undefined;
  }

  #mustHave(path: string, size: number, offset: number, length: number): void {
    this.#mustBeOpen();
    // Positions come out of other files: what they name is judged before it is allocated.
    const isInside = Number.isSafeInteger(offset) && Number.isSafeInteger(length) && offset >= 0 && length >= 0;
    if (!isInside || offset + length > size) {
      throw snapshotDamage(path, offset, `${length} bytes from ${offset} on are not in a file of ${size}`);
    }
  }

  #mustBeOpen(): void {
    if (!this.#isOpen) throw new StateError("DATABASE_CLOSED", "the log is not open");
  }

  #mustOwn(): SnapshotOwner {
    this.#mustBeOpen();
    if (this.#owner === undefined) throw new StateError("READ_ONLY", "the database was opened read-only");
    this.#owner.checkMine();
    return this.#owner;
  }
}
