import type { Json } from "./naive-history.js";

/** A collection whose vectors have one number over and over. */
export interface NaiveCollection {
  readonly dimension: number;
  readonly rows: ReadonlyMap<string, number>;
}

export type NaiveVectors = ReadonlyMap<string, NaiveCollection>;

type Settle = (name: string, mine: Json | undefined, other: Json | undefined) => unknown;

/**
 * Merges collection by collection.
 *
 * @param settle notes a conflict.
 * @returns how many rows are written, those of collections among them
 */
export function mergeVectors(
  [base, ours, theirs]: readonly [NaiveVectors, NaiveVectors, NaiveVectors],
  takes: "ours" | "theirs",
  settle: Settle,
): { readonly vectors: NaiveVectors; readonly applied: number } {
  const vectors = new Map(ours);
  let applied = 0;
  for (const name of new Set([...base.keys(), ...ours.keys(), ...theirs.keys()])) {
    const [was, mine, other] = [base.get(name), ours.get(name), theirs.get(name)];
    const result = mergeCollection(name, was, mine, other, takes, settle);
    applied += difference(mine, result);
    if (result === undefined) vectors.delete(name);
    else vectors.set(name, result);
  }
  return { vectors, applied };
}

function mergeCollection(
  name: string,
  was: NaiveCollection | undefined,
  mine: NaiveCollection | undefined,
  other: NaiveCollection | undefined,
  takes: "ours" | "theirs",
  settle: Settle,
): NaiveCollection | undefined {
  if (difference(was, other) === 0) return mine;
  if (mine?.dimension === other?.dimension)
    return mine && mergeRows(name, was, mine, other as NaiveCollection, takes, settle);
  if (difference(was, mine) === 0) return other;
  if (was?.dimension === other?.dimension) {
    const news = [...(other?.rows ?? [])].filter(
      ([key, value]) => shown(was, key) !== shownAs(other, value) && shown(mine, key) !== shownAs(other, value),
    );
    if (news.length === 0) return mine;
  }
  settle(`vector:${name}/`, mine && { dimension: mine.dimension }, other && { dimension: other.dimension });
  return takes === "ours" ? mine : other;
}

function mergeRows(
  name: string,
  was: NaiveCollection | undefined,
  mine: NaiveCollection,
  other: NaiveCollection,
  takes: "ours" | "theirs",
  settle: Settle,
): NaiveCollection {
  const rows = new Map(mine.rows);
  for (const key of new Set([...(was?.rows.keys() ?? []), ...mine.rows.keys(), ...other.rows.keys()])) {
    if (shown(was, key) === shown(other, key) || shown(mine, key) === shown(other, key)) continue;
    if (shown(was, key) !== shown(mine, key)) {
      settle(`vector:${name}/${key}`, json(mine, key), json(other, key));
      if (takes === "ours") continue;
    }
    const value = other.rows.get(key);
    if (value === undefined) rows.delete(key);
    else rows.set(key, value);
  }
  return { dimension: mine.dimension, rows };
}

/** Rows that differ. */
function difference(a: NaiveCollection | undefined, b: NaiveCollection | undefined): number {
  const keys = new Set([...(a?.rows.keys() ?? []), ...(b?.rows.keys() ?? [])]);
  const rows = [...keys].filter((key) => shown(a, key) !== shown(b, key)).length;
  return rows + (a?.dimension === b?.dimension ? 0 : 1);
}

function shown(collection: NaiveCollection | undefined, key: string): string | undefined {
  const value = collection?.rows.get(key);
  return value === undefined ? undefined : shownAs(collection, value);
}

function shownAs(collection: NaiveCollection | undefined, value: number): string {
  return `${collection?.dimension} times ${value}`;
}

/** The vector of a row, as conflicts show it; lists as objects. */
function json(collection: NaiveCollection, key: string): Json | undefined {
  const value = collection.rows.get(key);
  if (value === undefined) return undefined;
  return { vector: Object.fromEntries(Array.from({ length: collection.dimension }, (_, i) => [i, value])) };
}
