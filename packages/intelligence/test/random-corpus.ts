import { InvertedIndex, type SlotTimes } from "../src/text/inverted-index.js";
import type { TextLayer } from "../src/text/text-view.js";

/** An index that documents come to and go from, each in a version of its own or with others, by a seed. */
export class RandomCorpus implements SlotTimes {
  readonly index: InvertedIndex;
  version = 0;
  readonly #syllables: readonly string[];
  readonly #fields: (readonly string[])[] = [];
  readonly #born: number[] = [];
  readonly #died: number[] = [];
  readonly #deaths: number[] = [];
  #state: number;

  constructor(seed: number, syllables: readonly string[], stems: boolean) {
    this.#state = seed | 0;
    this.#syllables = syllables;
    this.index = new InvertedIndex(this, { stem: stems });
  }

  bornThrough(version: number): number {
    return this.#born.filter((born) => born <= version).length;
  }

  diedThrough(version: number): number {
    return this.#deaths.filter((slot) => this.#died[slot]! <= version).length;
  }

  deathAt(position: number): number {
    return this.#deaths[position]!;
  }

  fieldsOf(slot: number): readonly string[] {
    return this.#fields[slot]!;
  }

  /** @param deaths for each document, how many others go on average */
  grow(documents: number, deaths: number): void {
    for (let left = documents; left > 0; left--) {
      if (this.#random() < 0.7) this.version++;
      const slot = this.#born.length;
      const fields = Array.from({ length: Math.floor(this.#random() * 3) + (this.#random() < 0.95 ? 1 : 0) }, () =>
        this.#text(),
      );
      this.#fields.push(fields);
      this.#born.push(this.version);
      this.#died.push(Number.POSITIVE_INFINITY);
      this.index.add(slot, fields);
      if (this.#random() < deaths) this.#end(Math.floor(this.#random() * (slot + 1)));
    }
  }

  /** What a reader at `version` sees when a part of it is hidden. */
  view(version: number, hiddenPart: number): { readonly layer: TextLayer; readonly visible: readonly number[] } {
    const alive = this.#born.flatMap((born, slot) => (born <= version && this.#died[slot]! > version ? [slot] : []));
    const hidden = new Set(alive.filter(() => this.#random() < hiddenPart));
    const visible = alive.filter((slot) => !hidden.has(slot));
    const seen = new Set(visible);
    const layer = {
      index: this.index,
      through: version,
      hidden: Int32Array.from(hidden).sort(),
      isVisible: (slot: number) => seen.has(slot),
    };
    return { layer, visible };
  }

  #end(slot: number): void {
    if (this.#died[slot] !== Number.POSITIVE_INFINITY) return;
    this.version++;
    this.#died[slot] = this.version;
    this.#deaths.push(slot);
    this.index.remove(slot);
  }

  /** Some words often, others rarely; now and then one that is there more often than a byte counts. */
  #text(): string {
    const words: string[] = [];
    const often = this.#random() < 0.01 ? 300 : 1;
    for (let left = Math.floor(this.#random() * 12); left > 0; left--) {
      const parts = 1 + Math.floor(this.#random() ** 2 * 3);
      const word = Array.from({ length: parts }, () => this.#syllable()).join("");
      for (let times = this.#random() < 0.1 ? often : 1; times > 0; times--) words.push(word);
    }
    return words.join(this.#random() < 0.9 ? " " : ", ");
  }

  #syllable(): string {
    return this.#syllables[Math.floor(this.#random() ** 2 * this.#syllables.length)]!;
  }

  /** Mulberry32. */
  #random(): number {
    this.#state = (this.#state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(this.#state ^ (this.#state >>> 15), 1 | this.#state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  }
}
