import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { type Conflict, type ErrorCode, formatDiff, type RunStatus, Strata, StrataError } from "../src/index.js";
import { expectCode } from "./expect-code.js";

let db: Strata;
const on = (run: string, space?: string) => db.in({ run, space });

beforeEach(() => {
  db = Strata.cache();
  db.kv.putMany([
    ["model", "small"],
    ["temperature", 0.2],
    ["draft", true],
  ]);
  db.json.put("plan", { goal: "ship", steps: { build: "done", test: "open" } });
  db.state.set("phase", "planning");
  db.events.append("planned", { by: "lead" });
  db.in({ space: "notes" }).kv.put("first", "hello");
});
afterEach(() => db.close());

describe("a fork, edited, compared and merged", () => {
  test("makes the round trip, and merged again changes nothing", () => {
    db.runs.fork("default", "try");
    const attempt = on("try");
    attempt.kv.put("temperature", 0.7);
    attempt.kv.delete("draft");
    attempt.json.set("plan", "$.steps.test", "done");
    attempt.state.set("phase", "testing");
    attempt.events.append("tested", { passed: 12 });
    on("try", "notes").kv.put("second", "world");
    db.kv.put("model", "large");

    const diff = db.runs.diff("default", "try");
    expect(formatDiff(diff)).toBe(
      [
        "default/event",
        '  + 1 tested  {"passed":12}',
        "default/json",
        "  ~ plan",
        '      $.steps.test  "open" → "done"',
        "default/kv",
        "  - draft  true",
        '  ~ model  "large" → "small"',
        "  ~ temperature  0.2 → 0.7",
        "default/state",
        '  ~ phase  "planning" → "testing"',
        "notes/kv",
        '  + second  "world"',
        "2 added, 1 removed, 4 modified",
      ].join("\n"),
    );

    expect(db.runs.merge("try", "default", { preview: true })).toMatchObject({ version: undefined, applied: 6 });
    expect(db.runs.merge("try", "default")).toMatchObject({ version: db.version, applied: 6, conflicts: [] });
    const left = db.runs.diff("try", "default");
    // What the target did alone.
    expect(left.modified.map(({ ref, before, after }) => [ref.primitive, before, after])).toEqual([
      ["kv", "small", "large"],
    ]);
    expect([left.added, left.removed]).toEqual([[], []]);
    const { version } = db;
    expect(db.runs.merge("try", "default")).toMatchObject({ version: undefined, applied: 0 });
    expect(db.version).toBe(version);
    expect(db.events.verify().valid).toBe(true);
  });

  test("strictly, with the last writer, or decided by a function", () => {
    for (const name of ["strict", "last", "decided"]) {
      db.runs.fork("default", name);
      on(name).kv.put("temperature", 0.9);
    }
    db.kv.put("temperature", 0.5);
    let conflicts: readonly Conflict[] = [];
    try {
      db.runs.merge("strict", "default");
    } catch (error) {
      if (StrataError.is(error, "MERGE_CONFLICT")) conflicts = error.facts["conflicts"] as readonly Conflict[];
    }
    expect(conflicts).toEqual([
      {
        ref: { run: "default", space: "default", primitive: "kv", key: "temperature" },
        base: 0.2,
        ours: 0.5,
        theirs: 0.9,
      },
    ]);
    expect(db.kv.get("temperature")).toBe(0.5);
    db.runs.merge("last", "default", { strategy: "theirs" });
    expect(db.kv.get("temperature")).toBe(0.9);
    db.runs.merge("decided", "default", { strategy: () => 0.4 });
    expect(db.kv.get("temperature")).toBe(0.9); // both sides say 0.9 by now: there is nothing to decide
  });

  test("five ways: the winner is merged, the others are forgotten", () => {
    const names = [1, 2, 3, 4, 5].map((n) => `try-${n}`);
    db.runs.forkMany("default", names);
    for (const [n, name] of names.entries()) on(name).kv.put("score", n % 3);
    const best = names.reduce((a, b) =>
      (on(b).kv.get("score") as number) > (on(a).kv.get("score") as number) ? b : a,
    );
    expect(db.runs.merge(best, "default")).toMatchObject({ applied: 1 });
    for (const name of names) db.runs.delete(name);
    expect(db.kv.get("score")).toBe(2);
  });
});

