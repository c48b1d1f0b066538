import type { ValueObject, Version } from "@strata/core";
import type { RunRow } from "./run.js";

/**
 * Where the past of a run begins that did not begin in this database: the member `past` of the row of an imported run, and of its forks.
 * Versions are those it had where it came from; they may be lower than the run's number.
 */
export interface ImportedPast extends ValueObject {
  /** The first version that can be asked for. */
  readonly first: number;
  /** Since when the run can be asked for, µs since the epoch. */
  readonly firstTime: number;
  /** Of what was written up to this version only the last state came along; 0 when everything did. */
  readonly base: number;
}

/** The run that an imported one was elsewhere, where it could not keep its id. */
export interface ImportedFrom extends ValueObject {
  readonly run: string;
  readonly id: string;
}

export function pastOf(row: RunRow): ImportedPast | undefined {
  return row["past"] as ImportedPast | undefined;
}

export function importedFromOf(row: RunRow): ImportedFrom | undefined {
  return row["origin"] as ImportedFrom | undefined;
}

/** The version that the run had when it was imported; for any other its number, which is the version that created it. */
export function bornAt(row: RunRow): Version {
  const version = row["version"];
  return typeof version === "number" ? version : row.number;
}
