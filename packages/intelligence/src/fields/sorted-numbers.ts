type Compare = (a: number, b: number) => number;

/** So few come in one by one: moving what is behind costs less than merging. */
const FEW = 32;

/** Numbers of things, in an order of the things that is made when it is asked for, from the one before and what has come since. */
export class SortedNumbers {
  #sorted = new Int32Array(0);
  #length = 0;
  #unsorted: number[] = [];
  /** What was given last: the same object until something comes. */
  #given = new Int32Array(0);

  get memoryBytes(): number {
    return this.#sorted.byteLength + this.#unsorted.length * 8;
  }

  push(number: number): void {
    this.#unsorted.push(number);
  }

  /** Valid until the next `push`, and until then the same object. @param compare the same order each time; no two are equal in it. */
  sorted(compare: Compare): Int32Array {
    const added = this.#unsorted;
    if (added.length > 0) {
      this.#unsorted = [];
      this.#reserve(this.#length + added.length);
      if (added.length <= FEW) for (const number of added) this.#insert(number, compare);
      else this.#merge(added.sort(compare), compare);
      this.#given = this.#sorted.subarray(0, this.#length);
    }
    return this.#given;
  }

  #insert(number: number, compare: Compare): void {
    const sorted = this.#sorted;
    let low = 0;
    let high = this.#length; // below low all come before the number, from high on behind it
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (compare(sorted[middle]!, number) < 0) low = middle + 1;
      else high = middle;
    }
    sorted.copyWithin(low + 1, low, this.#length);
    sorted[low] = number;
    this.#length++;
  }

  /** From behind, in place. */
  #merge(added: readonly number[], compare: Compare): void {
    const sorted = this.#sorted;
    let before = this.#length - 1;
    let next = added.length - 1;
    this.#length += added.length;
    for (let at = this.#length - 1; next >= 0; at--) {
      const number = added[next]!;
      if (before >= 0 && compare(sorted[before]!, number) > 0) sorted[at] = sorted[before--]!;
      else {
        sorted[at] = number;
        next--;
      }
    }
  }

  #reserve(length: number): void {
    if (length <= this.#sorted.length) return;
    const grown = new Int32Array(Math.max(length, Math.ceil(this.#sorted.length * 1.5)));
    grown.set(this.#sorted.subarray(0, this.#length));
    this.#sorted = grown;
  }
}
