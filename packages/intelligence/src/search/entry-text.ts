import { copyOut, type Value } from "@strata/core";
import type { Stored } from "@strata/engine";
import { Box } from "@strata/storage";

/** Primitives whose entries are texts under a key. */
export type TextPrimitive = "kv" | "state" | "json";

/** What `stored` holds, without the copy that a reader gets of bytes: for looking only. */
export function contentOf(stored: Stored): Value {
  return stored instanceof Box ? (stored.value as Value) : stored;
}

/** What a reader gets: a copy down to each Uint8Array, which cannot be frozen. */
export function valueRead(stored: Stored): Value {
  const value = contentOf(stored);
  return stored instanceof Box && stored.holdsBytes ? copyOut(value) : value;
}

/** Whether the entry has a text of its own: what has none is never found by words. */
export function hasText(primitive: TextPrimitive, stored: Stored): boolean {
  return primitive === "state" || holdsText(contentOf(stored));
}

/**
 * The texts by which an entry is found: every string of its value, and of a cell its name in front of them. Names of members are structure,
 * not text.
 */
export function textsOf(primitive: TextPrimitive, key: string, stored: Stored): string[] {
  const texts: string[] = primitive === "state" ? [key] : [];
  addTexts(contentOf(stored), texts);
  return texts;
}

/** Those of an event: its type, and every string of its payload. */
export function textsOfEvent(type: string, payload: Value): string[] {
  const texts = [type];
  addTexts(payload, texts);
  return texts;
}

/** Every string in `value`, depth first. */
export function addTexts(value: Value, into: string[]): void {
  if (typeof value === "string") {
    into.push(value);
  } else if (Array.isArray(value)) {
    for (const element of value as readonly Value[]) addTexts(element, into);
  } else if (typeof value === "object" && value !== null && !(value instanceof Uint8Array)) {
    for (const member of Object.values(value)) addTexts(member, into);
  }
}

function holdsText(value: Value): boolean {
  if (typeof value === "string") return true;
  if (typeof value !== "object" || value === null || value instanceof Uint8Array) return false;
  const parts: readonly Value[] = Array.isArray(value) ? value : Object.values(value);
  return parts.some(holdsText);
}
