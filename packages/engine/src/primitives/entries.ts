import type { Stored } from "@strata/storage";
import type { HeldScope, KeyedPrimitive, ReadScope } from "../scope.js";
import type { KeyScan } from "./key-scan.js";
import { actualScope, holdNow } from "./open-transaction.js";

/** Entries read at a time: enough to spread the cost of a scan, few enough that breaking off early is cheap. */
const CHUNK = 256;

/**
 * Keys with what they hold, in scan order. Invariants:
 *
 * 1. Everything it gives is as of its first `next()`, also across awaits and later writes of the same transaction.
 * 2. A past scope never changes and is read chunk by chunk; so is the head, held. A scope that cannot hold is read whole at the first `next()`.
 * 3. What is held is let go at the end, or by `return()`, which leaving a `for` loop calls.
 */
export class Entries<T> implements IterableIterator<T> {
  readonly #primitive: KeyedPrimitive;
  readonly #scan: KeyScan;
  readonly #entryOf: (key: string, stored: Stored) => T;
  /** `undefined` before the first chunk and behind the last. */
  #scope: ReadScope | undefined;
  #held: HeldScope | undefined;
  #begun = false;
  #left: number;
  #last: string | undefined;
  #keys: string[] = [];
  #stored: Stored[] = [];
  #position = 0;

  constructor(scope: ReadScope, primitive: KeyedPrimitive, scan: KeyScan, entryOf: (key: string, stored: Stored) => T) {
    this.#scope = scope;
    this.#primitive = primitive;
    this.#scan = scan;
    this.#entryOf = entryOf;
    this.#left = scan.limit;
  }

  [Symbol.iterator](): this {
    return this;
  }

  next(): IteratorResult<T, undefined> {
    if (this.#position === this.#keys.length && !this.#fill()) return { done: true, value: undefined };
    const position = this.#position++;
    return { done: false, value: this.#entryOf(this.#keys[position] as string, this.#stored[position] as Stored) };
  }

  return(): IteratorResult<T, undefined> {
    this.#keys = [];
    this.#stored = [];
    this.#position = 0;
    this.#end();
    return { done: true, value: undefined };
  }

  /** Reads the next chunk; false when there is none. */
  #fill(): boolean {
    if (this.#scope === undefined) return false;
    if (!this.#begun) {
      this.#begun = true;
      this.#held = holdNow(this.#scope);
      this.#scope = this.#held ?? actualScope(this.#scope);
    }
    const scope = this.#scope;
    const wanted = Math.min("put" in scope ? Number.POSITIVE_INFINITY : CHUNK, this.#left);
    const keys: string[] = [];
    const stored: Stored[] = [];
    try {
      if (wanted > 0) {
        scope.table(this.#primitive).scan(this.#rest(), "values", (key, value) => {
          stored.push(value);
          return keys.push(key) < wanted;
        });
      }
    } catch (error) {
      this.#end();
      throw error;
    }
    this.#keys = keys;
    this.#stored = stored;
    this.#position = 0;
    this.#left -= keys.length;
    this.#last = keys.at(-1);
    if (keys.length < wanted || this.#left === 0) this.#end();
    return keys.length > 0;
  }

  /** The part of the range that has not been read. */
  #rest(): KeyScan["range"] {
    const { range } = this.#scan;
    if (this.#last === undefined) return range;
    return range.reverse ? { ...range, end: this.#last } : { ...range, start: `${this.#last}\0` };
  }

  #end(): void {
    this.#scope = undefined;
    this.#held?.dispose();
    this.#held = undefined;
  }
}
