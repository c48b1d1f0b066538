import type { Primitive, Version } from "@strata/core";

/** One thing that a transaction observed and that another commit changed. Versions are 0 for absent. */
export interface ConflictKey {
  readonly space: string;
  readonly primitive: Primitive | "space" | "run";
  /** User key; for ranges the first changed key, for events `#length` or `#type:<type>`. */
  readonly key: string;
  /** Of a vector; the key is then empty for the collection itself. */
  readonly collection?: string;
  /** Version the transaction saw. */
  readonly expected: Version;
  /** Version in force at commit. */
  readonly actual: Version;
  /** JSON path inside a document, where only a part of it was observed. */
  readonly path?: string;
}

/**
 * Something a transaction saw that is neither a key nor a key range: a JSON path, the length of an event log, a space that was not
 * there. It is asked once, inside the commit pass, and only when another commit of the run happened since the view.
 */
export interface Observation {
  /** `undefined` while what was seen still holds at the head; otherwise what changed. Must not throw and must not write. */
  conflict(): ConflictKey | undefined;
}

/** Something that must hold when the transaction commits, whether or not anybody else wrote: a lease that has not run out. */
export interface Requirement {
  /**
   * @param now time of the commit, µs since the epoch.
   * @throws StrataError when it does not hold; the transaction then fails with just that error.
   */
  check(now: number): void;
}
