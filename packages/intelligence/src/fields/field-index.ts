import { compareCodePoints, prefixEnd, type Value } from "@strata/core";
import { type Comparison, comparisonTest, isScalar, type Scalar } from "@strata/engine";
import type { ImageColumns, ImageParts } from "../image/index.js";
import { FieldMark, fieldKey, isCut, textKey } from "./field-key.js";
import { type FieldOrder, KeyOrder } from "./field-order.js";
import { FieldValues } from "./field-values.js";
import { SlotSet } from "./slot-set.js";
import { ValueSlots } from "./value-slots.js";

/** Beyond so many values in a range, how many slots have them is guessed from how many values there are. */
const COUNTED_VALUES = 256;
/** Beyond this many, integers are rounded. */
const EXACT_MAX = 2 ** 53;
const SCALAR_MARKS: readonly (readonly [FieldMark, Scalar])[] = [
  [FieldMark.null, null],
  [FieldMark.false, false],
  [FieldMark.true, true],
];

/** What an index proposes. */
export interface FieldSelection {
  /** How many slots, about: exactly where that is cheap. */
  readonly estimate: number;
  /** Ascending. */
  slots(): Int32Array;
}

/**
 * What stands at one path, slot by slot: which slots satisfy a comparison, and the slots in order of their values.
 *
 * 1. Slots are added once each, in ascending order and without gaps; where nothing stands the value is `undefined`.
 * 2. Nothing is ever removed: slots that died are seen by views of the past. Who asks leaves out what his view does not show.
 * 3. A selection has every slot of which the comparisons hold, and may have others (`FieldKey` says why): who asks tests them.
 *
 * Of an array, each of its scalars is found by `$contains`, and the array itself by nothing but `$exists`.
 */
export class FieldIndex {
  readonly #values: FieldValues;
  readonly #slots: ValueSlots;
  /** The slots whose array has the value. */
  readonly #elements: ValueSlots;
  #length: number;

  /** @param saved and `name`: where `columns` put what is to be gone on with. */
  constructor(saved?: ImageColumns, name = "") {
    this.#values = new FieldValues(saved, `${name}.values`);
    this.#slots = new ValueSlots(saved, `${name}.slots`);
    this.#elements = new ValueSlots(saved, `${name}.elements`);
    // Each slot has one value, if only that nothing is there.
    this.#length = this.#slots.length;
  }

  /** Slots there are: the next one to be added. */
  get length(): number {
    return this.#length;
  }

  get memoryBytes(): number {
    return this.#values.memoryBytes + this.#slots.memoryBytes + this.#elements.memoryBytes;
  }

  /** @param value what stands at the path in the entry of `slot`, which is `length`. */
  add(slot: number, value: Value | undefined): void {
    this.#length = slot + 1;
    this.#slots.add(this.#values.intern(fieldKey(value)), slot);
    if (!Array.isArray(value)) return;
    for (const element of value as readonly Value[]) {
      if (isScalar(element)) this.#elements.add(this.#values.intern(fieldKey(element)), slot);
    }
  }

