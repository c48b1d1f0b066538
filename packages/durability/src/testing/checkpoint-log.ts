import { ByteReader, ByteWriter, type Lsn, type Version } from "@strata/core";
import type { Checkpoint, Durability } from "../durability.js";
import type { RecoveredCommit, TestLog } from "./test-log.js";

/**
 * A caller of the port reduced to what checkpoints are about: a checkpoint's files hold commits, and its root names the files. So what a
 * log amounts to is one list of commits, wherever the border between files and log runs.
 */
export class CheckpointedLog {
  readonly log: Durability;
  /** The newest one. */
  last: Checkpoint | undefined;
  /** The one before, if it was published by this log. */
  previous: Checkpoint | undefined;

  constructor({ log, summary }: Pick<TestLog, "log" | "summary">) {
    this.log = log;
    this.last = summary.checkpoint;
    this.removeUnneeded();
  }

  /**
   * Writes a checkpoint of all commits so far and publishes it.
   *
   * @param files whether commits that are in files already stay there, or are written again.
   * @param meanwhile is done while it is being published.
   * @returns the version of the last commit that is in it.
   */
  async make(files: "new" | "all" = "new", meanwhile: () => void = () => {}): Promise<Version> {
    const checkpoint = await this.write(files);
    const published = this.log.publishCheckpoint(checkpoint);
    // Should `meanwhile` throw, what becomes of it does not matter.
    published.catch(() => {});
    meanwhile();
    await published;
    this.previous = this.last;
    this.last = checkpoint;
    this.removeUnneeded();
    return checkpoint.version;
  }

  /** Writes the file of a checkpoint. */
  async write(files: "new" | "all" = "new"): Promise<Checkpoint> {
    const { log, last } = this;
    const bytes = new ByteWriter();
    const commits = commitsOf(log);
    const above = files === "all" ? 0 : (last?.version ?? 0);
    for (const commit of commits) if (commit.version > above) encodeCommit(bytes, commit);
    const writer = log.snapshots!.create();
    writer.write(bytes.take());
    const end = commits.at(-1);
    const names = [...(files === "all" ? [] : fileNames(last)), writer.name];
    await writer.finish();
    return { version: end?.version ?? 0, lsn: end?.lsn ?? log.end, root: new TextEncoder().encode(names.join(" ")) };
  }

  /** Removes the files that neither of the last two checkpoints names. */
  removeUnneeded(): void {
    const needed = new Set([...fileNames(this.last), ...fileNames(this.previous)]);
    for (const name of this.log.snapshots!.list()) if (!needed.has(name)) this.log.snapshots!.remove(name);
  }
}

/** Everything that the log amounts to. */
export function commitsOf(log: Durability): RecoveredCommit[] {
  const commits: RecoveredCommit[] = [];
  log.read(
    (payload, lsn, version) => commits.push({ version, lsn, payload: payload.slice() }),
    (checkpoint) => commits.push(...readCheckpoint(log, checkpoint)),
  );
  return commits;
}

/** Names of its files. */
export function fileNames(checkpoint: Pick<Checkpoint, "root"> | undefined): string[] {
  const text = new TextDecoder().decode(checkpoint?.root);
  return text === "" ? [] : text.split(" ");
}

/** The commits in its files. */
export function readCheckpoint(log: Durability, checkpoint: Checkpoint): RecoveredCommit[] {
  const commits: RecoveredCommit[] = [];
  for (const name of fileNames(checkpoint)) {
    const file = log.snapshots!.open(name);
    const reader = new ByteReader(file.read(0, file.size));
    while (reader.remaining > 0) commits.push(decodeCommit(reader));
  }
  return commits;
}

function encodeCommit(writer: ByteWriter, { version, lsn, payload }: RecoveredCommit): void {
  writer.varint(version);
  writer.varint(lsn);
  writer.bytes(payload);
}

function decodeCommit(reader: ByteReader): RecoveredCommit {
  return { version: reader.varint() as Version, lsn: reader.varint() as Lsn, payload: reader.bytes().slice() };
}
