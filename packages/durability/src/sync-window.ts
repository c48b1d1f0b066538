/** How many windows may be unsynced before a commit waits; one less than promised, for what lies between two probes. */
const WINDOWS_MAX = 9;

/**
 * Bounds what a power failure may take from a buffered log: the age of the oldest unsynced commit. It notes one commit per
 * window, with the time; the commits in between are younger than the one noted before them.
 */
export class SyncWindow {
  readonly #intervalUs: number;
  readonly #lsns = new Float64Array(WINDOWS_MAX + 2);
  readonly #times = new Float64Array(WINDOWS_MAX + 2);
  #length = 0;

  constructor(flushIntervalMs: number) {
    this.#intervalUs = flushIntervalMs * 1000;
  }

  /**
   * Notes a commit.
   *
   * @param nowUs a clock that does not go back.
   * @returns through which LSN the log must be synced before the commit may be acknowledged; 0 when it need not wait.
   */
  note(lsn: number, nowUs: number, syncedThrough: number): number {
    let dropped = 0;
    while (dropped < this.#length && this.#lsns[dropped]! <= syncedThrough) dropped++;
    if (dropped > 0) {
      this.#lsns.copyWithin(0, dropped, this.#length);
      this.#times.copyWithin(0, dropped, this.#length);
      this.#length -= dropped;
    }
    const last = this.#length - 1;
    if (this.#length === 0 || (this.#length < this.#lsns.length && nowUs - this.#times[last]! >= this.#intervalUs)) {
      this.#lsns[this.#length] = lsn;
      this.#times[this.#length] = nowUs;
      this.#length += 1;
    }
    return nowUs - this.#times[0]! > this.#intervalUs * WINDOWS_MAX ? this.#lsns[0]! : 0;
  }
}
