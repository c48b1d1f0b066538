import type { Bm25Norms } from "./bm25.js";
import type { PhraseCounter } from "./phrase.js";
import type { PostingList } from "./posting-list.js";
import { BLOCK_MASK, BLOCK_SHIFT, LARGE_TF, maxTfOf, minLengthOf } from "./posting-store.js";

/** A clause in one layer. */
export class LayerClause {
  readonly list: PostingList;
  readonly factor: number;
  readonly isRequired: boolean;
  readonly phrase: PhraseCounter | undefined;
  /** No document gets more from it. */
  readonly bound: number;
  /** The first posting that was not gone through. */
  next = 0;
  /** Of a phrase: how often the document that is looked at has it. */
  phraseTf = 0;

  constructor(
    list: PostingList,
    isRequired: boolean,
    phrase: PhraseCounter | undefined,
    factor: number,
    norms: Bm25Norms,
  ) {
    this.list = list;
    this.factor = factor;
    this.isRequired = isRequired;
    this.phrase = phrase;
    this.bound = boundOf(factor, list.bounds, norms);
  }
}

/** No posting within `bounds` weighs more. */
export function boundOf(factor: number, bounds: number, norms: Bm25Norms): number {
  const maxTf = maxTfOf(bounds);
  return maxTf === LARGE_TF ? factor : norms.weight(factor, maxTf, minLengthOf(bounds));
}

/** Those that are required come last: what is looked up first lets most documents fail. */
export function rankOf(clause: LayerClause): number {
  return clause.isRequired ? 1 : 0;
}

/** The slot of the first posting that was not gone through. */
export function nextSlot({ list, next }: LayerClause, none: number): number {
  return next < list.count ? list.slots[list.offsetOf(next >>> BLOCK_SHIFT) + (next & BLOCK_MASK)]! : none;
}
