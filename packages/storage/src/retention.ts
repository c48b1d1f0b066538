/**
 * How much of its history a key keeps.
 */
import { assert, type Version } from "@strata/core";
import type { LostInterval } from "./cold.js";
import type { TablePrimitive } from "./table.js";

/** For the keys of one primitive. The newest version of a key always stays. */
export type RetentionRule =
  | { readonly keep: "all" }
  /** The newest so many versions, deletions counted. */
  | { readonly keep: "last"; readonly versions: number }
  /** Whatever was there within so many milliseconds before now. */
  | { readonly keep: "for"; readonly milliseconds: number };

/** Events have no rule: a log is never cut. */
export type RetentionRules = { readonly [P in TablePrimitive]: RetentionRule };

export const KEEP_ALL: RetentionRule = Object.freeze({ keep: "all" });

export const RETAINED_PRIMITIVES: readonly TablePrimitive[] = ["kv", "state", "json", "vector"];

/** The same rule for every primitive. */
export function sameRules(rule: RetentionRule): RetentionRules {
  return Object.freeze({ kv: rule, state: rule, json: rule, vector: rule });
}

/** Whether history is ever trimmed. */
export function trims(rules: RetentionRules): boolean {
  return RETAINED_PRIMITIVES.some((primitive) => rules[primitive].keep !== "all");
}

/** `all`, `last 10`, `for 60000 ms`; where primitives differ `kv: last 10, state: all, json: all, vector: all`. */
export function formatRetention(rules: RetentionRules): string {
  const [first, ...others] = RETAINED_PRIMITIVES.map((primitive) => formatRule(rules[primitive]));
  if (others.every((rule) => rule === first)) return first as string;
  return RETAINED_PRIMITIVES.map((primitive) => `${primitive}: ${formatRule(rules[primitive])}`).join(", ");
}

/** What `formatRetention` wrote; `undefined` for any other text. */
export function parseRetention(text: string): RetentionRules | undefined {
  const same = parseRule(text);
  if (same !== undefined) return sameRules(same);
  const parts = text.split(", ");
  if (parts.length !== RETAINED_PRIMITIVES.length) return undefined;
  const rules: { [P in TablePrimitive]: RetentionRule } = {
    kv: KEEP_ALL,
    state: KEEP_ALL,
    json: KEEP_ALL,
    vector: KEEP_ALL,
  };
  for (const [index, primitive] of RETAINED_PRIMITIVES.entries()) {
    const part = parts[index] as string;
    const rule = part.startsWith(`${primitive}: `) ? parseRule(part.slice(primitive.length + 2)) : undefined;
    if (rule === undefined) return undefined;
    rules[primitive] = rule;
  }
  return Object.freeze(rules);
}

function formatRule(rule: RetentionRule): string {
  if (rule.keep === "all") return "all";
  return rule.keep === "last" ? `last ${rule.versions}` : `for ${rule.milliseconds} ms`;
}

function parseRule(text: string): RetentionRule | undefined {
  if (text === "all") return KEEP_ALL;
  const [, last, span] = /^(?:last (\d+)|for (\d+(?:\.\d+)?(?:e[+-]?\d+)?) ms)$/.exec(text) ?? [];
  if (last !== undefined)
    return Number(last) >= 1 ? Object.freeze({ keep: "last", versions: Number(last) }) : undefined;
  if (span === undefined || !(Number(span) > 0)) return undefined;
  return Object.freeze({ keep: "for", milliseconds: Number(span) });
}

/** What must stay readable whatever the rule says, and what the rule needs to know of time. Of one run, at one moment. */
export interface RetentionGround {
  /** Everything is kept as of this version and every higher one: somebody reads on from there. `Infinity` when nobody does. */
  readonly from: Version;
  /** Whether a version in [from, to) is held by a view, a tag, a fork or a merge. */
  isPinned(from: Version, to: Version): boolean;
  /** The highest version as of which another run reads through to this one; 0 without one. */
  readonly lastFork: Version;
  /** The last commit that was made by so many milliseconds ago, or any version before the next one; 0 when it is not known. */
  horizon(milliseconds: number): Version;
}

/**
 * Which entries of a key stay: of those with `versions`, ascending, the last of which is the newest. `undefined` when all do. What does
 * not stay was seen by nobody whom `ground` knows.
 */
