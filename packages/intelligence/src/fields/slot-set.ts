/** Slots below a bound, gathered in any order, given in their own. */
export class SlotSet {
  /** Slots are below it. */
  readonly length: number;
  readonly #words: Uint32Array;

  constructor(length: number) {
    this.length = length;
    this.#words = new Uint32Array((length + 31) >>> 5);
  }

  add(slot: number): void {
    this.#words[slot >>> 5] = this.#words[slot >>> 5]! | (1 << (slot & 31));
  }

  has(slot: number): boolean {
    return (this.#words[slot >>> 5]! & (1 << (slot & 31))) !== 0;
  }

  /** From now on it has the slots that it had not, and not those that it had. */
  invert(): void {
    const words = this.#words;
    for (let i = 0; i < words.length; i++) words[i] = ~words[i]!;
    const rest = this.length & 31;
    if (rest !== 0) words[words.length - 1] = words[words.length - 1]! & ((1 << rest) - 1);
  }

  /** Ascending. */
  toArray(): Int32Array {
    const words = this.#words;
    let count = 0;
    for (let i = 0; i < words.length; i++) count += bitsOf(words[i]!);
    const slots = new Int32Array(count);
    let at = 0;
    for (let i = 0; at < count; i++) {
      let word = words[i]!;
      while (word !== 0) {
        slots[at++] = (i << 5) + 31 - Math.clz32(word & -word);
        word &= word - 1;
      }
    }
    return slots;
  }
}

/** The slots that are in both, ascending as they are. */
export function intersection(a: Int32Array, b: Int32Array): Int32Array {
  const shared = new Int32Array(Math.min(a.length, b.length));
  let count = 0;
  for (let i = 0, j = 0; i < a.length && j < b.length; ) {
    const left = a[i]!;
    const right = b[j]!;
    if (left === right) shared[count++] = left;
    if (left <= right) i++;
    if (right <= left) j++;
  }
  return shared.slice(0, count);
}

/** The slots that are in any of them. All ascend. */
export function union(sets: readonly Int32Array[]): Int32Array {
  const [only] = sets;
  if (only === undefined) return new Int32Array(0);
  if (sets.length === 1) return only;
  const all = new SlotSet(Math.max(...sets.map((slots) => (slots.at(-1) ?? -1) + 1)));
  for (const slots of sets) for (let i = 0; i < slots.length; i++) all.add(slots[i]!);
  return all.toArray();
}

function bitsOf(word: number): number {
  let bits = word - ((word >>> 1) & 0x55555555);
  bits = (bits & 0x33333333) + ((bits >>> 2) & 0x33333333);
  return Math.imul((bits + (bits >>> 4)) & 0x0f0f0f0f, 0x01010101) >>> 24;
}
