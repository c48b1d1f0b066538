import type { Stored } from "@strata/storage";
import type { ImageParts } from "../image/image-parts.js";
import type { IndexKind, SlotIndex } from "../partition/slot-index.js";
import type { Slots } from "../partition/slots.js";
import { InvertedIndex } from "../text/inverted-index.js";
import { hasText, type TextPrimitive, textsOf } from "./entry-text.js";

/** The words of the entries of one table. */
export class TextIndex implements SlotIndex {
  readonly postings: InvertedIndex;
  readonly #primitive: TextPrimitive;

  constructor(primitive: TextPrimitive, postings: InvertedIndex) {
    this.#primitive = primitive;
    this.postings = postings;
  }

  get memoryBytes(): number {
    return this.postings.memoryBytes;
  }

  add(slot: number, key: string, stored: Stored): void {
    this.postings.add(slot, textsOf(this.#primitive, key, stored));
  }

  remove(slot: number): void {
    this.postings.remove(slot);
  }

  save(): ImageParts {
    return this.postings.save();
  }
}

/** The text of one primitive, table by table. Every key has a place in it, and a live entry that has text a slot. */
class TextKind implements IndexKind<TextIndex> {
  readonly name: string;
  readonly primitive: TextPrimitive;

  readonly #stem: boolean;

  constructor(primitive: TextPrimitive, stem: boolean) {
    this.name = stem ? `text:${primitive}` : `plain-text:${primitive}`;
    this.primitive = primitive;
    this.#stem = stem;
  }

  owns(): boolean {
    return true;
  }

  accepts(_key: string, stored: Stored): boolean {
    return hasText(this.primitive, stored);
  }

  create(slots: Slots): TextIndex {
    return new TextIndex(this.primitive, new InvertedIndex(slots, { stem: this.#stem }));
  }

  load(parts: ImageParts, slots: Slots): TextIndex {
    return new TextIndex(this.primitive, InvertedIndex.load(parts, slots, { stem: this.#stem }));
  }
}

export type TextKinds = { readonly [P in TextPrimitive]: IndexKind<TextIndex> };

/** What is indexed of the primitives that keep keys. @param stem whether English words are found in all their forms. */
export function textKinds(stem: boolean): TextKinds {
  return { kv: new TextKind("kv", stem), state: new TextKind("state", stem), json: new TextKind("json", stem) };
}
