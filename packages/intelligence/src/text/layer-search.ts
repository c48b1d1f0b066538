import type { Bm25Norms } from "./bm25.js";
import { boundOf, LayerClause, nextSlot, rankOf } from "./layer-clause.js";
import type { PhraseCounter } from "./phrase.js";
import type { PostingList } from "./posting-list.js";
import { BLOCK_MASK, BLOCK_SHIFT, BLOCK_STRIDE, BlockField, LARGE_TF } from "./posting-store.js";
import type { PreparedClause } from "./prepared-query.js";
import { Scouts } from "./scouts.js";
import type { LayerView } from "./text-view.js";
import type { TopK } from "./top-k.js";

/** Scores are compared with bounds that were summed in another order: what is so near to the threshold is looked at. */
const ROUNDING = 1e-9;
const NO_SUMS = new Float64Array(1);
const WINDOW_MIN = 2048;
/** Other clauses that every document may be looked up in. */
const PROBED_MAX = 4;
/** Postings that are gone through in the time that one is looked up. */
const PROBE_POSTINGS = 8;
/** Sums of a window that are looked at first. */
const SCOUTS_MAX = 64;
const WINDOW_MAX = 32_768;
/** Postings of a window that are worth the way through it. */
const WINDOW_POSTINGS = 512;

/** Sums of a window by slot, 0 between windows, and the slots that have one. */
class Accumulators {
  readonly sums = new Float64Array(WINDOW_MAX);
  readonly touched = new Int32Array(WINDOW_MAX);
}

/** What a document must not have. */
interface Exclusion {
  readonly list: PostingList;
  readonly phrase: PhraseCounter | undefined;
}

/** Lent to one search at a time: another one that begins meanwhile makes its own, and one that fails does not give them back. */
let idleAccumulators: Accumulators | undefined;

/**
 * Puts the best documents of one layer into `top`: MaxScore over windows of slots (Turtle & Flood, "Query evaluation: strategies and optimizations",
 * 1995), with bounds by block.
 *
 * Clauses are in order of the most they can add to a score. As long as the first of them together stay below the threshold, a document needs one of
 * the others, the essential ones: only their postings are gone through, a window at a time, and the rest is looked up for documents that can still
 * make it.
 *
 * 1. What is left out could not be among the best: it is passed over by a bound of its score.
 * 2. What makes it is scored in the order of the query, so that equal documents have equal scores however they were found.
 * 3. Whether a document is visible is asked of those only that would be among the best, and changes no score.
 */
export class LayerSearch {
  readonly #layer: number;
  readonly #view: LayerView;
  readonly #norms: Bm25Norms;
  readonly #lengths: Int32Array;
  readonly #top: TopK;
  /** In order of the query. */
  readonly #clauses: readonly LayerClause[];
  readonly #excluded: readonly Exclusion[];
  /** Looked up for documents: the first `#otherCount`, the last of them first. */
  #others: readonly LayerClause[] = [];
  #otherCount = 0;
  /** Of the first clauses of `#others` what they can add together, by their number. */
  #sums: Float64Array = NO_SUMS;
  /** Those of them that are phrases, the one that can add most first. */
  readonly #phrases: readonly LayerClause[];
  /** Whether the sum of a document is its score: there is one word. */
  readonly #isSimple: boolean;
  /** Below it nothing is among the best. */
  #floor: number;

  private constructor(
    layer: number,
    view: LayerView,
    clauses: readonly LayerClause[],
    excluded: readonly Exclusion[],
    norms: Bm25Norms,
    top: TopK,
  ) {
    this.#layer = layer;
    this.#view = view;
    this.#clauses = clauses;
    this.#phrases = clauses.filter(({ phrase }) => phrase !== undefined).sort((a, b) => b.bound - a.bound);
    this.#excluded = excluded;
    this.#norms = norms;
    this.#lengths = view.index.lengths.array;
    this.#top = top;
    this.#isSimple = clauses.length === 1 && clauses[0]!.phrase === undefined;
    this.#floor = top.threshold * (1 - ROUNDING);
  }

