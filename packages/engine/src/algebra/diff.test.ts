import { Table } from "@strata/storage";
import { beforeEach, describe, expect, test, vi } from "vitest";
import { storesOf } from "../../test/stores.js";
import { Database } from "../index.js";

let db: Database;
const on = (run: string, space = "default") => storesOf(db.head(db.runs.must(run), space));
const fork = (source: string, name: string) => db.fork(db.runs.must(source), [name]);
const version = (run: string) => db.runs.must(run).version;
const code = (code: string) => expect.objectContaining({ code });
const kvRef = (run: string, key: string, space = "default") => ({ run, space, primitive: "kv", key });

beforeEach(() => {
  db = Database.ephemeral();
});

describe("diff", () => {
  test("names what is in one run only and what differs, with both values", () => {
    on("default").kv.putMany([
      ["kept", 1],
      ["changed", "old"],
      ["gone", true],
    ]);
    fork("default", "try");
    on("try").kv.put("changed", "new");
    on("try").kv.delete("gone");
    on("try").kv.put("made", [1]);
    expect(db.algebra.diff("default", "try")).toEqual({
      added: [{ ref: kvRef("try", "made"), before: undefined, after: [1] }],
      removed: [{ ref: kvRef("default", "gone"), before: true, after: undefined }],
      modified: [{ ref: kvRef("try", "changed"), before: "old", after: "new" }],
      truncated: false,
    });
  });

  test("of a run with itself is empty, also where a value is no equal of itself", () => {
    on("default").kv.put("nan", [Number.NaN]);
    on("default").events.append("note", {});
    expect(db.algebra.diff("default", "default")).toEqual({ added: [], removed: [], modified: [], truncated: false });
    fork("default", "try");
    on("try").kv.put("nan", [Number.NaN]);
    expect(db.algebra.diff("default", "try").modified).toEqual([]);
  });

  test("compares values, not versions", () => {
    on("default").kv.put("a", { x: 1, y: 2 });
    fork("default", "try");
    on("try").kv.put("a", { y: 2, x: 1 });
    on("try").cells.set("c", 1);
    on("default").cells.set("c", 0);
    on("default").cells.set("c", 1);
    expect(db.algebra.diff("default", "try").modified).toEqual([]);
  });

  test("shows of a document where it differs", () => {
    on("default").json.put("doc", { at: { x: 1, y: 1 }, list: [1, 2], same: true });
    fork("default", "try");
    on("try").json.set("doc", "$.at.x", 9);
    on("try").json.delete("doc", "$.at.y");
    on("try").json.push("doc", "$.list", 3);
    const [entry] = db.algebra.diff("default", "try").modified;
    expect(entry?.paths).toEqual([
      { path: "$.at.x", before: 1, after: 9 },
      { path: "$.at.y", before: 1, after: undefined },
      { path: "$.list[2]", before: undefined, after: 3 },
    ]);
  });

  test("compares events by sequence and hash", () => {
    on("default").events.append("shared", { n: 0 });
    fork("default", "try");
    on("default").events.append("note", { n: 1 });
    on("try").events.append("note", { n: 2 });
    on("try").events.append("done", { n: 3 });
    on("default").events.append("more", { n: 4 });
    const diff = db.algebra.diff("default", "try");
    const ref = (run: string, type: string, sequence: number) => ({
      run,
      space: "default",
      primitive: "event",
      type,
      sequence,
    });
    expect(diff.modified).toEqual([{ ref: ref("try", "note", 1), before: { n: 1 }, after: { n: 2 } }]);
    // Of different types, they are two events and not one that changed.
    expect(diff.removed).toEqual([{ ref: ref("default", "more", 2), before: { n: 4 }, after: undefined }]);
    expect(diff.added).toEqual([{ ref: ref("try", "done", 2), before: undefined, after: { n: 3 } }]);
  });

  test("takes an event and its copy for the same", () => {
    fork("default", "try");
    on("try").events.append("note", { n: 1 });
    db.algebra.merge("try", "default");
    expect(db.algebra.diff("try", "default")).toMatchObject({ added: [], removed: [], modified: [] });
  });

  test("of one run at two versions says what happened in between", () => {
    on("default").kv.put("a", 1);
    const before = version("default");
    on("default").kv.put("a", 2);
    on("default", "other").kv.put("b", 1);
    const past = { run: "default", at: { version: before } };
    expect(db.algebra.diff(past, "default")).toMatchObject({
      added: [{ ref: kvRef("default", "b", "other") }],
      modified: [{ before: 1, after: 2 }],
    });
    expect(db.algebra.diff(past, past)).toMatchObject({ added: [], removed: [], modified: [] });
  });

  test("of siblings, and of a fork's fork, finds what each did since they parted", () => {
    on("default").kv.put("base", 0);
    fork("default", "left");
    fork("default", "right");
    on("left").kv.put("l", 1);
    fork("left", "leaf");
    on("leaf").kv.put("base", 1);
    on("right").kv.put("r", 1);
    const keys = (entries: readonly { ref: object }[]) => entries.map(({ ref }) => (ref as { key: string }).key);
    const diff = db.algebra.diff("right", "leaf");
    expect([keys(diff.added), keys(diff.removed), keys(diff.modified)]).toEqual([["l"], ["r"], ["base"]]);
  });

  test("of runs that share nothing compares everything", () => {
    db.runs.create("other");
    on("default").kv.putMany([
      ["a", 1],
      ["b", 1],
    ]);
    on("other").kv.putMany([
      ["b", 2],
      ["c", 1],
    ]);
    on("other").events.append("note", {});
    const diff = db.algebra.diff("default", "other");
    expect([diff.added.length, diff.removed.length, diff.modified.length]).toEqual([2, 1, 1]);
  });

  test("counts a space that was dropped as everything it had, and one made anew as new", () => {
    on("default", "lab").kv.putMany([
      ["a", 1],
      ["b", 1],
    ]);
    on("default", "lab").events.append("note", {});
    fork("default", "try");
    db.spaces(db.runs.must("try")).delete("lab", { force: true });
    expect(db.algebra.diff("default", "try").removed).toHaveLength(3);
    on("try", "lab").kv.put("b", 1);
    on("try", "lab").kv.put("c", 1);
    expect(db.algebra.diff("default", "try")).toMatchObject({
      added: [{ ref: kvRef("try", "c", "lab") }],
      removed: [{ ref: kvRef("default", "a", "lab") }, { ref: { primitive: "event" } }],
      modified: [],
    });
  });

  test("can be held to primitives, spaces and a prefix, which events match by their type", () => {
    for (const space of ["default", "lab"]) {
      on("default", space).kv.put("user:1", 1);
      on("default", space).kv.put("team:1", 1);
      on("default", space).cells.set("user:1", 1);
      on("default", space).events.append("user:joined", {});
      on("default", space).events.append("note", {});
    }
    db.runs.create("empty");
    const found = (filter: object) => db.algebra.diff("empty", "default", filter).added.length;
    expect(found({})).toBe(10);
    expect(found({ primitives: ["kv"] })).toBe(4);
    expect(found({ primitives: ["kv", "state"], spaces: ["lab"] })).toBe(3);
    expect(found({ prefix: "user:" })).toBe(6);
    expect(found({ prefix: "user:", primitives: ["event"] })).toBe(2);
    expect(() => found({ primitives: ["keys"] })).toThrow(code("INVALID_ARGUMENT"));
    expect(() => found({ prefix: 1 })).toThrow(code("INVALID_ARGUMENT"));
  });

  test("stops at its limit and says so", () => {
    db.runs.create("empty");
    on("default").kv.putMany([
      ["a", 1],
      ["b", 1],
      ["c", 1],
    ]);
    const limited = (limit: number) => db.algebra.diff("empty", "default", { limit });
    expect(limited(2)).toMatchObject({ added: [{ ref: { key: "a" } }, { ref: { key: "b" } }], truncated: true });
    expect(limited(3)).toMatchObject({ added: { length: 3 }, truncated: false });
    expect(() => limited(-1)).toThrow(code("INVALID_ARGUMENT"));
  });

  test("judges expiry by one time on both sides", () => {
    let now = 1_000_000;
    db = Database.ephemeral({ clock: { now: () => now } });
    on("default").kv.put("short", 1, { ttlMs: 10 });
    const past = { run: "default", at: { version: version("default") } };
    expect(db.algebra.diff(past, "default")).toMatchObject({ removed: [] });
    now += 20_000;
    // It has expired on both sides: nobody deleted it.
    expect(db.algebra.diff(past, "default")).toMatchObject({ removed: [] });
    db.runs.create("empty");
    expect(db.algebra.diff("default", "empty").removed).toEqual([]);
  });

  test("hands out bytes as copies", () => {
    fork("default", "try");
    on("try").kv.put("bytes", new Uint8Array([1]));
    (db.algebra.diff("default", "try").added[0]?.after as Uint8Array)[0] = 9;
    expect(on("try").kv.get("bytes")).toEqual(new Uint8Array([1]));
  });

  test("fails for a run or a version that is not there", () => {
    expect(() => db.algebra.diff("default", "nobody")).toThrow(code("RUN_NOT_FOUND"));
    expect(() => db.algebra.diff("default", { run: "default", at: { version: 999 } })).toThrow(
      code("INVALID_ARGUMENT"),
    );
    expect(() => db.algebra.diff("default", {} as never)).toThrow(code("INVALID_ARGUMENT"));
  });

  test("costs what was written since the fork, not what there is", () => {
    const entries = Array.from({ length: 20_000 }, (_, i): [string, number] => [`key${i}`, i]);
    on("default").kv.putMany(entries);
    fork("default", "try");
    on("try").kv.putMany(entries.slice(0, 100).map(([key]) => [key, -1]));
    const find = vi.spyOn(Table.prototype, "find");
    const scan = vi.spyOn(Table.prototype, "scan");
    try {
      expect(db.algebra.diff("default", "try").modified).toHaveLength(100);
      expect(find.mock.calls.length).toBe(200);
      expect(scan).not.toHaveBeenCalled();
    } finally {
      vi.restoreAllMocks();
    }
  });
});
