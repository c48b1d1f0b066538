import { InvalidArgumentError } from "@strata/core";
import type { DurabilityMode } from "@strata/durability";
import { Database } from "./database.js";
import type { DatabaseOptions } from "./database-options.js";

/** Spellings of the durability modes that are understood, and what each means. */
const MODES: { readonly [spelling: string]: DurabilityMode } = {
  none: "none",
  inmemory: "none",
  "in-memory": "none",
  buffered: "buffered",
  batched: "buffered",
  standard: "buffered",
  strict: "strict",
  always: "strict",
};

/** @throws InvalidArgumentError `INVALID_ARGUMENT`, naming the spellings there are */
export function durabilityMode(spelling: string): DurabilityMode {
  const mode =
    typeof spelling === "string" && Object.hasOwn(MODES, spelling.toLowerCase())
      ? MODES[spelling.toLowerCase()]
      : undefined;
  if (mode !== undefined) return mode;
  const allowed = Object.keys(MODES);
  throw new InvalidArgumentError("INVALID_ARGUMENT", `durability must be one of ${allowed.join(", ")}`, {
    durability: spelling,
    allowed,
  });
}

/** What the builder was told. */
export interface BuilderSettings {
  readonly mode: DurabilityMode;
  readonly buffered: { readonly flushIntervalMs: number; readonly maxPendingWrites: number };
  readonly options: Omit<DatabaseOptions, "durability">;
}

/** What gives a database a place on disk; the engine has none of its own. */
export interface Backend {
  /** The database at `path`: the one that is open there in this process, or a new opening. */
  open(path: string, settings: BuilderSettings): Database;
  /** In a new, empty directory that is removed when the database closes. */
  openTemporary(settings: BuilderSettings): Database;
}

const FLUSH_INTERVAL_MS = 100;
const MAX_PENDING_WRITES = 1000;

/** Fluent configuration of a database; each setter returns the builder, and the later one wins. */
export class DatabaseBuilder {
  readonly #backend: Backend | undefined;
  #path: string | undefined;
  #mode: DurabilityMode = "buffered";
  #buffered = { flushIntervalMs: FLUSH_INTERVAL_MS, maxPendingWrites: MAX_PENDING_WRITES };
  #ephemeral = false;
  #options: Omit<DatabaseOptions, "durability"> = {};

  constructor(backend?: Backend) {
    this.#backend = backend;
  }

  path(path: string): this {
    if (typeof path !== "string" || path === "")
      throw new InvalidArgumentError("INVALID_ARGUMENT", "path must be a string that is not empty", { path });
    this.#path = path;
    return this;
  }

  /** `none`, `buffered` or `strict`, or another spelling of these. */
  durability(mode: string): this {
    this.#mode = durabilityMode(mode);
    return this;
  }

  noDurability(): this {
    return this.durability("none");
  }

  buffered(): this {
    return this.bufferedWith(FLUSH_INTERVAL_MS, MAX_PENDING_WRITES);
  }

  /** fsync at the latest after `flushIntervalMs` milliseconds or `maxPendingWrites` commits. */
  bufferedWith(flushIntervalMs: number, maxPendingWrites: number): this {
    for (const [name, value] of Object.entries({ flushIntervalMs, maxPendingWrites })) {
      if (!Number.isSafeInteger(value) || value < 1)
        throw new InvalidArgumentError("INVALID_ARGUMENT", `${name} must be a whole number of at least 1`, {
          [name]: value,
        });
    }
    this.#buffered = { flushIntervalMs, maxPendingWrites };
    return this.durability("buffered");
  }

  strict(): this {
    return this.durability("strict");
  }

  /** Memory only: no path, no files. */
  ephemeral(): this {
    this.#ephemeral = true;
    return this;
  }

  /** Everything else a database is opened with. */
  with(options: Omit<DatabaseOptions, "durability">): this {
    this.#options = { ...this.#options, ...options };
    return this;
  }

  getPath(): string | undefined {
    return this.#path;
  }

  getDurability(): DurabilityMode {
    return this.#mode;
  }

  /** At the path that was set; without one, in a temporary directory of its own. */
  open(): Database {
    if (this.#ephemeral) return Database.ephemeral(this.#options);
    if (this.#path === undefined) return this.openTemp();
    return this.#must().open(this.#path, this.#settings());
  }

  /** In a temporary directory, removed on close. */
  openTemp(): Database {
    return this.#must().openTemporary(this.#settings());
  }

  #settings(): BuilderSettings {
    return { mode: this.#mode, buffered: this.#buffered, options: this.#options };
  }

  #must(): Backend {
    if (this.#backend !== undefined) return this.#backend;
    throw new InvalidArgumentError(
      "INVALID_ARGUMENT",
      "this builder was given no backend, so it opens only ephemeral databases",
      {
        hint: "import Database from stratadb, or pass a Backend to Database.builder",
      },
    );
  }
}
