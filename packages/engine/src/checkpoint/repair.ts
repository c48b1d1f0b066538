import {
  ByteReader,
  type Clock,
  CorruptionError,
  InvariantError,
  type Logger,
  type Random,
  type RunId,
  StrataError,
  SYSTEM_RUN,
  type Timer,
  type Value,
  type Version,
} from "@strata/core";
import type { Durability, LogSalvage, SalvagedLog } from "@strata/durability";
import { applyCommit } from "../apply.js";
import type { LiveRuns } from "../live-runs.js";
import { type LongWork, Slices } from "../long-work.js";
import type { RecoveryReport } from "../recovery.js";
import type { RunRow } from "../run.js";
import { begunIn } from "../run-life.js";
import { DEFAULT_SPACE } from "../scope.js";
import { randomUuids } from "../uuid.js";
import { Catalogue } from "./catalogue.js";
import { beginTarget, writeBegunCopy } from "./copy-writer.js";
import { describeRuns, foldPayload, runsOver } from "./database-image.js";
import { FiledCatalogue } from "./filed-catalogue.js";
import { type Generation, Generations, type LoggedCommit } from "./generations.js";
import { PatchedFiles } from "./patched-files.js";
import { RepairedDirectory, registeredRuns, rowOfPath } from "./repaired-directory.js";
import { RunRescue } from "./run-rescue.js";
import { isDamage } from "./segment-pool.js";

export interface RepairParts {
  readonly clock: Clock;
  readonly timer: Timer;
  readonly random: Random;
  readonly logger: Logger;
}

const FOLLOWS_NOTHING = "it does not follow what is left of the run";

/** What could be told of which part of the log was lost. */
type Lost = RecoveryReport["lost"][number];

/**
 * Makes a new database of what is left of a damaged one, which is only read. Everything that is whole is in it: a run with a damaged file
 * is put together from the checkpoint before and the log where they have it, else from the blocks that can be read. What could not be had
 * is in the report, with its place and the runs that miss it.
 *
 * @param target empty; closed in the end.
 * @throws CorruptionError when nothing is left that tells which runs there were
 */
export async function repairInto(
  source: LogSalvage,
  target: Durability,
  parts: RepairParts,
  { signal, onProgress }: LongWork = {},
): Promise<RecoveryReport> {
  const slices = new Slices(parts.clock, parts.timer, signal);
  try {
    const files = new PatchedFiles(source.snapshots, beginTarget(target));
    const repair = new Repair(source, files, parts, slices);
    const image = await repair.image();
    await writeBegunCopy(image, repair.generations.library, target, slices, onProgress, () => files.removeMade());
    return repair.report();
  } catch (error) {
    target.abandon();
    throw error;
  }
}

class Repair {
  readonly generations: Generations;
  readonly #source: LogSalvage;
  readonly #parts: RepairParts;
  readonly #slices: Slices;
  readonly #rescue: RunRescue;
  readonly #directory = new RepairedDirectory();
  /** Above which version the commits of a run are taken from the log. */
  readonly #through = new Map<RunId, Version>();
  /** Runs whose commits in the log do not follow what there is of them: from which one on, and why that one does not. */
  readonly #cut = new Map<RunId, { readonly from: Version; readonly why: string }>();
  readonly #lost: Lost[] = [];
  #commits = 0;
  /** The timestamp of the newest commit taken from the log; 0 without one. */
  #newestFolded = 0;
  #log: SalvagedLog | undefined;

  constructor(source: LogSalvage, files: PatchedFiles, parts: RepairParts, slices: Slices) {
    this.#source = source;
    this.#parts = parts;
    this.#slices = slices;
    this.generations = new Generations(source, files, slices);
    this.#rescue = new RunRescue(this.generations, files, slices);
  }

