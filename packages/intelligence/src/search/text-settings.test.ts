import { Database, EventLogStore, JsonDocumentStore, StateCellStore } from "@strata/engine";
import { describe, expect, test } from "vitest";
import { SearchParts } from "./search-parts.js";
import { Searcher } from "./searcher.js";
import { type TextSearchOptions, TextSettings } from "./text-settings.js";

function open(options: TextSearchOptions = {}) {
  const db = Database.ephemeral();
  TextSettings.check(options)(db);
  db.put("default", "note", "the agent is running");
  const found = (query: string, run = "default") => {
    const searcher = new Searcher(SearchParts.of(db), db.head(db.runs.must(run)));
    return searcher.search(query, { highlight: true }).hits;
  };
  return { db, found };
}

describe("stemming", () => {
  test("finds English words in all their forms, unless it is switched off", () => {
    expect(open().found("runs")[0]?.highlights).toEqual([[13, 20]]);
    const plain = open({ stemming: "none" });
    expect(plain.found("runs")).toEqual([]);
    expect(plain.found("RUNNING")[0]?.highlights).toEqual([[13, 20]]);
  });
});

describe("the primitives that are searched", () => {
  test("are those that a run was told, and its forks after it", () => {
    const { db, found } = open();
    db.runs.setTextSearch("default", ["event", "json"]);
    expect(found("agent")).toEqual([]);
    db.fork(db.runs.must("default"), ["child"]);
    expect(found("agent", "child")).toEqual([]);
    db.runs.setTextSearch("child", ["kv"]);
    expect(found("agent", "child")).toHaveLength(1);
    expect(found("agent")).toEqual([]);
  });

  test("are those of the database where a run was told nothing", () => {
    const { db, found } = open({ primitives: ["json"] });
    expect(found("agent")).toEqual([]);
    db.runs.setTextSearch("default", ["kv"]);
    expect(found("agent")).toHaveLength(1);
  });

  test("may leave out any of them", () => {
    const { db, found } = open();
    const scope = db.head(db.runs.must("default"));
    new EventLogStore(scope).append("agent", {});
    new StateCellStore(scope).set("agent", 1);
    new JsonDocumentStore(scope).put("doc", { text: "agent" });
    const primitives = ["kv", "event", "state", "json"] as const;
    for (const one of primitives) {
      db.runs.setTextSearch("default", [one]);
      expect(found("agent").map(({ ref }) => ref.primitive)).toEqual([one]);
    }
    db.runs.setTextSearch("default", []);
    expect(found("agent")).toEqual([]);
  });

  test("are names of primitives", () => {
    const { db } = open();
    for (const bad of [["vector"], "kv", undefined, [1]]) {
      expect(() => db.runs.setTextSearch("default", bad as never)).toThrow(
        expect.objectContaining({ code: "INVALID_ARGUMENT" }),
      );
    }
    expect(() => TextSettings.check({ stemming: "german" as never })).toThrow(
      expect.objectContaining({ code: "INVALID_ARGUMENT" }),
    );
  });
});
