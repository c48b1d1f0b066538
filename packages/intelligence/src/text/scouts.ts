/** The best sums of a window, the best last, and their slots: scored first, they raise the threshold for the others. */
export class Scouts {
  readonly #sums: number[] = [];
  readonly #slots: number[] = [];
  readonly #max: number;

  constructor(max: number) {
    this.#max = max;
  }

  get isFull(): boolean {
    return this.#sums.length === this.#max;
  }

  get least(): number {
    return this.#sums[0]!;
  }

  add(sum: number, slot: number): void {
    const sums = this.#sums;
    const slots = this.#slots;
    let at = 0;
    if (sums.length < this.#max) {
      sums.push(0);
      slots.push(0);
      at = sums.length - 1;
      for (; at > 0 && sums[at - 1]! > sum; at--) {
        sums[at] = sums[at - 1]!;
        slots[at] = slots[at - 1]!;
      }
    } else {
      for (; at + 1 < sums.length && sums[at + 1]! < sum; at++) {
        sums[at] = sums[at + 1]!;
        slots[at] = slots[at + 1]!;
      }
    }
    sums[at] = sum;
    slots[at] = slot;
  }

  /** Takes the best one out: its slot; -1 when none is left. */
  pop(): number {
    this.#sums.pop();
    return this.#slots.pop() ?? -1;
  }
}
