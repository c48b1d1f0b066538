const STAMP_MAX = 255;

/** Which slots a search has met: one byte of each, which holds the number of the search that met it last. Nothing is cleared between searches but once in 255. */
export class Visited {
  #stamps = new Uint8Array(0);
  #stamp = STAMP_MAX;

  /** Begins a search over slots below `length`. */
  begin(length: number): void {
    if (this.#stamps.length < length) {
      this.#stamps = new Uint8Array(Math.max(length, Math.ceil(this.#stamps.length * 1.5)));
      this.#stamp = 0;
    }
    if (this.#stamp === STAMP_MAX) {
      this.#stamps.fill(0);
      this.#stamp = 0;
    }
    this.#stamp++;
  }

  /** @returns whether it had not been met before */
  add(slot: number): boolean {
    if (this.#stamps[slot] === this.#stamp) return false;
    this.#stamps[slot] = this.#stamp;
    return true;
  }

  get memoryBytes(): number {
    return this.#stamps.byteLength;
  }
}
