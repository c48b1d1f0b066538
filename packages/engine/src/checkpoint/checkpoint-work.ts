import type { Logger, RunId, Version } from "@strata/core";
import {
  BlockCache,
  type ByteSource,
  type KeepEntries,
  openSegments,
  ReadView,
  type RunShard,
  writeSegment,
} from "@strata/storage";
import type { GivenImage, IndexImage } from "../derived-index.js";
import { knownKeys } from "../key-count.js";
import type { LiveRuns } from "../live-runs.js";
import type { LongWork, Slices } from "../long-work.js";
import { originOf } from "../run.js";
import { type Catalogue, CatalogueChanges, type CatalogueRow } from "./catalogue.js";
import { importedSnapshotOf } from "./filed-catalogue.js";
import { ImageWork } from "./image-work.js";
import type { SegmentPlace } from "./segment-place.js";
import { SnapshotBatch } from "./snapshot-batch.js";
import type { SnapshotLibrary } from "./snapshot-library.js";

/** The runs of which a checkpoint is made. */
export interface CheckpointGround {
  readonly runs: LiveRuns;
  /** Shards that are in memory: only they can have changed. */
  readonly shards: () => Iterable<RunShard>;
  /** Where a run lies that came with files of its own since the last checkpoint. */
  readonly importedPlaces: (number: RunId) => readonly SegmentPlace[];
}

/** The moment that a checkpoint is of. */
export interface CheckpointMoment {
  readonly version: Version;
  readonly timestamp: number;
}

/** How the segments of runs are written. */
export interface WritingPolicy {
  /** Whether a run is written anew, all of it, changed or not. */
  isRewritten(shard: RunShard): boolean;
  /**
   * Which entries stay where older segments are taken into a new one; `undefined` for all.
   *
   * @param isWhole whether all of the run's segments are taken in, so that nothing older can show through.
   */
  keep(shard: RunShard, isWhole: boolean): KeepEntries | undefined;
  /** Whether somebody holds a version of the run in [from, to): the commit that it shows stays known, whatever is left of it. */
  isHeld(shard: RunShard, from: Version, to: Version): boolean;
  /** Files that are to be left: images of indexes move out of them, as the runs do that are rewritten. */
  readonly vacated?: ReadonlySet<string> | undefined;
}

/** The same policy, for other runs and files. */
export function rewriting(
  policy: WritingPolicy,
  isRewritten: WritingPolicy["isRewritten"],
  vacated: WritingPolicy["vacated"] = policy.vacated,
): WritingPolicy {
  return {
    isRewritten,
    vacated,
    keep: (shard, isWhole) => policy.keep(shard, isWhole),
    isHeld: (shard, from, to) => policy.isHeld(shard, from, to),
  };
}

/** A run that lies in another library, or in memory, and is written as one segment. */
export interface CopiedRun {
  /** What it did in (from, through] is in memory. */
  readonly shard: RunShard;
  readonly from: Version;
  readonly through: Version;
  /** What it did up to `from`: all segments, oldest first. */
  readonly merge: readonly ByteSource[];
  /** What the catalogue is going to say of it, besides where it lies. */
  readonly row: Omit<CatalogueRow, "places">;
}

/** What has been written, and is to be attached to its shard once it is published. */
export interface WrittenRun {
  readonly shard: RunShard;
  readonly places: readonly SegmentPlace[];
}

/** A segment is taken into the one that is written on top of it unless it is larger than this many times that one. */
const MERGE_FACTOR = 2;
/** What a commit takes in a segment, about, besides what it took in the log. Bytes. */
const COMMIT_BYTES = 24;
/** So many commits say how large the others are. */
const COMMITS_JUDGED = 256;
/** The fixed parts of a segment. Bytes. */
const SMALLEST_SEGMENT = 256;
/** To look for merges in segments, of which little is read. Bytes. */
const MERGES_CACHE_BYTES = 64 * 1024;
/** A row of the catalogue. Bytes. */
const ROW_BYTES = 64;

const NO_FILES: ReadonlySet<string> = new Set();

/**
 * One checkpoint in the making: first every run that has changed since the last one, then the images of indexes, then the catalogue. Runs may be written to meanwhile:
 * what is read is what they held at the moment the checkpoint is of, which views keep in place.
 */
