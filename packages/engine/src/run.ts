import {
  type AsOf,
  NotFoundError,
  type RunId,
  StateError,
  type Value,
  type ValueObject,
  type Version,
} from "@strata/core";
import type { RunShard } from "@strata/storage";
import { begunIn, type Epoch, NO_EPOCH, statusIn } from "./run-life.js";
import { bornAt, type ImportedFrom, type ImportedPast, importedFromOf, pastOf } from "./run-past.js";
import type { Tag } from "./tag.js";

export type RunStatus = "active" | "paused" | "completed" | "failed" | "cancelled" | "archived" | "orphaned";

/** A run now, or at a point of its past. */
export type RunPoint = string | { readonly run: string; readonly at: AsOf };

/** A run as the registry lists it. Times are µs since the epoch. */
export interface RunInfo {
  readonly name: string;
  /** Of its own for ever: a name used again gets another. */
  readonly id: string;
  readonly status: RunStatus;
  /** Where it was forked, while that run exists: its name may be another run's by now. */
  readonly parent?: { readonly run: string; readonly version: Version };
  /** Its newest commit; the commit that created it while it has none. */
  readonly version: Version;
  readonly createdAt: number;
  readonly endedAt?: number;
  readonly meta: ValueObject;
  /** The run it was imported from, where that one's id was taken. */
  readonly origin?: { readonly run: string; readonly id: string };
}

/** Moves that `setStatus` allows; a run that is not active refuses writes. */
export const STATUS_MOVES: { readonly [S in RunStatus]: readonly RunStatus[] } = {
  active: ["paused", "completed", "failed", "cancelled", "archived"],
  paused: ["active", "cancelled", "archived"],
  completed: ["archived"],
  failed: ["archived"],
  cancelled: ["archived"],
  archived: [],
  orphaned: ["active", "failed", "cancelled", "archived"],
};

/** What the registry stores of a run, in the reserved run `_system` under the run's name. */
export interface RunRow extends ValueObject {
  readonly id: string;
  readonly number: number;
  readonly status: RunStatus;
  readonly createdAt: number;
  readonly meta: ValueObject;
}

/** Where a fork comes from: the member `parent` of its row. */
export interface ForkOrigin extends ValueObject {
  /** Name and id of the run that was forked. */
  readonly run: string;
  readonly id: string;
  /** What is inherited of it: everything up to this version. */
  readonly version: number;
  /** The run whose data are read through, by number, and as of which version: an ancestor, where the forked run had nothing of its own. */
  readonly base: number;
  readonly baseVersion: number;
}

/** What a run asks its database. */
export interface RunGround {
  readonly epoch: Epoch;
  /** The run of that name. */
  find(name: string): Run | undefined;
}

/** For a run outside a living database. */
export const NO_GROUND: RunGround = { epoch: NO_EPOCH, find: () => undefined };

const NO_TAGS: ReadonlyMap<string, Tag> = new Map();

/**
 * One run's identity and data. Handles are bound to it, not to the name: once it is deleted they fail, also when the name is used again.
 * Only the registry changes it, by folding commits of `_system`.
 */
export class Run {
  readonly name: string;
  readonly id: string;
  readonly number: RunId;
  readonly shard: RunShard;
  readonly createdAt: number;
  /** `undefined` for a run that began empty. */
  readonly origin: ForkOrigin | undefined;
  readonly #ground: RunGround;
  readonly #bornAt: Version;
  #row: RunRow;
  #status: RunStatus;
  #begunIn: number;
  #tags: Map<string, Tag> | undefined;

  constructor(name: string, row: RunRow, shard: RunShard, ground: RunGround = NO_GROUND) {
    this.name = name;
    this.id = row.id;
    this.number = row.number as RunId;
    this.shard = shard;
    this.createdAt = row.createdAt;
    this.origin = originOf(row);
    this.#ground = ground;
    this.#bornAt = bornAt(row);
    this.#row = row;
    this.#status = row.status;
    this.#begunIn = begunIn(row);
    this.#tags = undefined;
  }

