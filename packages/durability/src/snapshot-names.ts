import { hex } from "./wal-format.js";

export const SNAPSHOT_DIRECTORY = "snapshots";
/** A file that a checkpoint may name. The number counts from 1 in each epoch. */
export const SNAPSHOT_NAME_PATTERN = /^([0-9a-f]{8})-([0-9a-f]{8,13})\.snap$/;
/** One in the making: nothing reads it, opening removes it. */
export const SNAPSHOT_TEMPORARY_PATTERN = /^([0-9a-f]{8})-([0-9a-f]{8,13})\.snap\.tmp$/;

export function snapshotName(epoch: number, number: number): string {
  return `${hex(epoch, 8)}-${hex(number, 8)}.snap`;
}

export function snapshotPath(name: string): string {
  return `${SNAPSHOT_DIRECTORY}/${name}`;
}

export function snapshotTemporaryPath(name: string): string {
  return `${SNAPSHOT_DIRECTORY}/${name}.tmp`;
}

/** The epoch in the name of a file, finished or not; `undefined` for other names. */
export function snapshotEpoch(name: string): number | undefined {
  const match = SNAPSHOT_NAME_PATTERN.exec(name) ?? SNAPSHOT_TEMPORARY_PATTERN.exec(name);
  return match === null ? undefined : Number.parseInt(match[1]!, 16);
}
