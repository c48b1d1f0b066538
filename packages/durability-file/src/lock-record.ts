/**
 * What the file `LOCK` says: which process has the database. For people, for the message of `DATABASE_LOCKED`, and for
 * a process that locks by another method. The record of a process that was killed stays until the next holder.
 *
 *   record := JSON of `LockRecord`, which begins with "{"; or, once released, the same with "#" in that place
 *
 * A release is thus one write of one byte, which happens wholly or not at all.
 */
import { closeSync, constants, ftruncateSync, openSync, readFileSync, writeSync } from "node:fs";
import { ownCommand, ownIdentity, type ProcessIdentity } from "./process-identity.js";

/** Who holds a lock. */
export interface LockRecord extends ProcessIdentity {
  readonly command: string;
  /** When it was taken; ISO 8601, UTC. */
  readonly since: string;
  readonly method: string;
}

/** Longer than any record: what else might stand there is not read into memory. */
const RECORD_BYTES_MAX = 16_384;

const RELEASED = "#";

/** The record of this process taking a lock now. */
export function newRecord(method: string): LockRecord {
  return { ...ownIdentity(), command: ownCommand(), since: new Date().toISOString(), method };
}

export function formatRecord(record: LockRecord): string {
  return `${JSON.stringify(record, undefined, 2)}\n`;
}

/** Writes `text` in place of what the file holds; makes the file where needed. */
export function writeRecordText(path: string, text: string): void {
  const bytes = new TextEncoder().encode(text);
  const file = openSync(path, constants.O_RDWR | constants.O_CREAT, 0o666); // not cut before there is something to write
  try {
    let written = 0;
    while (written < bytes.length) written += writeSync(file, bytes, written, bytes.length - written, written);
    ftruncateSync(file, bytes.length);
  } finally {
    closeSync(file);
  }
}

/** Marks the record at `path` as given up by its holder. */
export function releaseRecord(path: string): void {
  const file = openSync(path, "r+");
  try {
    writeSync(file, RELEASED, 0);
  } finally {
    closeSync(file);
  }
}

/**
 * The record at `path`. `undefined` when there is none or its holder gave it up, `"unreadable"` when there is something
 * else, an empty file included.
 */
export function readRecord(path: string): LockRecord | "unreadable" | undefined {
  let text: string;
  try {
    text = readFileSync(path, "utf8");
  } catch {
    return undefined;
  }
  if (text.startsWith(RELEASED)) return undefined;
  return text.length > RECORD_BYTES_MAX ? "unreadable" : (parseRecord(text) ?? "unreadable");
}

function parseRecord(text: string): LockRecord | undefined {
  let parsed: unknown;
  try {
    parsed = JSON.parse(text);
  } catch {
    return undefined;
  }
  if (typeof parsed !== "object" || parsed === null) return undefined;
  const fields = new Map<string, unknown>(Object.entries(parsed));
  const pid = fields.get("pid");
  if (typeof pid !== "number" || !Number.isInteger(pid) || pid <= 0) return undefined;
  const textOf = (name: string): string => {
    const value = fields.get(name);
    return typeof value === "string" ? value : "";
  };
  return {
    pid,
    startTime: textOf("startTime"),
    bootId: textOf("bootId"),
    pidNamespace: textOf("pidNamespace"),
    host: textOf("host"),
    command: textOf("command"),
    since: textOf("since"),
    method: textOf("method"),
  };
}