  /** @param layer the position of the view */
  static run(layer: number, view: LayerView, prepared: readonly PreparedClause[], norms: Bm25Norms, top: TopK): void {
    const clauses: LayerClause[] = [];
    const excluded: Exclusion[] = [];
    for (const clause of prepared) {
      const list = clause.lists[layer];
      const isRequired = clause.occurrence === "must";
      if (list === undefined) {
        if (isRequired) return;
      } else if (clause.occurrence === "mustNot") {
        excluded.push({ list, phrase: clause.phrases?.[layer] });
      } else {
        clauses.push(new LayerClause(list, isRequired, clause.phrases?.[layer], norms.factorOf(clause.idf), norms));
      }
    }
    if (clauses.length > 0) new LayerSearch(layer, view, clauses, excluded, norms, top).#search();
  }

  #search(): void {
    const clauses = [...this.#clauses].sort((a, b) => rankOf(a) - rankOf(b) || a.bound - b.bound);
    const required = clauses.filter((clause) => clause.isRequired).sort((a, b) => b.list.count - a.list.count);
    if (required.length > 0) clauses.splice(clauses.length - required.length, required.length, ...required);
    this.#others = clauses;
    this.#sums = new Float64Array(clauses.length + 1);
    for (let at = 0; at < clauses.length; at++) this.#sums[at + 1] = this.#sums[at]! + clauses[at]!.bound;
    this.#otherCount = clauses.length - 1;
    if (clauses.length > 1 && (required.length === 0 || this.#otherCount > PROBED_MAX)) {
      this.#scanWindows(required.length > 0);
    } else {
      this.#scanOne(clauses[this.#otherCount]!);
    }
  }

  /** How many clauses, from the first one on, cannot make it together; of those that are required the rarest is enough. */
  #countOthers(hasRequired: boolean): number {
    const { length } = this.#others;
    if (hasRequired) return this.#sums[length]! < this.#floor ? length : length - 1;
    let count = 0;
    while (count < length && this.#sums[count + 1]! < this.#floor) count++;
    return count;
  }

  /** Goes through the essential clauses a window at a time, as long as there are several or many others. */
  #scanWindows(hasRequired: boolean): void {
    const clauses = this.#others;
    const { born } = this.#view;
    const accumulators = idleAccumulators ?? new Accumulators();
    idleAccumulators = undefined;
    const window = windowFor(clauses, born);
    for (;;) {
      const first = this.#countOthers(hasRequired);
      this.#otherCount = first;
      if (first === clauses.length || (first === clauses.length - 1 && first <= PROBED_MAX)) break;
      let begin = born;
      for (let at = first; at < clauses.length; at++) begin = Math.min(begin, nextSlot(clauses[at]!, born));
      if (begin === born) break;
      const end = Math.min(begin + window, born);
      let touched = 0;
      for (let at = first; at < clauses.length; at++) {
        touched = this.#accumulate(clauses[at]!, begin, end, accumulators, touched);
      }
      this.#sweep(accumulators, begin, end, touched);
    }
    idleAccumulators = accumulators;
    if (this.#otherCount === clauses.length - 1) this.#scanOne(clauses[this.#otherCount]!);
  }

  /** Adds what a clause gives to the documents in [begin, end). @returns how many slots have a sum now */
  #accumulate(clause: LayerClause, begin: number, end: number, into: Accumulators, touchedBefore: number): number {
    const { list, factor } = clause;
    const { slots, tfs, count } = list;
    const { sums, touched } = into;
    const lengths = this.#lengths;
    const norms = this.#norms;
    const { base, perToken } = norms;
    // A block whose best posting stays below this has no document that makes it, whatever other clauses add.
    const least = this.#floor - (this.#sums[this.#others.length]! - clause.bound);
    let touchedCount = touchedBefore;
    let posting = clause.next;
    while (posting < count) {
      const block = posting >>> BLOCK_SHIFT;
      const entry = list.directory[list.base + block]! * BLOCK_STRIDE;
      const offset = list.blocks[entry + BlockField.offset]!;
      const size = list.sizeOf(block);
      if (least > 0 && boundOf(factor, list.blocks[entry + BlockField.bounds]!, norms) < least) {
        if (slots[offset + size - 1]! < end) {
          posting = (block + 1) << BLOCK_SHIFT;
          continue;
        }
        posting = list.lowerBound(end);
        break;
      }
      let at = posting & BLOCK_MASK;
      for (; at < size; at++) {
        const slot = slots[offset + at]!;
        if (slot >= end) break;
        let tf = tfs[offset + at]!;
        if (tf === LARGE_TF) tf = list.largeTf(block, at);
        const sum = sums[slot - begin]!;
        if (sum === 0) touched[touchedCount++] = slot - begin;
        sums[slot - begin] = sum + (factor * tf) / (tf + base + perToken * lengths[slot]!);
      }
      posting = (block << BLOCK_SHIFT) + at;
      if (at < size) break;
    }
    clause.next = posting;
    return touchedCount;
  }

