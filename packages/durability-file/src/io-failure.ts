/** From an operating system's error to the error a caller can act on. */
import { IoError } from "@strata/core";

/** The medium has no room for more: the disk, the user's quota, or the largest file allowed here. */
const NO_ROOM: ReadonlySet<string> = new Set(["ENOSPC", "EDQUOT", "EFBIG"]);

/** What to do next, where the table of error codes cannot know. */
const HINTS: { readonly [errno: string]: string } = {
  EACCES: "The process may not do this: check owner and mode of the file and of every directory above it.",
  EPERM: "The process may not do this: check owner and mode of the file and of every directory above it.",
  EROFS: "The file system is mounted read-only: open the database with { readOnly: true }.",
  EMFILE: "The process has too many files open: close some, or raise its limit (ulimit -n).",
  ENFILE: "The machine has too many files open: close some, or raise its limit.",
  EFBIG: "The file would exceed the largest size allowed here: raise the limit (ulimit -f).",
  ERR_ACCESS_DENIED: "Node's permission model forbids it: a database needs its directory, fsync and worker threads.",
  EDQUOT: "The user's quota is used up: free space or raise it; writing resumes by itself.",
};

/** What Windows says when it says nothing, and what Node says in the system's place. */
const OTHER_CODES: ReadonlySet<string> = new Set(["UNKNOWN", "ERR_ACCESS_DENIED"]);

/** The name of the system's error (`"ENOENT"`), or `undefined` when `error` is no such thing. */
export function errnoOf(error: unknown): string | undefined {
  if (typeof error !== "object" || error === null || !("code" in error)) return undefined;
  const { code } = error;
  return typeof code === "string" && (/^E[A-Z0-9]+$/.test(code) || OTHER_CODES.has(code)) ? code : undefined;
}

/**
 * What to throw for a failed call of the operating system: `IO_ERROR`, or `DISK_FULL` when there is no room. Facts are
 * `{ operation, path, errno }`. Anything but a system's error is a bug and comes back as it is.
 *
 * @param operation what was attempted, as a verb: `"write"`, `"fsync"`.
 * @param path what it was attempted on, as the caller named it: the fact.
 * @param absolute the same for the message.
 */
export function ioFailure(operation: string, path: string, cause: unknown, absolute: string = path): unknown {
  const errno = errnoOf(cause);
  if (errno === undefined) return cause;
  const code = NO_ROOM.has(errno) ? "DISK_FULL" : "IO_ERROR";
  return new IoError(
    code,
    `${operation} of "${absolute}" failed: ${errno}`,
    { operation, path, errno },
    { cause, hint: HINTS[errno] },
  );
}