  /**
   * The slots of which all the comparisons may hold: those of which they do, and seldom others. `undefined` when the index cannot tell: for
   * nothing but `$ne` and `$nin`. Valid until a slot is added.
   */
  select(comparisons: readonly Comparison[]): FieldSelection | undefined {
    const values = this.#cheapest(comparisons);
    return values === undefined ? undefined : { estimate: values.estimate, slots: () => this.#slotsOf(values) };
  }

  /** The slots in order of their values, group by group of one key. */
  order(reverse: boolean): FieldOrder {
    return new KeyOrder(this.#values, this.#slots, reverse);
  }

  columns(name: string): ImageParts["columns"] {
    return {
      ...this.#values.columns(`${name}.values`),
      ...this.#slots.columns(`${name}.slots`),
      ...this.#elements.columns(`${name}.elements`),
    };
  }

  /** What is cheapest to look at of all that must hold. */
  #cheapest(comparisons: readonly Comparison[]): SelectedValues | undefined {
    let best: SelectedValues | undefined;
    const consider = (ids: ArrayLike<number>, elements: readonly number[] = [], isComplement = false) => {
      const counted = this.#count(ids, elements);
      const estimate = isComplement ? this.#length - counted : counted;
      if (best === undefined || estimate < best.estimate) best = { ids, elements, isComplement, estimate };
    };
    const ranges = new Map<Int32Array, { from: number; to: number }>();
    for (const { operator, operand } of comparisons) {
      switch (operator) {
        case "$eq":
          consider(this.#known([operand]));
          break;
        case "$in":
          consider(this.#known(operand));
          break;
        case "$contains":
          consider(typeof operand === "string" ? this.#containing(operand) : [], this.#known([operand]));
          break;
        case "$exists":
          consider([this.#values.idOf(FieldMark.missing)], [], operand);
          break;
        case "$prefix":
          if (textKey(operand) !== operand) consider(this.#known([operand]));
          else this.#narrow(ranges, this.#values.texts(), this.#beginningWith(operand));
          break;
        case "$gt":
        case "$gte":
        case "$lt":
        case "$lte": {
          const key = fieldKey(operand);
          if (typeof key === "object") consider(this.#marks({ operator, operand }));
          else this.#narrow(ranges, ...this.#range(operator, key));
          break;
        }
        case "$ne":
        case "$nin":
      }
    }
    for (const [ids, { from, to }] of ranges) consider(ids.subarray(from, Math.max(from, to)));
    return best;
  }

  #slotsOf({ ids, elements, isComplement }: SelectedValues): Int32Array {
    if (!isComplement && ids.length + elements.length === 1) {
      return ids.length === 1 ? this.#slots.slotsOf(ids[0]!) : this.#elements.slotsOf(elements[0]!);
    }
    const set = new SlotSet(this.#length);
    for (let i = 0; i < ids.length; i++) this.#slots.addTo(set, ids[i]!);
    for (const id of elements) this.#elements.addTo(set, id);
    if (isComplement) set.invert();
    return set.toArray();
  }

  #count(ids: ArrayLike<number>, elements: readonly number[]): number {
    const counted = Math.min(ids.length, COUNTED_VALUES);
    const step = counted === 0 ? 0 : ids.length / counted;
    let count = 0;
    for (let i = 0; i < counted; i++) count += this.#slots.countOf(ids[Math.floor(i * step)]!);
    count *= step;
    for (const id of elements) count += this.#elements.countOf(id);
    return Math.min(Math.ceil(count), this.#length);
  }

  #known(operands: Iterable<Scalar>): readonly number[] {
    const ids = new Set<number>();
    for (const operand of operands) {
      const id = this.#values.idOf(fieldKey(operand));
      if (id >= 0) ids.add(id);
    }
    return [...ids];
  }

  #marks(comparison: Comparison): readonly number[] {
    const holds = comparisonTest(comparison);
    return SCALAR_MARKS.filter(([, value]) => holds(value)).map(([mark]) => this.#values.idOf(mark));
  }

  /** All ranges among the same values are one. */
  #narrow(ranges: Map<Int32Array, Range>, ids: Int32Array, { from, to }: Range): void {
    const known = ranges.get(ids);
    ranges.set(ids, { from: Math.max(from, known?.from ?? 0), to: Math.min(to, known?.to ?? ids.length) });
  }

  #range(operator: "$gt" | "$gte" | "$lt" | "$lte", key: number | string): [ids: Int32Array, range: Range] {
    // A key that others may share with the operand is within any range that ends there.
    const isExact = typeof key === "string" ? !isCut(key) : Math.abs(key) < EXACT_MAX;
    const ids = typeof key === "string" ? this.#values.texts() : this.#values.numbers();
    if (operator === "$gt" || operator === "$gte") {
      return [ids, { from: this.#countBelow(ids, key, operator === "$gt" && isExact), to: ids.length }];
    }
    return [ids, { from: 0, to: this.#countBelow(ids, key, operator === "$lte" || !isExact) }];
  }

  #beginningWith(prefix: string): Range {
    const ids = this.#values.texts();
    const end = prefixEnd(prefix);
    const to = end === undefined ? ids.length : this.#countBelow(ids, end, false);
    return { from: this.#countBelow(ids, prefix, false), to };
  }

  #containing(part: string): Int32Array {
    return this.#values.texts().filter((id) => {
      const key = this.#values.keyOf(id) as string;
      return key.includes(part) || isCut(key);
    });
  }

  /** How many of the values in order come before `key`, or are it where `inclusive`. */
  #countBelow(ids: Int32Array, key: number | string, inclusive: boolean): number {
    let low = 0;
    let high = ids.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      const order = compareSame(this.#values.keyOf(ids[middle]!) as number | string, key);
      if (order < 0 || (inclusive && order === 0)) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}

/** Of values in order, those from a position on up to before another. */
interface Range {
  readonly from: number;
  readonly to: number;
}

/** Values whose slots are selected. */
interface SelectedValues {
  readonly ids: ArrayLike<number>;
  /** Values of which those slots are that have them in an array. */
  readonly elements: readonly number[];
  /** It is the other slots that are. */
  readonly isComplement: boolean;
  readonly estimate: number;
}

/** Two numbers, or two strings. */
function compareSame(a: number | string, b: number | string): number {
  if (typeof a === "string") return compareCodePoints(a, b as string);
  return a < (b as number) ? -1 : Number(a > (b as number));
}
