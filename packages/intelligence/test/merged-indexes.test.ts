import type { CollectionOptions } from "@strata/engine";
import { describe, expect, test, vi } from "vitest";
import { InvertedIndex } from "../src/text/inverted-index.js";
import { VectorIndex } from "../src/vector/vector-index.js";
import { type Question, SearchedWorld, type Write } from "./searched-world.js";
import { type Damage, damageFile, imageFiles } from "./simulated-search.js";

const COUNT = 200;
const COLLECTION: CollectionOptions = { dimension: 8, metric: "cosine", index: "hnsw" };
const SUBJECTS = ["merge", "search", "graph", "index", "memory"];

/** Entries of every kind whose words, vectors and fields follow from `from` on. */
function entries(from: number, to: number, tag: string): Write {
  return ({ kv, json, cells, events, vectors }) => {
    for (let i = from; i < to; i++) {
      const subject = SUBJECTS[i % SUBJECTS.length]!;
      kv.put(`k${i}`, `${subject} ${tag} number n${i}`);
      json.put(`d${i}`, { title: `${tag} ${subject}`, n: i % 7, tag });
      const vector = Array.from({ length: 8 }, (_, axis) => Math.sin((i + 1) * (axis + 1.7)));
      vectors.upsert("docs", `v${i}`, vector, { tag, n: i % 7 });
    }
    cells.set(tag, `${tag} is a cell`);
    events.append(`${tag}.done`, { note: `${tag} number ${from}` });
  };
}

const QUESTIONS: readonly Question[] = [
  {
    texts: [
      { query: "merge theirs", options: { k: 20 } },
      { query: '+graph -ours "number n7"', options: { explain: true } },
    ],
    vectors: { vector: [1, 0.2, -1, 0.5, 0, 0.3, 0, 1], k: 10, prefix: "", filter: undefined, minScore: undefined },
    find: { where: { tag: "theirs" }, options: { orderBy: "n", limit: 50 } },
  },
  {
    texts: [{ query: "ours n1* indx~", options: { spaces: "all", k: 1000 } }],
    vectors: { vector: [0, 1], k: 1000, prefix: "v1", filter: { tag: "ours" }, minScore: undefined },
    find: { where: { n: { $gte: 3 }, title: { $prefix: "ours" } }, options: {} },
  },
];

function ask(world: SearchedWorld): void {
  for (const question of QUESTIONS) world.ask(undefined, question);
}

/** Two runs that have both written, delete and replaced, with indexes of each that are warm and in files. */
async function parted(): Promise<SearchedWorld> {
  const world = new SearchedWorld(2 ** 30);
  for (const space of ["default", "other"]) {
    world.write("default", space, ({ vectors, json }) => {
      vectors.createCollection("docs", COLLECTION);
      json.createIndex("tag");
      json.createIndex("n");
    });
  }
  world.write("default", "default", entries(0, COUNT, "base"));
  ask(world);
  world.db.fork(world.db.runs.must("default"), ["fork-a"]);
  world.write("default", "default", entries(50, 120, "ours"));
  world.write("fork-a", "default", entries(100, 160, "theirs"));
  world.write("fork-a", "other", entries(0, 30, "theirs"));
  world.write("fork-a", "default", ({ kv, json, vectors }) => {
    for (let i = 0; i < COUNT; i += 9) {
      kv.delete(`k${i}`);
      json.delete(`d${i}`);
      vectors.delete("docs", `v${i}`);
    }
    vectors.createCollection("more", { dimension: 2, metric: "dot" });
    vectors.upsert("more", "one", [1, 2]);
    json.createIndex("title");
  });
  ask(world);
  await world.build("default", "default");
  await world.wait(world.db.checkpoint());
  return world;
}

