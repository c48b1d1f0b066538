import { runId } from "@strata/core";
import { IMAGE_PAGE_BYTES, type IndexImage } from "@strata/engine";
import fc from "fast-check";
import { expect, test } from "vitest";
import { Column } from "./column.js";
import { ImageColumns } from "./image-parts.js";
import { imageOf } from "./index-image.js";
import { partsFrom } from "./saved-parts.js";
import { TextColumn } from "./text-column.js";

const PER_PAGE = IMAGE_PAGE_BYTES / 8;

type Step =
  | { readonly kind: "append"; readonly count: number }
  | { readonly kind: "change"; readonly at: number; readonly count: number }
  | { readonly kind: "text"; readonly text: string; readonly count: number }
  | { readonly kind: "give" }
  | { readonly kind: "write" }
  | { readonly kind: "drop" }
  | { readonly kind: "load" };

const step: fc.Arbitrary<Step> = fc.oneof(
  fc.record({ kind: fc.constant("append" as const), count: fc.integer({ min: 0, max: PER_PAGE }) }),
  fc.record({
    kind: fc.constant("change" as const),
    at: fc.nat({ max: 4 * PER_PAGE }),
    count: fc.oneof(fc.constant(1), fc.nat({ max: PER_PAGE })),
  }),
  fc.record({
    kind: fc.constant("text" as const),
    text: fc.string({ unit: "grapheme" }),
    count: fc.integer({ min: 0, max: 3000 }),
  }),
  fc.constantFrom<Step>({ kind: "give" }, { kind: "write" }, { kind: "drop" }, { kind: "load" }),
);

/** What an index has, and what of it a checkpoint has written: page by page, as those do that keep what did not change. */
class Subject {
  numbers = new Column(Float64Array);
  texts = new TextColumn();
  #count = 0;
  #given: { readonly image: IndexImage; readonly numbers: Float64Array; readonly texts: string[] } | undefined;
  #saved:
    | { version: number; head: Uint8Array; pages: Uint8Array[]; numbers: Float64Array; texts: string[] }
    | undefined;

  do(step: Step): void {
    if (step.kind === "append") for (let i = 0; i < step.count; i++) this.numbers.push(++this.#count);
    else if (step.kind === "text") for (let i = 0; i < step.count; i++) this.texts.push(step.text + i);
    else if (step.kind === "change") this.#change(step.at, step.count);
    else if (step.kind === "give") this.#give();
    else if (step.kind === "write") this.#write();
    else if (step.kind === "drop") this.#end((image) => image.dropped());
    else this.#load();
  }

  #change(at: number, count: number): void {
    const { length } = this.numbers;
    if (length === 0) return;
    const from = at % length;
    const to = Math.min(length, from + count);
    if (to === from + 1) this.numbers.touch(from);
    else this.numbers.touchRange(from, to);
    for (let index = from; index < to; index++) this.numbers.array[index] = ++this.#count;
  }

  #give(): void {
    const { numbers, texts } = this;
    const image = imageOf(runId(1), "image", { head: this.#saved === undefined, columns: { numbers, texts } });
    this.#given = { image, ...this.#contents() };
  }

  #write(): void {
    this.#end((image, given) => {
      const version = (this.#saved?.version ?? 0) + 1;
      const pages: Uint8Array[] = [];
      for (let page = 0; page < image.pages; page++) {
        const isKept = this.#saved?.version === image.base && this.#saved !== undefined && !image.isPageChanged(page);
        pages.push(isKept ? (this.#saved?.pages[page] as Uint8Array) : image.page(page).slice());
      }
      this.#saved = { version, head: image.head.slice(), pages, numbers: given.numbers, texts: given.texts };
      image.written(version);
    });
  }

  #end(how: (image: IndexImage, given: { numbers: Float64Array; texts: string[] }) => void): void {
    if (this.#given !== undefined) how(this.#given.image, this.#given);
    this.#given = undefined;
  }

  /** The process ends; the next one begins with what was written. */
  #load(): void {
    const saved = this.#saved;
    this.#given = undefined;
    if (saved === undefined) return;
    const { version, head, pages } = saved;
    const image = { run: runId(1), name: "image", version, head, pages: pages.length };
    const columns = new ImageColumns(partsFrom({ ...image, page: (page) => pages[page]!.slice() }).columns);
    this.numbers = columns.numbers("numbers", Float64Array);
    this.texts = columns.text("texts");
    const { numbers, texts } = this.#contents();
    expect(texts).toEqual(saved.texts);
    expect(Buffer.compare(Buffer.from(numbers.buffer), Buffer.from(saved.numbers.buffer))).toBe(0);
  }

  #contents(): { numbers: Float64Array; texts: string[] } {
    return {
      numbers: this.numbers.array.slice(0, this.numbers.length),
      texts: Array.from({ length: this.texts.length }, (_, index) => this.texts.get(index)),
    };
  }
}

test("what is loaded is what the columns held when the image was given, whatever was done before and since", () => {
  fc.assert(
    fc.property(fc.array(step, { minLength: 5, maxLength: 40 }), (steps) => {
      const subject = new Subject();
      for (const each of steps) subject.do(each);
      subject.do({ kind: "give" });
      for (const at of [0, 20_000, 30_001]) subject.do({ kind: "change", at, count: 3 });
      subject.do({ kind: "append", count: 10_000 });
      subject.do({ kind: "write" });
      subject.do({ kind: "load" });
    }),
    { numRuns: 60 },
  );
});
