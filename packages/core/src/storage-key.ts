/**
 * The full address of one entry as text, for people, bundles and messages: `{run}:{space}:{primitive}:{key}`. In run and
 * space `%` is written `%25` and `:` is written `%3A`; the key comes last and stays as it is, so no two addresses share
 * a text. The store itself never joins keys.
 */

import { InvalidArgumentError } from "./errors.js";
import { PRIMITIVES, type Primitive } from "./version.js";

export interface StorageKey {
  readonly run: string;
  readonly space: string;
  readonly primitive: Primitive;
  readonly key: string;
}

export function formatStorageKey({ run, space, primitive, key }: StorageKey): string {
  return `${escapeSegment(run)}:${escapeSegment(space)}:${primitive}:${key}`;
}

/** @throws {InvalidArgumentError} `INVALID_KEY` for a text that `formatStorageKey` does not write. */
export function parseStorageKey(text: string): StorageKey {
  const found = typeof text === "string" ? ADDRESS.exec(text) : null;
  const primitive = PRIMITIVES.find((name) => name === found?.[3]);
  if (found === null || primitive === undefined) {
    throw new InvalidArgumentError("INVALID_KEY", "this is no address of the form run:space:primitive:key", {
      text,
      primitives: PRIMITIVES,
    });
  }
  return { run: unescapeSegment(found[1]!), space: unescapeSegment(found[2]!), primitive, key: found[4]! };
}

// A segment holds `%` only as the two escapes.
const ADDRESS = /^((?:[^:%]|%25|%3A)*):((?:[^:%]|%25|%3A)*):([a-z]+):(.*)$/s;

function escapeSegment(text: string): string {
  return text.replaceAll("%", "%25").replaceAll(":", "%3A");
}

function unescapeSegment(text: string): string {
  return text.replaceAll("%3A", ":").replaceAll("%25", "%");
}
