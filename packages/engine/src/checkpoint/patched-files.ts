import { InvariantError } from "@strata/core";
import type { SnapshotFile, SnapshotFiles, SnapshotFileWriter } from "@strata/durability";

/** Files of a damaged database, and beside them files that were made in place of damaged parts: these lie where the new one is being made. */
export class PatchedFiles implements SnapshotFiles {
  readonly #damaged: SnapshotFiles;
  readonly #made: SnapshotFiles;
  /** Under which names the made ones are asked for. */
  readonly #names = new Map<string, string>();

  constructor(damaged: SnapshotFiles, made: SnapshotFiles) {
    this.#damaged = damaged;
    this.#made = made;
  }

  /** Makes a file of what `write` gives. @returns the name to ask for, and its size in bytes. */
  async make(write: (sink: (bytes: Uint8Array) => void) => Promise<void>): Promise<{ name: string; bytes: number }> {
    const writer = this.#made.create();
    try {
      await write((bytes) => writer.write(bytes));
      await writer.finish();
    } catch (error) {
      writer.discard();
      throw error;
    }
    const name = `made-${this.#names.size + 1}`;
    this.#names.set(name, writer.name);
    return { name, bytes: writer.length };
  }

  /** Removes what was made. */
  removeMade(): void {
    for (const name of this.#names.values()) this.#made.remove(name);
    this.#names.clear();
  }

  create(): SnapshotFileWriter {
    throw new InvariantError("a damaged database is not written to");
  }

  remove(): void {
    throw new InvariantError("a damaged database is not written to");
  }

  syncNames(): void {
    throw new InvariantError("a damaged database is not written to");
  }

  open(name: string): SnapshotFile {
    const made = this.#names.get(name);
    return made === undefined ? this.#damaged.open(name) : this.#made.open(made);
  }

  list(): string[] {
    return this.#damaged.list();
  }
}
