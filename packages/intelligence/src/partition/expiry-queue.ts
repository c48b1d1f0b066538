import { Column, type ImageColumns, type ImageParts } from "../image/index.js";

/** The slots that expire, which are few: when each does, and which are next. */
export class ExpiryQueue {
  readonly #slots: Column<Int32Array>;
  readonly #times: Column<Float64Array>;
  readonly #timeOf = new Map<number, number>();
  /** Those that no commit has outlived yet, the last to expire first; sorted when somebody asks. */
  #waiting: number[];
  #isSorted = false;

  constructor(saved?: ImageColumns) {
    this.#slots = saved === undefined ? new Column(Int32Array) : saved.numbers("slots.expiringSlots", Int32Array);
    this.#times = saved === undefined ? new Column(Float64Array) : saved.numbers("slots.expiringTimes", Float64Array);
    this.#waiting = [];
    for (let index = 0; index < this.#slots.length; index++) {
      const slot = this.#slots.array[index]!;
      this.#timeOf.set(slot, this.#times.array[index]!);
      this.#waiting.push(slot);
    }
  }

  get length(): number {
    return this.#slots.length;
  }

  /** `Infinity` for one that does not expire. */
  timeOf(slot: number): number {
    return this.#timeOf.get(slot) ?? Number.POSITIVE_INFINITY;
  }

  add(slot: number, time: number): void {
    this.#slots.push(slot);
    this.#times.push(time);
    this.#timeOf.set(slot, time);
    this.#waiting.push(slot);
    this.#isSorted = false;
  }

  /** Those that have expired by `now` and were still there. Looks at all there ever were. */
  expiredBy(now: number, isThere: (slot: number) => boolean): readonly number[] {
    const expired: number[] = [];
    for (let index = 0; index < this.#slots.length; index++) {
      const slot = this.#slots.array[index]!;
      if (this.#times.array[index]! <= now && isThere(slot)) expired.push(slot);
    }
    return expired;
  }

  /** The same among those that were not taken: looks at no others than those that have expired. */
  waitingBy(now: number, isThere: (slot: number) => boolean): readonly number[] {
    this.#sort();
    const expired: number[] = [];
    for (let index = this.#waiting.length - 1; index >= 0; index--) {
      const slot = this.#waiting[index]!;
      if (this.timeOf(slot) > now) break;
      if (isThere(slot)) expired.push(slot);
    }
    return expired;
  }

  /** Gives out, once, those that have expired by `now`. */
  take(now: number, taken: (slot: number) => void): void {
    if (this.#waiting.length === 0) return;
    this.#sort();
    for (let slot = this.#waiting.at(-1); slot !== undefined && this.timeOf(slot) <= now; slot = this.#waiting.at(-1)) {
      this.#waiting.pop();
      taken(slot);
    }
  }

  #sort(): void {
    if (!this.#isSorted) this.#waiting.sort((a, b) => this.timeOf(b) - this.timeOf(a) || b - a);
    this.#isSorted = true;
  }

  columns(): ImageParts["columns"] {
    return { "slots.expiringSlots": this.#slots, "slots.expiringTimes": this.#times };
  }
}
