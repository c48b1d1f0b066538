import { beforeEach, describe, expect, test } from "vitest";
import { storesOf } from "../../test/stores.js";
import { Database, formatDiff } from "../index.js";

let db: Database;
const on = (run: string, space = "default") => storesOf(db.head(db.runs.must(run), space));

beforeEach(() => {
  db = Database.ephemeral();
  on("default").kv.put("gone", { a: 1 });
  on("default").kv.put("changed", "old");
  on("default").json.put("doc", { a: { b: 1 }, c: 2 });
  db.fork(db.runs.must("default"), ["try"]);
});

describe("formatDiff", () => {
  test("shows what went, changed and came, part by part, documents by their paths", () => {
    on("try").kv.delete("gone");
    on("try").kv.put("changed", "new");
    on("try").kv.put("made", 1n << 60n);
    on("try").json.set("doc", "$.a.b", 9);
    on("try").json.delete("doc", "$.c");
    on("try", "lab").events.append("note", { n: 1 });
    expect(formatDiff(db.algebra.diff("default", "try"))).toBe(
      [
        "default/json",
        "  ~ doc",
        "      $.a.b  1 → 9",
        "      $.c  2 → (nothing)",
        "default/kv",
        '  - gone  {"a":1}',
        '  ~ changed  "old" → "new"',
        '  + made  {"$int":"1152921504606846976"}',
        "lab/event",
        '  + 0 note  {"n":1}',
        "2 added, 1 removed, 2 modified",
      ].join("\n"),
    );
  });

  test("says of events that only look the same that they are two", () => {
    for (const run of ["default", "try"]) on(run).events.append("note", { n: 1 });
    expect(formatDiff(db.algebra.diff("default", "try"))).toContain("  ~ 0 note  another event, with the same payload");
  });

  test("says when there is nothing to show", () => {
    expect(formatDiff(db.algebra.diff("default", "try"))).toBe("no differences");
  });

  test("leaves out what is beyond maxLines, and counts it", () => {
    on("try").kv.putMany([
      ["a", 1],
      ["b", 1],
      ["c", 1],
    ]);
    const diff = db.algebra.diff("default", "try");
    expect(formatDiff(diff, { maxLines: 2 })).toBe(
      ["default/kv", "  + a  1", "… 2 more lines", "3 added, 0 removed, 0 modified"].join("\n"),
    );
    expect(formatDiff(diff, { maxLines: 4 })).not.toContain("more");
    expect(formatDiff(db.algebra.diff("default", "try", { limit: 2 }))).toContain(
      "2 added, 0 removed, 0 modified, and more",
    );
    expect(() => formatDiff(diff, { maxLines: -1 })).toThrow(expect.objectContaining({ code: "INVALID_ARGUMENT" }));
  });

  test("colours entries when asked to", () => {
    on("try").kv.put("a", 1);
    expect(formatDiff(db.algebra.diff("default", "try"), { color: true })).toContain("\u001b[32m  + a  1\u001b[0m");
  });

  test("cuts long values and escapes what a terminal would obey", () => {
    on("try").kv.put("key\u001b[2J\u202e", "x".repeat(100));
    const [, line] = formatDiff(db.algebra.diff("default", "try")).split("\n");
    expect(line).toBe(`  + key\\u001b[2J\\u202e  "${"x".repeat(58)}…`);
  });
});
