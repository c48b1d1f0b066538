import { beforeEach, describe, expect, test } from "vitest";
import { Database, RunIndex, type RunMetadata } from "./index.js";

const code = (code: string) => expect.objectContaining({ code });

describe("an index filled by hand", () => {
  let index: RunIndex;
  const run = (id: string, rest: Partial<RunMetadata> = {}): RunMetadata => ({
    id,
    name: `run-${id}`,
    status: "active",
    startedAt: 1,
    meta: {},
    ...rest,
  });

  beforeEach(() => {
    index = new RunIndex();
    index.insert(run("a"));
    index.insert(run("b", { status: "completed", endedAt: 2 }));
  });

  test("knows what was put in", () => {
    expect([index.exists("a"), index.exists("c"), index.size]).toEqual([true, false, 2]);
    expect(index.get("b")).toEqual(run("b", { status: "completed", endedAt: 2 }));
    expect(index.get("c")).toBeUndefined();
    index.insert(run("a", { name: "renamed" }));
    expect([index.get("a")?.name, index.size]).toEqual(["renamed", 2]);
  });

  test("changes what is known, but not of whom", () => {
    expect(index.update("a", (known) => ({ ...known, id: "b", status: "failed" }))).toBe(true);
    expect(index.get("a")).toMatchObject({ id: "a", status: "failed" });
    expect(index.update("c", () => expect.fail("called"))).toBe(false);
  });

  test("keeps the versions of a run ascending, and takes none of a run it does not know", () => {
    expect(index.versions("a")).toEqual([]);
    for (const version of [3, 5, 5, 4, 9]) index.recordEvent("a", version);
    expect(index.versions("a")).toEqual([3, 5, 9]);
    expect(() => index.recordEvent("c", 1)).toThrow(code("RUN_NOT_FOUND"));
    expect(() => index.versions("c")).toThrow(code("RUN_NOT_FOUND"));
  });

  test("finds and marks what may be orphaned", () => {
    index.insert(run("c"));
    expect(index.findActive()).toEqual(["a", "c"]);
    expect(index.markOrphaned(["a", "b", "nobody"])).toBe(1);
    expect(index.findActive()).toEqual(["c"]);
    expect(index.countByStatus()).toEqual({ active: 1, completed: 1, orphaned: 1 });
  });
});

describe("the index of a database", () => {
  test("is one, and has the runs and commits from before it and after", () => {
    const db = Database.ephemeral();
    const before = [db.put("default", "a", 1), db.put("default", "a", 2)];
    const index = RunIndex.of(db);
    expect(RunIndex.of(db)).toBe(index);
    const id = (name: string) => db.runs.must(name).id;
    const info = db.runs.create("job", { by: "me" });
    const of = [db.put("job", "a", 1)];
    before.push(db.put("default", "a", 3));
    expect(index.versions(id("default"))).toEqual(before);
    expect(index.versions(id("job"))).toEqual(of);
    before.push(db.put("default", "a", 4));
    of.push(db.put("job", "b", 1));
    expect(index.versions(id("default"))).toEqual(before);
    expect(index.versions(id("job"))).toEqual(of);
    expect(index.get(id("job"))).toEqual({
      id: info.id,
      name: "job",
      status: "active",
      startedAt: info.createdAt,
      endedAt: undefined,
      meta: { by: "me" },
    });
  });

  test("follows statuses, tags aside, and lets go of runs that are deleted", () => {
    const db = Database.ephemeral();
    const index = RunIndex.of(db);
    db.runs.create("job");
    db.runs.begin("other");
    const id = db.runs.must("job").id;
    db.history.tag(db.runs.must("default"), undefined, "here");
    db.runs.setStatus("job", "completed");
    expect(index.get(id)).toMatchObject({ status: "completed", endedAt: expect.any(Number) });
    expect(index.countByStatus()).toEqual({ active: 2, completed: 1 });
    db.runs.delete("job");
    expect([index.exists(id), index.size]).toEqual([false, 2]);
  });

  test("has of a fork only what is its own", () => {
    const db = Database.ephemeral();
    db.put("default", "a", 1);
    db.fork(db.runs.must("default"), ["fork"]);
    const version = db.put("fork", "a", 2);
    expect(RunIndex.of(db).versions(db.runs.must("fork").id)).toEqual([version]);
  });

  test("marks nothing in the database", () => {
    const db = Database.ephemeral();
    const index = RunIndex.of(db);
    index.markOrphaned(index.findActive());
    expect(db.runs.list({ status: "orphaned" })).toEqual([]);
    db.put("default", "a", 1);
  });
});
