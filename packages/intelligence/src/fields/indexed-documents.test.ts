import { InlineSyncDriver, LogDurability, MemoryVfs } from "@strata/durability";
import { ManualTime, SeededRandom } from "@strata/durability/testing";
import { Database, JsonDocumentStore, JsonReader, type Run, type Where } from "@strata/engine";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { FieldSet } from "./field-set.js";
import { IndexedDocuments } from "./indexed-documents.js";

const coded = (code: string) => expect.objectContaining({ code });
const keysOf = (found: readonly { readonly key: string }[]) => found.map(({ key }) => key);
const COUNT = 2000;
const COLORS = ["red", "green", "blue", "gold"];

let db: Database;
let run: Run;
let json: JsonDocumentStore;

beforeEach(() => {
  db = Database.ephemeral();
  run = db.runs.must("default");
  json = new JsonDocumentStore(db.head(run), IndexedDocuments.of(db));
  db.transaction(run, (t) => {
    const own = new JsonDocumentStore(t.scope("default"));
    for (let n = 0; n < COUNT; n++) {
      const tags = n % 500 === 0 ? ["rare", "x"] : ["x"];
      own.put(`d/${String(n).padStart(4, "0")}`, {
        n,
        color: COLORS[n % 4] as string,
        group: n % 100,
        tags,
        at: { half: n / 2 },
      });
    }
  });
});

/** How a find goes, in short. */
const how = (where: Where, options = {}) => {
  const { indexes, candidates, scanned, matches } = json.explain(where, options);
  return [indexes.join(), candidates, scanned, matches];
};

describe("an index that is declared", () => {
  test("serves equality, ranges, sets, prefixes, presence, and elements of arrays", () => {
    expect(how({ n: 7 })).toEqual(["", COUNT, COUNT, 1]);
    for (const path of ["n", "color", "group", "tags", "tags[0]", "at.half", "gone"]) json.createIndex(path);
    expect(how({ n: 7 })).toEqual(["$.n", 1, 1, 1]);
    expect(how({ n: { $gte: 10, $lt: 15 } })).toEqual(["$.n", 5, 5, 5]);
    expect(how({ group: { $in: [3, 5] } })).toEqual(["$.group", 40, 40, 40]);
    expect(how({ color: { $prefix: "bl" }, group: 2 })).toEqual(["$.group", 20, 20, 20]);
    expect(how({ tags: { $contains: "rare" } })).toEqual(["$.tags", 4, 4, 4]);
    expect(how({ "tags[0]": "rare" })).toEqual(["$.tags[0]", 4, 4, 4]);
    expect(how({ "at.half": 3.5 })).toEqual(["$.at.half", 1, 1, 1]);
    expect(how({ gone: { $exists: true } })).toEqual(["$.gone", 0, 0, 0]);
    expect(how({ $or: [{ n: 3 }, { n: 4 }] })).toEqual(["$.n", 2, 2, 2]);
  });

  test("is left alone where reading is less work", () => {
    for (const path of ["color", "n", "tags"]) json.createIndex(path);
    expect(how({ color: { $in: ["red", "green"] } })).toEqual(["", COUNT, COUNT, COUNT / 2]);
    expect(how({ color: "red" }, { limit: 1 })).toEqual(["", 1, 1, 1]);
    expect(how({ n: { $lt: 100 } }, { prefix: "d/199" })).toEqual(["", 10, 10, 0]);
    expect(how({ n: { $ne: 5 } }, { limit: 1 })).toEqual(["", 1, 1, 1]);
    expect(how({ $or: [{ n: 5 }, { "at.half": 5 }] })).toEqual(["", COUNT, COUNT, 2]);
    expect(how({ $not: { n: { $gt: 5 } } })).toEqual(["", COUNT, COUNT, 6]);
  });

  test("gives an order without sorting everything", () => {
    expect(how({}, { orderBy: "at.half", limit: 3 })).toEqual(["", COUNT, COUNT, 3]);
    json.createIndex("at.half");
    expect(how({}, { orderBy: "at.half", limit: 3 })).toEqual(["$.at.half", 3, 3, 3]);
    const page = json.find({ color: "gold" }, { orderBy: "at.half", reverse: true, limit: 2 });
    expect(keysOf(page)).toEqual(["d/1999", "d/1995"]);
    expect(keysOf(json.find({}, { orderBy: "at.half", limit: 2, after: "d/1000" }))).toEqual(["d/1001", "d/1002"]);
    expect(how({}, { orderBy: "at.half", limit: 2, after: "d/1000" })).toEqual(["$.at.half", 3, 3, 2]);
    expect(how({ color: "none" }, { orderBy: "at.half", limit: 2 })).toEqual(["", COUNT, COUNT, 0]);
  });

  test("follows what is written, and is gone once it is dropped", () => {
    json.createIndex("n");
    expect(how({ n: 7 })).toEqual(["$.n", 1, 1, 1]);
    json.set("d/0007", "n", 8);
    json.put("late", { n: 7 });
    json.delete("d/0008");
    expect(keysOf(json.find({ n: 7 }))).toEqual(["late"]);
    expect(keysOf(json.find({ n: 8 }))).toEqual(["d/0007"]);
    expect(how({ n: 7 })).toEqual(["$.n", 2, 1, 1]);
    json.dropIndex("n");
    expect(how({ n: 7 })).toEqual(["", COUNT, COUNT, 1]);
  });

  test("shows forks what they inherit and what they wrote", () => {
    json.createIndex("n");
    json.find({ n: 7 });
    db.fork(run, ["child"]);
    const child = new JsonDocumentStore(db.head(db.runs.must("child")), IndexedDocuments.of(db));
    child.set("d/0007", "n", -1);
    child.put("own", { n: 9 });
    json.put("other", { n: 9 });
    expect(child.explain({ n: 7 })).toEqual({ indexes: ["$.n"], candidates: 1, scanned: 0, matches: 0 });
    expect(keysOf(child.find({ n: 9 }))).toEqual(["d/0009", "own"]);
    expect(keysOf(json.find({ n: 9 }))).toEqual(["d/0009", "other"]);
    expect(keysOf(child.find({ n: { $lt: 2 } }, { orderBy: "n" }))).toEqual(["d/0007", "d/0000", "d/0001"]);
  });

  test("shows the past as it was, with the indexes of its time", () => {
    const before = run.version;
    json.createIndex("n");
    const declared = run.version;
    json.find({ n: 7 });
    json.set("d/0007", "n", -1);
    const at = (version: number) => new JsonReader(db.at(run, "default", { version }), IndexedDocuments.of(db));
    expect(at(declared).explain({ n: 7 })).toEqual({ indexes: ["$.n"], candidates: 1, scanned: 1, matches: 1 });
    expect(at(before).explain({ n: 7 })).toMatchObject({ indexes: [], matches: 1 });
    expect(keysOf(at(before).find({ n: 7 }))).toEqual(["d/0007"]);
  });

  test("shows a transaction its own writes, and makes it fail for what it would have found", () => {
    json.createIndex("n");
    const attempt = (work: (own: JsonDocumentStore) => void, disturb: () => void) => {
      const open = db.beginTransaction(run);
      const own = new JsonDocumentStore(open.scope("default"), IndexedDocuments.of(db));
      work(own);
      own.put("mark", 1);
      disturb();
      return () => open.commit();
    };
    const find = (own: JsonDocumentStore) => {
      own.put("mine", { n: 7 });
      own.delete("d/0008");
      expect(keysOf(own.find({ n: { $in: [7, 8] } }))).toEqual(["d/0007", "mine"]);
      expect(own.explain({ n: 7 }).indexes).toEqual(["$.n"]);
    };
    expect(attempt(find, () => json.put("zz", { n: 0 }))).toThrow(coded("TRANSACTION_CONFLICT"));
    expect(attempt(find, () => json.set("d/0001", "n", 0))).toThrow(coded("TRANSACTION_CONFLICT"));
    const prefixed = (own: JsonDocumentStore) => {
      expect(own.explain({ n: 7 }, { prefix: "d/" }).indexes).toEqual(["$.n"]);
    };
    expect(attempt(prefixed, () => json.put("zz", { n: 7 }))).not.toThrow();
    expect(attempt(prefixed, () => json.put("d/z", { n: 7 }))).toThrow(coded("TRANSACTION_CONFLICT"));
    // The first two are all it has seen: what is behind them does not matter.
    const limited = (own: JsonDocumentStore) => {
      expect(own.explain({ n: { $in: [7, 9] } }, { limit: 2 })).toMatchObject({ indexes: ["$.n"], matches: 2 });
    };
    expect(attempt(limited, () => json.set("d/0500", "n", -1))).not.toThrow();
    expect(attempt(limited, () => json.set("d/0003", "n", -1))).toThrow(coded("TRANSACTION_CONFLICT"));
  });

  test("comes from the past that a transaction sees, whatever was declared since", () => {
    const open = db.beginTransaction(run);
    const own = new JsonDocumentStore(open.scope("default"), IndexedDocuments.of(db));
    json.createIndex("n");
    expect(own.explain({ n: 7 }).indexes).toEqual([]);
    expect(own.createIndex("n")).toBe(true);
    expect(own.explain({ n: 7 }).indexes).toEqual(["$.n"]);
    expect(() => open.commit()).toThrow(coded("TRANSACTION_CONFLICT"));
  });
});