  /** The database as it is going to be. */
  async image() {
    const { generations } = this;
    await generations.read();
    const base = generations.list[0];
    const { commits, from } = base === undefined ? await this.#beginWithoutCatalogue() : await this.#beginWith(base);
    const runs = await this.#foldAll(commits);
    let timestamp = Math.max(base?.catalogue.timestamp ?? 0, this.#newestFolded);
    let version = commits.reduce((newest, commit) => Math.max(newest, commit.version), from);
    if (base !== undefined) version = this.#registerUnknown(runs, base, version);
    const described = await this.#slices.run(describeRuns(runs, this.#directory));
    let epoch = this.#source.epoch + (base?.catalogue.epochsBefore ?? 0);
    runs.visitNames("", "", (_name, row) => {
      epoch = Math.max(epoch, begunIn(row));
      return true;
    });
    for (const { lastVersion, lastTimestamp } of described) {
      version = Math.max(version, lastVersion);
      timestamp = Math.max(timestamp, lastTimestamp);
    }
    return { version, timestamp, runs: described, epoch };
  }

  report(): RecoveryReport {
    const cut = (this.#log?.cut ?? []).map(({ file, offset, bytes }) => ({ file, offset, bytes }));
    const lost: Lost[] = this.#source.lost.map(({ file, offset, bytes, reason }) => ({
      file,
      offset,
      bytes,
      what: reason,
    }));
    lost.push(...this.generations.lost, ...this.#lost);
    for (const { number, part } of this.#rescue.lost) lost.push({ ...part, runs: this.#namesOf(number) });
    for (const { file, offset, bytes, reason, firstVersion } of this.#log?.lost ?? []) {
      const since = firstVersion === undefined ? "" : `commits from version ${firstVersion} on: `;
      lost.push({ file, offset, bytes, what: since + reason });
    }
    const tornBytes = cut.reduce((sum, { bytes }) => sum + bytes, 0);
    return Object.freeze({
      commits: this.#commits,
      tornBytes,
      cut,
      lost: Object.freeze(lost.map((part) => Object.freeze(part))),
    });
  }

  /** From the newest checkpoint whose catalogue can be read. */
  async #beginWith(base: Generation): Promise<{ commits: LoggedCommit[]; from: Version }> {
    const { generations } = this;
    const { pool, newestVersion } = generations;
    const isNewest = base.version === newestVersion;
    for (const number of base.catalogue.runs()) {
      const row = base.catalogue.run(number);
      if (row === undefined) continue;
      if (await pool.areWhole(row.places)) {
        this.#directory.set(number, row);
        continue;
      }
      const rescued = await this.#rescue.rescue(number, row, base);
      this.#directory.set(number, rescued.row);
      this.#through.set(number, rescued.through);
      if (rescued.isCut) this.#cut.set(number, { from: 0, why: FOLLOWS_NOTHING });
    }
    const earlier = generations.commits.filter(({ version }) => version <= base.version);
    if (isNewest) {
      this.#log = generations.behind;
      return { commits: [...earlier, ...generations.tail], from: base.version };
    }
    this.#log = generations.whole;
    this.#reportGap(base.version);
    return { commits: [...generations.commits], from: base.version };
  }

