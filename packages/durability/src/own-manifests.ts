import { assert, type Random, StateError, StrataError } from "@strata/core";
import { LogPoisoned } from "./log-poisoned.js";
import { claimName, encodeManifest, type Manifest, manifestName, ownerName } from "./manifest.js";
import {
  DAMAGED_SUFFIX,
  type DatabaseSurvey,
  type DirectorySurvey,
  type ManifestFile,
  surveyDirectory,
} from "./manifest-directory.js";
import type { Vfs, VfsFile } from "./vfs.js";
import { closeQuietly, syncDirectoryOf, syncFile, writeFully } from "./vfs-io.js";
import { EPOCH_MAX } from "./wal-format.js";

/** What an owner may change. */
export type ManifestChanges = Partial<Omit<Manifest, "epoch" | "number" | "databaseId">>;

/**
 * The manifests of one epoch, as their owner publishes them. The owner is whoever published the manifest with the highest
 * epoch. It has a file of its own there, of a name that nobody else ever uses; whoever raises the epoch removes those of all
 * lower ones before anything else, and whoever removes the directory removes it too. So one look at a name tells an owner
 * that it was robbed.
 *
 * Invariant: `#current` was published by this object and is on stable storage.
 */
export class OwnManifests {
  readonly #vfs: Vfs;
  readonly #owner: string;
  #current: Manifest;
  #publication: Publication | undefined;

  private constructor(vfs: Vfs, owner: string, current: Manifest) {
    this.#vfs = vfs;
    this.#owner = owner;
    this.#current = current;
  }

  get current(): Manifest {
    return this.#current;
  }

