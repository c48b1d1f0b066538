import type { RunId, Version } from "@strata/core";
import type { Database, DerivedIndex, IndexImage } from "../src/index.js";

interface Sheet {
  readonly run: RunId;
  readonly name: string;
  head: Uint8Array;
  readonly pages: Uint8Array[];
  readonly changed: Set<number>;
  base: Version | undefined;
  isChanged: boolean;
}

/** An index whose images are whatever a test puts there, page by page. */
export class PagesIndex implements DerivedIndex {
  readonly name: string;
  readonly #sheets = new Map<string, Sheet>();
  /** Called when a page is asked for. */
  onPage: (page: number) => void = () => {};
  /** Images that were written, by name, and those that were given for nothing. */
  readonly written: string[] = [];
  dropped = 0;
  erasures = 0;
  closings = 0;

  constructor(db: Database, name = "pages") {
    this.name = name;
    db.registerIndex(this);
  }

  put(run: RunId, name: string, page: number, bytes: Uint8Array): void {
    const sheet = this.sheet(run, name);
    sheet.pages[page] = bytes;
    sheet.changed.add(page);
    sheet.isChanged = true;
  }

  sheet(run: RunId, name: string): Sheet {
    const key = `${run}/${name}`;
    let sheet = this.#sheets.get(key);
    if (sheet === undefined) {
      const empty = { pages: [], changed: new Set<number>(), head: Uint8Array.of(7), base: undefined, isChanged: true };
      sheet = { run, name, ...empty };
      this.#sheets.set(key, sheet);
    }
    return sheet;
  }

  onCommit(): void {}

  onRunDropped(): void {}

  *images(): Generator<IndexImage, void, undefined> {
    for (const sheet of this.#sheets.values()) yield this.#image(sheet);
  }

  erased(): void {
    this.erasures++;
    this.#sheets.clear();
  }

  closed(): void {
    this.closings++;
  }

  #image(sheet: Sheet): IndexImage {
    const pages = [...sheet.pages];
    const changed = new Set(sheet.changed);
    return {
      run: sheet.run,
      name: sheet.name,
      base: sheet.base,
      isChanged: sheet.isChanged,
      head: sheet.head,
      pages: pages.length,
      isPageChanged: (page) => changed.has(page),
      page: (page) => {
        this.onPage(page);
        return pages[page]!;
      },
      written: (checkpoint) => {
        this.written.push(sheet.name);
        sheet.base = checkpoint;
        sheet.isChanged = false;
        for (const page of changed) sheet.changed.delete(page);
      },
      dropped: () => {
        this.dropped++;
      },
    };
  }
}

/** What is saved of an image: its pages. */
export function savedPages(db: Database, run: RunId, name: string, index = "pages"): Uint8Array[] | undefined {
  const saved = db.savedImage(index, run, name);
  return saved && Array.from({ length: saved.pages }, (_, page) => saved.page(page));
}
