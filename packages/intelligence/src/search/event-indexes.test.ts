import { ManualTime } from "@strata/durability/testing";
import { Database, EventLogStore, type IndexImage, type SavedImage } from "@strata/engine";
import type { EventLayer } from "@strata/storage";
import { describe, expect, test } from "vitest";
import { type EventGround, EventIndexes } from "./event-indexes.js";

const CHECKPOINT = 7;

interface Opened {
  readonly database: Database;
  readonly time: ManualTime;
  readonly indexes: EventIndexes;
  readonly warnings: string[];
  append(space: string, ...texts: readonly string[]): void;
  /** Of the space's own events, at the head. */
  layer(space: string): EventLayer;
}

function layersOf(database: Database, space: string): readonly EventLayer[] {
  return database.head(database.runs.must("default"), space).events.view().layers;
}

function opened(changes: Partial<EventGround> = {}, stem = true, database = Database.ephemeral()): Opened {
  const time = new ManualTime();
  const warnings: string[] = [];
  const logger = { log: (_level: string, _target: string, message: string) => void warnings.push(message) };
  const ground: EventGround = {
    clock: time,
    timer: time,
    logger,
    isLive: () => true,
    savedImage: () => undefined,
    memoryBudgetBytes: 2 ** 30,
    ...changes,
  };
  const indexes = new EventIndexes(ground, stem);
  return {
    database,
    time,
    indexes,
    warnings,
    append(space, ...texts) {
      const log = new EventLogStore(database.head(database.runs.must("default"), space));
      log.appendMany(texts.map((text) => ({ type: "note", payload: { text } })));
    },
    layer: (space) => layersOf(database, space)[0]!,
  };
}

/** What a checkpoint would make of an image, and give back. */
function saved(image: IndexImage): SavedImage {
  const pages = Array.from({ length: image.pages }, (_, page) => image.page(page).slice());
  const head = image.head.slice();
  image.written(CHECKPOINT);
  const { run, name } = image;
  return { run, name, version: CHECKPOINT, head, pages: pages.length, page: (at) => pages[at]!.slice() };
}

