import { StateError } from "@strata/core";
import type { VfsLock, VfsLockKind } from "./vfs.js";

interface HeldLocks {
  exclusive: boolean;
  shared: number;
}

/** The locks of one directory, among the handles of one process. */
export class MemoryLocks {
  readonly #held = new Map<string, HeldLocks>();

  /** @throws {StateError} `DATABASE_LOCKED` */
  take(path: string, kind: VfsLockKind): VfsLock {
    let held = this.#held.get(path);
    if (held === undefined) {
      held = { exclusive: false, shared: 0 };
      this.#held.set(path, held);
    }
    if (held.exclusive || (kind === "exclusive" && held.shared > 0)) {
      const holder = held.exclusive ? "another handle of this process" : "readers of this process";
      throw new StateError("DATABASE_LOCKED", `the database is in use by ${holder}`, { path, holder });
    }
    if (kind === "exclusive") held.exclusive = true;
    else held.shared += 1;
    return new MemoryLock(held, kind);
  }
}

class MemoryLock implements VfsLock {
  readonly method = "memory";
  readonly #held: HeldLocks;
  readonly #kind: VfsLockKind;
  #released = false;

  constructor(held: HeldLocks, kind: VfsLockKind) {
    this.#held = held;
    this.#kind = kind;
  }

  release(): void {
    if (this.#released) return;
    this.#released = true;
    if (this.#kind === "exclusive") this.#held.exclusive = false;
    else this.#held.shared -= 1;
  }
}