describe("an index in the files of a database", () => {
  afterEach(() => vi.restoreAllMocks());

  test("is read back instead of being built again, and goes on from there", async () => {
    const vfs = new MemoryVfs();
    const open = () => {
      const time = new ManualTime();
      const shared = { clock: time, timer: time, random: new SeededRandom(1) };
      return Database.open({ ...shared, durability: new LogDurability(vfs, new InlineSyncDriver(vfs, time), shared) });
    };
    const storeOf = (db: Database) => new JsonDocumentStore(db.head(db.runs.must("default")), IndexedDocuments.of(db));
    const first = open();
    first.transaction("default", (t) => {
      const own = new JsonDocumentStore(t.scope("default"));
      for (let n = 0; n < 300; n++) own.put(`d/${n}`, { n, word: `w${n % 30}`, tags: [`t${n % 50}`] });
    });
    for (const path of ["n", "word", "tags"]) storeOf(first).createIndex(path);
    const questions: Where[] = [{ n: 7 }, { word: { $prefix: "w29" } }, { tags: { $contains: "t9" } }];
    const answers = questions.map((where) => keysOf(storeOf(first).find(where)));
    await first.checkpoint();
    storeOf(first).put("late", { n: 7, word: "w29", tags: ["t9"] });
    first.close();

    const second = open();
    const told = vi.spyOn(FieldSet.prototype, "add");
    expect(questions.map((where) => keysOf(storeOf(second).find(where)))).toEqual(
      answers.map((keys) => [...keys, "late"]),
    );
    expect(questions.map((where) => storeOf(second).explain(where).indexes)).toEqual([["$.n"], ["$.word"], ["$.tags"]]);
    expect(told).toHaveBeenCalledTimes(1);
    second.close();
  });
});
