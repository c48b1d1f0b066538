import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { Strata } from "../src/index.js";
import { newDirectory } from "./directories.js";
import { expectCode } from "./expect-code.js";

describe("the names of spaces", () => {
  const rules: readonly [name: string, isValid: boolean][] = [
    ["a", true],
    ["z9", true],
    ["tool-results", true],
    ["agent_memory_v2", true],
    ["a-_-9", true],
    ["default", true],
    ["system", true],
    ["a".repeat(64), true],
    ["a".repeat(65), false],
    ["", false],
    ["Conversations", false],
    ["aB", false],
    ["123-invalid", false],
    ["-a", false],
    ["_a", false],
    ["_system_internal", false],
    ["_system_", false],
    ["a b", false],
    ["a.b", false],
    ["a/b", false],
    ["a:b", false],
    ["ä", false],
    ["a\0", false],
    ["a\n", false],
    ["😀", false],
  ];

  test.each(rules)("%j is legal: %s", (name, isValid) => {
    using db = Strata.cache();
    const calls = [
      () => db.setSpace(name),
      () => db.in({ space: name }),
      () => db.newHandle({ space: name }),
      () => db.session().setSpace(name),
      () => db.transaction((txn) => txn.setSpace(name)),
      () => db.transaction((txn) => txn.in({ space: name })),
      () => db.at().in({ space: name }),
      () => db.spaces.create(name),
      () => db.spaces.exists(name),
    ];
    for (const call of calls) {
      if (isValid) call();
      else expectCode("INVALID_NAME", call);
    }
  });

  test("the reserved prefix is what the message speaks of", () => {
    using db = Strata.cache();
    expect(expectCode("INVALID_NAME", () => db.setSpace("_system_x")).message).toContain("reserved");
    for (const name of [undefined, null, 7, {}, ["a"]]) expectCode("INVALID_NAME", () => db.setSpace(name as never));
  });
});

