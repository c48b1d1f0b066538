/**
 * One owner for a directory of files. The kernel keeps the lock where it can, so that `kill -9` frees it; the file says
 * who has it. Safety does not rest on it: the log's epoch fences off an owner that was robbed all the same.
 *
 *   LOCK            the record of the holder, see `lock-record.ts`
 *   LOCK.guard      empty; what the kernel locks
 *   LOCK.pid-<n>    only where there is no lock of the kernel, see `lock-pid-file.ts`
 *
 * A process that locks by another method than the holder is not stopped by the lock itself (on Linux and Windows the
 * first two methods do stop each other), so it looks at the record as well: a holder that is seen to live is respected.
 */
import { closeSync, existsSync, openSync } from "node:fs";
import { dirname } from "node:path";
import { StateError } from "@strata/core";
import type { VfsLock, VfsLockKind } from "@strata/durability";
import { heldHere, holdHere } from "./held-locks.js";
import { ioFailure } from "./io-failure.js";
import { ADDON_METHOD, type LockAttempt, lockByAddon, lockBySqlite, SQLITE_METHOD } from "./lock-methods.js";
import { lockByPidFile, PID_FILE_METHOD } from "./lock-pid-file.js";
import { formatRecord, type LockRecord, newRecord, readRecord, releaseRecord, writeRecordText } from "./lock-record.js";
import { livenessOf, ownIdentity } from "./process-identity.js";

/** What `DATABASE_LOCKED` knows about who is in the way. */
export interface LockHolder {
  readonly pid: number;
  readonly command: string;
  /** ISO 8601, UTC. */
  readonly since: string;
  readonly host: string;
  readonly method: string;
}

/** A way to lock, by the name that `info()` shows. */
export interface LockMethod {
  readonly name: string;
  /** @param path of the file `LOCK`. */
  take(path: string, kind: VfsLockKind): LockAttempt;
}

/** Best first. */
export const LOCK_METHODS: readonly LockMethod[] = [
  { name: ADDON_METHOD, take: (path, kind) => lockByAddon(guardOf(path), kind) },
  { name: SQLITE_METHOD, take: (path, kind) => lockBySqlite(guardOf(path), kind) },
  { name: PID_FILE_METHOD, take: (path, kind) => lockByPidFile(`${path}.pid`, kind) },
];

/**
 * A reader on a file system that takes no guard and has none: no kernel's lock was ever taken there, and nobody can write
 * there now. It looks for a pid file and takes nothing.
 */
const LOOK_ONLY: LockMethod = { name: "none", take: (path) => lockByPidFile(`${path}.pid`, "shared") };

/**
 * Takes the lock that the file at `path` stands for, without waiting. An exclusive one keeps everybody out, a second
 * opening by this process included; a shared one keeps writers out, and changes nothing but that the guard is there.
 *
 * @throws {StateError} `DATABASE_LOCKED` with the fact `holder` (a `LockHolder`, absent when nobody signed, as readers
 *   do not).
 * @throws {IoError} the lock's files cannot be made.
 */
export function takeLock(path: string, kind: VfsLockKind, methods: readonly LockMethod[] = LOCK_METHODS): VfsLock {
  const held = heldHere(guardOf(path));
  if (held !== undefined && (held.exclusive || kind === "exclusive")) throw locked(path, kind);

  const { method, release } = takeByFirst(path, kind, methodsFor(path, kind, methods, held?.method));
  try {
    const record = readRecord(path);
    if (isForeign(record, method.name)) throw locked(path, kind);
    if (kind === "exclusive") sign(path, method.name);
  } catch (error) {
    release();
    throw error;
  }
  const unregister = holdHere(guardOf(path), method, kind === "exclusive", release);
  let released = false;
  return {
    method: method.name,
    release() {
      if (released) return;
      released = true;
      unregister();
      if (kind === "exclusive") unsign(path);
      try {
        release();
      } catch (error) {
        throw ioFailure("unlock", path, error);
      }
    },
  };
}

function guardOf(path: string): string {
  return `${path}.guard`;
}

function methodsFor(
  path: string,
  kind: VfsLockKind,
  methods: readonly LockMethod[],
  inUse: LockMethod | undefined,
): readonly LockMethod[] {
  // Touching a guard by a second method could end the first's lock (see `lock-methods.ts`).
  if (inUse !== undefined) return [inUse];
  return kind === "exclusive" || hasGuard(guardOf(path)) ? methods : [LOOK_ONLY];
}

/** Makes the guard where it is absent and can be made. */
function hasGuard(guardPath: string): boolean {
  if (existsSync(guardPath)) return true;
  try {
    closeSync(openSync(guardPath, "wx"));
    return true;
  } catch {
    return existsSync(guardPath);
  }
}

function takeByFirst(
  path: string,
  kind: VfsLockKind,
  methods: readonly LockMethod[],
): { readonly method: LockMethod; readonly release: () => void } {
  for (const method of methods) {
    const attempt = method.take(path, kind);
    if (attempt === "held") throw locked(path, kind);
    if (attempt !== "unavailable") return { method, release: attempt };
  }
  throw new StateError("DATABASE_LOCKED", `no way to lock "${path}" works here`, { path });
}

/** Whether a living process has the lock by another method, which therefore did not stop this one. */
function isForeign(record: LockRecord | "unreadable" | undefined, method: string): boolean {
  return record !== undefined && record !== "unreadable" && record.method !== method && livenessOf(record) === "alive";
}

function sign(path: string, method: string): void {
  try {
    writeRecordText(path, formatRecord(newRecord(method)));
  } catch (error) {
    throw ioFailure("write", path, error);
  }
}

function unsign(path: string): void {
  try {
    releaseRecord(path);
  } catch {
    // The record is a courtesy; the lock itself ends all the same, and closing must not fail for this.
  }
}

function locked(path: string, kind: VfsLockKind): StateError {
  const directory = dirname(path);
  const record = readRecord(path);
  const liveness = record === undefined || record === "unreadable" ? "dead" : livenessOf(record);
  if (record === undefined || record === "unreadable" || liveness === "dead") {
    const who = kind === "exclusive" ? "another process, perhaps one that only reads" : "another process";
    return new StateError("DATABASE_LOCKED", `"${directory}" is in use by ${who}`, { path: directory });
  }
  const { pid, command, since, host, method } = record;
  const here = host === ownIdentity().host;
  const itself = here && liveness === "alive" && pid === process.pid;
  const who = itself ? "this very process" : `process ${pid}${here ? "" : ` on ${host}`} (${command})`;
  const holder: LockHolder = { pid, command, since, host, method };
  const hint = itself
    ? "Open the directory once and share the handle."
    : liveness === "unknown" && method === PID_FILE_METHOD
      ? `Whether that process still runs cannot be seen from here. If it does not, delete ${path}.pid-*`
      : undefined;
  return new StateError(
    "DATABASE_LOCKED",
    `"${directory}" is in use since ${since} by ${who}`,
    { path: directory, holder },
    { hint },
  );
}
