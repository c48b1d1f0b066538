import { type Clock, type Logger, type Runtime, StrataError, type Timer } from "@strata/core";
import type { Durability } from "@strata/durability";
import type { RunShard } from "@strata/storage";
import type { Gate } from "../gate.js";
import type { LiveRuns } from "../live-runs.js";
import { type LongWork, Slices } from "../long-work.js";
import { Catalogue } from "./catalogue.js";
import type { CheckpointMoment } from "./checkpoint-work.js";
import type { Checkpointer } from "./checkpointer.js";
import { type BackupInfo, writeCopy } from "./copy-writer.js";
import { imageOfLog, imageOfMemory, readLog, runsOver } from "./database-image.js";
import { FiledCatalogue } from "./filed-catalogue.js";
import { SnapshotLibrary } from "./snapshot-library.js";
import { Verification, type VerifyReport, verifyMemory } from "./verification.js";

/** What backup and verification keep of the files that they read, unpacked: most is read once. */
const CACHE_BYTES = 4 * 1024 * 1024;

export interface UpkeepParts {
  readonly gate: Gate;
  readonly durability: Durability;
  readonly runs: LiveRuns;
  /** `undefined` where the log is all that is kept. */
  readonly checkpointer: Checkpointer | undefined;
  /** Those that are in memory. */
  readonly shards: () => Iterable<RunShard>;
  readonly runtime: Pick<Runtime, "sha256Hex">;
  readonly clock: Clock;
  readonly timer: Timer;
  readonly logger: Logger;
  /** Version and timestamp of the newest commit. */
  readonly newest: () => CheckpointMoment;
}

/** Work on a whole database that changes nothing in it. */
export class Upkeep {
  readonly #parts: UpkeepParts;

  constructor(parts: UpkeepParts) {
    this.#parts = parts;
  }

  /** See `Database.backup`. */
  async backup(target: Durability, { signal, onProgress }: LongWork): Promise<BackupInfo> {
    const { durability, runs, checkpointer, gate, newest, logger } = this.#parts;
    const slices = this.#slices(signal);
    if (checkpointer === undefined) {
      const image = imageOfMemory(runs, newest());
      try {
        return await writeCopy(image, undefined, target, slices, onProgress);
      } finally {
        image.release();
      }
    }
    // What is in files need not be made again from the log.
    if (!gate.isReadOnly) await this.#checkpoint(checkpointer, signal);
    gate.assertOpen();
    const release = checkpointer.holdFiles();
    try {
      const library = new SnapshotLibrary(checkpointer.files, CACHE_BYTES);
      const reading = readLog(durability);
      const { checkpoint } = reading;
      const catalogue = checkpoint === undefined ? Catalogue.empty(library) : Catalogue.open(library, checkpoint.root);
      const image = await imageOfLog(reading, {
        runs: runsOver(new FiledCatalogue(library, catalogue, new Map()), logger),
        catalogue,
        epoch: runs.epoch.current,
        slices,
      });
      return await writeCopy(image, library, target, slices, onProgress);
    } finally {
      release();
    }
  }

  /** See `Database.verify`. */
  async verify({ signal, onProgress }: LongWork): Promise<VerifyReport> {
    const { durability, runs, checkpointer, runtime, logger, shards } = this.#parts;
    const slices = this.#slices(signal);
    if (!durability.requiresWal()) return await verifyMemory(runs, runtime, slices);
    const release = checkpointer?.holdFiles() ?? (() => {});
    try {
      const reading = readLog(durability);
      const inMemory = new Map([...shards()].map((shard) => [shard.id, shard.lastVersion]));
      const stored = runsOver(undefined, logger);
      const attach = (library: SnapshotLibrary, catalogue: Catalogue) =>
        stored.attach(new FiledCatalogue(library, catalogue, new Map()));
      const files = checkpointer?.files;
      const parts = { durability, files, reading, runs: stored, attach, inMemory, runtime, slices, onProgress };
      return await new Verification(parts).run();
    } finally {
      release();
    }
  }

  /** A backup is wanted most when something is wrong: it goes on without. */
  async #checkpoint(checkpointer: Checkpointer, signal: AbortSignal | undefined): Promise<void> {
    try {
      await checkpointer.run({ signal });
    } catch (cause) {
      signal?.throwIfAborted();
      if (!StrataError.is(cause)) throw cause;
      this.#parts.logger.log("warn", "strata.backup", "the backup goes on without a checkpoint", { cause });
    }
  }

  #slices(signal: AbortSignal | undefined): Slices {
    return new Slices(this.#parts.clock, this.#parts.timer, signal);
  }
}
