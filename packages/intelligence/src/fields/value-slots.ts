import { Column, type ImageColumns, type ImageParts } from "../image/index.js";
import type { SlotSet } from "./slot-set.js";

const NONE = -1;

/**
 * For each of many values, numbered densely, the slots that have it: chains through one pool of entries. Slots are added in ascending order,
 * so that a chain leads from the newest down, and nothing but its end changes in place.
 */
export class ValueSlots {
  readonly #slots: Column<Int32Array>;
  /** The entry before of the same value. */
  readonly #previous: Column<Int32Array>;
  /** By value. */
  readonly #last: Column<Int32Array>;
  readonly #counts: Column<Int32Array>;

  constructor(saved?: ImageColumns, name = "") {
    const column = (part: string) =>
      saved === undefined ? new Column(Int32Array) : saved.numbers(`${name}.${part}`, Int32Array);
    this.#slots = column("slots");
    this.#previous = column("previous");
    this.#last = column("last");
    this.#counts = column("counts");
  }

  /** Entries of all values. */
  get length(): number {
    return this.#slots.length;
  }

  get memoryBytes(): number {
    const columns = [this.#slots, this.#previous, this.#last, this.#counts];
    return columns.reduce((sum, column) => sum + column.memoryBytes, 0);
  }

  /** How many slots have a value. */
  countOf(value: number): number {
    return value < this.#counts.length ? this.#counts.array[value]! : 0;
  }

  /** @param slot at least any that was added before. It is there once, however often it is added. */
  add(value: number, slot: number): void {
    while (this.#last.length <= value) {
      this.#last.push(NONE);
      this.#counts.push(0);
    }
    const previous = this.#last.array[value]!;
    if (previous !== NONE && this.#slots.array[previous] === slot) return;
    const entry = this.#slots.push(slot);
    this.#previous.push(previous);
    this.#last.touch(value);
    this.#last.array[value] = entry;
    this.#counts.touch(value);
    this.#counts.array[value] = this.#counts.array[value]! + 1;
  }

  /** The slots of one value, ascending. */
  slotsOf(value: number): Int32Array {
    const slots = new Int32Array(this.countOf(value));
    if (slots.length === 0) return slots;
    let entry = this.#last.array[value]!;
    for (let at = slots.length - 1; at >= 0; at--) {
      slots[at] = this.#slots.array[entry]!;
      entry = this.#previous.array[entry]!;
    }
    return slots;
  }

  addTo(set: SlotSet, value: number): void {
    if (value >= this.#last.length) return;
    const slots = this.#slots.array;
    const previous = this.#previous.array;
    for (let entry = this.#last.array[value]!; entry !== NONE; entry = previous[entry]!) set.add(slots[entry]!);
  }

  columns(name: string): ImageParts["columns"] {
    return {
      [`${name}.slots`]: this.#slots,
      [`${name}.previous`]: this.#previous,
      [`${name}.last`]: this.#last,
      [`${name}.counts`]: this.#counts,
    };
  }
}