export class CheckpointWork {
  readonly #library: SnapshotLibrary;
  readonly #catalogue: Catalogue;
  readonly #moment: CheckpointMoment;
  readonly #slices: Slices;
  readonly #batch: SnapshotBatch;
  readonly #changes = new CatalogueChanges();
  /** By how many bytes less of each file is in use, or more. */
  readonly #usage = new Map<string, number>();
  readonly #views: ReadView[] = [];
  readonly #images: ImageWork;
  readonly written: WrittenRun[] = [];
  /** Files that are needed by no checkpoint once this one is published. */
  readonly obsolete: string[] = [];
  /** Runs that came with files, of which nobody has to know any more where they are. */
  readonly forgotten: RunId[] = [];
  /** Bytes of the segments of runs. */
  bytes = 0;
  /** Entries of older segments that the new ones do not have. */
  entriesDropped = 0;

  /** @param library where it is written to. */
  constructor(library: SnapshotLibrary, catalogue: Catalogue, moment: CheckpointMoment, slices: Slices) {
    this.#library = library;
    this.#catalogue = catalogue;
    this.#moment = moment;
    this.#slices = slices;
    this.#batch = new SnapshotBatch(library.files);
    this.#images = new ImageWork({
      library,
      catalogue,
      changes: this.#changes,
      batch: this.#batch,
      version: moment.version,
      slices,
      use: (file, bytes) => this.#use(file, bytes),
    });
  }

  /** Writes the runs that have changed. */
  async writeRuns(ground: CheckpointGround, policy: WritingPolicy, onProgress: LongWork["onProgress"]): Promise<void> {
    const { runs, shards } = ground;
    const { version } = this.#moment;
    const unneeded = [...runs.unneeded()];
    const made = new Set<RunId>();
    const deleted = new Set<RunId>();
    for (const change of runs.changes) (change.kind === "made" ? made : deleted).add(change.number);
    const candidates = new Set<RunShard>([...shards(), ...runs.departed()]);
    const tasks: { readonly shard: RunShard; readonly isRewritten: boolean; readonly writes: boolean }[] = [];
    for (const shard of candidates) {
      const isRewritten = policy.isRewritten(shard);
      const writes = isRewritten || shard.lastVersion > filedThrough(shard);
      if (!writes && !made.has(shard.id) && !deleted.has(shard.id)) continue;
      this.#views.push(new ReadView(shard, version));
      tasks.push({ shard, isRewritten, writes });
    }
    for (const number of made) this.#noteUnasked(runs, number);
    const moment = tasks.map(({ shard }) => ({ lastVersion: shard.lastVersion, lastTimestamp: shard.lastTimestamp }));
    const names = tasks.map(({ shard }) => runs.byNumber(shard.id)?.name);
    const keys = tasks.map(({ shard }) => (shard.isLoaded ? knownKeys(shard) : undefined));
    for (const [index, { shard, isRewritten, writes }] of tasks.entries()) {
      const filed = this.#catalogue.run(shard.id)?.places;
      const known = filed ?? ground.importedPlaces(shard.id);
      if (filed === undefined) for (const { file, length } of known) this.#use(file, length);
      const places = writes ? await this.#writeRun(shard, known, isRewritten, policy) : known;
      if (writes) this.written.push({ shard, places });
      if (writes && shard.merges.length > 0) this.#changes.setMergeTarget(shard.id, true);
      const row: CatalogueRow = {
        name: names[index],
        lastVersion: moment[index]!.lastVersion,
        lastTimestamp: moment[index]!.lastTimestamp,
        base: shard.parent?.id,
        forkVersion: shard.parent === undefined ? 0 : shard.forkVersion,
        places,
        keys: keys[index] ?? (writes ? undefined : this.#catalogue.run(shard.id)?.keys),
      };
      this.#changes.setRun(shard.id, row);
      onProgress?.(index + 1, tasks.length);
      await this.#slices.pause();
    }
    for (const number of unneeded) this.#forget(number);
    const known = new Set(tasks.map(({ shard }) => shard.id));
    for (const number of deleted) if (!known.has(number)) this.#forgetImported(number, ground.importedPlaces(number));
  }

  /** Images that are new in this checkpoint. */
  get imagesWritten(): readonly IndexImage[] {
    return this.#images.written;
  }

  /** Writes what changed of the images of indexes; after the runs. @param given as of the moment of the checkpoint */
  async writeImages(given: readonly GivenImage[], policy: WritingPolicy, logger: Logger): Promise<void> {
    await this.#images.write(given, policy.vacated ?? NO_FILES, logger);
  }

  /** No image is left. */
  async forgetImages(): Promise<void> {
    await this.#images.forgetAll();
  }

  /** Writes a run that the catalogue does not know, all of it. */
  async copyRun({ shard, from, through, merge, row }: CopiedRun): Promise<void> {
    const places: SegmentPlace[] = [];
    if (merge.length > 0 || shard.lastVersion > from) {
      const draft = this.#batch.begin(merge.reduce((sum, { size }) => sum + size, expectedBytes(shard)));
      await this.#slices.run(writeSegment({ shard, from, through, merge }, draft.write));
      const place = draft.end();
      this.bytes += place.length;
      this.#use(place.file, place.length);
      places.push(place);
      if (hasMerges(shard, merge)) this.#changes.setMergeTarget(shard.id, true);
    }
    this.#changes.setRun(shard.id, { ...row, places });
  }

  /** Writes the catalogue and makes all files durable. @returns where the catalogue is. */
  async writeCatalogue(previous: Version): Promise<readonly SegmentPlace[]> {
    const { version, timestamp } = this.#moment;
    const catalogue = this.#catalogue;
    const { kept, merged } = chooseMerged(catalogue.places, SMALLEST_SEGMENT + this.#changes.rows.size * ROW_BYTES);
    // The catalogue's own segments have files of their own, and are not counted by it: the root names them.
    for (const { file } of merged) this.#changes.setDead(file, version);
    for (const { name, since } of catalogue.deadFiles()) {
      if (since > previous) continue;
      this.#changes.removeDead(name);
      this.obsolete.push(name);
    }
    this.#countFiles();
    catalogue.change(version, timestamp, this.#changes);
    const draft = this.#batch.begin(Number.POSITIVE_INFINITY);
    await this.#slices.run(
      writeSegment(
        {
          shard: catalogue.shard,
          from: catalogue.shard.coldThrough,
          through: version,
          merge: this.#library.sources(merged),
          keep: merged.length === 0 ? undefined : newestOnly(kept.length === 0),
        },
        draft.write,
      ),
    );
    await this.#batch.finish();
    return [...kept, draft.end()];
  }

  /** What was written counts for nothing. */
  discard(): void {
    this.#batch.discard();
  }

  /** Lets go of the moment. */
  release(): void {
    for (const view of this.#views) view.dispose();
  }

  async #writeRun(
    shard: RunShard,
    known: readonly SegmentPlace[],
    isRewritten: boolean,
    policy: WritingPolicy,
  ): Promise<readonly SegmentPlace[]> {
    await this.#slices.run(shard.loadInSlices());
    const expected = expectedBytes(shard);
    const { kept, merged } = isRewritten ? { kept: [], merged: known } : chooseMerged(known, expected);
    const draft = this.#batch.begin(expected + merged.reduce((sum, { length }) => sum + length, 0));
    const input = {
      shard,
      from: filedThrough(shard),
      through: this.#moment.version,
      merge: this.#library.sources(merged),
      keep: merged.length === 0 ? undefined : this.#counting(policy.keep(shard, kept.length === 0)),
      isPinned: (from: Version, to: Version) => policy.isHeld(shard, from, to),
    };
    await this.#slices.run(writeSegment(input, draft.write));
    const place = draft.end();
    this.bytes += place.length;
    this.#use(place.file, place.length);
    for (const { file, length } of merged) this.#use(file, -length);
    return [...kept, place];
  }

  #counting(keep: KeepEntries | undefined): KeepEntries | undefined {
    if (keep === undefined) return undefined;
    return (primitive, key, versions, isDead) => {
      const kept = keep(primitive, key, versions, isDead);
      for (const stays of kept ?? []) if (!stays) this.entriesDropped++;
      return kept;
    };
  }

  /** A run that nobody has asked for since it was made: there is its row, and what it came with. */
  #noteUnasked(runs: LiveRuns, number: RunId): void {
    const unasked = runs.unasked(number);
    if (unasked === undefined) return;
    const { name, row } = unasked;
    const origin = originOf(row);
    const snapshot = importedSnapshotOf(row);
    this.#changes.setRun(number, {
      name,
      lastVersion: snapshot?.lastVersion ?? 0,
      lastTimestamp: snapshot?.lastTimestamp ?? 0,
      base: origin?.base as RunId | undefined,
      forkVersion: origin?.baseVersion ?? 0,
      places: snapshot?.places ?? [],
      keys: undefined,
    });
    for (const { file, length } of snapshot?.places ?? []) this.#use(file, length);
  }

  /** A run that is gone, and that nobody reads through. */
  #forget(number: RunId): void {
    const row = this.#catalogue.run(number);
    if (row === undefined) return;
    this.#changes.removeRun(number, row.base);
    if (this.#catalogue.isMergeTarget(number)) this.#changes.setMergeTarget(number, false);
    for (const { file, length } of row.places) this.#use(file, -length);
    this.#images.forgetRun(number);
  }

  /** One that came with files and went again before a checkpoint knew of it. The log still tells of it, behind the checkpoint before. */
  #forgetImported(number: RunId, places: readonly SegmentPlace[]): void {
    if (places.length === 0 || this.#catalogue.run(number) !== undefined) return;
    for (const { file } of places) this.#changes.setDead(file, this.#moment.version);
    this.forgotten.push(number);
  }

  #use(file: string, bytes: number): void {
    this.#usage.set(file, (this.#usage.get(file) ?? 0) + bytes);
  }

  #countFiles(): void {
    const sizes = new Map(this.#batch.files.map(({ name, bytes }) => [name, bytes]));
    for (const [name, change] of this.#usage) {
      const known = this.#catalogue.file(name);
      const live = (known?.live ?? 0) + change;
      if (live > 0) this.#changes.setFile(name, { bytes: sizes.get(name) ?? known?.bytes ?? live, live });
      else this.#changes.setDead(name, this.#moment.version);
    }
  }
}

