import { expect, test } from "vitest";
import { storesOf } from "../../test/stores.js";
import { Database, diffToJson } from "../index.js";

test("a diff as JSON leaves out what is absent, and keeps every value", () => {
  const db = Database.ephemeral();
  const on = (run: string) => storesOf(db.head(db.runs.must(run)));
  on("default").kv.put("gone", new Uint8Array([1]));
  on("default").json.put("doc", { a: 1 });
  db.fork(db.runs.must("default"), ["try"]);
  on("try").kv.delete("gone");
  on("try").kv.put("made", 2n ** 60n);
  on("try").json.set("doc", "$.b", null);
  const json = JSON.parse(JSON.stringify(diffToJson(db.algebra.diff("default", "try"))));
  const place = { space: "default" };
  expect(json).toEqual({
    added: [{ ref: { run: "try", ...place, primitive: "kv", key: "made" }, after: { $int: "1152921504606846976" } }],
    removed: [{ ref: { run: "default", ...place, primitive: "kv", key: "gone" }, before: { $bytes: "AQ==" } }],
    modified: [
      {
        ref: { run: "try", ...place, primitive: "json", key: "doc" },
        before: { a: 1 },
        after: { a: 1, b: null },
        paths: [{ path: "$.b", after: null }],
      },
    ],
    truncated: false,
  });
});
