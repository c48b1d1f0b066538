import {
  type Clock,
  type Logger,
  type Lsn,
  type RunId,
  StateError,
  StrataError,
  type Timer,
  type Version,
} from "@strata/core";
import type { Checkpoint, Durability, SnapshotFiles } from "@strata/durability";
import type { RunShard, SegmentBytes, ShardedStore } from "@strata/storage";
import type { DerivedIndex, DerivedViews, GivenImage, SavedImage } from "../derived-index.js";
import type { LiveRuns } from "../live-runs.js";
import { type LongWork, Slices } from "../long-work.js";
import { Catalogue } from "./catalogue.js";
import { type CheckpointMoment, CheckpointWork, rewriting, type WritingPolicy } from "./checkpoint-work.js";
import { FileKeeper } from "./file-keeper.js";
import { hasImagesIn, isMostlyWaste, runsIn, wastefulFiles } from "./file-waste.js";
import { FiledCatalogue } from "./filed-catalogue.js";
import { FiledImage } from "./image-reader.js";
import { type IncomingFile, writeIncoming } from "./incoming-file.js";
import { evictLargest } from "./resident-memory.js";
import type { SegmentPlace } from "./segment-place.js";
import { SnapshotLibrary } from "./snapshot-library.js";

/** What one checkpoint did. */
export interface CheckpointInfo {
  /** Runs written. */
  readonly runs: number;
  /** Of their segments. */
  readonly bytes: number;
  /** Of log that is not needed any more and was removed. */
  readonly logBytesRetired: number;
}

/** The same, for who compacts. */
export interface CheckpointResult extends CheckpointInfo {
  /** Entries that the older segments had and the new ones do not. */
  readonly entriesDropped: number;
}

export interface CheckpointSettings {
  /** A checkpoint is begun when the log behind the last one is longer than this, in bytes; `Infinity` for never. */
  readonly walSizeBytes: number;
  /** How many bytes what was read from files may take in memory, about. */
  readonly memoryBudgetBytes: number;
}

/** A part of the budget that unpacked blocks of files may take. */
const CACHE_SHARE = 1 / 8;
/** How often a compaction moves images out of files of which little is in use. */
const IMAGE_ROUNDS = 2;
/** Blocks read from files before memory is looked at again. */
const READS_PER_LOOK = 2_000;

export interface CheckpointFailure {
  /** `undefined` when it was a defect. */
  readonly cause: StrataError | undefined;
}

const NOTHING_DONE: CheckpointResult = Object.freeze({ runs: 0, bytes: 0, logBytesRetired: 0, entriesDropped: 0 });

/**
 * Writes what the log says into snapshot files, so that the log stays short, history leaves memory, and opening reads next to nothing.
 *
 * A checkpoint is of one version of the whole database. It goes: files of all runs changed since the last one → of the images of indexes
 * that have changed → the catalogue's → all of them durable → published (`Durability.publishCheckpoint`: from here on it counts) → the store
 * reads from them → files that neither this checkpoint nor the one before names are removed. Wherever it ends early, the checkpoint before counts and nothing is lost; files that were
 * left over are removed by the next one. Commits go on meanwhile.
 */
export class Checkpointer implements DerivedIndex {
  readonly name = "checkpoint";
  readonly #durability: Durability;
  readonly #store: ShardedStore;
  readonly #runs: LiveRuns;
  readonly #views: DerivedViews;
  readonly #library: SnapshotLibrary;
  readonly #clock: Clock;
  readonly #timer: Timer;
  readonly #logger: Logger;
  readonly #settings: CheckpointSettings;
  readonly #policy: WritingPolicy;
  readonly #drawMoment: () => CheckpointMoment;
  #catalogue: Catalogue;
  /** The last one that counts. */
  #published: { readonly version: Version; readonly lsn: Lsn } = { version: 0, lsn: 0 as Lsn };
  /** Where the log was when the last one was begun. */
  #begunAt: Lsn = 0 as Lsn;
  readonly #imported = new Map<RunId, readonly SegmentPlace[]>();
  readonly #keeper: FileKeeper;
  /** Where the catalogue was written to, until it reads from there. */
  #unread: readonly SegmentPlace[] | undefined;
  /** The same of runs. */
  readonly #unattached = new Map<RunShard, readonly SegmentPlace[]>();
  #running: Promise<unknown> | undefined;
  #cancelScheduled: (() => void) | undefined;
  #reads = 0;
  #isClosed = false;
  /** Everything that was deleted is on its way out: no image is written, and none stays. */
  #isErasing = false;
  #failure: CheckpointFailure | undefined;

