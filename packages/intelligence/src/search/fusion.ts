/**
 * Ranks count from here: the constant of Cormack, Clarke & Büttcher, "Reciprocal Rank Fusion outperforms Condorcet and individual Rank
 * Learning Methods" (2009).
 */
export const FUSION_RANK = 60;

/** One list, best first, each entry in it once. */
export interface RankedList<T> {
  /** 0 leaves the list out. */
  readonly weight: number;
  readonly entries: readonly T[];
}

/** An entry with what the lists say of it. */
export interface Fused<T> {
  /** As the first list that has it gives it. */
  readonly entry: T;
  readonly score: number;
  /** Rank from 1 in each of the lists, in their order; 0 where it is not in it. */
  readonly ranks: readonly number[];
}

/**
 * Reciprocal rank fusion: an entry scores the sum of weight / (60 + rank) over the lists that have it.
 *
 * @param identity the same text for the same entry, and for no other.
 * @param compare order of entries of equal score.
 * @returns all that are in a list of a weight above 0, best first.
 */
export function fuse<T>(
  lists: readonly RankedList<T>[],
  identity: (entry: T) => string,
  compare: (a: T, b: T) => number,
): Fused<T>[] {
  const known = new Map<string, { entry: T; score: number; ranks: number[] }>();
  for (const [at, { weight, entries }] of lists.entries()) {
    if (weight === 0) continue;
    for (const [position, entry] of entries.entries()) {
      const id = identity(entry);
      let fused = known.get(id);
      if (fused === undefined) {
        fused = { entry, score: 0, ranks: lists.map(() => 0) };
        known.set(id, fused);
      }
      fused.score += weight / (FUSION_RANK + position + 1);
      fused.ranks[at] = position + 1;
    }
  }
  return [...known.values()].sort((a, b) => b.score - a.score || compare(a.entry, b.entry));
}