describe("the words of events", () => {
  test("are taken in when somebody asks, and in idle moments after commits", () => {
    const { database, time, indexes, append, layer } = opened();
    append("default", "fox");
    const texts = indexes.textsOf(layer("default"));
    expect(texts.postings.length).toBe(1);
    append("default", ...Array.from({ length: 200 }, (_, i) => `dog ${i}`));
    expect(texts.postings.length).toBe(1);
    indexes.onCommit(database.runs.must("default"));
    expect(time.pending).toBe(1);
    time.advance(1000);
    expect(texts.postings.length).toBe(201);
    expect(time.pending).toBe(0);
    append("default", "cat");
    expect(indexes.textsOf(layer("default"))).toBe(texts);
    expect(texts.postings.length).toBe(202);
  });

  test("of a space that was dropped are let go of", () => {
    const { database, time, indexes, append, layer } = opened();
    append("b", "fox");
    indexes.textsOf(layer("b"));
    database.spaces(database.runs.must("default")).delete("b", { force: true });
    indexes.onCommit(database.runs.must("default"));
    expect([...indexes.images()]).toEqual([]);
    time.advance(1000);
    append("b", "dog");
    expect(indexes.textsOf(layer("b")).postings.length).toBe(1);
  });

  test("that were asked for longest ago go when they do not fit into memory", () => {
    const { indexes, append, layer } = opened({ memoryBudgetBytes: 1 });
    append("default", "fox");
    append("b", "fox");
    const first = indexes.textsOf(layer("default"));
    const second = indexes.textsOf(layer("b"));
    expect(indexes.textsOf(layer("b"))).toBe(second);
    expect(indexes.textsOf(layer("default"))).not.toBe(first);
  });

  test("that were used last stay, whenever they were made", () => {
    const probe = opened();
    probe.append("default", "fox");
    const { postings } = probe.indexes.textsOf(probe.layer("default"));
    const { indexes, append, layer } = opened({ memoryBudgetBytes: postings.memoryBytes * 2.5 });
    for (const space of ["default", "b", "c"]) append(space, "fox");
    const first = indexes.textsOf(layer("default"));
    const second = indexes.textsOf(layer("b"));
    expect(indexes.textsOf(layer("default"))).toBe(first);
    indexes.textsOf(layer("c"));
    expect(indexes.textsOf(layer("default"))).toBe(first);
    expect(indexes.textsOf(layer("b"))).not.toBe(second);
  });

  test("go when others grow, by searches or in idle moments", () => {
    const { database, time, indexes, append, layer } = opened({ memoryBudgetBytes: 400_000 });
    append("default", "fox");
    append("b", "fox");
    append("c", "fox");
    const [first, second, third] = ["default", "b", "c"].map((space) => indexes.textsOf(layer(space)));
    expect(indexes.textsOf(layer("default"))).toBe(first);
    const many = Array.from({ length: 20_000 }, (_, i) => `dog${i}`);
    append("c", ...many);
    expect(indexes.textsOf(layer("c"))).toBe(third);
    expect(third!.postings.memoryBytes).toBeGreaterThan(400_000);
    expect(indexes.textsOf(layer("default"))).not.toBe(first);
    expect(indexes.textsOf(layer("b"))).not.toBe(second);

    const idle = opened({ memoryBudgetBytes: 400_000 }, true, database);
    const other = idle.indexes.textsOf(layer("default"));
    const growing = idle.indexes.textsOf({ ...layer("c"), end: 1 });
    idle.indexes.onCommit(database.runs.must("default"));
    idle.time.advance(100_000);
    expect(growing.postings.length).toBe(20_001);
    expect(idle.indexes.textsOf(layer("default"))).not.toBe(other);
    expect(time.pending).toBe(0);
  });

  test("come back from the image that a checkpoint wrote, and go on from there", () => {
    const before = opened();
    before.append("default", "a fox", "a dog");
    before.indexes.textsOf(before.layer("default"));
    const images = [...before.indexes.images()].map(saved);
    expect(images.map(({ name }) => name)).toEqual(["text/0/default"]);
    before.append("default", "a cat");
    const after = opened(
      { savedImage: (_index, _run, name) => images.find((one) => one.name === name) },
      true,
      before.database,
    );
    const texts = after.indexes.textsOf({ ...after.layer("default"), end: 2 });
    expect(texts.postings.length).toBe(2);
    expect(texts.postings.postingCount).toBe(6);
    expect(after.indexes.textsOf(after.layer("default")).postings.postingCount).toBe(9);
    expect(after.warnings).toEqual([]);
    const plain = opened(
      { savedImage: (_index, _run, name) => images.find((one) => one.name === name) },
      false,
      before.database,
    );
    expect(plain.indexes.textsOf(plain.layer("default")).postings.length).toBe(3);
    expect(plain.warnings).toEqual([]);
  });

  test("are indexed anew where the image is of other events, of more than there are, or damaged", () => {
    const before = opened();
    before.append("default", "a fox", "a dog");
    before.indexes.textsOf(before.layer("default"));
    const [image] = [...before.indexes.images()].map(saved) as [SavedImage];
    const damaged = { ...image, head: image.head.slice(0, 3) };
    const other = Database.ephemeral();
    for (const [given, database] of [
      [image, other],
      [damaged, before.database],
    ] as const) {
      const after = opened({ savedImage: () => given }, true, database);
      if (database === other) {
        after.append("default", "one");
        after.append("default", "two");
        after.append("default", "three");
      }
      const texts = after.indexes.textsOf(after.layer("default"));
      expect(texts.postings.length).toBe(database === other ? 3 : 2);
      expect(after.warnings).toHaveLength(1);
    }
    const fewer = opened({ savedImage: () => image });
    fewer.append("default", "a fox");
    expect(fewer.indexes.textsOf(fewer.layer("default")).postings.length).toBe(1);
    expect(fewer.warnings).toHaveLength(1);
  });

  test("are forgotten when what was deleted is erased", () => {
    const { indexes, append, layer } = opened();
    append("default", "fox");
    const texts = indexes.textsOf(layer("default"));
    indexes.erased();
    expect(indexes.textsOf(layer("default"))).not.toBe(texts);
  });
});
