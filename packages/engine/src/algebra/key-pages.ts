import type { Version } from "@strata/core";
import type { KeyRange, Table } from "@strata/storage";

const FIRST_PAGE = 16;
const PAGE_MAX = 1024;

/** The live keys of a range of a table as of a version, one at a time, in code point order: a scan that can be walked beside another. */
export class KeyPages {
  readonly #table: Table;
  readonly #asOf: Version;
  readonly #end: string | undefined;
  #start: string | undefined;
  #keys: string[] = [];
  #at = 0;
  #pageSize = FIRST_PAGE;
  #isLast = false;

  constructor(table: Table, asOf: Version, { start, end }: KeyRange) {
    this.#table = table;
    this.#asOf = asOf;
    this.#start = start;
    this.#end = end;
    this.#fill();
  }

  /** The key it stands on; `undefined` behind the last. */
  get key(): string | undefined {
    return this.#keys[this.#at];
  }

  advance(): void {
    this.#at++;
    if (this.#at >= this.#keys.length && !this.#isLast) this.#fill();
  }

  #fill(): void {
    this.#keys = [];
    this.#at = 0;
    const range = { start: this.#start, end: this.#end, reverse: false };
    this.#table.scan(range, this.#asOf, (key) => {
      this.#keys.push(key);
      return this.#keys.length < this.#pageSize;
    });
    this.#isLast = this.#keys.length < this.#pageSize;
    // The smallest string above the last key: keys hold no NUL.
    this.#start = `${this.#keys.at(-1)}\0`;
    this.#pageSize = Math.min(this.#pageSize * 4, PAGE_MAX);
  }
}
