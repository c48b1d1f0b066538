import type { RunId, Version } from "@strata/core";
import type { LogSalvage, SalvagedLog } from "@strata/durability";
import type { Slices } from "../long-work.js";
import type { LostPart } from "../recovery.js";
import { CATALOGUE_NUMBER, Catalogue } from "./catalogue.js";
import type { PatchedFiles } from "./patched-files.js";
import type { SegmentPlace } from "./segment-place.js";
import { isDamage, SegmentPool } from "./segment-pool.js";
import { SnapshotLibrary } from "./snapshot-library.js";

/** A checkpoint whose catalogue can be read. */
export interface Generation {
  readonly version: Version;
  readonly catalogue: Catalogue;
}

/** A commit as the log has it. */
export interface LoggedCommit {
  readonly version: Version;
  readonly payload: Uint8Array;
}

const CACHE_BYTES = 16 * 1024 * 1024;

/**
 * What is left of a damaged database, as far as it can be told without deciding anything: segments, checkpoints, commits. A checkpoint
 * leaves the files of the one before in place until the next, and the log behind that one: so what the newer one has in a damaged file, the
 * older one and the log have too.
 */
export class Generations {
  readonly library: SnapshotLibrary;
  readonly pool: SegmentPool;
  /** The newest first. */
  readonly list: Generation[] = [];
  /** All that are there, in order, up to the first damage. */
  readonly commits: LoggedCommit[] = [];
  /** Those behind the newest checkpoint, whatever is wrong with the log before. */
  readonly tail: LoggedCommit[] = [];
  readonly lost: LostPart[] = [];
  whole!: SalvagedLog;
  /** `undefined` where it is not known which checkpoint was the newest. */
  behind: SalvagedLog | undefined;
  readonly #source: LogSalvage;
  readonly #slices: Slices;

  constructor(source: LogSalvage, files: PatchedFiles, slices: Slices) {
    this.#source = source;
    this.#slices = slices;
    this.library = new SnapshotLibrary(files, CACHE_BYTES);
    this.pool = new SegmentPool(this.library, slices);
  }

  async read(): Promise<void> {
    const source = this.#source;
    const roots: { readonly version: Version; readonly catalogue: Catalogue }[] = [];
    for (const { version, root } of source.checkpoints) {
      try {
        roots.push({ version, catalogue: Catalogue.open(this.library, root) });
      } catch (error) {
        if (!isDamage(error)) throw error;
        this.lost.push({ file: "", offset: 0, bytes: 0, what: `the catalogue cannot be opened: ${error.message}` });
      }
    }
    await this.pool.scan(source.snapshots, this.#knownPlaces(roots));
    await this.#find(roots);
    this.whole = source.read("beginning", (payload, version) => {
      this.commits.push({ version, payload: payload.slice() });
    });
    const newest = source.checkpoints[0];
    if (!source.isKnown) return;
    if (newest === undefined || this.whole.lost.length === 0) {
      this.behind = this.whole;
      this.tail.push(...this.commits.filter(({ version }) => version > (newest?.version ?? 0)));
      return;
    }
    this.behind = source.read("checkpoint", (payload, version) => {
      this.tail.push({ version, payload: payload.slice() });
    });
  }

  /** Version of the newest checkpoint, if it is known which it was; 0 when there was none. */
  get newestVersion(): Version | undefined {
    return this.#source.isKnown ? (this.#source.checkpoints[0]?.version ?? 0) : undefined;
  }

  /** Whether the log has every commit above `version` and up to `through`. */
  covers(version: Version, through: Version): boolean {
    const { lost, firstLsn, isFromBeginning } = this.whole;
    const reaches = lost.length === 0 || (this.commits.at(-1)?.version ?? 0) >= through;
    if (!reaches) return false;
    const first = this.commits[0]?.version;
    // Where the log goes further back than that, nothing can be missing in between.
    if (firstLsn === 0 || (first !== undefined && first <= version)) return true;
    return isFromBeginning && version >= this.#previousVersion();
  }

  /** Of the checkpoint behind which the log is kept: catalogues tell of theirs, damaged or not. */
  #previousVersion(): Version {
    const newest = this.newestVersion ?? Number.POSITIVE_INFINITY;
    const versions = new Set<Version>(this.#source.checkpoints.map(({ version }) => version));
    for (const { run, through } of this.pool.segments) if (run === CATALOGUE_NUMBER) versions.add(through);
    const known = [...versions].filter((version) => version <= newest).sort((a, b) => b - a);
    // One that nobody knows of may have been between: then the newest itself is all that can be relied on.
    return known[1] ?? known[0] ?? Number.POSITIVE_INFINITY;
  }

  async #find(roots: readonly { readonly version: Version; readonly catalogue: Catalogue }[]): Promise<void> {
    const found = new Map<Version, Catalogue>();
    for (const { version, catalogue } of roots) {
      if (await this.#isWhole(catalogue.places)) found.set(version, catalogue);
    }
    const newest = this.newestVersion ?? Number.POSITIVE_INFINITY;
    const others = new Set<Version>();
    for (const { run, through } of this.pool.segments) {
      if (run === CATALOGUE_NUMBER && through <= newest && !found.has(through)) others.add(through);
    }
    for (const version of others) {
      const path = await this.pool.pathOf(CATALOGUE_NUMBER, 0, version);
      if (path.at(-1)?.through === version) {
        found.set(
          version,
          Catalogue.at(
            this.library,
            path.map(({ place }) => place),
          ),
        );
      }
      await this.#slices.pause();
    }
    const versions = [...found.keys()].sort((a, b) => b - a);
    this.list.push(...versions.map((version) => ({ version, catalogue: found.get(version) as Catalogue })));
  }

  async #isWhole(places: readonly SegmentPlace[]): Promise<boolean> {
    let isWhole = true;
    for (const place of places) {
      for (const { offset, message } of await this.pool.problemsOf(place)) {
        isWhole = false;
        const what = `a list of the runs, which was found out otherwise: ${message}`;
        this.lost.push({ file: `snapshots/${place.file}`, offset, bytes: place.length, what });
      }
    }
    return isWhole;
  }

  #knownPlaces(roots: readonly { readonly catalogue: Catalogue }[]): SegmentPlace[] {
    const places: SegmentPlace[] = [];
    for (const { catalogue } of roots) {
      places.push(...catalogue.places);
      try {
        for (const number of catalogue.runs()) places.push(...(catalogue.run(number as RunId)?.places ?? []));
      } catch (error) {
        if (!isDamage(error)) throw error;
      }
    }
    return places;
  }
}
