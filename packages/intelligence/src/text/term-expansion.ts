import { completedStems } from "./completions.js";
import { stem } from "./stem.js";
import type { LayerView } from "./text-view.js";

/** Terms that one prefix or misspelling stands for at most. */
export const EXPANSION_MAX = 64;

const encoder = new TextEncoder();

/** What stands for an expanded word: in each layer some of its terms. */
export type ExpandedTerms = readonly (readonly number[])[];

/** A term that may stand for a word, whichever layers have it. */
interface Candidate {
  readonly word: string;
  /** Letters that differ. */
  readonly distance: number;
  /** By layer; -1 where it is not known. */
  readonly terms: number[];
}

/**
 * The terms that begin with `prefix`, and those of words that do though their stems do not. Of more than 64 those that most documents of the view
 * have, and of these the first in order.
 */
export function expandPrefix(views: readonly LayerView[], prefix: string): ExpandedTerms {
  const bytes = encoder.encode(prefix);
  const found = views.map(({ index }) => {
    const ids = index.wordOrder.withPrefix(bytes);
    if (index.withStems) {
      for (const completed of completedStems(prefix)) {
        const id = index.words.idOf(completed);
        if (id >= 0) ids.push(id);
      }
    }
    return ids;
  });
  if (found.every((ids) => ids.length <= EXPANSION_MAX) && found.filter((ids) => ids.length > 0).length <= 1) {
    return found;
  }
  return best(
    views,
    candidates(
      views,
      found.map((ids) => ids.map((id) => ({ id, distance: 0 }))),
    ),
  );
}

/** The terms that are written nearly like a word, or like its stem: the nearest first, then those that most documents have, at most 64. */
export function expandFuzzy(views: readonly LayerView[], word: string, distance: number): ExpandedTerms {
  const found = views.map(({ index }) =>
    index.similarWords.within(index.withStems ? [word, stem(word)] : [word], distance),
  );
  return best(views, candidates(views, found));
}

/** The same words of all layers put together. */
function candidates(
  views: readonly LayerView[],
  found: readonly (readonly { readonly id: number; readonly distance: number }[])[],
): Candidate[] {
  const byWord = new Map<string, Candidate>();
  for (const [layer, words] of found.entries()) {
    for (const { id, distance } of words) {
      const word = views[layer]!.index.words.wordOf(id);
      let candidate = byWord.get(word);
      if (candidate === undefined) {
        candidate = { word, distance, terms: new Array<number>(views.length).fill(-1) };
        byWord.set(word, candidate);
      }
      candidate.terms[layer] = id;
    }
  }
  return [...byWord.values()];
}

function best(views: readonly LayerView[], all: readonly Candidate[]): ExpandedTerms {
  const counted: Counted[] = all.map((candidate) => ({ candidate, most: 0, exact: -1 }));
  if (counted.length > EXPANSION_MAX) keepBest(views, counted);
  return views.map((_, layer) =>
    counted.flatMap(({ candidate }) => (candidate.terms[layer]! < 0 ? [] : candidate.terms[layer]!)),
  );
}

/** A candidate, the most documents that can have it, and how many do; -1 while that is not known. */
interface Counted {
  readonly candidate: Candidate;
  most: number;
  exact: number;
}

/** Leaves the best. How many documents have a term is counted only of those that may be among them. */
function keepBest(views: readonly LayerView[], counted: Counted[]): void {
  for (const entry of counted) {
    for (const [layer, term] of entry.candidate.terms.entries()) {
      if (term >= 0) entry.most += views[layer]!.index.postings.countOf(term);
    }
  }
  counted.sort((a, b) => a.candidate.distance - b.candidate.distance || b.most - a.most);
  const kept: Counted[] = [];
  for (const entry of counted) {
    const last = kept[EXPANSION_MAX - 1];
    if (last !== undefined) {
      if (entry.candidate.distance > last.candidate.distance || entry.most < last.exact) break;
    }
    entry.exact = 0;
    for (const [layer, term] of entry.candidate.terms.entries()) {
      if (term >= 0) entry.exact += views[layer]!.documentsWith(term);
    }
    if (entry.exact === 0) continue;
    insert(kept, entry);
  }
  counted.splice(0, counted.length, ...kept);
}

function insert(kept: Counted[], entry: Counted): void {
  let at = kept.length;
  while (at > 0 && isBetter(entry, kept[at - 1]!)) at--;
  if (at === EXPANSION_MAX) return;
  kept.splice(at, 0, entry);
  if (kept.length > EXPANSION_MAX) kept.pop();
}

function isBetter(a: Counted, b: Counted): boolean {
  if (a.candidate.distance !== b.candidate.distance) return a.candidate.distance < b.candidate.distance;
  if (a.exact !== b.exact) return a.exact > b.exact;
  return a.candidate.word < b.candidate.word;
}
