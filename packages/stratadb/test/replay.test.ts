import { afterEach, describe, expect, test } from "vitest";
import { Strata } from "../src/index.js";
import { newDirectory } from "./directories.js";
import { expectCode } from "./expect-code.js";

const opened: Strata[] = [];
const keep = (db: Strata): Strata => {
  opened.push(db);
  return db;
};
afterEach(() => {
  for (const db of opened.splice(0)) db.close();
});

describe.each([
  ["in files", () => Strata.open(newDirectory())],
  ["in memory", () => Strata.cache()],
])("runs.replay %s", (_, open) => {
  test("gives a frozen view of every primitive, which later writes leave as it was", () => {
    const db = keep(open());
    db.kv.put("k", { n: 1 });
    db.events.append("e", { n: 1 });
    db.state.set("c", 1);
    db.json.put("d", { list: [1] });
    db.in({ space: "notes" }).kv.put("n", 1);
    const view = db.runs.replay("default");
    db.kv.delete("k");
    db.json.push("d", "$.list", 2);
    db.spaces.delete("notes", { force: true });
    expect(Object.isFrozen(view)).toBe(true);
    expect(() => Object.assign(view, { operationCount: 0 })).toThrow(TypeError);
    expect([view.run, view.version, view.operationCount, view.currentSpace()]).toEqual([
      "default",
      view.version,
      5,
      "default",
    ]);
    expect([view.kv.get("k"), view.events.len(), view.state.read("c"), view.json.get("d")]).toEqual([
      { n: 1 },
      1,
      1,
      { list: [1] },
    ]);
    expect(view.events.verify().valid).toBe(true);
    expect(view.in({ space: "notes" }).kv.get("n")).toBe(1);
    expect(view.digest()).toBe(db.at({ version: view.version }).digest());
    expect(view.digest()).not.toBe(db.at().digest());
    view[Symbol.dispose]();
    expectCode("DATABASE_CLOSED", () => view.kv.get("k"));
  });

  test("stops at a point", () => {
    const db = keep(open());
    const version = db.kv.put("k", 1);
    const { timestamp } = db.at({ version });
    db.kv.put("k", 2);
    for (const at of [{ version }, { time: timestamp }]) {
      const view = db.runs.replay({ run: "default", at });
      expect([view.kv.get("k"), view.version, view.timestamp, view.operationCount]).toEqual([1, version, timestamp, 1]);
    }
  });

  test("refuses what is no run, and a digest what is no option", () => {
    const db = keep(open());
    expectCode("RUN_NOT_FOUND", () => db.runs.replay("nobody"));
    expectCode("INVALID_ARGUMENT", () => db.runs.replay({ run: "default" } as never));
    expectCode("HISTORY_TRIMMED", () => db.runs.replay({ run: "default", at: { version: 0 } }));
    expectCode("INVALID_ARGUMENT", () => db.at().digest({ histori: true } as never));
    expectCode("INVALID_ARGUMENT", () => db.at().digest({ history: 1 } as never));
  });
});

test("a digest and a replay survive closing, also for one who only reads", () => {
  const path = newDirectory();
  const db = Strata.open(path);
  db.kv.put("k", [1, 2, 3]);
  db.runs.fork("default", "child");
  db.in({ run: "child" }).kv.put("own", 1);
  const shown = ["default", "child"].map((run) => db.runs.replay(run).digest({ history: true }));
  db.close();
  const reader = keep(Strata.open(path, { readOnly: true }));
  expect(["default", "child"].map((run) => reader.runs.replay(run).digest({ history: true }))).toEqual(shown);
  expect(["default", "child"].map((run) => reader.in({ run }).at().digest({ history: true }))).toEqual(shown);
});
