import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { Strata } from "../src/index.js";
import { expectCode } from "./expect-code.js";

describe("the page on runs", () => {
  let db: Strata;
  beforeEach(() => {
    db = Strata.openTemp();
  });
  afterEach(() => db.close());

  test("a database opens on the default run", () => {
    expect(db.currentRun()).toBe("default");
    db.kv.put("key", "value");
    expect(db.in({ run: "default" }).kv.get("key")).toBe("value");
  });

  test("a run that is created and switched to does not see the other's key", () => {
    db.kv.put("key", "default-value");
    db.createRun("experiment");
    expect(db.currentRun()).toBe("default");
    db.setRun("experiment");
    expect(db.kv.get("key")).toBeUndefined();
    db.kv.put("key", "experiment-value");
    db.setRun("default");
    expect(db.kv.get("key")).toBe("default-value");
  });

  test("nothing of any primitive is visible from another run", () => {
    db.kv.put("kv-key", 1);
    db.state.set("cell", "active");
    db.events.append("log", { step: 1 });
    db.json.put("doc", { a: 1 });
    db.createRun("isolated");
    db.setRun("isolated");
    expect(db.kv.get("kv-key")).toBeUndefined();
    expect(db.state.read("cell")).toBeUndefined();
    expect(db.events.len()).toBe(0);
    expect(db.json.get("doc")).toBeUndefined();
    expect(db.kv.list()).toEqual([]);
    expect(db.events.types()).toEqual([]);
  });

  test("the safety rules: not the current run, not the default run, not one that is not there", () => {
    db.createRun("mine");
    db.setRun("mine");
    expectCode("CONSTRAINT_VIOLATION", () => db.deleteRun("mine"));
    expectCode("CONSTRAINT_VIOLATION", () => db.deleteRun("default"));
    expectCode("RUN_NOT_FOUND", () => db.deleteRun("nobody"));
    const error = expectCode("RUN_NOT_FOUND", () => db.setRun("mime"));
    expect(error.facts).toMatchObject({ nearest: "mine" });
    expect(db.currentRun()).toBe("mine");
    expectCode("RUN_EXISTS", () => db.createRun("mine"));
    db.setRun("default");
    db.deleteRun("mine");
    expect(db.listRuns()).toEqual(["default"]);
  });

  test("the power API lists, asks and deletes", () => {
    db.createRun("my-run");
    const seen: string[] = [];
    for (const run of db.runs.list()) seen.push(run);
    expect(seen).toEqual(["default", "my-run"]);
    if (db.runs.exists("my-run")) db.runs.delete("my-run");
    expect(db.runs.exists("my-run")).toBe(false);
    expect(db.runs.exists("default")).toBe(true);
  });

  test("the power API obeys the same rules as the handle", () => {
    expectCode("CONSTRAINT_VIOLATION", () => db.runs.delete("default"));
    db.createRun("here");
    const here = db.in({ run: "here" });
    expectCode("CONSTRAINT_VIOLATION", () => here.runs.delete("here"));
    expect(db.runs.delete("here")).toEqual({ heldBy: [] });
  });
});