  /** From what the registry of runs says, and the segments of themselves; or from the log alone, where that has everything. */
  async #beginWithoutCatalogue(): Promise<{ commits: LoggedCommit[]; from: Version }> {
    const { generations } = this;
    const { pool, commits, whole, newestVersion } = generations;
    this.#log = whole;
    for (const { file, offset, bytes } of pool.unknown) {
      if (bytes === 0) continue;
      this.#lost.push({
        file: `snapshots/${file}`,
        offset,
        bytes,
        what: "bytes of which it is not known what they were",
      });
    }
    if (newestVersion === 0 || whole.firstLsn === 0) return { commits: [...commits], from: 0 };
    await this.#add(SYSTEM_RUN, runsOver(undefined, this.#parts.logger).system.name, undefined);
    if (this.#directory.run(SYSTEM_RUN)?.places.length === 0) {
      throw new CorruptionError("SNAPSHOT_CORRUPT", "nothing is left that tells which runs there were", {});
    }
    const registry = this.#runs();
    const above = this.#through.get(SYSTEM_RUN) ?? 0;
    for (const commit of commits) {
      if (commit.version <= above) continue;
      try {
        if (isOfSystem(commit)) foldPayload(registry, commit.payload);
      } catch (error) {
        if (!isFolly(error)) throw error;
        break;
      }
    }
    for (const { number, name, origin } of registeredRuns(registry)) {
      if (number !== SYSTEM_RUN && number <= above) await this.#add(number, name, origin);
    }
    this.#reportGap(above);
    return { commits: [...commits], from: above };
  }

  async #add(number: RunId, name: string | undefined, origin: Parameters<typeof rowOfPath>[3]): Promise<void> {
    const { generations } = this;
    const { pool } = generations;
    const beginning = origin?.baseVersion ?? 0;
    const path = await pool.pathOf(number, beginning, Number.POSITIVE_INFINITY);
    const end = path.at(-1)?.through ?? beginning;
    const behind = pool.segments.filter(({ run, through }) => run === number && through > end);
    const row = rowOfPath(generations, path, name, origin);
    const best = behind.sort((a, b) => a.from - b.from).at(-1);
    if (best === undefined || generations.covers(end, best.through)) {
      this.#directory.set(number, row);
      this.#through.set(number, end);
      return;
    }
    const places = [...path, ...behind.filter(({ from }) => from >= end || path.length === 0)].map(
      ({ place }) => place,
    );
    const whole = { version: best.through, catalogue: Catalogue.empty(generations.library) };
    const rescued = await this.#rescue.rescue(number, { ...row, places, lastVersion: best.through }, whole);
    this.#directory.set(number, rescued.row);
    this.#through.set(number, rescued.through);
    if (rescued.isCut) this.#cut.set(number, { from: 0, why: FOLLOWS_NOTHING });
  }

  /** The runs with the commits that follow what is left of them. One that fails midway leaves a part of itself: then all begin anew, without it. */
  async #foldAll(commits: readonly LoggedCommit[]): Promise<LiveRuns> {
    const lostBefore = this.#lost.length;
    for (;;) {
      const runs = this.#runs();
      let failed = false;
      this.#lost.length = lostBefore;
      this.#commits = 0;
      this.#newestFolded = 0;
      for (const commit of commits) {
        if (!this.#fold(runs, commit)) failed = true;
        await this.#slices.pause();
      }
      if (!failed) return runs;
    }
  }

  /** @returns false when the commit failed, and may have left a part of itself. */
  #fold(runs: LiveRuns, { version, payload }: LoggedCommit): boolean {
    const number = numberOf(payload);
    if (version <= this.#aboveOf(number)) return true;
    const cut = this.#cut.get(number);
    if (cut !== undefined && version >= cut.from) {
      this.#drop(number, version, version === cut.from ? cut.why : FOLLOWS_NOTHING);
      return true;
    }
    try {
      const { timestamp } = foldPayload(runs, payload);
      this.#commits++;
      this.#newestFolded = Math.max(this.#newestFolded, timestamp);
      return true;
    } catch (error) {
      if (!isFolly(error)) throw error;
      this.#cut.set(number, { from: version, why: error.message });
      return false;
    }
  }

  #aboveOf(number: RunId): Version {
    const known = this.#through.get(number);
    if (known !== undefined) return known;
    const base = this.generations.list[0];
    // Of a run that began later, the log has everything.
    return base?.version ?? 0;
  }

  #drop(number: RunId, version: Version, why: string): void {
    const what = `commit ${version}: ${why}`;
    this.#lost.push({ file: "wal", offset: 0, bytes: 0, what, runs: this.#namesOf(number) });
  }

  /** What an older checkpoint does not have must be in the log. */
  #reportGap(from: Version): void {
    const { generations } = this;
    const newest = generations.commits.at(-1)?.version ?? from;
    if (generations.covers(from, newest)) return;
    const first = generations.commits[0]?.version;
    const until = first === undefined ? "on" : `up to ${first}`;
    const what = `commits from version ${from + 1} ${until}: it cannot be told whether there were any`;
    this.#lost.push({ file: "wal", offset: 0, bytes: 0, what });
  }

  /** Runs of the catalogue whose rows in the registry are lost get new ones. @returns the version of the last. */
  #registerUnknown(runs: LiveRuns, { version: known, catalogue }: Generation, from: Version): Version {
    let version = from;
    const table = () => runs.system.shard.table(DEFAULT_SPACE, "kv");
    for (const number of catalogue.runs()) {
      const row = catalogue.run(number);
      if (number === SYSTEM_RUN || row?.name === undefined) continue;
      const { name, base, forkVersion, lastTimestamp } = row;
      // What was written about it since is what counts.
      if (runs.find(name) !== undefined || (table()?.headVersion(name) ?? 0) > known) continue;
      const parent = base === undefined ? undefined : runs.byNumber(base);
      const [id] = randomUuids(this.#parts.random, 1) as [string];
      const fork: Value | undefined =
        base === undefined
          ? undefined
          : {
              run: parent?.name ?? `${base}`,
              id: parent?.id ?? `${base}`,
              version: forkVersion,
              base,
              baseVersion: forkVersion,
            };
      const stored: RunRow = {
        id,
        number,
        status: "active",
        createdAt: lastTimestamp,
        meta: {},
        ...(fork === undefined ? {} : { parent: fork }),
      };
      version++;
      const operation = { kind: "put", space: DEFAULT_SPACE, primitive: "kv", key: name, stored } as const;
      const timestamp = Math.max(runs.system.shard.lastTimestamp, lastTimestamp);
      const commit = { run: SYSTEM_RUN, version, timestamp, message: undefined, operations: [operation] };
      applyCommit(runs.system.shard, commit, 0);
      runs.fold(commit);
      const what = "its id, status and description: only its name and its data are left";
      this.#lost.push({ file: "", offset: 0, bytes: 0, what, runs: [name] });
    }
    return version;
  }

  #runs(): LiveRuns {
    return runsOver(new FiledCatalogue(this.generations.library, this.#directory, new Map()), this.#parts.logger);
  }

  /** The run, and those that inherited from it. */
  #namesOf(number: RunId): string[] {
    const names: string[] = [];
    const pending = [number];
    for (let next = pending.pop(); next !== undefined; next = pending.pop()) {
      const name = this.#directory.run(next)?.name;
      if (name !== undefined) names.push(name);
      pending.push(...this.#directory.forksOf(next));
    }
    return names;
  }
}

function numberOf(payload: Uint8Array): RunId {
  return new ByteReader(payload).varint() as RunId;
}

function isOfSystem({ payload }: LoggedCommit): boolean {
  return numberOf(payload) === SYSTEM_RUN;
}

/** Whether a commit does not fit what it is applied to. */
function isFolly(error: unknown): error is StrataError | InvariantError {
  return isDamage(error) || error instanceof InvariantError || StrataError.is(error);
}
