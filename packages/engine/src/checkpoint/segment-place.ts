import { CorruptionError, type Value } from "@strata/core";

/** Where a segment lies: a stretch of a snapshot file. */
export interface SegmentPlace {
  /** As the backend named it. */
  readonly file: string;
  readonly offset: number;
  /** Bytes. */
  readonly length: number;
}

export function placesToValue(places: readonly SegmentPlace[]): Value {
  return places.map(({ file, offset, length }) => [file, offset, length]);
}

/** @throws CorruptionError `SNAPSHOT_CORRUPT` */
export function placesFromValue(value: Value | undefined): SegmentPlace[] {
  if (!Array.isArray(value)) throw illegalRow(value);
  return value.map((place: Value) => {
    const [file, offset, length] = Array.isArray(place) ? place : [];
    if (typeof file !== "string" || !isSize(offset) || !isSize(length)) throw illegalRow(value);
    return { file, offset, length };
  });
}

export function isSize(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}

export function illegalRow(row: unknown): CorruptionError {
  return new CorruptionError("SNAPSHOT_CORRUPT", "the catalogue holds a row that no catalogue has", { row });
}