  constructor(parts: {
    readonly durability: Durability;
    readonly files: SnapshotFiles;
    readonly store: ShardedStore;
    readonly runs: LiveRuns;
    /** The indexes whose images are written. */
    readonly views: DerivedViews;
    readonly clock: Clock;
    readonly timer: Timer;
    readonly logger: Logger;
    readonly settings: CheckpointSettings;
    /** How runs are written where nobody says otherwise. */
    readonly policy: WritingPolicy;
    /** A version above that of every commit so far, with the timestamp of the newest. */
    readonly drawMoment: () => CheckpointMoment;
  }) {
    this.#durability = parts.durability;
    this.#store = parts.store;
    this.#runs = parts.runs;
    this.#views = parts.views;
    this.#clock = parts.clock;
    this.#timer = parts.timer;
    this.#logger = parts.logger;
    this.#settings = parts.settings;
    this.#policy = parts.policy;
    this.#drawMoment = parts.drawMoment;
    const cacheBytes = parts.settings.memoryBudgetBytes * CACHE_SHARE;
    this.#library = new SnapshotLibrary(parts.files, cacheBytes, () => this.#noteRead());
    this.#keeper = new FileKeeper(parts.files, parts.logger);
    this.#catalogue = Catalogue.empty(this.#library);
    this.#runs.attach(this.#filed());
  }

  /** The checkpoint that recovery begins with. @returns the timestamp of the newest commit in it */
  recovered(checkpoint: Checkpoint): number {
    this.#catalogue = Catalogue.open(this.#library, checkpoint.root);
    this.#published = checkpoint;
    this.#begunAt = checkpoint.lsn;
    this.#runs.attach(this.#filed());
    return this.#catalogue.timestamp;
  }

  get files(): SnapshotFiles {
    return this.#library.files;
  }

  /** What went wrong with the last one, if it did. */
  get failure(): CheckpointFailure | undefined {
    return this.#failure;
  }

  /** The part of a database that lies in files, for whoever needs to know what a run takes there. */
  get catalogue(): Catalogue {
    return this.#catalogue;
  }

  get library(): SnapshotLibrary {
    return this.#library;
  }

