import { ByteReader, ByteWriter, decodeValue, encodeValue, type RunId, type Value, type Version } from "@strata/core";
import { RunShard } from "@strata/storage";
import { applyCommit } from "../apply.js";
import type { PutOperation } from "../operation.js";
import { DEFAULT_SPACE } from "../scope.js";
import type { ImageIdentity } from "./image-file.js";
import { type ImageRow, imageKey, imageOfKey, imageRowFromValue, imageRowToValue } from "./image-row.js";
import { illegalRow, isSize, placesFromValue, placesToValue, type SegmentPlace } from "./segment-place.js";
import type { SnapshotLibrary } from "./snapshot-library.js";

/** What a checkpoint knows of a run without reading it. */
export interface CatalogueRow {
  /** `undefined` for a deleted run that forks still read through. */
  readonly name: string | undefined;
  /** Of its newest commit; 0 and 0 without one. */
  readonly lastVersion: Version;
  readonly lastTimestamp: number;
  /** The run whose data it reads through, and as of which version; `undefined` and 0 for a run that began empty. */
  readonly base: RunId | undefined;
  readonly forkVersion: Version;
  /** Its segments, oldest first. */
  readonly places: readonly SegmentPlace[];
  /** Live keys and events that it shows, where they were counted. */
  readonly keys: number | undefined;
}

/** A snapshot file and how much of it is in use, in bytes. */
export interface CatalogueFile {
  readonly bytes: number;
  readonly live: number;
}

/** No commit ever has this number: it names the catalogue itself where a run is expected. */
export const CATALOGUE_NUMBER = Number.MAX_SAFE_INTEGER as RunId;

const RUN = "run/";
const FORK = "fork/";
const FILE = "file/";
const DEAD = "dead/";
const MERGE = "merge/";
const IMAGE = "image/";
const HEX_DIGITS = 14;

/**
 * What lies in the files of a checkpoint: each run's segments, each run's forks, each image of an index, each file. It is a table like any other, kept in a shard of
 * its own and written as segments of its own, so that what it costs follows what changed. It has no commits in the log: only checkpoints
 * change it, each at its version.
 */
export class Catalogue {
  readonly #library: SnapshotLibrary;
  readonly #shard: RunShard;
  #places: readonly SegmentPlace[];

  /** Microseconds; of the newest commit when it was written. */
  readonly timestamp: number;

  /**
   * How many epochs lie before the first one of this backend: those of the database that this one is a copy of. A run that was begun there
   * was begun before everything that happens here.
   */
  readonly epochsBefore: number;

  private constructor(
    library: SnapshotLibrary,
    places: readonly SegmentPlace[],
    timestamp: number,
    epochsBefore: number,
  ) {
    this.timestamp = timestamp;
    this.epochsBefore = epochsBefore;
    this.#library = library;
    this.#places = places;
    this.#shard = new RunShard(CATALOGUE_NUMBER);
    if (places.length > 0) this.#shard.attachCold(library.open(places));
  }

  /** That of a database without a checkpoint. */
  static empty(library: SnapshotLibrary, epochsBefore = 0): Catalogue {
    return new Catalogue(library, [], 0, epochsBefore);
  }

  /** That which lies there, as far as a catalogue can tell by itself. @throws CorruptionError `SNAPSHOT_CORRUPT` */
  static at(library: SnapshotLibrary, places: readonly SegmentPlace[]): Catalogue {
    return new Catalogue(library, places, 0, 0);
  }

  /** @param root what `rootOf` gave. @throws CorruptionError `SNAPSHOT_CORRUPT` */
  static open(library: SnapshotLibrary, root: Uint8Array): Catalogue {
    const value = decodeValue(new ByteReader(root));
    const [places, timestamp, epochsBefore] = Array.isArray(value) ? value : [];
    if (!isSize(timestamp) || !isSize(epochsBefore)) throw illegalRow(value);
    return new Catalogue(library, placesFromValue(places), timestamp, epochsBefore);
  }

  /** Where the catalogue itself lies, oldest segment first. */
  get places(): readonly SegmentPlace[] {
    return this.#places;
  }

  get shard(): RunShard {
    return this.#shard;
  }

  /** All that must be kept to find a catalogue again that lies there. */
  static rootOf(places: readonly SegmentPlace[], timestamp: number, epochsBefore: number): Uint8Array {
    const writer = new ByteWriter();
    encodeValue(writer, [placesToValue(places), timestamp, epochsBefore]);
    return writer.take();
  }

