import { InvalidArgumentError, type Options, Value } from "@strata/core";
import type { DiffEntry, RunDiff } from "./diff.js";
import type { EntityRef } from "./entity-ref.js";
import { isSame } from "./same-value.js";

export type DiffFormatOptions = Options<{ color: boolean; maxLines: number }>;

/** Longest rendering of one value; what is longer ends in `…`. */
const VALUE_CHARACTERS_MAX = 60;

const MARK = { added: "+", removed: "-", modified: "~" } as const;
const COLOR = { added: "\u001b[32m", removed: "\u001b[31m", modified: "\u001b[33m" } as const;
const RESET = "\u001b[0m";

type Kind = keyof typeof MARK;

/**
 * A diff for people: a heading for each space and primitive, a line for each entry, a line for each place of a document, and the counts.
 * Control characters in keys and values are escaped, so that a diff cannot write to a terminal more than text.
 *
 * @param options.color with the escape codes of terminals; false by default.
 * @param options.maxLines entries beyond are left out, and counted; all by default. The heading of a part counts, the last line does not.
 */
export function formatDiff(diff: RunDiff, options: DiffFormatOptions = {}): string {
  const { color = false, maxLines = Number.POSITIVE_INFINITY } = options;
  if (maxLines !== Number.POSITIVE_INFINITY && !(Number.isSafeInteger(maxLines) && maxLines >= 0)) {
    throw new InvalidArgumentError("INVALID_ARGUMENT", "maxLines must be a whole number of at least 0", { maxLines });
  }
  const lines = linesOf(diff, color);
  const shown = lines.slice(0, maxLines);
  if (shown.length < lines.length) shown.push(`… ${count(lines.length - shown.length, "more line", "more lines")}`);
  return [...shown, summaryOf(diff)].join("\n");
}

function linesOf(diff: RunDiff, color: boolean): string[] {
  const lines: string[] = [];
  let heading = "";
  for (const { kind, entry } of inOrder(diff)) {
    const { space, primitive } = entry.ref;
    if (`${space}/${primitive}` !== heading) {
      heading = `${space}/${primitive}`;
      lines.push(printable(heading));
    }
    for (const line of linesOfEntry(kind, entry)) lines.push(color ? `${COLOR[kind]}${line}${RESET}` : line);
  }
  return lines;
}

function linesOfEntry(kind: Kind, entry: DiffEntry): string[] {
  const { ref, before, after, paths } = entry;
  const name = printable(nameOf(ref));
  const head = `  ${MARK[kind]} ${name}`;
  if (kind !== "modified") return [`${head}  ${rendered(after ?? before)}`];
  const isWhole = paths === undefined || paths.some(({ path }) => path === "$");
  if (ref.primitive === "event" && isSame(before, after)) return [`${head}  another event, with the same payload`];
  if (isWhole) return [`${head}  ${change(before, after)}`];
  return [head, ...paths.map((place) => `      ${printable(place.path)}  ${change(place.before, place.after)}`)];
}

function nameOf(ref: EntityRef): string {
  if (ref.primitive === "event") return `${ref.sequence} ${ref.type}`;
  return ref.primitive === "vector" ? `${ref.collection}/${ref.key}` : ref.key;
}

function change(before: Value | undefined, after: Value | undefined): string {
  return `${rendered(before)} → ${rendered(after)}`;
}

/** Space by space and primitive by primitive, in the order of the lists; within one what went, what changed, what came. */
function inOrder(diff: RunDiff): readonly { readonly kind: Kind; readonly entry: DiffEntry }[] {
  const parts = new Map<
    string,
    { readonly place: readonly string[]; readonly entries: { kind: Kind; entry: DiffEntry }[] }
  >();
  for (const kind of ["removed", "modified", "added"] as const) {
    for (const entry of diff[kind]) {
      const place = [entry.ref.space, entry.ref.primitive];
      const name = place.join("/");
      const part = parts.get(name) ?? { place, entries: [] };
      part.entries.push({ kind, entry });
      parts.set(name, part);
    }
  }
  return [...parts.values()].sort((a, b) => Value.compare(a.place, b.place)).flatMap(({ entries }) => entries);
}

function summaryOf({ added, removed, modified, truncated }: RunDiff): string {
  if (added.length + removed.length + modified.length === 0) return truncated ? "not compared" : "no differences";
  const counts = `${added.length} added, ${removed.length} removed, ${modified.length} modified`;
  return truncated ? `${counts}, and more` : counts;
}

function rendered(value: Value | undefined): string {
  if (value === undefined) return "(nothing)";
  const text = printable(JSON.stringify(Value.toJson(value)));
  return text.length <= VALUE_CHARACTERS_MAX ? text : `${text.slice(0, VALUE_CHARACTERS_MAX - 1)}…`;
}

function count(number: number, one: string, many: string): string {
  return `${number} ${number === 1 ? one : many}`;
}

/** Control characters, and those that change the direction of text or break lines, as `\u` and four hex digits. */
function printable(text: string): string {
  return text.replace(UNPRINTABLE, (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`);
}

const UNPRINTABLE = /[\p{Cc}\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff]/gu;
