import { LogPoisoned } from "./log-poisoned.js";
import type { Vfs, VfsFile } from "./vfs.js";
import { closeQuietly, fillWithZeros, writeFully } from "./vfs-io.js";
import {
  encodeSegmentHeader,
  SEGMENT_HEADER_SIZE,
  type SegmentHeader,
  segmentPath,
  WAL_DIRECTORY,
} from "./wal-format.js";

/** How a segment comes into being. */
export interface SegmentPlan {
  readonly header: SegmentHeader;
  /** The name it has until it is complete. */
  readonly temporaryPath: string;
  /** Whether a file of `header.sizeBytes` zeros has that name already. */
  readonly prepared: boolean;
}

/**
 * Makes a segment and puts it in place: contents, fsync, name, fsync of the directory. When it returns the segment is on
 * stable storage and open for writing.
 *
 * @param writeFrames writes the frames that the segment is born with, from `SEGMENT_HEADER_SIZE` on; returns the offset behind them.
 * @throws {IoError} nothing has been put in place.
 * @throws {LogPoisoned} an fsync failed; the segment may be in place or not.
 */
export function createSegment(vfs: Vfs, plan: SegmentPlan, writeFrames?: (file: VfsFile) => number): VfsFile {
  const { header, temporaryPath } = plan;
  let file: VfsFile | undefined;
  try {
    if (!plan.prepared) vfs.unlink(temporaryPath);
    file = vfs.open(temporaryPath, plan.prepared ? "readWrite" : "create");
    const laidOut = file.size();
    writeFully(file, encodeSegmentHeader(header), 0, SEGMENT_HEADER_SIZE, 0);
    const framesEnd = writeFrames === undefined ? SEGMENT_HEADER_SIZE : writeFrames(file);
    fillWithZeros(file, Math.max(framesEnd, laidOut), header.sizeBytes);
    syncOrPoison(() => file?.sync());
    vfs.rename(temporaryPath, segmentPath(header.epoch, header.firstLsn));
  } catch (error) {
    discard(vfs, file, temporaryPath);
    throw error;
  }
  try {
    syncOrPoison(() => vfs.syncDirectory(WAL_DIRECTORY));
  } catch (error) {
    closeQuietly(file);
    throw error;
  }
  return file;
}

/** After a failed fsync nobody knows what the medium holds, whatever later ones say. */
export function syncOrPoison(sync: () => void, uncertain = false): void {
  try {
    sync();
  } catch (error) {
    throw new LogPoisoned(error, uncertain);
  }
}

function discard(vfs: Vfs, file: VfsFile | undefined, path: string): void {
  try {
    file?.close();
    vfs.unlink(path);
  } catch {
    // The failure that led here is the one to report; the next opening sweeps the name.
  }
}