  /** Another one that is the same, to be changed. */
  reopened(): Catalogue {
    return new Catalogue(this.#library, this.#places, this.timestamp, this.epochsBefore);
  }

  run(number: RunId): CatalogueRow | undefined {
    const value = this.#get(RUN + hex(number));
    if (value === undefined) return undefined;
    const [name, lastVersion, lastTimestamp, base, forkVersion, places, keys] = Array.isArray(value) ? value : [];
    const legal =
      (name === null || typeof name === "string") &&
      (base === null || isSize(base)) &&
      isSize(lastVersion) &&
      isSize(lastTimestamp) &&
      isSize(forkVersion) &&
      (keys === null || isSize(keys));
    if (!legal) throw illegalRow(value);
    return {
      name: name ?? undefined,
      lastVersion,
      lastTimestamp,
      base: base === null ? undefined : (base as RunId),
      forkVersion,
      places: placesFromValue(places),
      keys: keys ?? undefined,
    };
  }

  /** The numbers of all runs that have a row, ascending. */
  runs(): RunId[] {
    return this.#list(RUN).map((key) => Number.parseInt(key.slice(RUN.length), 16) as RunId);
  }

  /** The numbers of the runs that read through that one directly, deleted ones with forks of their own included. */
  forksOf(number: RunId): RunId[] {
    const prefix = `${FORK}${hex(number)}/`;
    return this.#list(prefix).map((key) => Number.parseInt(key.slice(prefix.length), 16) as RunId);
  }

  /** The numbers of the runs that something was merged into. */
  mergeTargets(): RunId[] {
    return this.#list(MERGE).map((key) => Number.parseInt(key.slice(MERGE.length), 16) as RunId);
  }

  isMergeTarget(number: RunId): boolean {
    return this.#get(MERGE + hex(number)) !== undefined;
  }

  image(identity: ImageIdentity): ImageRow | undefined {
    const value = this.#get(keyOfImage(identity));
    return value === undefined ? undefined : imageRowFromValue(value);
  }

  /** The images of one run, or of all. */
  images(run?: RunId): ImageIdentity[] {
    const prefix = run === undefined ? IMAGE : `${IMAGE}${hex(run)}/`;
    return this.#list(prefix).map((key) => {
      const number = key.slice(IMAGE.length, IMAGE.length + HEX_DIGITS);
      return imageOfKey(Number.parseInt(number, 16) as RunId, key.slice(IMAGE.length + HEX_DIGITS + 1));
    });
  }

  file(name: string): CatalogueFile | undefined {
    const value = this.#get(FILE + name);
    if (value === undefined) return undefined;
    const [bytes, live] = Array.isArray(value) ? value : [];
    if (!isSize(bytes) || !isSize(live)) throw illegalRow(value);
    return { bytes, live };
  }

  files(): string[] {
    return this.#list(FILE).map((key) => key.slice(FILE.length));
  }

  /** Files of which nothing has been in use since that version: only the checkpoint before may still name them. */
  deadFiles(): { readonly name: string; readonly since: Version }[] {
    return this.#list(DEAD).map((key) => ({ name: key.slice(DEAD.length), since: this.#get(key) as Version }));
  }

  /** Whether a file is among these. */
  isDead(name: string): boolean {
    return this.#get(DEAD + name) !== undefined;
  }

  /** Makes changes, as of `version`: above that of all earlier ones. */
  change(version: Version, timestamp: number, changes: CatalogueChanges): void {
    const operations: PutOperation[] = [];
    for (const [key, stored] of changes.rows) {
      operations.push({ kind: "put", space: DEFAULT_SPACE, primitive: "kv", key, stored });
    }
    applyCommit(this.#shard, { run: CATALOGUE_NUMBER, version, timestamp, message: undefined, operations }, 0);
  }

  /** Its changes have been written: from here on it reads them there. */
  written(places: readonly SegmentPlace[]): void {
    const cold = this.#library.open(places);
    this.#shard.attachCold(cold);
    this.#places = places;
    this.#shard.evict();
  }

  #get(key: string): Value | undefined {
    return this.#table?.head(key) as Value | undefined;
  }

  #list(prefix: string): string[] {
    const keys: string[] = [];
    // "/" is followed by "0" among characters.
    const range = { start: prefix, end: `${prefix.slice(0, -1)}0`, reverse: false };
    this.#table?.scan(range, Number.POSITIVE_INFINITY, (key) => keys.push(key) > 0);
    return keys;
  }

  get #table() {
    return this.#shard.table(DEFAULT_SPACE, "kv");
  }
}

/** Changes of a catalogue in the making: the last one of each row counts. */
export class CatalogueChanges {
  readonly rows = new Map<string, Value | undefined>();

  setRun(number: RunId, row: CatalogueRow): void {
    const { name, lastVersion, lastTimestamp, base, forkVersion, places, keys } = row;
    this.rows.set(RUN + hex(number), [
      name ?? null,
      lastVersion,
      lastTimestamp,
      base ?? null,
      forkVersion,
      placesToValue(places),
      keys ?? null,
    ]);
    if (base !== undefined) this.rows.set(forkKey(base, number), true);
  }

  setMergeTarget(number: RunId, isOne: boolean): void {
    this.rows.set(MERGE + hex(number), isOne ? true : undefined);
  }

  removeRun(number: RunId, base: RunId | undefined): void {
    this.rows.set(RUN + hex(number), undefined);
    if (base !== undefined) this.rows.set(forkKey(base, number), undefined);
  }

  /** Whether a run has a row with these changes, on top of `catalogue`. */
  hasRun(number: RunId, catalogue: Catalogue): boolean {
    const key = RUN + hex(number);
    return this.rows.has(key) ? this.rows.get(key) !== undefined : catalogue.run(number) !== undefined;
  }

  setImage(identity: ImageIdentity, row: ImageRow): void {
    this.rows.set(keyOfImage(identity), imageRowToValue(row));
  }

  removeImage(identity: ImageIdentity): void {
    this.rows.set(keyOfImage(identity), undefined);
  }

  setFile(name: string, file: CatalogueFile): void {
    this.rows.set(FILE + name, [file.bytes, file.live]);
  }

  /** Nothing of the file is in use from `since` on. */
  setDead(name: string, since: Version): void {
    this.rows.set(FILE + name, undefined);
    this.rows.set(DEAD + name, since);
  }

  removeDead(name: string): void {
    this.rows.set(DEAD + name, undefined);
  }
}

function forkKey(base: RunId, fork: RunId): string {
  return `${FORK}${hex(base)}/${hex(fork)}`;
}

function keyOfImage(identity: ImageIdentity): string {
  return `${IMAGE}${hex(identity.run)}/${imageKey(identity)}`;
}

function hex(number: RunId): string {
  return number.toString(16).padStart(HEX_DIGITS, "0");
}
