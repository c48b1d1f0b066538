import { resolve } from "node:path";
import { InvalidArgumentError, type Options } from "@strata/core";
import { directoryIdentity } from "@strata/durability-file";
import { type Database, keepAll } from "@strata/engine";
import type { DirectorySettings } from "./directory.js";
import { closeOnExit } from "./exit-hook.js";
import type { DatabaseShare } from "./strata-cursor.js";

/** A database that this process has open, and how many have opened it. */
interface OpenDatabase {
  readonly database: Database;
  readonly settings: DirectorySettings;
  shares: number;
}

/**
 * Which directories this process has open, by device and inode: one process, one engine per directory, also across copies of this package.
 * An entry stands here from opening until its backend is released.
 */
const registry: Map<string, OpenDatabase> = (() => {
  const name = Symbol.for("stratadb.open-databases.1");
  const globals = globalThis as { [name]?: Map<string, OpenDatabase> };
  globals[name] ??= new Map();
  return globals[name];
})();

/**
 * Opens the database in the directory `path`, or joins the engine that has it open in this process already.
 *
 * @param open makes the engine on an absolute path, and has `whenReleased` called when its backend is released.
 * @throws {InvalidArgumentError} `INVALID_ARGUMENT` when it is open with other settings
 */
export function openShared(
  path: string,
  settings: DirectorySettings,
  open: (absolutePath: string, whenReleased: () => void) => Database,
): DatabaseShare {
  const absolutePath = resolve(path);
  const known = registry.get(identityOf(absolutePath));
  if (known?.database.isOpen === true) {
    mustAgree(absolutePath, known.settings, settings);
    known.shares++;
    return shareOf(known, true);
  }
  let entry: OpenDatabase | undefined;
  let identity = "";
  let cancelExitHook = () => {};
  const database = open(absolutePath, () => {
    cancelExitHook();
    if (registry.get(identity) === entry) registry.delete(identity);
  });
  entry = { database, settings, shares: 1 };
  identity = identityOf(absolutePath);
  registry.set(identity, entry);
  cancelExitHook = closeOnExit(() => database.close());
  return shareOf(entry, false);
}

function shareOf(entry: OpenDatabase, joined: boolean): DatabaseShare {
  const { database } = entry;
  let held = true;
  return {
    database,
    joined,
    release() {
      if (!held) return;
      held = false;
      if (--entry.shares === 0) database.close();
    },
    async shutdown(options: Options<{ timeoutMs: number }> | undefined) {
      if (!held) return;
      if (entry.shares > 1) {
        held = false;
        entry.shares--;
        await database.durable();
        return;
      }
      await database.shutdown(options);
      held = false;
      entry.shares--;
    },
  };
}

/** What a directory is, whatever it is called; its absolute path while there is none, or none that can be looked at. */
function identityOf(absolutePath: string): string {
  try {
    return directoryIdentity(absolutePath) ?? absolutePath;
  } catch {
    // Whatever is wrong with the path, the backend says it when it opens it.
    return absolutePath;
  }
}

/** Ports that a second opening may leave to the first, but not replace. */
const PORTS = ["clock", "random", "timer", "logger", "onHealth", "participants", "perf"] as const;

function mustAgree(path: string, open: DirectorySettings, asked: DirectorySettings): void {
  const [inForce, wanted] = [comparable(open), comparable(asked)];
  for (const option of Object.keys(wanted)) {
    if (wanted[option] === inForce[option]) continue;
    throw disagreement(path, option, { open: inForce[option], asked: wanted[option] });
  }
  for (const option of PORTS) {
    const given = asked.engine[option];
    if (given !== undefined && given !== open.engine[option]) throw disagreement(path, option, {});
  }
  const { embed, textSearch } = asked.search;
  if (embed !== undefined && embed !== open.search.embed) throw disagreement(path, "embed", {});
  if (textSearch !== undefined && JSON.stringify(textSearch) !== JSON.stringify(open.search.textSearch ?? {}))
    throw disagreement(path, "textSearch", { open: open.search.textSearch, asked: textSearch });
}

/** The settings that are plain data, as text, what is left out as its default. */
function comparable({ mode, buffered, recovery, engine }: DirectorySettings): { readonly [option: string]: string } {
  const { flushIntervalMs = 100, maxPendingWrites = 1000 } = buffered ?? {};
  const limits = Object.entries(engine.limits ?? {}).filter(([, limit]) => limit !== undefined);
  return {
    durability: mode,
    buffered: `${flushIntervalMs} ms or ${maxPendingWrites} commits`,
    recovery: recovery ?? "strict",
    readOnly: String(engine.readOnly === true),
    retention: (engine.retention ?? keepAll())["~retention"],
    limits: limits
      .map((entry) => entry.join(" "))
      .sort()
      .join(", "),
  };
}

function disagreement(path: string, option: string, facts: object): InvalidArgumentError {
  return new InvalidArgumentError(
    "INVALID_ARGUMENT",
    `"${path}" is open in this process already, with another "${option}": open it with the same options, or close it first`,
    { path, option, ...facts },
  );
}
