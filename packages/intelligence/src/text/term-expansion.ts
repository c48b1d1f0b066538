import { completedStems } from "./completions.js";
import { stem } from "./stem.js";
import type { LayerView } from "./text-view.js";

/** Terms that one prefix or misspelling stands for at most. */
const EXPANSION_MAX = 64;

const encoder = new TextEncoder();

/** What stands for an expanded word: in each layer some of its terms. */
export type ExpandedTerms = readonly (readonly number[])[];

/** A term that may stand for a word, whichever layers have it. */
interface Candidate {
  /** The first layer that has it. */
  readonly layer: number;
  /** Letters that differ. */
  readonly distance: number;
  /** By layer; -1 where it is not known. */
  readonly terms: readonly number[];
  /** The most documents that can have it, and how many do; -1 while that is not known. */
  readonly most: number;
  exact: number;
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
  if (found.every((ids) => ids.length === 0 || (ids.length <= EXPANSION_MAX && views.length === 1))) return found;
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
  const all: Candidate[] = [];
  for (const [layer, words] of found.entries()) {
    const { words: table } = views[layer]!.index;
    for (const { id, distance } of words) {
      const terms = views.map(({ index }, at) => (at === layer ? id : index.words.idOfSame(table, id)));
      if (terms.findIndex((term) => term >= 0) < layer) continue;
      let most = 0;
      for (const [at, term] of terms.entries()) if (term >= 0) most += views[at]!.index.postings.countOf(term);
      all.push({ layer, distance, terms, most, exact: -1 });
    }
  }
  return all;
}

function best(views: readonly LayerView[], all: Candidate[]): ExpandedTerms {
  const kept = all.length > EXPANSION_MAX ? bestOf(views, all) : all;
  return views.map((_, layer) => kept.map(({ terms }) => terms[layer]!).filter((term) => term >= 0));
}

/** How many documents have a term is counted only of those that may be among the best. */
function bestOf(views: readonly LayerView[], all: Candidate[]): Candidate[] {
  all.sort((a, b) => a.distance - b.distance || b.most - a.most);
  const kept: Candidate[] = [];
  for (const candidate of all) {
    const last = kept[EXPANSION_MAX - 1];
    if (last !== undefined && (candidate.distance > last.distance || candidate.most < last.exact)) break;
    candidate.exact = 0;
    for (const [layer, term] of candidate.terms.entries()) {
      if (term >= 0) candidate.exact += views[layer]!.documentsWith(term);
    }
    if (candidate.exact > 0) insert(views, kept, candidate);
  }
  return kept;
}

function insert(views: readonly LayerView[], kept: Candidate[], candidate: Candidate): void {
  let at = kept.length;
  while (at > 0 && isBetter(views, candidate, kept[at - 1]!)) at--;
  if (at === EXPANSION_MAX) return;
  kept.splice(at, 0, candidate);
  if (kept.length > EXPANSION_MAX) kept.pop();
}

function isBetter(views: readonly LayerView[], a: Candidate, b: Candidate): boolean {
  if (a.distance !== b.distance) return a.distance < b.distance;
  if (a.exact !== b.exact) return a.exact > b.exact;
  return wordOf(views, a) < wordOf(views, b);
}

function wordOf(views: readonly LayerView[], { layer, terms }: Candidate): string {
  return views[layer]!.index.words.wordOf(terms[layer]!);
}
