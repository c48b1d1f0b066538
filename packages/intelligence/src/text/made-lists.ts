import { PostingList } from "./posting-list.js";
import { BLOCK_MASK, BLOCK_SHIFT, LARGE_TF } from "./posting-store.js";
import type { LayerView } from "./text-view.js";

/** Slots that are gone through at once when lists are put together. */
const WINDOW = 32_768;
const sums = new Int32Array(WINDOW);

/** Postings while they are put together, in order of slot. */
class ListBuilder {
  #slots = new Int32Array(256);
  #tfs = new Uint8Array(256);
  readonly #large = new Map<number, number>();
  #count = 0;

  add(slot: number, tf: number): void {
    const at = this.#count++;
    if (at === this.#slots.length) {
      const slots = new Int32Array(at * 2);
      const tfs = new Uint8Array(at * 2);
      slots.set(this.#slots);
      tfs.set(this.#tfs);
      this.#slots = slots;
      this.#tfs = tfs;
    }
    this.#slots[at] = slot;
    this.#tfs[at] = Math.min(tf, LARGE_TF);
    if (tf >= LARGE_TF) this.#large.set(slot, tf);
  }

  list(lengths: Int32Array): PostingList {
    const count = this.#count;
    return PostingList.made(this.#slots.subarray(0, count), this.#tfs.subarray(0, count), this.#large, lengths);
  }
}

/** Documents with any of several terms, of those that the reader of the layer sees; `tf` is the sum of theirs. */
export function anyOf(view: LayerView, terms: readonly number[]): PostingList {
  const { index, born, died } = view;
  const { hidden } = view.layer;
  const lists = terms.map((term) => PostingList.of(index.postings, term));
  const nexts = new Int32Array(lists.length);
  const builder = new ListBuilder();
  let nextHidden = 0;
  for (let begin = 0; begin < born; begin += WINDOW) {
    const end = Math.min(begin + WINDOW, born);
    for (let at = 0; at < lists.length; at++) nexts[at] = addTfs(lists[at]!, nexts[at]!, begin, end);
    for (let slot = begin; slot < end; slot++) {
      const tf = sums[slot - begin]!;
      if (tf === 0) continue;
      sums[slot - begin] = 0;
      if (died > 0 && index.unseen.isDead(slot, died)) continue;
      while (nextHidden < hidden.length && hidden[nextHidden]! < slot) nextHidden++;
      if (nextHidden === hidden.length || hidden[nextHidden] !== slot) builder.add(slot, tf);
    }
  }
  return builder.list(index.lengths.array);
}

/** Adds the tfs of a list's postings, from number `from` on, up to slot `end`. @returns the number of the first one beyond */
function addTfs(list: PostingList, from: number, begin: number, end: number): number {
  const { slots, tfs, count } = list;
  let posting = from;
  while (posting < count) {
    const block = posting >>> BLOCK_SHIFT;
    const offset = list.offsetOf(block);
    const size = list.sizeOf(block);
    for (let at = posting & BLOCK_MASK; at < size; at++) {
      const slot = slots[offset + at]!;
      if (slot >= end) return (block << BLOCK_SHIFT) + at;
      const tf = tfs[offset + at]!;
      sums[slot - begin] = sums[slot - begin]! + (tf < LARGE_TF ? tf : list.largeTf(block, at));
    }
    posting = (block + 1) << BLOCK_SHIFT;
  }
  return posting;
}

/** Documents with all of several lists; `tf` is the least of theirs: no phrase of them is there more often. */
export function allOf(view: LayerView, lists: readonly PostingList[]): PostingList {
  const builder = new ListBuilder();
  const [rarest, ...others] = [...lists].sort((a, b) => a.count - b.count);
  if (rarest === undefined) return builder.list(view.index.lengths.array);
  for (let block = 0; block < rarest.blockCount; block++) {
    const offset = rarest.offsetOf(block);
    const size = rarest.sizeOf(block);
    for (let at = 0; at < size; at++) {
      const slot = rarest.slots[offset + at]!;
      if (slot >= view.born) break;
      let tf = rarest.tfAt(block, at);
      for (let other = 0; other < others.length && tf > 0; other++) tf = Math.min(tf, others[other]!.tfOf(slot));
      if (tf > 0) builder.add(slot, tf);
    }
  }
  return builder.list(view.index.lengths.array);
}
