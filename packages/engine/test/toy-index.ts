import type { RunId, Version } from "@strata/core";
import type { RunShard } from "@strata/storage";
import { expect } from "vitest";
import type { Database, DerivedIndex, IndexImage, Run } from "../src/index.js";

const NAME = "toy";
const BUCKETS = 4;
const EVERYTHING = { start: undefined, end: undefined, reverse: false };

const encoder = new TextEncoder();
const decoder = new TextDecoder();

/** Keys of a run with their versions, divided among a few buckets: each is a page. */
interface Content {
  readonly watermark: Version;
  readonly buckets: readonly string[];
}

interface Part {
  content: Content;
  /** The image before, and what that one held. */
  saved: { readonly base: Version; readonly content: Content } | undefined;
}

/**
 * An index that is nothing but its images: of each run, which keys it shows in the space "default" as of a version. What an image says is held
 * against the run itself wherever one is read, so one that does not belong to its run is found out.
 */
export class ToyIndex implements DerivedIndex {
  readonly name: string = NAME;
  readonly #db: Database;
  readonly #parts = new Map<RunId, Part>();
  /** How many parts came from images, and how many were built. */
  loaded = 0;
  built = 0;
  erasures = 0;
  closings = 0;

  constructor(db: Database) {
    this.#db = db;
  }

  static of(db: Database): ToyIndex {
    return db.extension(ToyIndex, () => {
      const index = new ToyIndex(db);
      db.registerIndex(index);
      return index;
    });
  }

  /** Makes sure that every run has its part, and that all of them are right. */
  checkAll(): void {
    for (const name of this.#db.runs.list()) {
      const { shard } = this.#db.runs.must(name);
      const part = this.#partOf(shard);
      expect(part.content, `index of run "${name}"`).toEqual(contentOf(shard, shard.lastVersion));
    }
  }

  onCommit({ shard, number }: Run): void {
    const part = this.#parts.get(number);
    if (part !== undefined) part.content = contentOf(shard, shard.lastVersion);
  }

  onRunDropped({ number }: Run): void {
    this.#parts.delete(number);
  }

  *images(): Generator<IndexImage, void, undefined> {
    for (const [run, part] of this.#parts) yield imageOf(run, part);
  }

  erased(): void {
    this.erasures++;
    this.#parts.clear();
  }

  closed(): void {
    this.closings++;
  }

  #partOf(shard: RunShard): Part {
    const known = this.#parts.get(shard.id);
    if (known !== undefined) return known;
    const saved = this.#load(shard);
    if (saved === undefined) this.built++;
    else this.loaded++;
    const part = { content: contentOf(shard, shard.lastVersion), saved };
    this.#parts.set(shard.id, part);
    return part;
  }

  #load(shard: RunShard): Part["saved"] {
    const saved = this.#db.savedImage(NAME, shard.id, "keys");
    if (saved === undefined) return undefined;
    const watermark = Number(decoder.decode(saved.head));
    expect(watermark, `image of run ${shard.id}`).toBeLessThanOrEqual(shard.lastVersion);
    const buckets = Array.from({ length: saved.pages }, (_, page) => decoder.decode(saved.page(page)));
    const content = { watermark, buckets };
    expect(content, `image of run ${shard.id}`).toEqual(contentOf(shard, watermark));
    return { base: saved.version, content };
  }
}

function contentOf(shard: RunShard, watermark: Version): Content {
  const buckets = Array.from({ length: BUCKETS }, () => "");
  shard.table("default", "kv")?.scan(EVERYTHING, watermark, (key, _stored, version) => {
    const bucket = key.length % BUCKETS;
    buckets[bucket] += `${key}@${version};`;
    return true;
  });
  return { watermark, buckets };
}

function imageOf(run: RunId, part: Part): IndexImage {
  const { content, saved } = part;
  const isPageChanged = (page: number) => saved?.content.buckets[page] !== content.buckets[page];
  return {
    run,
    name: "keys",
    base: saved?.base,
    isChanged:
      saved?.content.watermark !== content.watermark || content.buckets.some((_bucket, page) => isPageChanged(page)),
    head: encoder.encode(`${content.watermark}`),
    pages: content.buckets.length,
    isPageChanged,
    page: (page) => encoder.encode(content.buckets[page]),
    written: (base) => {
      part.saved = { base, content };
    },
    dropped: () => {},
  };
}
