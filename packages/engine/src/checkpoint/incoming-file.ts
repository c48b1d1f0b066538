import { type RunShard, writeSegment } from "@strata/storage";
import type { Slices } from "../long-work.js";
import type { FileKeeper } from "./file-keeper.js";
import type { SegmentPlace } from "./segment-place.js";
import { SnapshotBatch } from "./snapshot-batch.js";
import type { SnapshotLibrary } from "./snapshot-library.js";

/** A file with a run that is not part of the database yet. */
export interface IncomingFile {
  readonly places: readonly SegmentPlace[];
  /** The run's row names the file. */
  taken(): void;
  /** The run does not come: the file goes. */
  discard(): void;
}

/** What the file's owner has to say. */
export interface IncomingHost {
  /** @throws StateError `DATABASE_CLOSED` */
  mustBeOpen(): void;
  isClosed(): boolean;
  /** The run is part of the database, and lies there. */
  taken(places: readonly SegmentPlace[]): void;
}

/** Writes a run that is not part of the database yet into a file of its own, durable with its name; see `Checkpointer.writeIncoming`. */
export async function writeIncoming(
  library: SnapshotLibrary,
  keeper: FileKeeper,
  shard: RunShard,
  slices: Slices,
  host: IncomingHost,
): Promise<IncomingFile> {
  const { files } = library;
  const batch = new SnapshotBatch(files);
  const draft = batch.begin(Number.POSITIVE_INFINITY);
  const names = batch.files.map(({ name }) => name);
  const isNamed = keeper.expect(names);
  try {
    const input = { shard, from: 0, through: shard.lastVersion, merge: [] };
    await slices.run(writeSegment(input, draft.write));
    await batch.finish();
    host.mustBeOpen();
    files.syncNames();
    const places = [draft.end()];
    shard.attachCold(library.open(places));
    return {
      places,
      taken: () => {
        host.taken(places);
        isNamed();
      },
      discard: () => {
        isNamed();
        if (!host.isClosed()) for (const name of names) files.remove(name);
      },
    };
  } catch (error) {
    batch.discard();
    isNamed();
    throw error;
  }
}
