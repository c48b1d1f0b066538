import { join } from "node:path";
import { expect, test } from "vitest";
import { Strata } from "../src/index.js";
import { newDirectory } from "./directories.js";

test("the three lines of the README", () => {
  using db = Strata.openTemp();
  db.kv.put("agent:status", "thinking");
  db.events.append("tool_call", { tool: "search", query: "docs" });
  expect(db.state.cas("lock", null, "acquired")).toBe(1);
  expect(db.state.cas("lock", null, "taken again")).toBeNull();
  expect(db.state.read("lock")).toBe("acquired");
});

test("the quick example of the README, over a close and a second opening", () => {
  const path = join(newDirectory(), "my-data");
  {
    using db = Strata.open(path);
    db.kv.put("user:name", "Alice");
    db.kv.put("user:score", 42);
    db.createRun("experiment-1");
    db.setRun("experiment-1");
    expect(db.kv.get("user:name")).toBeUndefined();
    db.setRun("default");
    expect(db.kv.get("user:name")).toBe("Alice");
  }
  using again = Strata.open(path);
  expect(again.listRuns()).toEqual(["default", "experiment-1"]);
  expect(again.kv.get("user:name")).toBe("Alice");
  expect(again.kv.get("user:score")).toBe(42);
});
