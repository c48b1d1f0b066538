import { PostingList } from "./posting-list.js";
import type { LayerView } from "./text-view.js";

/** A word of a phrase in one layer. */
export interface PhraseElement {
  /** Terms that stand for it. */
  readonly terms: readonly number[];
  /** Tokens behind the phrase's first one. */
  readonly offset: number;
}

/** Counts a phrase in documents of one layer, by the positions of its words. */
export class PhraseCounter {
  readonly #elements: readonly { readonly lists: readonly PostingList[]; readonly offset: number }[];
  readonly #positions: number[] = [];
  readonly #starts: number[] = [];

  constructor(view: LayerView, elements: readonly PhraseElement[]) {
    const { postings } = view.index;
    this.#elements = elements.map(({ terms, offset }) => ({
      lists: terms.map((term) => PostingList.of(postings, term)),
      offset,
    }));
  }

  /** How often a document has it. */
  tfOf(slot: number): number {
    const starts = this.#starts;
    starts.length = 0;
    for (let at = 0; at < this.#elements.length; at++) {
      const { lists, offset } = this.#elements[at]!;
      const positions = this.#positionsOf(slot, lists);
      if (at === 0) for (const position of positions) starts.push(position - offset);
      else retain(starts, positions, offset);
      if (starts.length === 0) return 0;
    }
    return starts.length;
  }

  /** Ascending. */
  #positionsOf(slot: number, lists: readonly PostingList[]): readonly number[] {
    const positions = this.#positions;
    positions.length = 0;
    for (const list of lists) {
      const posting = list.find(slot);
      if (posting >= 0) list.positionsAt(posting, positions);
    }
    // A position has one term, so none is there twice.
    return lists.length > 1 ? positions.sort((a, b) => a - b) : positions;
  }
}

/** Leaves those starts that are `offset` in front of one of `positions`; both ascend. */
function retain(starts: number[], positions: readonly number[], offset: number): void {
  let kept = 0;
  let at = 0;
  for (const start of starts) {
    const wanted = start + offset;
    while (at < positions.length && positions[at]! < wanted) at++;
    if (at < positions.length && positions[at] === wanted) starts[kept++] = start;
  }
  starts.length = kept;
}