describe("spaces", () => {
  let db: Strata;
  beforeEach(() => {
    db = Strata.cache();
  });
  afterEach(() => db.close());

  const writes: { readonly [name: string]: (db: Strata) => unknown } = {
    "kv.put": (here) => here.kv.put("k", 1),
    "kv.putMany": (here) => here.kv.putMany([["k", 1]]),
    "events.append": (here) => here.events.append("e", {}),
    "state.set": (here) => here.state.set("c", 1),
    "state.acquire": (here) => here.state.acquire("c", "me", { ttlMs: 60_000 }),
    "json.put": (here) => here.json.put("d", {}),
    "json.set": (here) => here.json.set("d", "$.a", 1),
  };
  for (const [name, write] of Object.entries(writes)) {
    test(`${name} registers the space and makes it non-empty`, () => {
      db.setSpace("fresh");
      expect(db.listSpaces()).toEqual(["default"]);
      write(db);
      expect(db.listSpaces()).toEqual(["default", "fresh"]);
      db.setSpace("default");
      expectCode("SPACE_NOT_EMPTY", () => db.deleteSpace("fresh"));
      expect(db.deleteSpaceForce("fresh")).toBe(true);
      expect(db.listSpaces()).toEqual(["default"]);
    });
  }

  test("reads, cursors and deletions of what is not there register nothing", () => {
    db.setSpace("fresh");
    db.kv.get("k");
    db.kv.list();
    db.events.len();
    db.state.read("c");
    db.json.get("d");
    db.kv.delete("k");
    db.kv.deleteMany(["k"]);
    db.kv.clear("");
    db.state.delete("c");
    db.json.delete("d");
    expect(db.spaces.exists("fresh")).toBe(false);
    expect(db.listSpaces()).toEqual(["default"]);
  });

  test("a transaction that is given up leaves no space behind", () => {
    expect(() =>
      db.transaction((txn) => {
        txn.in({ space: "phantom" }).kv.put("k", 1);
        throw new Error("no");
      }),
    ).toThrow("no");
    expect(db.listSpaces()).toEqual(["default"]);
  });

  test("create says whether it did, and a created space is empty", () => {
    expect(db.spaces.create("made")).toBe(true);
    expect(db.spaces.create("made")).toBe(false);
    expect(db.spaces.create("default")).toBe(false);
    expect(db.spaces.exists("made")).toBe(true);
    expect(db.deleteSpace("made")).toBe(true);
    expect(db.deleteSpace("made")).toBe(false);
    expect(db.deleteSpaceForce("made")).toBe(false);
  });

  test("the default space is never deleted, empty or not, with force or without", () => {
    expectCode("CONSTRAINT_VIOLATION", () => db.deleteSpace("default"));
    expectCode("CONSTRAINT_VIOLATION", () => db.deleteSpaceForce("default"));
    db.kv.put("k", 1);
    expectCode("CONSTRAINT_VIOLATION", () => db.deleteSpaceForce("default"));
    expect(db.kv.get("k")).toBe(1);
  });

  test("what is left of deleted keys does not make a space non-empty", () => {
    const here = db.in({ space: "temp" });
    here.kv.put("k", 1);
    here.state.set("c", 1);
    here.json.put("d", {});
    here.kv.delete("k");
    here.state.delete("c");
    here.json.delete("d");
    expect(db.deleteSpace("temp")).toBe(true);
  });

  test("deleting the current space leaves the cursor, and a later write begins anew", () => {
    db.setSpace("temp");
    db.kv.put("k", 1);
    db.events.append("e", {});
    expect(db.deleteSpaceForce("temp")).toBe(true);
    expect(db.currentSpace()).toBe("temp");
    expect(db.kv.get("k")).toBeUndefined();
    expect(db.events.len()).toBe(0);
    expect(db.events.append("e", {})).toBe(0);
    expect(db.listSpaces()).toEqual(["default", "temp"]);
    expect(db.kv.list()).toEqual([]);
  });

  test("a view of the past still sees a space that is gone", () => {
    db.in({ space: "temp" }).kv.put("k", 1);
    using then = db.at();
    db.deleteSpaceForce("temp");
    expect(then.in({ space: "temp" }).kv.get("k")).toBe(1);
    expect(db.in({ space: "temp" }).kv.get("k")).toBeUndefined();
  });

  test("each primitive is separate in each space", () => {
    for (const space of ["a", "b"]) {
      const here = db.in({ space });
      here.kv.put("x", space);
      here.state.set("x", space);
      here.json.put("x", { space });
      expect(here.events.append("x", { space })).toBe(0);
    }
    for (const space of ["a", "b"]) {
      const here = db.in({ space });
      expect(here.kv.get("x")).toBe(space);
      expect(here.state.read("x")).toBe(space);
      expect(here.json.get("x")).toEqual({ space });
      expect(here.events.read(0)?.payload).toEqual({ space });
    }
  });

  test("spaces are those of their run", () => {
    db.createRun("other");
    db.in({ space: "mine" }).kv.put("k", 1);
    expect(db.in({ run: "other" }).spaces.list()).toEqual(["default"]);
    expect(db.in({ run: "other", space: "mine" }).kv.get("k")).toBeUndefined();
  });

  test("spaces survive a second opening, deleted ones stay deleted", () => {
    const path = newDirectory();
    {
      using first = Strata.open(path);
      first.spaces.create("empty");
      first.in({ space: "full" }).kv.put("k", 1);
      first.in({ space: "gone" }).kv.put("k", 1);
      first.deleteSpaceForce("gone");
      first.in({ space: "again" }).kv.put("k", 1);
      first.deleteSpaceForce("again");
      first.in({ space: "again" }).kv.put("new", 1);
    }
    using again = Strata.open(path);
    expect(again.listSpaces()).toEqual(["again", "default", "empty", "full"]);
    expect(again.in({ space: "again" }).kv.list()).toEqual(["new"]);
  });

  test("a transaction that saw a space conflicts with its deletion", async () => {
    const here = db.in({ space: "temp" });
    here.kv.put("k", 1);
    await expect(
      db.transaction(async (txn) => {
        const k = txn.in({ space: "temp" }).kv.get("k");
        await Promise.resolve();
        db.deleteSpaceForce("temp");
        txn.kv.put("copy", k ?? null);
      }),
    ).rejects.toMatchObject({ code: "TRANSACTION_CONFLICT" });
  });
});
