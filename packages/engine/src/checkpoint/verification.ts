import {
  CorruptionError,
  InvariantError,
  IoError,
  type RunId,
  type Runtime,
  StateError,
  type Version,
} from "@strata/core";
import type { Checkpoint, Durability, SnapshotFiles } from "@strata/durability";
import { identifySegment, type RunShard, verifySegment } from "@strata/storage";
import type { LiveRuns } from "../live-runs.js";
import type { LongWork, Slices } from "../long-work.js";
import type { RunRow } from "../run.js";
import { CATALOGUE_NUMBER, Catalogue, type CatalogueRow } from "./catalogue.js";
import { ChainCheck } from "./chain-check.js";
import { foldPayload, type LogReading } from "./database-image.js";
import { importedSnapshotOf } from "./filed-catalogue.js";
import { nameOfImage } from "./image-reader.js";
import type { SegmentPlace } from "./segment-place.js";
import { SnapshotLibrary } from "./snapshot-library.js";
import { verifyImage } from "./verify-image.js";

/** One thing that is not as it should be. */
export interface VerifyProblem {
  /** Relative to the directory of the database, as the backend names it. */
  readonly file: string;
  /** Bytes. */
  readonly offset?: number;
  readonly what: string;
}

export interface VerifyReport {
  readonly ok: boolean;
  readonly problems: readonly VerifyProblem[];
}

/** What is to be verified, as it was read at one moment. */
export interface VerifiedParts {
  readonly durability: Pick<Durability, "describe">;
  readonly files: SnapshotFiles | undefined;
  readonly reading: LogReading;
  /** Runs made from `files` and log alone; `attach` gives them the files. */
  readonly runs: LiveRuns;
  readonly attach: (library: SnapshotLibrary, catalogue: Catalogue) => void;
  /** Newest commits of runs as the living database had them at that moment. */
  readonly inMemory: ReadonlyMap<RunId, Version>;
  readonly runtime: Pick<Runtime, "sha256Hex">;
  readonly slices: Slices;
  readonly onProgress: LongWork["onProgress"];
}

const SNAPSHOTS = "snapshots/";
/** What was read once is not read again, but for a few footers. Bytes. */
const CACHE_BYTES = 4 * 1024 * 1024;

/**
 * Reads everything that a database has on disk, and holds its parts against each other: each segment of each run, each image of an index,
 * the catalogue, every commit behind the checkpoint, the chains of events. Damage is what it reports, not what it fails of.
 */
export class Verification {
  readonly #parts: VerifiedParts;
  readonly #problems: VerifyProblem[] = [];
  #isAttached = false;
  #library: SnapshotLibrary | undefined;
  /** Runs that the catalogue has. */
  #catalogued: ReadonlySet<RunId> = new Set();
  #done = 0;
  #total = 0;

  constructor(parts: VerifiedParts) {
    this.#parts = parts;
  }

  async run(): Promise<VerifyReport> {
    const { reading, files } = this.#parts;
    if (reading.damage !== undefined) this.#note(reading.damage, "wal");
    if (files !== undefined) await this.#verifyFiles(new SnapshotLibrary(files, CACHE_BYTES), reading.checkpoint);
    // Without the files behind it, nothing can be said of the rest.
    if (this.#isAttached || files === undefined) {
      const isFolded = await this.#foldLog();
      await this.#verifyRuns(isFolded && this.#problems.length === 0);
    }
    const problems = Object.freeze(this.#problems.map((problem) => Object.freeze(problem)));
    return Object.freeze({ ok: problems.length === 0, problems });
  }

  async #verifyFiles(library: SnapshotLibrary, checkpoint: Checkpoint | undefined): Promise<void> {
    if (checkpoint === undefined) {
      this.#attach(library, Catalogue.empty(library));
      return;
    }
    const catalogue = this.#try("MANIFEST", () => Catalogue.open(library, checkpoint.root));
    if (catalogue === undefined) return;
    await this.#verifyStack(library, CATALOGUE_NUMBER, catalogue.places, checkpoint.version);
    const numbers = this.#try(fileOf(catalogue.places), () => catalogue.runs()) ?? [];
    this.#catalogued = new Set(numbers);
    this.#total += 2 * numbers.length;
    const usage = new Map<string, number>();
    const forks = new Map<RunId, Set<RunId>>();
    for (const number of numbers) {
      const row = this.#try(fileOf(catalogue.places), () => catalogue.run(number));
      if (row !== undefined) {
        for (const { file, length } of row.places) usage.set(file, (usage.get(file) ?? 0) + length);
        if (row.base !== undefined) {
          const known = forks.get(row.base);
          if (known === undefined) forks.set(row.base, new Set([number]));
          else known.add(number);
        }
        await this.#verifyStack(library, number, row.places, checkpoint.version, row.forkVersion);
        this.#try(fileOf(row.places), () => this.#compareRow(library, number, row));
      }
      await this.#step();
    }
    await this.#verifyImages(library, catalogue, usage);
    this.#try(fileOf(catalogue.places), () => this.#compareCounts(catalogue, usage, forks, new Set(numbers)));
    this.#try(fileOf(catalogue.places), () => this.#attach(library, catalogue));
  }

