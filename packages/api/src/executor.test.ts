import { StrataError } from "@strata/core";
import { Database } from "@strata/engine";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import type { Command } from "./command.js";
import { execute } from "./executor.js";
import { RunHandle } from "./handle.js";

describe("a command on a handle", () => {
  let database: Database;
  let handle: RunHandle;
  beforeEach(() => {
    database = Database.ephemeral();
    handle = RunHandle.on(database);
  });
  afterEach(() => database.close());

  const codeOf = (command: unknown): string => {
    try {
      execute(handle, command as Command);
    } catch (error) {
      if (StrataError.is(error)) return error.code;
      throw error;
    }
    return "none";
  };

  test("is a call on it", () => {
    expect(execute(handle, { name: "kv.put", key: "k", value: { a: [1] } })).toBe(handle.version);
    expect(handle.kv.get("k")).toEqual({ a: [1] });
    expect(execute(handle, { name: "kv.get", key: "k" })).toBe(handle.kv.get("k"));
    expect(execute(handle, { name: "kv.get", key: "missing" })).toBeUndefined();
  });

  test("passes values through as they are, whatever their members are called", () => {
    const value = JSON.parse('{"__proto__": {"x": 1}, "constructor": 2}');
    execute(handle, { name: "kv.put", key: "k", value });
    expect(JSON.stringify(handle.kv.get("k"))).toBe(JSON.stringify(value));
    execute(handle, { name: "events.append", type: "e", payload: value });
    expect(JSON.stringify(handle.events.read(0)?.payload)).toBe(JSON.stringify(value));
    const bytes = new Uint8Array([1, 2]);
    execute(handle, { name: "json.set", key: "d", path: ["a"], value: bytes });
    bytes[0] = 9;
    expect(handle.json.get("d", "$.a")).toEqual(new Uint8Array([1, 2]));
  });

  test("what a value may not be is said by the store, with the path", () => {
    expect(codeOf({ name: "kv.put", key: "k", value: { a: () => {} } })).toBe("INVALID_VALUE");
    expect(codeOf({ name: "kv.put", key: "", value: 1 })).toBe("INVALID_KEY");
    expect(codeOf({ name: "kv.put", key: "k" })).toBe("INVALID_COMMAND");
    expect(codeOf({ name: "kv.put", key: "k", value: undefined })).toMatch(/INVALID_/);
    expect(codeOf({ name: "events.append", type: "e", payload: [1] })).toMatch(/INVALID_/);
  });

  test("that clears must say what: a prefix, even the empty one", () => {
    handle.kv.put("k", 1);
    expect(codeOf({ name: "kv.clear" })).toBe("INVALID_COMMAND");
    expect(handle.kv.list()).toEqual(["k"]);
    expect(execute(handle, { name: "kv.clear", prefix: "" })).toBe(1);
  });

  test("cannot begin or end a transaction: that takes a session", () => {
    for (const name of ["session.begin", "session.commit", "session.rollback"]) {
      expect(codeOf({ name })).toBe("TRANSACTION_NOT_ACTIVE");
    }
  });

  test("is executed where it says", () => {
    database.runs.create("other");
    execute(handle, { name: "kv.put", run: "other", space: "x", key: "k", value: 1 });
    expect(handle.in({ run: "other", space: "x" }).kv.get("k")).toBe(1);
    expect(execute(handle, { name: "spaces.list", run: "other" })).toEqual(["default", "x"]);
    expect(codeOf({ name: "runs.delete", run: "other", runName: "other" })).toBe("CONSTRAINT_VIOLATION");
    expect(codeOf({ name: "kv.get", run: 7, key: "k" })).toBe("INVALID_COMMAND");
    expect(codeOf({ name: "kv.get", space: null, key: "k" })).toBe("INVALID_COMMAND");
  });

  test("that reads the past lets go of it", () => {
    const version = handle.kv.put("k", 1);
    handle.kv.put("k", 2);
    expect(execute(handle, { name: "kv.get", key: "k", at: { version } })).toBe(1);
    expect(codeOf({ name: "kv.get", key: "k", at: { version: 2 ** 40 } })).toBe("INVALID_ARGUMENT");
    expect(codeOf({ name: "kv.get", key: "k", at: {} })).toBe("INVALID_COMMAND");
  });
});
