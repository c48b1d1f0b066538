/**
 * One log of events, in as many segments as have something of it.
 */
import { compareCodePoints, type Version } from "@strata/core";
import type { ColdEvents } from "../cold.js";
import { type EventPart, lastAtOrBefore } from "./event-part.js";

export class ColdEventStack implements ColdEvents {
  readonly length: number;
  readonly firstVersion: Version;
  readonly lastVersion: Version;
  /** Oldest first. */
  readonly #parts: readonly EventPart[];
  /** Row that each part begins with. */
  readonly #starts: readonly number[];
  /** Who asks for the events of a type asks again for the next page. */
  #lastType: string | undefined = undefined;
  #lastRows: Uint32Array = new Uint32Array(0);
  #types: readonly string[] | undefined = undefined;

  /** @param parts at least one, oldest first. */
  constructor(parts: readonly EventPart[]) {
    this.#parts = parts;
    const starts: number[] = [];
    let length = 0;
    for (const part of parts) {
      starts.push(length);
      length += part.footer.length;
    }
    this.#starts = starts;
    this.length = length;
    this.firstVersion = parts[0]!.footer.firstVersion;
    this.lastVersion = parts.at(-1)!.footer.lastVersion;
  }

  lastAtOrBefore(asOf: Version): number {
    for (let i = this.#parts.length - 1; i >= 0; i--) {
      const row = this.#parts[i]!.lastAtOrBefore(asOf);
      if (row >= 0) return this.#starts[i]! + row;
    }
    return -1;
  }

  versionOf(row: number): Version {
    const i = lastAtOrBefore(this.#starts, row);
    return this.#parts[i]!.versionOf(row - this.#starts[i]!);
  }

  typeOf(row: number): string {
    const i = lastAtOrBefore(this.#starts, row);
    return this.#parts[i]!.typeOf(row - this.#starts[i]!);
  }

  record(row: number): Uint8Array {
    const i = lastAtOrBefore(this.#starts, row);
    return this.#parts[i]!.record(row - this.#starts[i]!);
  }

  types(): readonly string[] {
    this.#types ??= [...new Set(this.#parts.flatMap((part) => part.types()))].sort(compareCodePoints);
    return this.#types;
  }

  rowsOf(type: string): ArrayLike<number> {
    if (type === this.#lastType) return this.#lastRows;
    const lists = this.#parts.map((part) => part.rowsOf(type));
    let rows = lists[0]!;
    if (lists.length > 1) {
      rows = new Uint32Array(lists.reduce((sum, list) => sum + list.length, 0));
      let at = 0;
      for (let i = 0; i < lists.length; i++) {
        const start = this.#starts[i]!;
        for (const row of lists[i]!) rows[at++] = start + row;
      }
    }
    this.#lastType = type;
    this.#lastRows = rows;
    return rows;
  }
}