describe("after the runs were brought together, indexes agree with what is there", () => {
  test.each([
    ["a merge", (world: SearchedWorld) => void world.db.algebra.merge("fork-a", "default", { strategy: "theirs" })],
    [
      "a pick",
      (world: SearchedWorld) =>
        void world.db.algebra.cherryPick("fork-a", "default", { prefix: "d" }, { strategy: "theirs" }),
    ],
    [
      "a merge that was reverted",
      ({ db }: SearchedWorld) => {
        const from = db.runs.must("default").version;
        db.algebra.merge("fork-a", "default", { strategy: "theirs" });
        db.algebra.revert("default", { from });
      },
    ],
    ["a rebase", (world: SearchedWorld) => void world.db.algebra.rebase("fork-a", { strategy: "ours" })],
  ])("%s: at once, after a crash, and after opening again", async (_, bring) => {
    const world = await parted();
    const { version } = world.db.runs.must("default");
    bring(world);
    expect(Math.max(world.db.runs.must("default").version, world.db.runs.must("fork-a").version)).toBeGreaterThan(
      version,
    );
    ask(world);
    world.reopen(world.vfs.afterKill());
    ask(world);
    await world.wait(world.db.checkpoint());
    world.close();
    world.reopen(world.vfs);
    const [words, vectors] = [vi.spyOn(InvertedIndex.prototype, "add"), vi.spyOn(VectorIndex.prototype, "add")];
    ask(world);
    // All of it came from images.
    expect(vectors).not.toHaveBeenCalled();
    vectors.mockRestore();
    words.mockRestore();
    world.close();
  });

  test.each<Damage>(["gone", "cut", "zeroed", "flipped"])("whatever has become of the images: %s", async (damage) => {
    const world = await parted();
    world.db.algebra.merge("fork-a", "default", { strategy: "theirs" });
    await world.wait(world.db.checkpoint());
    world.close();
    const files = imageFiles(world.vfs);
    expect(files.length).toBeGreaterThan(0);
    for (const [position, path] of files.entries()) damageFile(world.vfs, path, damage, 977 * (position + 1));
    world.reopen(world.vfs);
    ask(world);
    // What is damaged is written anew, and nothing else has suffered.
    await world.wait(world.db.checkpoint());
    world.close();
    world.reopen(world.vfs);
    ask(world);
    await world.wait(world.db.compact({ erase: true }));
    ask(world);
    world.close();
    world.reopen(world.vfs);
    ask(world);
    expect(await world.wait(world.db.verify())).toEqual({ ok: true, problems: [] });
    world.close();
  });
});

test("a bit that was flipped anywhere in an image is never searched", async () => {
  const world = await parted();
  world.close();
  const { vfs } = world;
  for (const path of imageFiles(vfs)) {
    const file = vfs.open(path, "read");
    const size = file.size();
    file.close();
    for (let part = 0; part < 12; part++) {
      const disk = vfs.afterKill();
      // The highest bits say most.
      damageFile(disk, path, "flipped", 8 * Math.floor(((part + 0.5) * size) / 96) + 7);
      world.reopen(disk);
      world.ask(undefined, { ...QUESTIONS[0]!, vectors: { ...QUESTIONS[0]!.vectors, k: 1000 } });
      world.close();
    }
  }
});

test("a space and a collection that were begun anew are not found by what was there before, whenever they are opened", async () => {
  for (const reopens of [0, 1, 2, 3]) {
    const world = new SearchedWorld(2 ** 30);
    const fill = (from: number, to: number, tag: string) => {
      world.write("default", "other", ({ vectors, json }) => {
        vectors.createCollection("docs", { ...COLLECTION, ifExists: "keep" });
        json.createIndex("tag");
      });
      world.write("default", "other", entries(from, to, tag));
    };
    const reopen = () => {
      world.close();
      world.reopen(world.vfs);
    };
    fill(0, 40, "theirs");
    ask(world);
    await world.wait(world.db.checkpoint());
    if ((reopens & 1) !== 0) reopen();
    world.deleteSpace("default");
    fill(20, 30, "ours");
    if ((reopens & 2) !== 0) await world.wait(world.db.checkpoint());
    reopen();
    ask(world);
    world.write("default", "other", ({ vectors }) => {
      vectors.deleteCollection("docs");
      vectors.createCollection("docs", COLLECTION);
    });
    world.write("default", "other", entries(25, 28, "theirs"));
    reopen();
    ask(world);
    world.close();
  }
});