  /** What its row says, unless the process that began it is gone. */
  get status(): RunStatus {
    return statusIn(this.#ground.epoch.current, this.#status, this.#begunIn);
  }

  /** What the registry stores of it. */
  get row(): RunRow {
    return this.#row;
  }

  get meta(): ValueObject {
    return this.#row.meta;
  }

  get endedAt(): number | undefined {
    const endedAt: Value | undefined = this.#row["endedAt"];
    return typeof endedAt === "number" ? endedAt : undefined;
  }

  /** Where its past begins, if that is not in this database. */
  get past(): ImportedPast | undefined {
    return pastOf(this.#row);
  }

  /** What it was imported from, where it could not keep the id. */
  get importedFrom(): ImportedFrom | undefined {
    return importedFromOf(this.#row);
  }

  /** Whether it was begun, now or in an older epoch, and not merely made. */
  get isBegun(): boolean {
    return this.#begunIn !== 0;
  }

  /** Its tags by name. Their versions are there to stay: what trims history must keep them readable. */
  get tags(): ReadonlyMap<string, Tag> {
    return this.#tags ?? NO_TAGS;
  }

  get dropped(): boolean {
    return this.shard.dropped;
  }

  /** Newest commit; before the first one, the version that created the run. */
  get version(): Version {
    return Math.max(this.shard.lastVersion, this.#bornAt);
  }

  /** Where its past begins: that of the run it was forked from, if it was. */
  get firstVersion(): Version {
    const { past } = this;
    if (past !== undefined) return past.first;
    let shard = this.shard;
    while (shard.parent !== undefined) shard = shard.parent;
    return shard === this.shard ? this.number : shard.id;
  }

  update(row: RunRow): void {
    this.#row = row;
    this.#status = row.status;
    this.#begunIn = begunIn(row);
  }

  setTag(tag: Tag): void {
    this.#tags ??= new Map();
    this.#tags.set(tag.name, tag);
  }

  dropTag(name: string): void {
    this.#tags?.delete(name);
  }

  /** @throws NotFoundError `RUN_NOT_FOUND` */
  assertAlive(): void {
    if (this.shard.dropped) {
      throw new NotFoundError("RUN_NOT_FOUND", `run "${this.name}" was deleted; this handle was bound to it`, {
        run: this.name,
        id: this.id,
      });
    }
  }

  /** @throws StateError `RUN_CLOSED` */
  assertWritable(): void {
    this.assertAlive();
    const { name, status } = this;
    if (status === "active") return;
    const why =
      status === "orphaned"
        ? `: it was begun by a process that is gone; take it over with runs.setStatus("${name}", "active")`
        : "";
    throw new StateError("RUN_CLOSED", `run "${name}" is ${status} and takes no writes${why}`, { run: name, status });
  }

  /** The run it was forked from, while that exists. */
  get parent(): Run | undefined {
    const parent = this.origin === undefined ? undefined : this.#ground.find(this.origin.run);
    return parent?.id === this.origin?.id ? parent : undefined;
  }

  info(): RunInfo {
    const { origin, importedFrom } = this;
    const info = {
      name: this.name,
      id: this.id,
      status: this.status,
      version: this.version,
      createdAt: this.createdAt,
      meta: this.meta,
      ...(origin === undefined || this.parent === undefined
        ? {}
        : { parent: Object.freeze({ run: origin.run, version: origin.version }) }),
      ...(this.endedAt === undefined ? {} : { endedAt: this.endedAt }),
      ...(importedFrom === undefined ? {} : { origin: importedFrom }),
    };
    return Object.freeze(info);
  }
}

/** What `info()` says of a run that has just been made, without the run. */
export function infoOfNew(name: string, row: RunRow): RunInfo {
  const { id, number: version, status, createdAt, meta } = row;
  const origin = originOf(row);
  if (origin === undefined) return Object.freeze({ name, id, status, version, createdAt, meta });
  const parent = Object.freeze({ run: origin.run, version: origin.version });
  return Object.freeze({ name, id, status, version, createdAt, meta, parent });
}

/** The fork origin that a row names, if it is that of a fork. */
export function originOf(row: RunRow): ForkOrigin | undefined {
  return row["parent"] as ForkOrigin | undefined;
}
