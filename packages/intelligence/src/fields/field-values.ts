import { compareCodePoints } from "@strata/core";
import { Column, type ImageColumns, type ImageParts, TextColumn } from "../image/index.js";
import { FIELD_MARKS, type FieldKey } from "./field-key.js";
import { SortedNumbers } from "./sorted-numbers.js";

/** What strings take in the map, about, besides what the column counts. Bytes. */
const MAP_ENTRY_BYTES = 40;

/**
 * The different keys of a field, numbered: marks first, then numbers and strings as they come. Equal ones are found by hash; those in a
 * range by their order, which is kept from when somebody first asks for a range.
 */
export class FieldValues {
  /** Of each number or string where it is: an index among numbers, or −1 − an index among texts. */
  readonly #places: Column<Int32Array>;
  readonly #numbers: Column<Float64Array>;
  readonly #texts: TextColumn;
  /** Made when they are first needed. */
  #ids: Map<number | string, number> | undefined;
  readonly #numberOrder: SortedNumbers;
  readonly #textOrder: SortedNumbers;

  constructor(saved?: ImageColumns, name = "") {
    this.#places = saved === undefined ? new Column(Int32Array) : saved.numbers(`${name}.places`, Int32Array);
    this.#numbers = saved === undefined ? new Column(Float64Array) : saved.numbers(`${name}.numbers`, Float64Array);
    this.#texts = saved === undefined ? new TextColumn() : saved.text(`${name}.texts`);
    this.#ids = saved === undefined ? new Map() : undefined;
    this.#numberOrder = new SortedNumbers();
    this.#textOrder = new SortedNumbers();
    for (let id = FIELD_MARKS.length; saved !== undefined && id < this.length; id++) this.#list(id);
  }

  /** Numbers given, those of the marks included. */
  get length(): number {
    return FIELD_MARKS.length + this.#places.length;
  }

  get memoryBytes(): number {
    const columns = this.#places.memoryBytes + this.#numbers.memoryBytes + this.#texts.memoryBytes;
    return (
      columns + this.#places.length * MAP_ENTRY_BYTES + this.#numberOrder.memoryBytes + this.#textOrder.memoryBytes
    );
  }

  /** The number of a key; −1 when it has none. */
  idOf(key: FieldKey): number {
    return typeof key === "object" ? FIELD_MARKS.indexOf(key) : (this.#known().get(key) ?? -1);
  }

  /** The number of a key, a new one when it has none. */
  intern(key: FieldKey): number {
    if (typeof key === "object") return FIELD_MARKS.indexOf(key);
    const ids = this.#known();
    const known = ids.get(key);
    if (known !== undefined) return known;
    const id = this.length;
    this.#places.push(typeof key === "number" ? this.#numbers.push(key) : -1 - this.#texts.push(key));
    ids.set(key, id);
    this.#list(id);
    return id;
  }

  keyOf(id: number): FieldKey {
    if (id < FIELD_MARKS.length) return FIELD_MARKS[id] as FieldKey;
    const place = this.#placeOf(id);
    return place >= 0 ? this.#numbers.array[place]! : this.#texts.get(-1 - place);
  }

  /** The numbers of all numbers, in order of value. Valid until the next key comes. */
  numbers(): Int32Array {
    const values = this.#numbers.array;
    return this.#numberOrder.sorted((a, b) => values[this.#placeOf(a)]! - values[this.#placeOf(b)]!);
  }

  /** The numbers of all strings, in order of code points. Valid until the next key comes. */
  texts(): Int32Array {
    const textOf = (id: number) => this.#texts.get(-1 - this.#placeOf(id));
    return this.#textOrder.sorted((a, b) => compareCodePoints(textOf(a), textOf(b)));
  }

  columns(name: string): ImageParts["columns"] {
    return { [`${name}.places`]: this.#places, [`${name}.numbers`]: this.#numbers, [`${name}.texts`]: this.#texts };
  }

  #placeOf(id: number): number {
    return this.#places.array[id - FIELD_MARKS.length]!;
  }

  #list(id: number): void {
    (this.#placeOf(id) >= 0 ? this.#numberOrder : this.#textOrder).push(id);
  }

  #known(): Map<number | string, number> {
    if (this.#ids === undefined) {
      this.#ids = new Map();
      for (let id = FIELD_MARKS.length; id < this.length; id++) this.#ids.set(this.keyOf(id) as number | string, id);
    }
    return this.#ids;
  }
}
