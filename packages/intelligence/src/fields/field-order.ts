import { compareKeys, FIELD_MARKS, type FieldKey, FieldMark } from "./field-key.js";
import type { FieldValues } from "./field-values.js";
import type { ValueSlots } from "./value-slots.js";

/** Slots in order of what stands at a path, ascending or descending; those where nothing stands come last in either direction. */
export interface FieldOrder {
  /** Goes on to the first group that does not come before `key`. */
  seek(key: FieldKey): void;
  /** The key of the group that is next, `undefined` behind the last. */
  readonly key: FieldKey | undefined;
  /** The slots of that group, ascending; the group behind it is next. */
  take(): Int32Array;
}

/** The order that two keys have in such an order. */
export function orderKeys(a: FieldKey, b: FieldKey, reverse: boolean): number {
  const order = compareKeys(a, b);
  return reverse && a !== FieldMark.missing && b !== FieldMark.missing ? -order : order;
}

/** The values of a field in their order. Valid until the field has another one. */
export class KeyOrder implements FieldOrder {
  readonly #values: FieldValues;
  readonly #slots: ValueSlots;
  readonly #reverse: boolean;
  readonly #ids: readonly number[] | Int32Array;
  #position = 0;

  constructor(values: FieldValues, slots: ValueSlots, reverse: boolean) {
    this.#values = values;
    this.#slots = slots;
    this.#reverse = reverse;
    const marks = (...which: readonly FieldMark[]) => which.map((mark) => FIELD_MARKS.indexOf(mark));
    const { null: nothing, false: no, true: yes, nan, bytes, array, object, missing } = FieldMark;
    const front = marks(nothing, no, yes);
    const back = marks(bytes, array, object);
    const numbers = values.numbers();
    const texts = values.texts();
    const ids = new Int32Array(front.length + numbers.length + 1 + texts.length + back.length + 1);
    let at = 0;
    for (const part of [front, numbers, marks(nan), texts, back]) {
      ids.set(part, at);
      at += part.length;
    }
    if (reverse) ids.subarray(0, at).reverse();
    ids.set(marks(missing), at);
    this.#ids = ids;
  }

  get key(): FieldKey | undefined {
    return this.#position < this.#ids.length ? this.#values.keyOf(this.#ids[this.#position]!) : undefined;
  }

  seek(key: FieldKey): void {
    let low = this.#position;
    let high = this.#ids.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (orderKeys(this.#values.keyOf(this.#ids[middle]!), key, this.#reverse) < 0) low = middle + 1;
      else high = middle;
    }
    this.#position = low;
  }

  take(): Int32Array {
    return this.#slots.slotsOf(this.#ids[this.#position++]!);
  }
}
