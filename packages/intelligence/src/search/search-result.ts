import type { Value, ValueObject } from "@strata/core";
import type { EntityRef } from "@strata/engine";
import type { SearchMode } from "./search-options.js";

/** One entry that was found. */
export interface SearchHit {
  readonly ref: EntityRef;
  /** What the entry holds; of an event the payload, of a vector its metadata, null without. */
  readonly value: Value;
  /**
   * Higher is better. By keyword the BM25 score, by vector that of the collection's metric, in a hybrid search the sum of
   * weight / (60 + rank) over the lists the entry is in. Scores of different searches are not comparable.
   */
  readonly score: number;
  /** From 1. */
  readonly rank: number;
  /** µs since the epoch; 0 for an own, uncommitted write. */
  readonly timestamp: number;
  /** At most 100 UTF-16 units of the entry's text, around a word of the query where it has one. It begins and ends between characters. */
  readonly snippet: string;
  /** With `highlight`: UTF-16 offsets into `snippet`, the end exclusive, ascending. */
  readonly highlights?: readonly (readonly [start: number, end: number])[];
  /** With `explain`: what the score was made of. */
  readonly explain?: ValueObject;
}

/** What a search found. */
export interface SearchResult {
  /** Best first. Equal scores: kv, event, state, json, vector; then spaces, then keys by code point, sequences by number. */
  readonly hits: readonly SearchHit[];
  /** Whether more matched than were asked for. */
  readonly truncated: boolean;
  readonly mode: SearchMode;
  readonly elapsedUs: number;
}
