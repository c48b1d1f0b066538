import { CorruptionError, type RunId, type Version } from "@strata/core";
import { identifySegment, type SegmentLoss, salvageSegment } from "@strata/storage";
import type { Slices } from "../long-work.js";
import type { LostPart } from "../recovery.js";
import type { CatalogueRow } from "./catalogue.js";
import type { Generation, Generations } from "./generations.js";
import type { PatchedFiles } from "./patched-files.js";
import type { SegmentPlace } from "./segment-place.js";
import { isDamage } from "./segment-pool.js";

/** What of a run could be had. */
export interface RescuedRun {
  readonly row: CatalogueRow;
  /** Its commits above it are to be taken from the log. */
  readonly through: Version;
  /** Commits are missing behind `through`: those of the log do not follow. */
  readonly isCut: boolean;
}

/** Puts runs together again of which a file is damaged. */
export class RunRescue {
  readonly #generations: Generations;
  readonly #files: PatchedFiles;
  readonly #slices: Slices;
  /** What was not to be had, with the run. */
  readonly lost: { readonly number: RunId; readonly part: LostPart }[] = [];

  constructor(generations: Generations, files: PatchedFiles, slices: Slices) {
    this.#generations = generations;
    this.#files = files;
    this.#slices = slices;
  }

  /**
   * The same run from what is whole, if that can be: an older checkpoint has an older part of it, and the log what followed. If not, what
   * of it can be read.
   *
   * @param row says of it what `base`, the checkpoint that everything begins with, says.
   */
  async rescue(number: RunId, row: CatalogueRow, base: Generation): Promise<RescuedRun> {
    return (await this.#fromOlder(number, row, base)) ?? (await this.#fromPieces(number, row, base));
  }

  async #fromOlder(number: RunId, row: CatalogueRow, base: Generation): Promise<RescuedRun | undefined> {
    const { list, pool } = this.#generations;
    for (const older of list) {
      const { version, catalogue } = older;
      if (version >= base.version || !this.#generations.covers(version, base.version)) continue;
      const before = catalogue.run(number);
      // Made since: then the log has all of it, unless it came with a file.
      const known = before ?? (number > version ? { ...row, lastVersion: row.forkVersion, places: [] } : undefined);
      if (known === undefined || (before === undefined && (await this.#cameWithFile(row)))) continue;
      // Commits of a deleted run lead nowhere any more.
      if (row.name === undefined && known.lastVersion !== row.lastVersion) continue;
      if (!(await pool.areWhole(known.places))) continue;
      return { row: { ...known, name: row.name }, through: version, isCut: false };
    }
    return undefined;
  }

  /** Whether its first segment holds more than the log would have of it: commits from before it was made. */
  async #cameWithFile({ places, forkVersion }: CatalogueRow): Promise<boolean> {
    const first = places[0];
    if (first === undefined) return false;
    const source = this.#sourceOf(first);
    try {
      const { run } = identifySegment(source);
      const { timeline } = this.#generations.library.open([first]);
      return forkVersion === 0 && timeline.length > 0 && timeline.versionOf(0) < run;
    } catch (error) {
      if (!isDamage(error)) throw error;
      return true;
    }
  }

  async #fromPieces(number: RunId, row: CatalogueRow, base: Generation): Promise<RescuedRun> {
    const { pool, library } = this.#generations;
    const places: SegmentPlace[] = [];
    const cutLogs = new Set<string>();
    let through = row.forkVersion;
    for (const [index, place] of row.places.entries()) {
      const isWhole = (await pool.problemsOf(place)).length === 0;
      const kept = isWhole && cutLogs.size === 0 ? place : await this.#salvage(number, place, cutLogs);
      if (kept === undefined) {
        for (const behind of row.places.slice(index + 1)) {
          const what = "it follows a part of the run that cannot be read at all";
          this.#note(number, { file: behind.file, offset: behind.offset, bytes: behind.length, what });
        }
        const { timeline } = places.length === 0 ? { timeline: undefined } : library.open(places);
        const last = timeline === undefined || timeline.length === 0 ? -1 : timeline.length - 1;
        const lastVersion = last < 0 ? row.forkVersion : timeline!.versionOf(last);
        const lastTimestamp = last < 0 ? 0 : timeline!.timestampOf(last);
        const isCut = !this.#generations.covers(through, base.version);
        return { row: { ...row, places, lastVersion, lastTimestamp }, through, isCut };
      }
      places.push(kept);
      through = identifySegment(this.#sourceOf(kept)).through;
    }
    return { row: { ...row, places }, through: base.version, isCut: false };
  }

  /** Another segment with what is left of a damaged one; `undefined` when its end is damaged, which leads to all the rest. */
  async #salvage(number: RunId, place: SegmentPlace, cutLogs: Set<string>): Promise<SegmentPlace | undefined> {
    let losses: readonly SegmentLoss[] = [];
    try {
      const source = this.#sourceOf(place);
      const { run } = identifySegment(source);
      if (run !== number) throw new CorruptionError("SNAPSHOT_CORRUPT", `what lies there is of run ${run}`, { run });
      const { name, bytes } = await this.#files.make(async (sink) => {
        losses = await this.#slices.run(salvageSegment(source, cutLogs, sink));
      });
      for (const { offset, bytes: size, what } of losses) {
        this.#note(number, { file: place.file, offset, bytes: size, what });
      }
      return { file: name, offset: 0, length: bytes };
    } catch (error) {
      if (!isDamage(error)) throw error;
      const what = `everything that the run did in a stretch of versions: ${error.message}`;
      this.#note(number, { file: place.file, offset: place.offset, bytes: place.length, what });
      return undefined;
    }
  }

  #sourceOf(place: SegmentPlace) {
    return this.#generations.library.sources([place])[0]!;
  }

  #note(number: RunId, part: LostPart & { readonly file: string }): void {
    this.lost.push({ number, part: { ...part, file: `snapshots/${part.file}` } });
  }
}
