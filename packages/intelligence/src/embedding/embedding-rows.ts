import { ByteReader, decodeValue, type Value, type Version } from "@strata/core";
import { EMBEDDINGS_SPACE, getAt, type ReadScope } from "@strata/engine";
import { Box, Found, isLive, type Stored } from "@strata/storage";
import { addTexts, contentOf } from "../search/entry-text.js";
import type { EmbeddedPrimitive, Target } from "./checked-embedder.js";

/** Between the strings of one value. */
const SEPARATOR = "\n";

/**
 * Embeddings are vectors like any others, in a space that is closed to users: a collection for what was embedded of one primitive in one
 * space, keyed as there (events by their sequence). Beside each vector stands the version of the entry that it was made of, so that one
 * that was overwritten since is not taken for it.
 */
export function collectionNameOf(primitive: EmbeddedPrimitive, space: string): string {
  return `${primitive}:${space}`;
}

/** What a collection's vectors were made by, and up to where. */
export interface Progress {
  readonly model: string;
  /** Of the run: everything at or below it was looked at. */
  readonly version: Version;
}

/** @returns `undefined` where nothing was embedded, or it cannot be told. */
export function progressIn(scope: ReadScope, collection: string): Progress | undefined {
  const stored = scope.tableIn(EMBEDDINGS_SPACE, "kv").get(collection);
  if (stored === undefined || stored instanceof Box) return undefined;
  const { model, version } = stored as { readonly model?: unknown; readonly version?: unknown };
  return typeof model === "string" && typeof version === "number" ? { model, version } : undefined;
}

/** The version that an embedding was made of. */
export function versionOf(metadata: { readonly [member: string]: Value } | undefined): Version | undefined {
  const version = metadata?.["version"];
  return typeof version === "number" ? version : undefined;
}

/** An entry that may be embedded. */
export interface Source {
  readonly version: Version;
  readonly value: Value;
}

/** One that a table holds under a key. */
export interface KeyedSource extends Source {
  readonly stored: Stored;
}

/** An event. */
export interface EventSource extends Source {
  readonly type: string;
  /** µs since the epoch. */
  readonly timestamp: number;
}

const found = new Found();

/** What a key of a table holds for a reader, unobserved; `undefined` when it is not there, or not alive at the reader's time. */
export function sourceIn(
  scope: ReadScope,
  space: string,
  primitive: "kv" | "json",
  key: string,
): KeyedSource | undefined {
  if (!scope.tableIn(space, primitive).peek(key, found)) return undefined;
  const { stored, version } = found;
  if (!isLive(stored) || (stored instanceof Box && stored.expiresAt <= scope.now())) return undefined;
  return { version, value: contentOf(stored), stored };
}

/** The same of an event. */
export function eventIn(scope: ReadScope, space: string, sequence: number): EventSource | undefined {
  const event = scope.eventsIn(space).read(sequence);
  if (event === undefined) return undefined;
  const { version, type, timestamp, payload } = event;
  return { version, value: decodeValue(new ByteReader(payload)), type, timestamp };
}

/** What of a value is embedded; empty where there is nothing. */
export function embeddedText(value: Value, { field }: Target): string {
  const part = field === undefined ? value : getAt(value, field.path);
  if (part === undefined) return "";
  const texts: string[] = [];
  addTexts(part, texts);
  return texts.join(SEPARATOR);
}