/**
 * The newest segments, from the oldest on that is not much larger than all that lies on top of it: so what is left is a stack in which each
 * is larger than all that follow together, which is short, whatever `expected` was worth; and each byte is rewritten seldom.
 */
function chooseMerged(
  places: readonly SegmentPlace[],
  expected: number,
): { readonly kept: readonly SegmentPlace[]; readonly merged: readonly SegmentPlace[] } {
  let size = expected;
  let first = places.length;
  for (let index = places.length - 1; index >= 0; index--) {
    const { length } = places[index]!;
    if (length <= MERGE_FACTOR * size) first = index;
    size += length;
  }
  return { kept: places.slice(0, first), merged: places.slice(first) };
}

/** Whether something was merged into a run that lies in `sources`, and has done more in memory. */
function hasMerges(shard: RunShard, sources: readonly ByteSource[]): boolean {
  if (shard.isLoaded && shard.merges.length > 0) return true;
  return sources.length > 0 && openSegments(sources, { cache: new BlockCache(MERGES_CACHE_BYTES) }).merges.length > 0;
}

/** What the run has done up to this version is in files. What it inherited is in those of others. */
function filedThrough(shard: RunShard): Version {
  return Math.max(shard.coldThrough, shard.forkVersion);
}

/** About what a run's changes since its last segment take, judged by the newest of them. */
function expectedBytes(shard: RunShard): number {
  const { timeline } = shard;
  let bytes = 0;
  let writes = 0;
  for (const commit of timeline.commits({ reverse: true, limit: COMMITS_JUDGED })) {
    bytes += commit.bytes + COMMIT_BYTES;
    writes += commit.operations;
  }
  return SMALLEST_SEGMENT + Math.ceil((bytes / Math.max(1, writes)) * timeline.writesSince(timeline.tailFloor));
}

/** Of a catalogue, nobody asks for the past. What is deleted may only go where nothing older is left to show through. */
function newestOnly(isWhole: boolean): KeepEntries {
  return (_primitive, _key, versions, isDead) => {
    const newest = versions.length - 1;
    return versions.map((_version, index) => index === newest && !(isWhole && isDead(index)));
  };
}