  #sweep(accumulators: Accumulators, begin: number, end: number, count: number): void {
    const { sums, touched } = accumulators;
    if (count > SCOUTS_MAX) {
      this.#scout(sums, touched, begin, count, this.#sums[this.#otherCount]!);
      this.#addOthers(accumulators, begin, end, count);
    }
    const rest = this.#sums[this.#otherCount]!;
    for (let at = 0; at < count; at++) {
      const slot = touched[at]!;
      const sum = sums[slot]!;
      sums[slot] = 0;
      if (sum !== 0 && sum + rest >= this.#floor) this.#consider(begin + slot, sum);
    }
  }

  /** Where so many documents can still make it that looking each up in the other clauses takes longer, goes through these clauses as well. */
  #addOthers({ sums, touched }: Accumulators, begin: number, end: number, count: number): void {
    const part = (end - begin) / this.#view.born;
    for (let step = 1; this.#otherCount > 0; step *= 2) {
      const rest = this.#sums[this.#otherCount]!;
      let near = 0;
      for (let at = 0; at < count; at++) {
        const sum = sums[touched[at]!]!;
        if (sum !== 0 && sum + rest >= this.#floor) near++;
      }
      const left = Math.max(0, this.#otherCount - step);
      let postings = 0;
      for (let at = left; at < this.#otherCount; at++) postings += this.#others[at]!.list.count;
      if (near * PROBE_POSTINGS * (this.#otherCount - left) <= postings * part) return;
      for (let at = left; at < this.#otherCount; at++) this.#addToTouched(this.#others[at]!, begin, end, sums);
      this.#otherCount = left;
    }
  }

  /** Adds what a clause gives to those documents in [begin, end) that have a sum. */
  #addToTouched({ list, factor }: LayerClause, begin: number, end: number, sums: Float64Array): void {
    const { slots, tfs, count } = list;
    const lengths = this.#lengths;
    const { base, perToken } = this.#norms;
    let posting = list.lowerBound(begin);
    while (posting < count) {
      const block = posting >>> BLOCK_SHIFT;
      const offset = list.offsetOf(block);
      const size = list.sizeOf(block);
      for (let at = posting & BLOCK_MASK; at < size; at++) {
        const slot = slots[offset + at]!;
        if (slot >= end) return;
        const sum = sums[slot - begin]!;
        if (sum === 0) continue;
        let tf = tfs[offset + at]!;
        if (tf === LARGE_TF) tf = list.largeTf(block, at);
        sums[slot - begin] = sum + (factor * tf) / (tf + base + perToken * lengths[slot]!);
      }
      posting = (block + 1) << BLOCK_SHIFT;
    }
  }

  #scout(sums: Float64Array, touched: Int32Array, begin: number, count: number, rest: number): void {
    const scouts = new Scouts(Math.min(this.#top.k, SCOUTS_MAX));
    let least = this.#floor - rest;
    for (let at = 0; at < count; at++) {
      const slot = touched[at]!;
      const sum = sums[slot]!;
      if (sum <= least) continue;
      scouts.add(sum, slot);
      if (scouts.isFull) least = Math.max(least, scouts.least);
    }
    for (let slot = scouts.pop(); slot >= 0; slot = scouts.pop()) {
      const sum = sums[slot]!;
      sums[slot] = 0;
      if (sum + rest >= this.#floor) this.#consider(begin + slot, sum);
    }
  }

  /** Documents with one clause that is essential; of the others, what they add. */
  #scanOne(clause: LayerClause): void {
    const { list, factor } = clause;
    const { slots, tfs, blockCount } = list;
    const lengths = this.#lengths;
    const norms = this.#norms;
    const { base, perToken } = norms;
    const { born } = this.#view;
    const rest = this.#sums[this.#otherCount]!;
    let at = clause.next & BLOCK_MASK;
    for (let block = clause.next >>> BLOCK_SHIFT; block < blockCount; block++) {
      if (clause.bound + rest < this.#floor) return;
      const entry = list.directory[list.base + block]! * BLOCK_STRIDE;
      const begin = list.blocks[entry + BlockField.offset]!;
      let offset = begin + at;
      at = 0;
      if (slots[begin]! >= born) return;
      if (boundOf(factor, list.blocks[entry + BlockField.bounds]!, norms) + rest < this.#floor) continue;
      const end = begin + list.sizeOf(block);
      for (; offset < end; offset++) {
        const slot = slots[offset]!;
        let tf = tfs[offset]!;
        if (tf === LARGE_TF) tf = list.largeTf(block, offset - begin);
        const weight = (factor * tf) / (tf + base + perToken * lengths[slot]!);
        if (weight + rest >= this.#floor) {
          if (slot >= born) return;
          this.#consider(slot, weight);
        }
      }
    }
  }

  /** @param sum what the essential clauses give at most: of a phrase, what as many occurrences as of its rarest word would give */
  #consider(slot: number, sum: number): void {
    let total = sum;
    for (let at = this.#otherCount - 1; at >= 0; at--) {
      if (total + this.#sums[at + 1]! < this.#floor) return;
      const { list, factor, isRequired } = this.#others[at]!;
      const tf = list.tfOf(slot);
      if (tf > 0) total += this.#norms.weight(factor, tf, this.#lengths[slot]!);
      else if (isRequired) return;
    }
    if (total < this.#floor) return;
    if (!this.#mayEnterByPhrases(slot, total)) return;
    const score = this.#isSimple ? total : this.#scoreOf(slot);
    if (score === 0 || !this.#top.accepts(this.#layer, slot, score)) return;
    if (this.#isExcluded(slot) || !this.#view.layer.isVisible(slot)) return;
    this.#top.add(this.#layer, slot, score);
    this.#floor = this.#top.threshold * (1 - ROUNDING);
  }

  #isExcluded(slot: number): boolean {
    for (const { list, phrase } of this.#excluded) {
      if (list.find(slot) >= 0 && (phrase === undefined || phrase.tfOf(slot) > 0)) return true;
    }
    return false;
  }

  /** Counts one phrase after the other, until those left cannot make it any more: most documents with all words of a phrase do not have it. */
  #mayEnterByPhrases(slot: number, sum: number): boolean {
    const norms = this.#norms;
    const length = this.#lengths[slot]!;
    let most = sum;
    for (const clause of this.#phrases) {
      const { list, factor, isRequired, phrase } = clause;
      const mostTf = list.tfOf(slot);
      clause.phraseTf = mostTf === 0 ? 0 : phrase!.tfOf(slot);
      if (isRequired && clause.phraseTf === 0) return false;
      if (clause.phraseTf === mostTf) continue;
      most -= norms.weight(factor, mostTf, length) - norms.weight(factor, clause.phraseTf, length);
      if (most < this.#floor) return false;
    }
    return true;
  }

  /** In the order of the query; 0 when something is missing. Its phrases are counted. */
  #scoreOf(slot: number): number {
    let score = 0;
    for (const { list, factor, isRequired, phrase, phraseTf } of this.#clauses) {
      const tf = phrase === undefined ? list.tfOf(slot) : phraseTf;
      if (tf > 0) score += this.#norms.weight(factor, tf, this.#lengths[slot]!);
      else if (isRequired) return 0;
    }
    return score;
  }
}

function windowFor(clauses: readonly LayerClause[], slots: number): number {
  let postings = 0;
  for (const { list } of clauses) postings += list.count;
  let window = WINDOW_MIN;
  while (window < WINDOW_MAX && postings * window < slots * WINDOW_POSTINGS) window *= 2;
  return window;
}
