import { NotFoundError, SYSTEM_RUN, type ValueObject, type Version } from "@strata/core";
import { Box } from "@strata/storage";
import type { Database } from "./database.js";
import type { DerivedIndex } from "./derived-index.js";
import type { CommitRecord } from "./operation.js";
import type { Run, RunRow, RunStatus } from "./run.js";
import { DEFAULT_SPACE } from "./scope.js";

/** What the index knows of a run. Times are µs since the epoch. */
export interface RunMetadata {
  readonly id: string;
  readonly name: string;
  readonly status: RunStatus;
  readonly startedAt: number;
  readonly endedAt?: number | undefined;
  readonly meta: ValueObject;
}

interface Entry {
  metadata: RunMetadata;
  /** Versions of the run's commits, ascending; `undefined` until somebody asks for those from before the index. */
  versions: Version[] | undefined;
}

/** Versions of the commits of a run that were there before the index was. */
type Source = (metadata: RunMetadata) => Iterable<Version>;

/**
 * Which runs there are and which commits are theirs, so that reading a run back costs the size of the run and not that of the database. A
 * derived view: `RunIndex.of` makes it from the registry and follows the commits from there; it writes nothing, and what is marked in it
 * changes no run. Runs are named by their ids. Invariants:
 *
 * 1. Versions of a run ascend, each once.
 * 2. What was not asked for was not read: of a run whose versions nobody wanted it has the metadata alone.
 */
export class RunIndex implements DerivedIndex {
  readonly name: string = "runs";
  readonly #runs = new Map<string, Entry>();
  readonly #source: Source;

  /** @param source none for an index that is filled by hand. */
  constructor(source: Source = () => []) {
    this.#source = source;
  }

  /** The index of a database, the same one for every caller. */
  static of(database: Database): RunIndex {
    return database.extension(RunIndex, () => {
      const index = new RunIndex(({ name }) => ownVersions(database.runs.must(name)));
      const { live } = database.runs;
      live.visitNames("", "", (name, row) => {
        index.insert({ ...metadataOf(name, row), status: live.statusOf(row) });
        return true;
      });
      database.registerIndex(index);
      return index;
    });
  }

  /** Adds a run, or replaces what is known of it. */
  insert(metadata: RunMetadata): void {
    const entry = this.#runs.get(metadata.id);
    if (entry === undefined) this.#runs.set(metadata.id, { metadata, versions: undefined });
    else entry.metadata = metadata;
  }

  exists(id: string): boolean {
    return this.#runs.has(id);
  }

  get(id: string): RunMetadata | undefined {
    return this.#runs.get(id)?.metadata;
  }

  get size(): number {
    return this.#runs.size;
  }

  /**
   * Replaces what is known of a run by what `change` makes of it. @returns false when there is no such run, and then `change` is not called
   */
  update(id: string, change: (metadata: RunMetadata) => RunMetadata): boolean {
    const entry = this.#runs.get(id);
    if (entry === undefined) return false;
    entry.metadata = { ...change(entry.metadata), id };
    return true;
  }

  /**
   * Notes that a commit is the run's. One that is no newer than the last changes nothing.
   *
   * @throws NotFoundError `RUN_NOT_FOUND`
   */
  recordEvent(id: string, version: Version): void {
    const { versions } = this.#must(id);
    // Until they are read they need no noting: the source has this one too.
    if (versions !== undefined && version > (versions.at(-1) ?? 0)) versions.push(version);
  }

  /** Versions of the run's own commits, ascending; what a fork inherited is its source's. @throws NotFoundError `RUN_NOT_FOUND` */
  versions(id: string): readonly Version[] {
    const entry = this.#must(id);
    entry.versions ??= [...this.#source(entry.metadata)];
    return entry.versions;
  }

  /** Runs that are active, by id: what could be orphaned if nobody works on it. */
  findActive(): string[] {
    const ids: string[] = [];
    for (const [id, { metadata }] of this.#runs) if (metadata.status === "active") ids.push(id);
    return ids;
  }

  /** Marks those of the runs that are active. In the index alone: the database itself finds its orphans. @returns how many were */
  markOrphaned(ids: Iterable<string>): number {
    let marked = 0;
    for (const id of ids) {
      if (this.get(id)?.status !== "active") continue;
      this.update(id, (metadata) => ({ ...metadata, status: "orphaned" }));
      marked++;
    }
    return marked;
  }

  /** How many runs have each status; those that no run has are left out. */
  countByStatus(): { readonly [S in RunStatus]?: number } {
    const counts: { [S in RunStatus]?: number } = {};
    for (const { metadata } of this.#runs.values()) counts[metadata.status] = (counts[metadata.status] ?? 0) + 1;
    return counts;
  }

  /** Follows the registry in the commits of the reserved run, and every other run in its own. */
  onCommit(run: Run, commit: CommitRecord): void {
    if (run.number !== SYSTEM_RUN) {
      this.recordEvent(run.id, commit.version);
      return;
    }
    for (const operation of commit.operations) {
      if (operation.kind !== "put" || operation.primitive !== "kv" || operation.space !== DEFAULT_SPACE) continue;
      const stored = operation.stored instanceof Box ? operation.stored.value : operation.stored;
      if (stored !== undefined) this.insert(metadataOf(operation.key, stored as RunRow));
    }
  }

  onRunDropped(run: Run): void {
    this.#runs.delete(run.id);
  }

  #must(id: string): Entry {
    const entry = this.#runs.get(id);
    if (entry === undefined)
      throw new NotFoundError("RUN_NOT_FOUND", `the index knows no run with the id "${id}"`, { id });
    return entry;
  }
}

function metadataOf(name: string, row: RunRow): RunMetadata {
  const { id, status, createdAt, meta } = row;
  return { id, name, status, startedAt: createdAt, endedAt: row["endedAt"] as number | undefined, meta };
}

function* ownVersions(run: Run): Generator<Version> {
  for (const { version } of run.shard.timeline.commits()) yield version;
}