  get currentName(): string {
    return manifestName(this.#current.epoch, this.#current.number);
  }

  /**
   * Raises the epoch above every name there is, and says so durably; nothing else of `base` changes. From here on every
   * other owner is fenced.
   *
   * @param survey what `base` was chosen from.
   * @param damaged are put aside, not removed.
   * @throws {StateError} `DATABASE_FENCED` when somebody else raised it at the same time.
   */
  static raiseEpoch(
    vfs: Vfs,
    random: Random,
    base: Omit<Manifest, "epoch" | "number">,
    survey: DatabaseSurvey,
    damaged: readonly ManifestFile[],
  ): OwnManifests {
    let epoch = survey.epochMax + 1;
    while (!claimEpoch(vfs, epoch)) epoch += 1;
    const own = new OwnManifests(vfs, ownerName(epoch, random.bytes(8)), { ...base, epoch, number: 1 });
    // Before the manifest: whoever sees that one finds this one too.
    vfs.open(own.#owner, "create").close();
    own.#publish(own.#current);
    // Whoever looked around before somebody else came and went may have claimed an epoch of the past.
    const { manifests, remains } = own.#mustCount();
    // Nor does one count whose former owner published another manifest after `base` was read: what that one describes may be gone.
    const known = new Set(survey.manifests.map(({ name }) => name));
    if (manifests.some((file) => file.epoch < epoch && !known.has(file.name))) {
      vfs.unlink(own.currentName);
      throw fenced(vfs, epoch);
    }
    for (const { name } of damaged) if (vfs.exists(name)) vfs.rename(name, `${name}${DAMAGED_SUFFIX}`);
    for (const file of [...remains, ...manifests]) if (file.epoch < epoch) vfs.unlink(file.name);
    own.checkFence();
    return own;
  }

  /** Makes `changes` to the current manifest durable, under the next number. What is being published in the background is given up. */
  replace(changes: ManifestChanges): void {
    this.cancel();
    this.checkFence();
    const previous = this.#current;
    const next: Manifest = { ...previous, ...changes, number: previous.number + 1 };
    this.#publish(next);
    this.#current = next;
    // Who took over since the look at the fence has removed the manifests there were, and cannot know of this one.
    this.#mustCount();
    this.#removeObsolete(previous);
  }

  /**
   * The same without blocking where the platform can. One at a time.
   *
   * @returns false when it was given up: then nothing has changed, unless its name was there already. It may last or not.
   * @throws {LogPoisoned} it is not known whether the change lasts: only reading the directory again can tell.
   * @throws {StateError} {IoError} nothing has changed.
   */
  async replaceInBackground(changes: ManifestChanges): Promise<boolean> {
    assert(this.#publication === undefined, "one manifest is published at a time");
    this.checkFence();
    const previous = this.#current;
    const next: Manifest = { ...previous, ...changes, number: previous.number + 1 };
    const publication = new Publication(this.#vfs, next);
    this.#publication = publication;
    try {
      await publication.write();
      if (publication.isCancelled) return false;
      this.checkFence();
      publication.putInPlace();
    } catch (error) {
      this.#withdraw(publication);
      if (publication.isCancelled) return false;
      this.#publication = undefined;
      throw error;
    }
    this.#current = next;
    try {
      await syncDirectoryOf(this.#vfs, "");
      if (publication.isCancelled) return false;
      this.#mustCount();
    } catch (error) {
      if (publication.isCancelled) return false;
      throw new LogPoisoned(error, true);
    }
    this.#publication = undefined;
    try {
      this.#removeObsolete(previous);
    } catch (error) {
      // It counts for less than those that follow; the next opening removes it.
      if (!StrataError.is(error)) throw error;
    }
    return true;
  }

  /** Write, fsync, rename, fsync of the directory. */
  #publish(manifest: Manifest): void {
    const publication = new Publication(this.#vfs, manifest);
    try {
      publication.writeNow();
      publication.putInPlace();
    } catch (error) {
      this.#withdraw(publication);
      throw error;
    }
    this.#vfs.syncDirectory("");
  }

  /** Gives up what is being published in the background. Never throws. */
  cancel(): void {
    const publication = this.#publication;
    if (publication === undefined) return;
    publication.isCancelled = true;
    this.#publication = undefined;
    this.#withdraw(publication);
  }

  /** Never throws. */
  #withdraw(publication: Publication): void {
    publication.close();
    try {
      // The name belongs to whoever owns the directory.
      if (this.#vfs.exists(this.#owner)) publication.withdraw();
    } catch {
      // What led here is to be reported; a temporary file is swept at the next opening.
    }
  }

  /**
   * The one before stays, for the case that this one is damaged some day. Not the first: it describes the log without the
   * segments of this epoch, and with it alone they would pass for those of an interrupted recovery.
   */
  #removeObsolete(previous: Manifest): void {
    const obsolete = previous.number === 1 ? 1 : previous.number - 1;
    this.#vfs.unlink(manifestName(previous.epoch, obsolete));
  }

  /** Takes the current manifest back when it is not the one that counts. @returns what is there. */
  #mustCount(): DirectorySurvey {
    const survey = surveyDirectory(this.#vfs);
    if (survey.manifests[0]?.name === this.currentName) return survey;
    this.#vfs.unlink(this.currentName);
    throw fenced(this.#vfs, this.#current.epoch);
  }

  /** @throws {StateError} `DATABASE_FENCED` when somebody else has raised the epoch, or put another database in this place. */
  checkFence(): void {
    if (!this.#vfs.exists(this.#owner)) throw fenced(this.#vfs, this.#current.epoch);
  }

  /** Gives the ownership back, after the last manifest. */
  retire(): void {
    this.#vfs.unlink(this.#owner);
  }
}

/**
 * Makes the epoch this process's own, among all that live: who creates its file has it. The file stays until a later epoch
 * is raised. @returns false when somebody else has it.
 */
function claimEpoch(vfs: Vfs, epoch: number): boolean {
  assert(epoch <= EPOCH_MAX, "the epochs are used up");
  const name = claimName(epoch);
  try {
    vfs.open(name, "create").close();
    return true;
  } catch (error) {
    if (vfs.exists(name)) return false;
    throw error;
  }
}

/** A manifest on its way to its name. */
class Publication {
  readonly #vfs: Vfs;
  readonly #bytes: Uint8Array;
  readonly #name: string;
  readonly #temporary: string;
  #file: VfsFile | undefined;
  #isThere = false;
  /** Somebody else sees to what comes next. */
  isCancelled = false;

  constructor(vfs: Vfs, manifest: Manifest) {
    this.#vfs = vfs;
    this.#bytes = encodeManifest(manifest);
    this.#name = manifestName(manifest.epoch, manifest.number);
    this.#temporary = `${this.#name}.tmp`;
  }

  writeNow(): void {
    this.#create().sync();
  }

  async write(): Promise<void> {
    await syncFile(this.#create());
  }

  putInPlace(): void {
    closeQuietly(this.#file);
    this.#vfs.rename(this.#temporary, this.#name);
    this.#isThere = false;
  }

  close(): void {
    closeQuietly(this.#file);
  }

  /** Removes what has not got its name. */
  withdraw(): void {
    this.close();
    if (!this.#isThere) return;
    this.#isThere = false;
    this.#vfs.unlink(this.#temporary);
  }

  #create(): VfsFile {
    this.#vfs.unlink(this.#temporary);
    const file = this.#vfs.open(this.#temporary, "create");
    this.#file = file;
    this.#isThere = true;
    writeFully(file, this.#bytes, 0, this.#bytes.length, 0);
    return file;
  }
}

function fenced(vfs: Vfs, epoch: number): StateError {
  return new StateError("DATABASE_FENCED", `${vfs.name} was taken over from this process (epoch ${epoch})`, {
    path: vfs.name,
    epoch,
  });
}
