import type { RunId, Value, Version } from "@strata/core";
import type { ImageIdentity } from "./image-file.js";
import { illegalRow, isSize, placesFromValue, placesToValue, type SegmentPlace } from "./segment-place.js";

/** What the catalogue says of an image. */
export interface ImageRow {
  /** Of the checkpoint that wrote it. */
  readonly version: Version;
  /** Its directory. */
  readonly place: SegmentPlace;
  /** How many bytes of which files it takes, the directory included. */
  readonly usage: ReadonlyMap<string, number>;
}

export function imageRowToValue({ version, place, usage }: ImageRow): Value {
  return [version, placesToValue([place]), [...usage].map(([file, bytes]) => [file, bytes])];
}

/** @throws CorruptionError `SNAPSHOT_CORRUPT` */
export function imageRowFromValue(value: Value): ImageRow {
  const [version, places, used] = Array.isArray(value) ? value : [];
  const [place] = placesFromValue(places);
  if (!isSize(version) || place === undefined || !Array.isArray(used)) throw illegalRow(value);
  const usage = used.map((each: Value): [string, number] => {
    const [file, bytes] = Array.isArray(each) ? each : [];
    if (typeof file !== "string" || !isSize(bytes)) throw illegalRow(value);
    return [file, bytes];
  });
  return { version, place, usage: new Map(usage) };
}

/** Key of an image among those of its run. */
export function imageKey({ index, name }: ImageIdentity): string {
  return `${encodeURIComponent(index)}/${name}`;
}

/** @throws CorruptionError `SNAPSHOT_CORRUPT` */
export function imageOfKey(run: RunId, key: string): ImageIdentity {
  const end = key.indexOf("/");
  if (end < 0) throw illegalRow(key);
  return { run, index: decodeURIComponent(key.slice(0, end)), name: key.slice(end + 1) };
}

/** Whether something of an image lies in one of these files. */
export function liesIn({ usage }: ImageRow, files: ReadonlySet<string>): boolean {
  for (const file of usage.keys()) if (files.has(file)) return true;
  return false;
}
