/**
 * Which locks this thread holds, found by any name of their guard. It lives on `globalThis`, so that two copies of this
 * package in one program see each other's, and so that no lock is collected as garbage before it is released: a database
 * of `node:sqlite` that nothing refers to is closed, and its lock gone.
 */
import { statSync } from "node:fs";
import type { Release } from "./lock-methods.js";
import type { LockMethod } from "./os-lock.js";

/** Locks held on one guard: one exclusive, or any number of shared ones. */
export interface HeldLock {
  readonly method: LockMethod;
  readonly exclusive: boolean;
  readonly releases: ReadonlySet<Release>;
}

const REGISTRY = Symbol.for("@strata/durability-file/held-locks");

/** What this thread holds on the guard at `path`. */
export function heldHere(path: string): HeldLock | undefined {
  const identity = identityOf(path);
  return identity === undefined ? undefined : registry().get(identity);
}

/** Notes one more lock, by what gives it up. @returns what takes the note back. */
export function holdHere(path: string, method: LockMethod, exclusive: boolean, release: Release): () => void {
  const identity = identityOf(path) ?? path;
  const locks = registry();
  const before = locks.get(identity)?.releases ?? [];
  locks.set(identity, { method, exclusive, releases: new Set([...before, release]) });
  return () => {
    const releases = new Set(locks.get(identity)?.releases);
    releases.delete(release);
    if (releases.size === 0) locks.delete(identity);
    else locks.set(identity, { method, exclusive, releases });
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
