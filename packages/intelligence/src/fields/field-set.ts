import type { Value } from "@strata/core";
import { getAt, type JsonField, jsonField } from "@strata/engine";
import { ImageColumns, type ImageParts } from "../image/index.js";
import { FieldIndex } from "./field-index.js";

/** Fields beyond so many are let go, those first that nobody has asked for longest. */
export const FIELDS_MAX = 32;

interface Field {
  readonly path: JsonField["path"];
  readonly index: FieldIndex;
  /** Counts up with every use. */
  usedAt: number;
}

/**
 * Indexes of what stands at paths of the same entries: one for each field that somebody has asked for, made then from what there is, and
 * kept up to date from there on.
 */
export class FieldSet {
  readonly #fields = new Map<string, Field>();
  #length = 0;
  #uses = 0;

  /** As it was when it was saved. What it throws means that the image is none of a set of fields. */
  static restored({ head, columns }: ImageParts, length: number): FieldSet {
    const set = new FieldSet();
    set.#length = length;
    const saved = new ImageColumns(columns);
    for (const [position, field] of (head as readonly string[]).entries()) {
      const index = new FieldIndex(saved, `field${position}`);
      if (index.length === length) set.#fields.set(field, { ...jsonField(field), index, usedAt: 0 });
    }
    return set;
  }

  get memoryBytes(): number {
    let bytes = 0;
    for (const { index } of this.#fields.values()) bytes += index.memoryBytes;
    return bytes;
  }

  /** The entry of the next slot. @param root what paths begin at; `undefined` when there is nothing. */
  add(slot: number, root: Value | undefined): void {
    this.#length = slot + 1;
    for (const { path, index } of this.#fields.values()) index.add(slot, getAt(root, path));
  }

  /** The index of a field. @param rootOf what the entry of a slot holds, for a field that nobody has asked for before. */
  use({ field, path }: JsonField, rootOf: (slot: number) => Value | undefined): FieldIndex {
    let known = this.#fields.get(field);
    if (known === undefined) {
      const index = new FieldIndex();
      for (let slot = 0; slot < this.#length; slot++) index.add(slot, getAt(rootOf(slot), path));
      known = { path, index, usedAt: 0 };
      if (this.#fields.size >= FIELDS_MAX) this.#letGo();
      this.#fields.set(field, known);
    }
    known.usedAt = ++this.#uses;
    return known.index;
  }

  /** Names of the fields, and their columns. */
  save(): ImageParts {
    const fields = [...this.#fields];
    const columns = fields.map(([, { index }], position) => index.columns(`field${position}`));
    return { head: fields.map(([field]) => field), columns: Object.assign({}, ...columns) as ImageParts["columns"] };
  }

  #letGo(): void {
    let oldest: string | undefined;
    let usedAt = Number.POSITIVE_INFINITY;
    for (const [field, each] of this.#fields) {
      if (each.usedAt >= usedAt) continue;
      oldest = field;
      usedAt = each.usedAt;
    }
    if (oldest !== undefined) this.#fields.delete(oldest);
  }
}
