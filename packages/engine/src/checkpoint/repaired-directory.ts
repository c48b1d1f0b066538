import { CorruptionError, type RunId, SYSTEM_RUN, type Version } from "@strata/core";
import { Box, type Stored, type Table } from "@strata/storage";
import type { LiveRuns } from "../live-runs.js";
import { type ForkOrigin, originOf, type RunRow } from "../run.js";
import { DEFAULT_SPACE } from "../scope.js";
import type { CatalogueRow } from "./catalogue.js";
import type { RunDirectory } from "./filed-catalogue.js";
import type { Generations } from "./generations.js";
import type { PooledSegment } from "./segment-pool.js";

/** Which runs there are and where they lie, as a repair found it out. */
export class RepairedDirectory implements RunDirectory {
  readonly #rows = new Map<RunId, CatalogueRow>();
  readonly #forks = new Map<RunId, RunId[]>();

  set(number: RunId, row: CatalogueRow): void {
    if (row.base !== undefined && !this.#rows.has(number)) {
      const forks = this.#forks.get(row.base);
      if (forks === undefined) this.#forks.set(row.base, [number]);
      else forks.push(number);
    }
    this.#rows.set(number, row);
  }

  run(number: RunId): CatalogueRow | undefined {
    return this.#rows.get(number);
  }

  runs(): IterableIterator<RunId> {
    return this.#rows.keys();
  }

  /** Nobody asks a repair for it: what it copies is looked at anew. */
  mergeTargets(): RunId[] {
    return [];
  }

  forksOf(number: RunId): RunId[] {
    return this.#forks.get(number) ?? [];
  }
}

/** A row as the segments of a run tell it, where no catalogue does. */
export function rowOfPath(
  { library }: Pick<Generations, "library">,
  path: readonly PooledSegment[],
  name: string | undefined,
  origin: Pick<ForkOrigin, "base" | "baseVersion"> | undefined,
): CatalogueRow {
  const places = path.map(({ place }) => place);
  const forkVersion = origin?.baseVersion ?? 0;
  const base = origin?.base as RunId | undefined;
  const known = { name, base, forkVersion, places, keys: undefined };
  if (places.length === 0) return { ...known, lastVersion: forkVersion, lastTimestamp: 0 };
  const { timeline } = library.open(places);
  const last = timeline.length - 1;
  const lastVersion = last < 0 ? forkVersion : timeline.versionOf(last);
  return { ...known, lastVersion, lastTimestamp: last < 0 ? 0 : timeline.timestampOf(last) };
}

/** A run that the registry knows: with a name, or deleted and still read through. */
export interface RegisteredRun {
  readonly number: RunId;
  readonly name: string | undefined;
  readonly origin: Pick<ForkOrigin, "base" | "baseVersion"> | undefined;
}

/** The runs that `_system` lists, and the deleted ones that these read through: their rows are in its past. */
export function registeredRuns(runs: LiveRuns): RegisteredRun[] {
  const table = runs.system.shard.table(DEFAULT_SPACE, "kv");
  const found = new Map<RunId, RegisteredRun>([
    [SYSTEM_RUN, { number: SYSTEM_RUN, name: runs.system.name, origin: undefined }],
  ]);
  const rows: { readonly name: string; readonly row: RunRow }[] = [];
  runs.visitNames("", "", (name, row) => rows.push({ name, row }) > 0);
  for (const { name, row } of rows) {
    const number = row.number as RunId;
    found.set(number, { number, name, origin: originOf(row) });
  }
  for (const { row } of rows) {
    for (let origin = originOf(row); origin !== undefined && !found.has(origin.base as RunId); ) {
      const base = origin.base as RunId;
      const deleted = findBase(table, origin);
      if (deleted === undefined) {
        throw new CorruptionError("CORRUPT_RECORD", `a fork of run ${base}, of which nothing is known`, { origin });
      }
      found.set(base, { number: base, name: undefined, origin: originOf(deleted) });
      origin = originOf(deleted);
    }
  }
  return [...found.values()];
}

/** The row of the run that a fork reads through: that of the run that was forked, or of one that this one was forked from. */
function findBase(table: Table | undefined, origin: ForkOrigin): RunRow | undefined {
  for (let next: ForkOrigin | undefined = origin; next !== undefined; ) {
    const forked: RunRow | undefined = pastRow(table, next.run, next.id);
    if (forked === undefined || forked.number === origin.base) return forked;
    next = originOf(forked);
  }
  return undefined;
}

function pastRow(table: Table | undefined, name: string, id: string): RunRow | undefined {
  let found: RunRow | undefined;
  table?.versions(name, Number.POSITIVE_INFINITY as Version, (_version: Version, stored: Stored | undefined) => {
    const row = (stored instanceof Box ? stored.value : stored) as RunRow | undefined;
    if (row?.id === id) found = row;
    return found === undefined;
  });
  return found;
}
