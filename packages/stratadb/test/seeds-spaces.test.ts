import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { Strata } from "../src/index.js";
import { expectCode } from "./expect-code.js";

describe("the guide to spaces", () => {
  let db: Strata;
  beforeEach(() => {
    db = Strata.cache();
  });
  afterEach(() => db.close());

  test("everything goes to the default space until told otherwise", () => {
    db.kv.put("key", "value");
    db.events.append("log", { msg: "hello" });
    expect(db.currentSpace()).toBe("default");
  });

  test("the first write registers a space, and the list is sorted", () => {
    db.setSpace("conversations");
    db.kv.put("msg_001", "hello");
    db.setSpace("tool-results");
    db.kv.put("task_42", "done");
    expect(db.listSpaces()).toEqual(["conversations", "default", "tool-results"]);
  });

  test("the same key in two spaces is two keys", () => {
    db.kv.put("config", "default-config");
    db.setSpace("experiments");
    db.kv.put("config", "experiment-config");
    db.setSpace("default");
    expect(db.kv.get("config")).toBe("default-config");
    db.setSpace("experiments");
    expect(db.kv.get("config")).toBe("experiment-config");
  });

  test("a transaction spans spaces", () => {
    db.in({ space: "billing" }).kv.put("credits", 10);
    using session = db.session();
    session.begin();
    session.setSpace("billing");
    const credits = session.kv.get("credits") as number;
    session.kv.put("credits", credits - 1);
    session.setSpace("api-logs");
    session.events.append("api_call", { endpoint: "/search" });
    expect(db.in({ space: "billing" }).kv.get("credits")).toBe(10);
    session.commit();
    expect(db.in({ space: "billing" }).kv.get("credits")).toBe(9);
    expect(db.in({ space: "api-logs" }).events.len()).toBe(1);
  });

  test("valid names are taken", () => {
    for (const name of ["conversations", "tool-results", "agent_memory_v2"]) {
      db.setSpace(name);
      expect(db.currentSpace()).toBe(name);
    }
  });

  test("invalid names are refused, and the cursor stays", () => {
    for (const name of ["Conversations", "123-invalid", "", "_system_internal"]) {
      expectCode("INVALID_NAME", () => db.setSpace(name));
    }
    expect(db.currentSpace()).toBe("default");
  });

  test("the three ways of deleting", () => {
    db.setSpace("temp");
    db.kv.put("key", "value");
    db.setSpace("default");
    expectCode("SPACE_NOT_EMPTY", () => db.deleteSpace("temp"));
    expect(db.deleteSpaceForce("temp")).toBe(true);
    expectCode("CONSTRAINT_VIOLATION", () => db.deleteSpace("default"));
    expect(db.listSpaces()).toEqual(["default"]);
  });

  test("each handle has a space of its own, and begins in the default one", () => {
    db.setSpace("elsewhere");
    const a = db.newHandle();
    const b = db.newHandle();
    expect([a.currentSpace(), b.currentSpace()]).toEqual(["default", "default"]);
    a.setSpace("conversations");
    b.setSpace("tool-results");
    a.kv.put("msg_001", "hello");
    b.kv.put("task_42", "done");
    expect(a.kv.get("task_42")).toBeUndefined();
    expect(b.kv.list()).toEqual(["task_42"]);
    expect(db.currentSpace()).toBe("elsewhere");
  });

  test("a pattern: the memory of an agent", () => {
    db.setSpace("conversations");
    db.events.append("user_message", { content: "What's the weather?" });
    db.events.append("tool_call", { tool: "weather_api" });
    db.setSpace("tool-results");
    db.kv.put("weather_api:call_1", { temp: 72, conditions: "sunny" });
    db.setSpace("user-context");
    db.state.set("preferences", { units: "fahrenheit" });
    expect(db.listSpaces()).toEqual(["conversations", "default", "tool-results", "user-context"]);
    expect(db.in({ space: "conversations" }).events.len()).toBe(2);
  });

  test("a pattern: a space for each tenant", () => {
    for (const tenant of ["acme-corp", "globex", "initech"]) {
      db.setSpace(tenant);
      db.kv.put("config", { plan: "enterprise" });
    }
    expect(db.listSpaces()).toEqual(["acme-corp", "default", "globex", "initech"]);
  });

  test("a pattern: experiments side by side", () => {
    db.setSpace("hyperparams");
    db.kv.put("config", { lr: 0.001, epochs: 10 });
    db.setSpace("experiment-001");
    db.kv.put("metrics", { loss: 0.42, accuracy: 0.87 });
    db.setSpace("experiment-002");
    db.kv.put("metrics", { loss: 0.38, accuracy: 0.89 });
    const losses = ["experiment-001", "experiment-002"].map((space) => db.in({ space }).kv.get("metrics"));
    expect(losses).toEqual([
      { loss: 0.42, accuracy: 0.87 },
      { loss: 0.38, accuracy: 0.89 },
    ]);
  });
});
