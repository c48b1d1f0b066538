import type { Version } from "@strata/core";
import { Column, type ImageColumns, type ImageParts, TextColumn } from "../image/index.js";

/** The keys that a table has entries of, each with the version of the first: from there on what lies below is hidden. In order of version. */
export class FirstWrites {
  readonly #keys: TextColumn;
  readonly #versions: Column<Float64Array>;
  #known: Set<string> | undefined;

  constructor(saved?: ImageColumns) {
    this.#keys = saved === undefined ? new TextColumn() : saved.text("slots.firstKeys");
    this.#versions =
      saved === undefined ? new Column(Float64Array) : saved.numbers("slots.firstVersions", Float64Array);
  }

  get length(): number {
    return this.#versions.length;
  }

  get memoryBytes(): number {
    return this.length * BYTES_PER_KEY;
  }

  keyAt(position: number): string {
    return this.#keys.get(position);
  }

  versionAt(position: number): Version {
    return this.#versions.array[position]!;
  }

  /** How many keys were written first at or below `version`. */
  through(version: Version): number {
    let low = 0;
    let high = this.length; // versionAt(i) <= version for i < low; > version for i >= high
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.versionAt(middle) <= version) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  note(key: string, version: Version): void {
    this.#known ??= new Set(Array.from({ length: this.length }, (_, position) => this.keyAt(position)));
    if (this.#known.has(key)) return;
    this.#known.add(key);
    this.#keys.push(key);
    this.#versions.push(version);
  }

  /** What is written of it; the constructor takes the same. */
  columns(): ImageParts["columns"] {
    return { "slots.firstKeys": this.#keys, "slots.firstVersions": this.#versions };
  }
}

const BYTES_PER_KEY = 120;