export function keptEntries(
  rule: RetentionRule,
  ground: RetentionGround,
  versions: readonly Version[],
): readonly boolean[] | undefined {
  const count = versions.length;
  const firstKept = firstKeptByRule(rule, ground, versions);
  if (firstKept === 0) return undefined;
  const kept = new Array<boolean>(count).fill(true);
  let keepsAll = true;
  for (let entry = 0; entry < firstKept; entry++) {
    const end = versions[entry + 1] as Version;
    if (end > ground.from || ground.isPinned(versions[entry] as Version, end)) continue;
    kept[entry] = false;
    keepsAll = false;
  }
  return keepsAll ? undefined : kept;
}

/** The position from which on the rule keeps everything; at most that of the newest entry. */
function firstKeptByRule(rule: RetentionRule, ground: RetentionGround, versions: readonly Version[]): number {
  const newest = versions.length - 1;
  if (rule.keep === "all" || newest <= 0) return 0;
  if (rule.keep === "last") return Math.max(0, newest + 1 - rule.versions);
  const horizon = ground.horizon(rule.milliseconds);
  let entry = newest;
  // What was there at the horizon is the last entry at or below it.
  while (entry > 0 && (versions[entry] as Version) > horizon) entry--;
  return entry;
}

/**
 * Says of the entries of a key which stay, as segments ask it. Where none does, nobody needs anything but the newest, which is a
 * tombstone, and that only as long as it hides something.
 *
 * @param versions ascending, dropped ones left out; the last is the newest entry of the key.
 * @param isDead whether entry `i` is a tombstone.
 * @returns `undefined` when all stay.
 */
export type KeepEntries = (
  primitive: TablePrimitive,
  key: string,
  versions: readonly Version[],
  isDead: (entry: number) => boolean,
) => readonly boolean[] | undefined;

/** @param lose told of the versions [from, to) as of which a dropped entry was the one to be seen. */
export function keepEntries(
  rules: RetentionRules,
  ground: RetentionGround,
  lose: (from: Version, to: Version) => void,
): KeepEntries {
  return (primitive, _key, versions, isDead) => {
    const newest = versions.length - 1;
    assert(newest >= 0, "a key has entries");
    const kept = keptEntries(rules[primitive], ground, versions);
    for (let entry = 0; entry < newest; entry++) {
      if (kept?.[entry] === false) lose(versions[entry] as Version, versions[entry + 1] as Version);
    }
    // Cells and documents count on when they are written again.
    if (primitive === "state" || primitive === "json") return kept;
    const onlyNewest = newest === 0 || kept?.indexOf(true) === newest;
    if (!onlyNewest || !isForgettable(rules[primitive], ground, versions, isDead, kept)) return kept;
    return new Array<boolean>(versions.length).fill(false);
  };
}

/** Whether a key whose entries are these may be forgotten as if it had never been: it is dead, and so is all that is kept of it. */
export function isForgettable(
  rule: RetentionRule,
  ground: RetentionGround,
  versions: readonly Version[],
  isDead: (entry: number) => boolean,
  kept: readonly boolean[] | undefined,
): boolean {
  const newest = versions.length - 1;
  if (rule.keep === "all" || ground.from !== Number.POSITIVE_INFINITY || !isDead(newest)) return false;
  // Whoever looks back within the time asked for sees that it was deleted, not only that it is gone.
  if (rule.keep === "for" && (versions[newest] as Version) > ground.horizon(rule.milliseconds)) return false;
  for (let entry = 0; entry < newest; entry++) {
    if ((kept === undefined || kept[entry]) && !isDead(entry)) return false;
  }
  return true;
}

/** Joins neighbours between which nobody holds a version: then what lies between them counts as lost too. @param intervals by `from`, ascending. */
export function joinUnpinned(intervals: readonly LostInterval[], ground: RetentionGround): readonly LostInterval[] {
  const left: LostInterval[] = [];
  for (const { from, to } of intervals) {
    const last = left.at(-1);
    const isApart = last !== undefined && last.to < from && (from > ground.from || ground.isPinned(last.to, from));
    if (last === undefined || isApart) left.push({ from, to });
    else left[left.length - 1] = { from: last.from, to: Math.max(last.to, to) };
  }
  return left;
}
