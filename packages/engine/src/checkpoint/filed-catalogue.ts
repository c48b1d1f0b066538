import type { RunId, Value } from "@strata/core";
import type { FiledRun, FiledRuns } from "../live-runs.js";
import type { RunRow } from "../run.js";
import type { Catalogue } from "./catalogue.js";
import { isSize, placesFromValue, placesToValue, type SegmentPlace } from "./segment-place.js";
import type { SnapshotLibrary } from "./snapshot-library.js";

/** What of a catalogue leads to its runs. */
export type RunDirectory = Pick<Catalogue, "run" | "forksOf" | "mergeTargets">;

/** The runs that a catalogue lists, and those that came with files of their own. */
export class FiledCatalogue implements FiledRuns {
  readonly #library: SnapshotLibrary;
  readonly #catalogue: RunDirectory;
  readonly #imported: Map<RunId, readonly SegmentPlace[]>;

  /** @param imported is told where the runs lie that came with files of their own. */
  constructor(library: SnapshotLibrary, catalogue: RunDirectory, imported: Map<RunId, readonly SegmentPlace[]>) {
    this.#library = library;
    this.#catalogue = catalogue;
    this.#imported = imported;
  }

  run(number: RunId): FiledRun | undefined {
    const row = this.#catalogue.run(number);
    if (row === undefined) return undefined;
    const { name, lastVersion, lastTimestamp, base, forkVersion, places, keys } = row;
    return { name, lastVersion, lastTimestamp, base, forkVersion, keys, load: this.#loader(places) };
  }

  forksOf(number: RunId): RunId[] {
    return this.#catalogue.forksOf(number);
  }

  mergeTargets(): RunId[] {
    return this.#catalogue.mergeTargets();
  }

  imported(row: RunRow): FiledRun | undefined {
    const snapshot = importedSnapshotOf(row);
    if (snapshot === undefined) return undefined;
    const { lastVersion, lastTimestamp, places } = snapshot;
    this.#imported.set(row.number as RunId, places);
    const load = this.#loader(places);
    return { name: undefined, lastVersion, lastTimestamp, base: undefined, forkVersion: 0, keys: undefined, load };
  }

  #loader(places: readonly SegmentPlace[]): FiledRun["load"] {
    return places.length === 0 ? undefined : () => this.#library.open(places);
  }
}

/** What the row of a run that came with files says of them. */
export interface ImportedSnapshot {
  readonly lastVersion: number;
  readonly lastTimestamp: number;
  readonly places: readonly SegmentPlace[];
}

export function snapshotMember({ lastVersion, lastTimestamp, places }: ImportedSnapshot): { readonly snapshot: Value } {
  return { snapshot: [lastVersion, lastTimestamp, placesToValue(places)] };
}

/** The member `snapshot` of the row: `[lastVersion, lastTimestamp, places]`. */
export function importedSnapshotOf(row: RunRow): ImportedSnapshot | undefined {
  const snapshot = row["snapshot"];
  if (!Array.isArray(snapshot)) return undefined;
  const [lastVersion, lastTimestamp, places] = snapshot;
  return isSize(lastVersion) && isSize(lastTimestamp)
    ? { lastVersion, lastTimestamp, places: placesFromValue(places) }
    : undefined;
}