  #attach(library: SnapshotLibrary, catalogue: Catalogue): void {
    this.#parts.attach(library, catalogue);
    this.#library = library;
    this.#isAttached = true;
  }

  /** The segments of one run, each read as a whole, and one behind the other. */
  async #verifyStack(
    library: SnapshotLibrary,
    number: RunId,
    places: readonly SegmentPlace[],
    checkpointed: Version,
    forkVersion: Version = 0,
  ): Promise<void> {
    let at: Version | undefined;
    let isFirst = true;
    for (const place of places) {
      const source = this.#try(place.file, () => library.sources([place])[0]!);
      if (source === undefined) {
        at = undefined;
        isFirst = false;
        continue;
      }
      if (source.size < place.length) this.#add(place, `it ends before the segment of ${nameOf(number)} does`);
      const found = await this.#tryAsync(place.file, () => this.#parts.slices.run(verifySegment(source)));
      for (const { offset, message } of found ?? []) {
        this.#report(place.file, offset, message);
      }
      const identity = found?.length === 0 ? this.#try(place.file, () => identifySegment(source)) : undefined;
      if (identity !== undefined) {
        const { run, from, through } = identity;
        if (run !== number) this.#add(place, `a segment of ${nameOf(number)} turns out to be one of ${nameOf(run)}`);
        if (isFirst ? from > forkVersion : at !== undefined && from !== at) {
          const before = isFirst ? `the run begins behind ${forkVersion}` : `the one before ends at ${at}`;
          this.#add(place, `a segment of ${nameOf(number)} begins at version ${from}; ${before}`);
        }
        if (through > checkpointed) this.#add(place, `a segment reaches beyond its checkpoint, to version ${through}`);
      }
      at = identity?.through;
      isFirst = false;
      await this.#parts.slices.pause();
    }
  }

  /** The images of indexes, page by page. */
  async #verifyImages(library: SnapshotLibrary, catalogue: Catalogue, usage: Map<string, number>): Promise<void> {
    const file = fileOf(catalogue.places);
    for (const identity of this.#try(file, () => catalogue.images()) ?? []) {
      const row = this.#try(file, () => catalogue.image(identity));
      if (row === undefined) continue;
      for (const [name, bytes] of row.usage) usage.set(name, (usage.get(name) ?? 0) + bytes);
      if (!this.#catalogued.has(identity.run)) {
        this.#report(file, undefined, `${nameOfImage(identity)} is one of a run that is not in the catalogue`);
      }
      const found = await this.#tryAsync(row.place.file, () =>
        this.#parts.slices.run(verifyImage(library, identity, row)),
      );
      for (const { file, offset, what } of found ?? []) this.#report(file, offset, what);
      await this.#parts.slices.pause();
    }
  }

  /** What the catalogue says of a run, and what its segments say. */
  #compareRow(library: SnapshotLibrary, number: RunId, { places, lastVersion, forkVersion }: CatalogueRow): void {
    if (places.length === 0) {
      if (lastVersion > forkVersion) {
        this.#report("", undefined, `${nameOf(number)} has commits up to version ${lastVersion}, and no files`);
      }
      return;
    }
    const { through, timeline } = library.open(places);
    const newest = timeline.length === 0 ? 0 : timeline.versionOf(timeline.length - 1);
    const isKnown = timeline.floor < lastVersion && lastVersion > forkVersion;
    if (through < Math.min(lastVersion, newest) || newest > lastVersion || (isKnown && newest !== lastVersion)) {
      const what = `the catalogue ends ${nameOf(number)} at version ${lastVersion}, its segments at ${newest}`;
      this.#add(places.at(-1)!, what);
    }
  }

  #compareCounts(
    catalogue: Catalogue,
    usage: ReadonlyMap<string, number>,
    forks: ReadonlyMap<RunId, ReadonlySet<RunId>>,
    numbers: ReadonlySet<RunId>,
  ): void {
    const file = fileOf(catalogue.places);
    for (const name of new Set([...usage.keys(), ...catalogue.files()])) {
      const [live, used] = [catalogue.file(name)?.live ?? 0, usage.get(name) ?? 0];
      if (live === used) continue;
      this.#report(
        file,
        undefined,
        `the catalogue counts ${live} bytes of ${name} in use; segments and images take ${used}`,
      );
    }
    for (const [base, own] of forks) {
      if (!numbers.has(base)) {
        this.#report(file, undefined, `${nameOf(base)}, which others read through, is not in the catalogue`);
      }
      const listed = new Set(catalogue.forksOf(base));
      for (const fork of own) {
        if (!listed.has(fork)) {
          this.#report(file, undefined, `the catalogue does not list ${nameOf(fork)} as a fork of ${nameOf(base)}`);
        }
      }
    }
  }

  /** @returns whether all of it could be. */
  async #foldLog(): Promise<boolean> {
    const { reading, runs, slices, durability } = this.#parts;
    const file = durability.describe().segment ?? "wal";
    for (const payload of reading.commits) {
      // What follows a commit that cannot be applied cannot be judged.
      if (this.#try(file, () => foldPayload(runs, payload)) === undefined) return false;
      await slices.pause();
    }
    return reading.damage === undefined;
  }

  async #verifyRuns(isWhole: boolean): Promise<void> {
    const { runs, inMemory, slices, runtime } = this.#parts;
    const rows: { readonly name: string; readonly number: RunId; readonly row: RunRow }[] = [];
    const note = (name: string, row: RunRow) => rows.push({ name, number: row.number as RunId, row }) > 0;
    this.#try("", () => runs.visitNames("", "", note));
    const seen = new Set<RunShard>();
    const chains = new ChainCheck(runtime);
    const visit = async (first: RunShard, name: string) => {
      for (let shard: RunShard | undefined = first; shard !== undefined && !seen.has(shard); shard = shard.parent) {
        seen.add(shard);
        const each: RunShard = shard;
        const found = await this.#tryAsync("", () => slices.run(chains.check(each)));
        const who = each === first ? `run "${name}"` : `${nameOf(each.id)}, which run "${name}" was forked from`;
        for (const what of found ?? []) this.#report("", undefined, `${who}: ${what}`);
        this.#try("", () => each.evict());
      }
    };
    await visit(runs.system.shard, runs.system.name);
    for (const { name, number, row } of rows) {
      await this.#verifyImported(number, row);
      const run = this.#try("", () => runs.find(name));
      if (run === undefined || run.number !== number) {
        this.#report("", undefined, `run "${name}" is listed as ${nameOf(number)}, and leads nowhere`);
      } else {
        await visit(run.shard, name);
      }
      await this.#step();
    }
    if (!isWhole) return;
    for (const [number, version] of inMemory) {
      const stored = runs.shardOf(number)?.lastVersion;
      if (stored === version) continue;
      const what = `${nameOf(number)} is at version ${version} in memory, and at ${stored ?? "none"} in log and files`;
      this.#report("wal", undefined, what);
    }
  }

  /** A run that came with files since the checkpoint: only its row names them. */
  async #verifyImported(number: RunId, row: RunRow): Promise<void> {
    if (this.#library === undefined || this.#catalogued.has(number)) return;
    const imported = this.#try("", () => importedSnapshotOf(row));
    if (imported !== undefined)
      await this.#verifyStack(this.#library, number, imported.places, Number.POSITIVE_INFINITY);
  }

  async #step(): Promise<void> {
    this.#done++;
    this.#parts.onProgress?.(this.#done, Math.max(this.#done, this.#total));
    await this.#parts.slices.pause();
  }

  #add({ file, offset }: SegmentPlace, what: string): void {
    this.#report(file, offset, what);
  }

  #try<T>(file: string, read: () => T): T | undefined {
    try {
      return read();
    } catch (error) {
      this.#note(error, file);
      return undefined;
    }
  }

  async #tryAsync<T>(file: string, read: () => Promise<T>): Promise<T | undefined> {
    try {
      return await read();
    } catch (error) {
      this.#note(error, file);
      return undefined;
    }
  }

  /** Damage becomes a problem; everything else is thrown on. */
  #note(error: unknown, file: string): void {
    if (error instanceof InvariantError) {
      this.#report(file, undefined, `what was read contradicts itself: ${error.message}`);
      return;
    }
    const isTooNew = error instanceof StateError && error.code === "FORMAT_TOO_NEW";
    if (!(error instanceof CorruptionError || error instanceof IoError || isTooNew)) throw error;
    const facts = error.facts as { readonly file?: unknown; readonly path?: unknown; readonly offset?: unknown };
    const named = [facts.file, facts.path].find((name) => typeof name === "string") as string | undefined;
    this.#report(named ?? file, typeof facts.offset === "number" ? facts.offset : undefined, error.message);
  }

  /** Once, wherever it was met. */
  #report(name: string, offset: number | undefined, what: string): void {
    const file = name.endsWith(".snap") && !name.includes("/") ? SNAPSHOTS + name : name;
    const isSame = (known: VerifyProblem) => known.file === file && known.offset === offset && known.what === what;
    if (!this.#problems.some(isSame))
      this.#problems.push(offset === undefined ? { file, what } : { file, offset, what });
  }
}

/** Of a database that is kept nowhere: chains of events are all that can be broken. */
export async function verifyMemory(
  runs: LiveRuns,
  runtime: Pick<Runtime, "sha256Hex">,
  slices: Slices,
): Promise<VerifyReport> {
  const chains = new ChainCheck(runtime);
  const problems: VerifyProblem[] = [];
  for (const name of runs.names()) {
    const shard = runs.find(name)?.shard;
    if (shard === undefined) continue;
    for (const what of await slices.run(chains.check(shard)))
      problems.push({ file: "", what: `run "${name}": ${what}` });
  }
  return Object.freeze({ ok: problems.length === 0, problems: Object.freeze(problems) });
}

function fileOf(places: readonly SegmentPlace[]): string {
  return places.at(-1)?.file ?? "";
}

function nameOf(number: RunId): string {
  return number === CATALOGUE_NUMBER ? "the catalogue" : `run ${number}`;
}