describe("deletion and names used again", () => {
  test("a run of the same name knows nothing of the merges of the old one", () => {
    db.runs.fork("default", "try");
    on("try").kv.put("model", "huge");
    db.runs.merge("try", "default");
    db.runs.delete("try");
    db.runs.create("try");
    on("try").kv.put("model", "none");
    expectCode("CONSTRAINT_VIOLATION", () => db.runs.merge("try", "default"));
    expect(db.runs.diff("default", "try").removed).toHaveLength(6);
  });

  test("children of a deleted parent merge with each other and with what is left", () => {
    db.runs.fork("default", "parent");
    on("parent").kv.put("inherited", 1);
    db.runs.forkMany("parent", ["one", "two"]);
    db.runs.delete("parent");
    on("one").kv.put("inherited", 2);
    expect(db.runs.diff("two", "one").modified).toHaveLength(1);
    expect(db.runs.merge("one", "two")).toMatchObject({ applied: 1, conflicts: [] });
    expect(db.runs.merge("two", "default")).toMatchObject({ applied: 1, conflicts: [] });
    expect(db.kv.get("inherited")).toBe(2);
    expectCode("RUN_NOT_FOUND", () => db.runs.rebase("one"));
  });

  test("a merge never writes to a run that is deleted while it asks", () => {
    db.runs.forkMany("default", ["target", "source"]);
    for (const name of ["target", "source"]) on(name).kv.put("model", name);
    const strategy = () => {
      db.runs.delete("target");
      return "decided";
    };
    expectCode("RUN_NOT_FOUND", () => db.runs.merge("source", "target", { strategy }));
    expect(db.runs.list()).toEqual(["default", "source"]);
  });
});

describe("each verb in each status of a run", () => {
  const statuses: readonly RunStatus[] = ["paused", "completed", "failed", "cancelled", "archived"];

  test.each(statuses)("%s: refused as a target, without a trace; free as a source", (status) => {
    db.runs.forkMany("default", ["closed", "open"]);
    const from = on("closed").version;
    on("closed").kv.put("model", "closed");
    on("open").kv.put("draft", "open");
    db.kv.put("temperature", 0.8);
    db.runs.setStatus("closed", status);
    const before = [on("closed").version, on("closed").at().digest()];
    const refused: (() => unknown)[] = [
      () => db.runs.merge("open", "closed"),
      () => db.runs.rebase("closed"),
      () => db.runs.cherryPick("open", "closed", {}),
      () => db.runs.revert("closed", { from }),
    ];
    for (const call of refused) expectCode("RUN_CLOSED", call, String(call));
    expect([on("closed").version, on("closed").at().digest()]).toEqual(before);
    expect(db.runs.merge("open", "closed", { preview: true })).toMatchObject({ applied: 1 });
    expect(db.runs.diff("closed", "open").modified).toHaveLength(2);
    expect(db.runs.cherryPick("closed", "open", { primitives: ["kv"] })).toMatchObject({ applied: 1 });
    expect(db.runs.merge("closed", "default")).toMatchObject({ applied: 1 });
  });
});

describe("calls that cannot be answered", () => {
  test("name what is wrong with them", () => {
    const calls: [ErrorCode, () => unknown][] = [
      ["RUN_NOT_FOUND", () => db.runs.diff("default", "nobody")],
      ["RUN_NOT_FOUND", () => db.runs.merge("nobody", "default")],
      ["INVALID_ARGUMENT", () => db.runs.diff("default", "default", { limit: -1 })],
      ["INVALID_ARGUMENT", () => db.runs.diff("default", "default", { primitives: ["keys" as never] })],
      ["INVALID_ARGUMENT", () => db.runs.diff("default", "default", { space: "x" } as never)],
      ["INVALID_ARGUMENT", () => db.runs.diff("default", 5 as never)],
      ["INVALID_ARGUMENT", () => db.runs.merge("default", "default", { stratgey: "ours" } as never)],
      ["INVALID_ARGUMENT", () => db.runs.cherryPick("default", "default", undefined as never)],
      ["INVALID_ARGUMENT", () => db.runs.revert("default", {} as never)],
      ["INVALID_ARGUMENT", () => db.runs.revert("default", { from: 1.5 })],
      ["CONSTRAINT_VIOLATION", () => db.runs.rebase("default")],
    ];
    for (const [code, call] of calls) expectCode(code, call, String(call));
  });

  test("fail once the database is closed", () => {
    const { runs } = db;
    db.close();
    const calls = [
      () => runs.diff("default", "default"),
      () => runs.merge("default", "default"),
      () => runs.rebase("default"),
      () => runs.cherryPick("default", "default", {}),
      () => runs.revert("default", { from: 1 }),
    ];
    for (const call of calls) expectCode("DATABASE_CLOSED", call, String(call));
  });
});
