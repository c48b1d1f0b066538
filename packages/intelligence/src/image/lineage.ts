import type { Value, Version } from "@strata/core";
import type { ImageColumn } from "./image-parts.js";

/** A stretch of bytes in an image: which pages it takes. */
export interface SavedStream {
  readonly byteLength: number;
  /** Numbers of pages of the image, in order. None where the head holds it. */
  readonly pages: readonly number[];
}

/** Which image a column was last written to, or came from. */
export interface Lineage {
  /** Of the image: its run and name. */
  readonly image: string;
  /** The checkpoint that wrote it. */
  readonly base: Version;
  readonly head: Uint8Array;
  /** What the index said of itself in it. */
  readonly own: Value;
  /** The columns there were, and which of them this one was. */
  readonly names: readonly string[];
  readonly name: string;
  readonly streams: readonly SavedStream[];
}

const lineages = new WeakMap<ImageColumn, Lineage>();

export function lineageOf(column: ImageColumn): Lineage | undefined {
  return lineages.get(column);
}

export function setLineage(column: ImageColumn, lineage: Lineage): void {
  lineages.set(column, lineage);
}

/** What was loaded as `from` lives on as `to`. */
export function continueLineage(from: ImageColumn, to: ImageColumn): void {
  const lineage = lineages.get(from);
  if (lineage === undefined) return;
  lineages.delete(from);
  lineages.set(to, lineage);
}