  /** Called in the commit pass: looks at two numbers. */
  onCommit(): void {
    if (this.#durability.end - this.#begunAt > this.#settings.walSizeBytes) this.#schedule();
  }

  onRunDropped(): void {}

  /**
   * Writes a checkpoint of all that is committed; does nothing when that is what the last one was of. One at a time: a second call waits
   * for the first.
   *
   * @param own a policy of its own: given to write runs anew that have not changed.
   *
   * @throws what the disk says; then the checkpoint before still counts. The signal's reason, when it is aborted.
   */
  async run(work: LongWork = {}, own?: WritingPolicy): Promise<CheckpointResult> {
    while (this.#running !== undefined) await this.#running.catch(() => {});
    this.#mustBeOpen();
    const running = this.#take(work, own);
    this.#running = running;
    try {
      const info = await running;
      this.#failure = undefined;
      return info;
    } finally {
      this.#running = undefined;
    }
  }

  /**
   * Writes a run that is not part of the database yet into a file of its own, durable with its name.
   *
   * @param shard nobody else has it; it reads from the file afterwards.
   */
  async writeIncoming(shard: RunShard, signal: AbortSignal | undefined): Promise<IncomingFile> {
    const slices = new Slices(this.#clock, this.#timer, signal);
    return await writeIncoming(this.#library, this.#keeper, shard, slices, {
      mustBeOpen: () => this.#mustBeOpen(),
      isClosed: () => this.#isClosed,
      taken: (places) => this.#imported.set(shard.id, places),
    });
  }

  /**
   * Writes every run anew, so that what deletions and retention left behind goes from the disk: afterwards neither this checkpoint nor the
   * one before, neither the log nor any file has what `policy` does not keep, and no image of an index is there. What is held back for readers goes when they are through.
   * Wherever it ends early, nothing is lost, and what was to go may still be there.
   *
   * @throws as `run` does
   */
  async rewriteAll(policy: WritingPolicy, work: LongWork = {}): Promise<CheckpointResult> {
    this.#mustBeOpen();
    const slices = new Slices(this.#clock, this.#timer, work.signal);
    for (const name of this.#runs.names()) {
      this.#runs.find(name);
      await slices.pause();
    }
    // What is in the log now lies below the first of the two checkpoints: it goes with the second.
    this.#durability.roll();
    const isRewritten = (shard: RunShard) => shard.coldThrough > shard.forkVersion;
    let result: CheckpointResult;
    this.#isErasing = true;
    try {
      result = await this.rewrite(rewriting(policy, isRewritten), work);
    } finally {
      this.#isErasing = false;
      this.#views.erased();
    }
    this.#mustBeOpen();
    // Not even a power failure brings a file back.
    this.#library.files.syncNames();
    return result;
  }

  /** The same for the runs that `policy` says, and those that lie in files of which little is in use then. The log is left as it is. */
  async rewrite(policy: WritingPolicy, work: LongWork = {}): Promise<CheckpointResult> {
    const { signal } = work;
    const result = await this.run(work, policy);
    let { logBytesRetired } = result;
    // A checkpoint leaves the one before usable: what that names goes with the next.
    const slices = new Slices(this.#clock, this.#timer, signal);
    let imageRounds = 0;
    for (let isDone = false; !isDone; ) {
      const vacated = wastefulFiles(this.#catalogue);
      const moved = await this.#runsIn(vacated, slices);
      // Indexes that go on changing may waste what was written for them a moment ago.
      const movesImages = imageRounds++ < IMAGE_ROUNDS && (await hasImagesIn(vacated, this.#catalogue, slices));
      isDone = moved.size === 0 && !movesImages;
      const next = await this.run(
        { signal },
        rewriting(policy, (shard) => moved.has(shard), vacated),
      );
      logBytesRetired += next.logBytesRetired;
    }
    return { ...result, logBytesRetired };
  }

  /** Holds all files in place until what it returns is called. */
  holdFiles(): () => void {
    return this.#keeper.hold();
  }

  /** Lets everything go that can be read back from files and does not fit into the budget, the largest runs first. */
  trimMemory(): void {
    const shards = [...this.#store.loaded(), ...this.#runs.departed()];
    evictLargest(shards, (shard) => this.#placesOf(shard.id), this.#settings.memoryBudgetBytes * (1 - CACHE_SHARE));
  }

  /** Ends what is under way. */
  close(): void {
    this.#isClosed = true;
    this.#keeper.close();
    this.#cancelScheduled?.();
  }

  async #take({ signal, onProgress }: LongWork, own: WritingPolicy | undefined): Promise<CheckpointResult> {
    if (this.#unread !== undefined || this.#unattached.size > 0) await this.#turnToFiles();
    const slices = new Slices(this.#clock, this.#timer, signal);
    const previous = this.#published;
    const isOfSomething = this.#durability.end !== previous.lsn || own !== undefined || this.#hasNewImages();
    if (!isOfSomething) return NOTHING_DONE;
    const policy = own ?? (await this.#sparingFiles(slices));
    const lsn = this.#durability.end;
    this.#begunAt = lsn;
    const moment = this.#drawMoment();
    const given = this.#isErasing ? [] : this.#views.images();
    const ground = {
      runs: this.#runs,
      shards: () => this.#store.loaded(),
      importedPlaces: (number: RunId) => this.#imported.get(number) ?? [],
    };
    // One of its own, for it comes to hold changes that no file has.
    const catalogue = this.#catalogue.reopened();
    const work = new CheckpointWork(this.#library, catalogue, moment, slices);
    let isPublished = false;
    try {
      let places: readonly SegmentPlace[];
      let logBytesRetired: number;
      try {
        await work.writeRuns(ground, policy, onProgress);
        if (this.#isErasing) await work.forgetImages();
        else await work.writeImages(given, policy, this.#logger);
        places = await work.writeCatalogue(previous.version);
        this.#mustBeOpen();
        const root = Catalogue.rootOf(places, moment.timestamp, catalogue.epochsBefore);
        ({ logBytesRetired } = await this.#durability.publishCheckpoint({ version: moment.version, lsn, root }));
      } catch (error) {
        work.discard();
        // A disk that fails does not let everything go.
        this.#keeper.sweepAgain();
        throw error;
      }
      isPublished = true;
      this.#published = { version: moment.version, lsn };
      this.#catalogue = catalogue;
      this.#unread = places;
      for (const { shard, places } of work.written) this.#unattached.set(shard, places);
      this.#keeper.letGo(work.obsolete);
      this.#runs.checkpointed(moment.version, this.#filed());
      for (const number of this.#imported.keys())
        if (catalogue.run(number) !== undefined) this.#imported.delete(number);
      for (const number of work.forgotten) this.#imported.delete(number);
      await this.#turnToFiles();
      this.#keeper.remove((name) => this.#isNamed(name));
      this.trimMemory();
      return { runs: work.written.length, bytes: work.bytes, logBytesRetired, entriesDropped: work.entriesDropped };
    } finally {
      work.release();
      this.#views.imagesTaken(given, isPublished ? work.imagesWritten : [], moment.version);
    }
  }

  /** Whether an index has something that the last checkpoint does not. */
  #hasNewImages(): boolean {
    const given = this.#isErasing ? [] : this.#views.images();
    const isNew = ({ index, image }: GivenImage) =>
      image.isChanged || this.#catalogue.image({ index, run: image.run, name: image.name })?.version !== image.base;
    try {
      return given.some((each) => this.#runs.shardOf(each.image.run) !== undefined && isNew(each));
    } finally {
      this.#views.imagesTaken(given, [], 0);
    }
  }

  /**
   * From here on catalogue and store read what was published from the files. Not to be aborted: the files it replaces are going to be
   * removed. What it fails to do is done before the next checkpoint, which builds on it.
   */
  async #turnToFiles(): Promise<void> {
    if (this.#unread !== undefined) this.#catalogue.written(this.#unread);
    this.#unread = undefined;
    const slices = new Slices(this.#clock, this.#timer, undefined);
    for (const [shard, places] of this.#unattached) {
      if (this.#isClosed) return;
      await slices.run(shard.takeOver(this.#library.open(places)));
      this.#unattached.delete(shard);
    }
  }

  /** Whether this checkpoint, the one before or an imported run's row names a file. */
  #isNamed(name: string): boolean {
    const { places } = this.#catalogue;
    if (this.#catalogue.file(name) !== undefined || places.some(({ file }) => file === name)) return true;
    if (this.#catalogue.isDead(name)) return true;
    for (const imported of this.#imported.values()) if (imported.some(({ file }) => file === name)) return true;
    return false;
  }

  /**
   * An image as the last checkpoint has it, to be read at once: its files may go with the next one.
   *
   * @throws CorruptionError `SNAPSHOT_CORRUPT` when it is damaged; StateError `FORMAT_TOO_NEW`
   */
  savedImage(index: string, run: RunId, name: string): SavedImage | undefined {
    const identity = { index, run, name };
    const row = this.#catalogue.image(identity);
    return row === undefined ? undefined : new FiledImage(this.#library, identity, row);
  }

  /** How much the files of a run hold. @throws CorruptionError `SNAPSHOT_CORRUPT` */
  bytesOf(number: RunId): SegmentBytes {
    return this.#library.bytesOf(this.#placesOf(number));
  }

  #placesOf(number: RunId): readonly SegmentPlace[] {
    return this.#catalogue.run(number)?.places ?? this.#imported.get(number) ?? [];
  }

  /**
   * The usual policy; where more of the files is unused than in use, runs that lie in the worst of them are written anew besides. That
   * happens once as much has been written as there is, so it costs each checkpoint a constant share.
   */
  async #sparingFiles(slices: Slices): Promise<WritingPolicy> {
    const usual = this.#policy;
    if (!isMostlyWaste(this.#catalogue)) return usual;
    const vacated = wastefulFiles(this.#catalogue);
    const moved = await this.#runsIn(vacated, slices);
    return rewriting(usual, (shard) => moved.has(shard) || usual.isRewritten(shard), vacated);
  }

  /** The runs of which something lies in these files. */
  async #runsIn(files: ReadonlySet<string>, slices: Slices): Promise<Set<RunShard>> {
    const shards = new Set<RunShard>();
    for (const number of await runsIn(files, this.#catalogue, slices)) {
      const shard = this.#runs.shardOf(number);
      if (shard !== undefined) shards.add(shard);
      await slices.pause();
    }
    return shards;
  }

  #filed(): FiledCatalogue {
    return new FiledCatalogue(this.#library, this.#catalogue, this.#imported);
  }

  /** Blocks were read from files: what was read may have stayed in memory. */
  #noteRead(): void {
    if (++this.#reads % READS_PER_LOOK === 0) this.#schedule();
  }

  /** Nothing may change under whoever reads or commits at this moment: it is done when they are through. */
  #schedule(): void {
    if (this.#cancelScheduled !== undefined || this.#isClosed) return;
    this.#cancelScheduled = this.#timer.after(0, () => {
      this.#cancelScheduled = undefined;
      this.trimMemory();
      if (this.#durability.end - this.#begunAt > this.#settings.walSizeBytes) void this.#runBehindTheScenes();
    });
  }

  async #runBehindTheScenes(): Promise<void> {
    if (this.#running !== undefined) return;
    try {
      await this.run();
    } catch (error) {
      if (this.#isClosed) return;
      this.#failure = { cause: StrataError.is(error) ? error : undefined };
      const message =
        "a checkpoint failed; the one before still counts, and the log goes on growing until the next succeeds";
      this.#logger.log("error", "strata.checkpoint", message, { cause: error });
    }
  }

  #mustBeOpen(): void {
    if (this.#isClosed) throw new StateError("DATABASE_CLOSED", "the database was closed during the checkpoint", {});
  }
}
