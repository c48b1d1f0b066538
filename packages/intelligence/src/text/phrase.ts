import { PositionBuffer } from "./position-buffer.js";
import { PostingList } from "./posting-list.js";
import type { LayerView } from "./text-view.js";

/** A word of a phrase in one layer. */
export interface PhraseElement {
  /** Terms that stand for it. */
  readonly terms: readonly number[];
  /** Tokens behind the phrase's first one. */
  readonly offset: number;
}

/** Where the phrase can begin, and where one of its words stands. */
const starts = new PositionBuffer();
const positions = new PositionBuffer();

/** Counts a phrase in documents of one layer, by the positions of its words. */
export class PhraseCounter {
  readonly #elements: readonly { readonly lists: readonly PostingList[]; readonly offset: number }[];

  constructor(view: LayerView, elements: readonly PhraseElement[]) {
    const { postings } = view.index;
    this.#elements = elements.map(({ terms, offset }) => ({
      lists: terms.map((term) => PostingList.of(postings, term)),
      offset,
    }));
  }

  /** How often a document has it. */
  tfOf(slot: number): number {
    const elements = this.#elements;
    const first = elements[0]!;
    readPositions(slot, first.lists, starts);
    for (let at = 1; at < elements.length && starts.length > 0; at++) {
      const { lists, offset } = elements[at]!;
      readPositions(slot, lists, positions);
      retain(starts, positions, offset - first.offset);
    }
    return starts.length;
  }
}

/** The positions of a document with any of several terms, ascending. */
function readPositions(slot: number, lists: readonly PostingList[], into: PositionBuffer): void {
  into.length = 0;
  for (let at = 0; at < lists.length; at++) {
    const list = lists[at]!;
    const posting = list.find(slot);
    if (posting >= 0) list.positionsAt(posting, into);
  }
  // A position has one term, so none is there twice.
  if (lists.length > 1) into.sort();
}

/** Leaves those starts that are `offset` in front of one of `positions`; both ascend. */
function retain(from: PositionBuffer, of: PositionBuffer, offset: number): void {
  const { array: begins, length } = from;
  const { array: found, length: foundLength } = of;
  let kept = 0;
  let at = 0;
  for (let start = 0; start < length; start++) {
    const wanted = begins[start]! + offset;
    while (at < foundLength && found[at]! < wanted) at++;
    if (at < foundLength && found[at] === wanted) begins[kept++] = begins[start]!;
  }
  from.length = kept;
}
