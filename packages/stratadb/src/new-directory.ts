import { randomBytes } from "node:crypto";
import { existsSync, readdirSync, renameSync, rmdirSync, rmSync, statSync } from "node:fs";
import { basename, dirname, join, resolve } from "node:path";
import { InvalidArgumentError, IoError, StrataError } from "@strata/core";
import type { Durability } from "@strata/durability";
import { fileDurability, NodeVfs } from "@strata/durability-file";
import { Database, type LongWork, type VerifyReport } from "@strata/engine";

/** What names the database in a directory: it comes last. */
const MANIFEST = "MANIFEST";
const LOCK = "LOCK";

/**
 * Makes a database in a directory where there is none: it is written beside its place, opened again and verified, and then moved to its
 * place, so that there is all of it or nothing. Where it fails, everything that was made is removed.
 *
 * @param write writes it into an empty backend, and closes that.
 * @throws {InvalidArgumentError} `INVALID_ARGUMENT` when the directory is not empty, `NOT_A_DATABASE` when it is a file
 */
export async function makeDatabase<T>(
  path: string,
  write: (target: Durability) => Promise<T>,
  work: LongWork,
): Promise<{ readonly made: T; readonly report: VerifyReport }> {
  const directory = resolve(path);
  mustBeFree(directory);
  const missing = highestMissing(directory);
  const draft = join(directory, `.draft-${randomBytes(8).toString("hex")}`);
  const moved: string[] = [];
  try {
    const made = await write(fileDurability(draft));
    const report = await verifyDirectory(draft, work);
    work.signal?.throwIfAborted();
    moveUp(draft, directory, moved);
    return { made, report };
  } catch (error) {
    for (const name of [basename(draft), ...moved]) {
      rmSync(join(directory, name), { recursive: true, force: true, maxRetries: 3 });
    }
    removeEmpty(directory, missing);
    throw StrataError.is(error) || work.signal?.aborted === true ? error : failure(directory, error);
  }
}

async function verifyDirectory(directory: string, { signal }: LongWork): Promise<VerifyReport> {
  const database = Database.open({ durability: fileDurability(directory, { readOnly: true }), readOnly: true });
  try {
    return await database.verify({ signal });
  } finally {
    database.close();
  }
}

function mustBeFree(directory: string): void {
  const stat = statSync(directory, { throwIfNoEntry: false });
  if (stat === undefined) return;
  if (!stat.isDirectory()) {
    throw new InvalidArgumentError("NOT_A_DATABASE", `"${directory}" is a file; a database is a directory`, {
      path: directory,
    });
  }
  const names = readdirSync(directory);
  if (names.length === 0) return;
  throw new InvalidArgumentError("INVALID_ARGUMENT", `"${directory}" is not empty: ${names[0]} is there`, {
    path: directory,
    names: names.slice(0, 10),
  });
}

/** Of the directories on the way that do not exist, the one nearest to the root. */
function highestMissing(directory: string): string | undefined {
  let missing: string | undefined;
  for (let each = directory; !existsSync(each); each = dirname(each)) missing = each;
  return missing;
}

/** Everything that is no lock, the manifest last: before it is there, the directory holds no database that could be taken for whole. */
function moveUp(draft: string, directory: string, moved: string[]): void {
  const names = readdirSync(draft).filter((name) => !name.startsWith(LOCK));
  names.sort((a, b) => Number(a.startsWith(MANIFEST)) - Number(b.startsWith(MANIFEST)) || (a < b ? -1 : 1));
  const vfs = new NodeVfs(directory);
  for (const name of names) {
    if (name.startsWith(MANIFEST)) vfs.syncDirectory("");
    renameSync(join(draft, name), join(directory, name));
    moved.push(name);
  }
  rmSync(draft, { recursive: true, force: true, maxRetries: 3 });
  vfs.syncDirectory("");
}

/** Takes back directories that were made on the way, as far as nobody else has put something there. */
function removeEmpty(directory: string, highest: string | undefined): void {
  if (highest === undefined) return;
  try {
    for (let each = directory; each.length >= highest.length; each = dirname(each)) rmdirSync(each);
  } catch {
    // Somebody uses it, or it was never made.
  }
}

function failure(path: string, cause: unknown): IoError {
  const { code } = cause as { readonly code?: string };
  return new IoError("IO_ERROR", `"${path}" could not be made`, { operation: "copy", path, errno: code }, { cause });
}
