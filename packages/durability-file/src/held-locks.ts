/**
 * Which locks this thread holds, found by any name of their guard. It lives on `globalThis`, so that two copies of this
 * package in one program see each other's.
 */
import { statSync } from "node:fs";
import type { LockMethod } from "./os-lock.js";

/** Locks held on one guard: one exclusive, or any number of shared ones. */
export interface HeldLock {
  readonly method: LockMethod;
  readonly exclusive: boolean;
  readonly count: number;
}

const REGISTRY = Symbol.for("@strata/durability-file/held-locks");

/** What this thread holds on the guard at `path`. */
export function heldHere(path: string): HeldLock | undefined {
  const identity = identityOf(path);
  return identity === undefined ? undefined : registry().get(identity);
}

/** Notes one more lock. @returns what takes the note back; to be called once. */
export function holdHere(path: string, method: LockMethod, exclusive: boolean): () => void {
  const identity = identityOf(path);
  if (identity === undefined) return () => {};
  const locks = registry();
  locks.set(identity, { method, exclusive, count: (locks.get(identity)?.count ?? 0) + 1 });
  return () => {
    const left = (locks.get(identity)?.count ?? 1) - 1;
    if (left === 0) locks.delete(identity);
    else locks.set(identity, { method, exclusive, count: left });
  };
}

function registry(): Map<string, HeldLock> {
  const realm = globalThis as typeof globalThis & { [REGISTRY]?: Map<string, HeldLock> };
  realm[REGISTRY] ??= new Map();
  return realm[REGISTRY];
}

/** Device and inode: the same for every name of a file or directory, links of either kind included. `undefined` when absent. */
export function identityOf(path: string): string | undefined {
  const stat = statSync(path, { bigint: true, throwIfNoEntry: false });
  return stat === undefined ? undefined : `${stat.dev}:${stat.ino}`;
}
