import { CorruptionError, InvalidArgumentError, type Version } from "@strata/core";
import type { Checkpoint, CutTail, LostRange } from "./durability.js";
import { segmentsOf } from "./log-retirement.js";
import { scanLog } from "./log-scan.js";
import type { Manifest } from "./manifest.js";
import {
  type DatabaseSurvey,
  LOCK_NAME,
  readManifest,
  type SelectedManifest,
  selectManifest,
  surveyDatabase,
} from "./manifest-directory.js";
import { manifestOfSegments } from "./manifest-rebuild.js";
import { lostManifests } from "./recovery.js";
import { checkpointOf } from "./recovery-summary.js";
import { SnapshotDirectory } from "./snapshot-directory.js";
import type { SnapshotFiles } from "./snapshot-files.js";
import type { Vfs, VfsLock } from "./vfs.js";

/** What a log gave that was read in spite of damage. */
export interface SalvagedLog {
  readonly commits: number;
  readonly cut: readonly CutTail[];
  /** Where reading stopped, and what lay behind. */
  readonly lost: readonly LostRange[];
  /**
   * Whether it is known that the log is there from where it is expected to begin. What the manifest would say is not known without one,
   * unless the log goes back to its very beginning.
   */
  readonly isFromBeginning: boolean;
  /** Where what is there of it begins; 0 for the very beginning. */
  readonly firstLsn: number;
}

/**
 * A directory in which something is damaged, for whoever makes a new database of what is left: everything that can be told without
 * believing what is not whole. Nothing is changed; a file to lock is used when it is there.
 */
export class LogSalvage {
  /** No sign of a higher one. */
  readonly epoch: number;
  /** Of manifests that are whole, the one that counts first. The log behind the first can be read; and that behind the one before it. */
  readonly checkpoints: readonly Checkpoint[];
  /** Manifests that do not parse, or are missing. */
  readonly lost: readonly LostRange[];
  readonly #vfs: Vfs;
  readonly #survey: DatabaseSurvey;
  readonly #manifest: Manifest | undefined;
  readonly #isKnown: boolean;
  readonly #snapshots: SnapshotDirectory;
  #lock: VfsLock | undefined;

  /** @throws {StateError} `DATABASE_LOCKED`, `FORMAT_TOO_NEW`; InvalidArgumentError `NOT_A_DATABASE` where there is nothing of one */
  constructor(vfs: Vfs) {
    this.#vfs = vfs;
    this.#lock = vfs.exists(LOCK_NAME) ? vfs.lock(LOCK_NAME, "shared") : undefined;
    try {
      this.#survey = surveyDatabase(vfs);
      const { manifests, segments, snapshots, epochMax } = this.#survey;
      if (manifests.length + segments.length + snapshots.length === 0) {
        throw new InvalidArgumentError("NOT_A_DATABASE", `there is nothing of a database in ${vfs.name}`, {
          path: vfs.name,
        });
      }
      const selected = this.#select();
      this.epoch = epochMax;
      this.#manifest = selected.manifest;
      this.#isKnown = selected.manifest !== undefined && !selected.rebuilt;
      this.lost = this.#isKnown ? [] : lostManifests(vfs, selected);
      this.checkpoints = this.#checkpoints();
    } catch (error) {
      this.close();
      throw error;
    }
    this.#snapshots = new SnapshotDirectory(vfs);
    this.#snapshots.openForReading();
  }

  get snapshots(): SnapshotFiles {
    return this.#snapshots;
  }

  /** Whether a manifest says what the log consists of. */
  get isKnown(): boolean {
    return this.#isKnown;
  }

  /**
   * Visits commits in order, up to the first damage.
   *
   * @param from behind the newest checkpoint; or all that are there, those below it too.
   */
  read(from: "checkpoint" | "beginning", visit: (payload: Uint8Array, version: Version) => void): SalvagedLog {
    const manifest = this.#manifest;
    if (manifest === undefined)
      return { commits: 0, cut: [], lost: [], isFromBeginning: false, firstLsn: Number.POSITIVE_INFINITY };
    const { segments } = this.#survey;
    const { checkpoint, spans } = manifest;
    const first = segmentsOf(spans, segments)[0]?.fromLsn ?? spans[0]?.fromLsn ?? 0;
    const kept = spans.filter((_, i) => i === spans.length - 1 || spans[i + 1]!.fromLsn > first);
    const whole = {
      ...manifest,
      checkpoint: undefined,
      spans: kept.map((span, i) => (i === 0 ? { ...span, fromLsn: Math.max(first, span.fromLsn) } : span)),
    };
    const how = { salvage: true, mayBeTrimmed: !this.#isKnown };
    const read = from === "checkpoint" ? manifest : whole;
    const scan = scanLog(this.#vfs, read, segments, how, (payload, _endLsn, version) => visit(payload, version));
    const expected = this.#isKnown ? (checkpoint?.previousLsn ?? 0) : 0;
    const { commits, cut, lost } = scan;
    return { commits, cut, lost, isFromBeginning: first <= expected, firstLsn: first };
  }

  close(): void {
    this.#snapshots?.close();
    this.#lock?.release();
    this.#lock = undefined;
  }

  #select(): Omit<SelectedManifest, "manifest"> & { readonly manifest: Manifest | undefined } {
    const { manifests, segments } = this.#survey;
    try {
      const selected = selectManifest(this.#vfs, this.#survey, true);
      if (selected !== undefined) return selected;
    } catch (error) {
      if (!(error instanceof CorruptionError)) throw error;
    }
    return { manifest: manifestOfSegments(this.#vfs, segments), damaged: manifests, rebuilt: true };
  }

  /** Those of all manifests that are whole. */
  #checkpoints(): Checkpoint[] {
    const known = new Map<number, Checkpoint>();
    const add = ({ checkpoint }: Manifest) => {
      if (checkpoint !== undefined && !known.has(checkpoint.version))
        known.set(checkpoint.version, checkpointOf(checkpoint));
    };
    if (this.#manifest !== undefined) add(this.#manifest);
    for (const file of this.#survey.manifests) {
      try {
        add(readManifest(this.#vfs, file));
      } catch (error) {
        if (!(error instanceof CorruptionError)) throw error;
      }
    }
    return [...known.values()];
  }
}
