/**
 * What a deep fork remembers of the runs it came from.
 */
import type { Stored } from "./stored.js";
import type { Found } from "./version-chain.js";

const GENERATION = 4096;

/** What the ancestors have for a key as of the fork. Version 0: nothing. It can never change. */
export class Inherited {
  readonly version: number;
  readonly stored: Stored | undefined;

  constructor(version: number, stored: Stored | undefined) {
    this.version = version;
    this.stored = stored;
  }

  /** @returns whether there is anything; if not, nothing was written to `out`. */
  copyTo(out: Found): boolean {
    if (this.version === 0) return false;
    out.version = this.version;
    out.stored = this.stored;
    return true;
  }
}

/** One object for every miss. */
export const NOT_INHERITED: Inherited = new Inherited(0, undefined);

/** At most 8192 entries, the least recently used going first: two generations, of which the older is dropped whole. */
export class InheritedMemo {
  #young: Map<string, Inherited> = new Map();
  #old: Map<string, Inherited> = new Map();

  get(key: string): Inherited | undefined {
    const young = this.#young.get(key);
    if (young !== undefined) return young;
    const old = this.#old.get(key);
    if (old !== undefined) this.set(key, old);
    return old;
  }

  set(key: string, inherited: Inherited): void {
    if (this.#young.size >= GENERATION) {
      this.#old = this.#young;
      this.#young = new Map();
    }
    this.#young.set(key, inherited);
  }
}
