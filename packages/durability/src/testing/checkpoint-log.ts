import { ByteReader, ByteWriter, type Lsn, type Version } from "@strata/core";
import type { Checkpoint, Durability, PublishedCheckpoint } from "../durability.js";
import type { RecoveredCommit } from "./test-log.js";

/**
 * A caller of the port reduced to what checkpoints are about: each writes the commits since the one before into a file, and its root
 * names all files. So what a log amounts to is one list of commits, wherever the border between files and log runs.
 */
export async function writeCheckpoint(
  log: Durability,
  commits: readonly RecoveredCommit[],
  last: Checkpoint | undefined,
): Promise<Checkpoint> {
  const end = commits.at(-1);
  const version = end?.version ?? 0;
  const lsn = end?.lsn ?? log.end;
  const writer = log.snapshots!.create();
  const bytes = new ByteWriter();
  for (const commit of commits) if (commit.version > (last?.version ?? 0)) encodeCommit(bytes, commit);
  writer.write(bytes.take());
  await writer.finish();
  const root = new TextEncoder().encode([...fileNames(last), writer.name].join(" "));
  return { version, lsn, root };
}

/** Writes it, publishes it. */
export async function makeCheckpoint(
  log: Durability,
  commits: readonly RecoveredCommit[],
  last: Checkpoint | undefined,
): Promise<Checkpoint & PublishedCheckpoint> {
  const checkpoint = await writeCheckpoint(log, commits, last);
  return { ...checkpoint, ...(await log.publishCheckpoint(checkpoint)) };
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
