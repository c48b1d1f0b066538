import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { ByteWriter, canonicalBytes, type Value } from "@strata/core";
import { anyValue } from "@strata/core/testing";
import fc from "fast-check";
import { beforeEach, describe, expect, test } from "vitest";
import { Database, EventLogStore, JsonDocumentStore, KvStore, StateCellStore, VectorStore } from "./index.js";

let db: Database;
let time = 0;
const clock = { now: () => time };
const head = (space = "default", run = "default") => db.head(db.runs.must(run), space);
const kv = (space?: string, run?: string) => new KvStore(head(space, run));
const digest = (options?: { history: boolean }, run = "default") => db.at(db.runs.must(run)).digest(options);
const sha256 = (bytes: Uint8Array) => createHash("sha256").update(bytes).digest();

beforeEach(() => {
  time = 1_700_000_000_000_000;
  db = Database.ephemeral({ clock });
});

describe("the digest of live data", () => {
  test("is the one that docs/formats/digest.md derives byte by byte", () => {
    const page = readFileSync(new URL("../../../docs/formats/digest.md", import.meta.url), "utf8");
    const lines = (page.split("```hex\n")[1]?.split("```")[0] ?? "").split("\n");
    const content = lines.map((line) => line.split(/ {2,}/)[0]?.replaceAll(" ", "")).join("");
    const expected = /^[0-9a-f]{64}$/m.exec(page)?.[0];
    expect(sha256(Buffer.from(content, "hex")).toString("hex")).toBe(expected);

    kv().put("greeting", "hello");
    new StateCellStore(head("work")).set("phase", "begun");
    new StateCellStore(head("work")).set("phase", "done");
    new JsonDocumentStore(head()).put("plan", { b: [1, 2.5] });
    new JsonDocumentStore(head()).set("plan", "$.a", true);
    new EventLogStore(head()).append("note", { n: 1 });
    expect(digest()).toBe(expected);
  });

  test("has every vector, with its metadata, and every collection, with its options", () => {
    const [one, other] = [new VectorStore(head()), new VectorStore(head("default", db.runs.create("other").name))];
    const seen = new Set([digest()]);
    const same = (change: (vectors: VectorStore) => void) => {
      for (const vectors of [one, other]) change(vectors);
      expect(digest({ history: false }, "other")).toBe(digest());
      expect(digest({ history: true }, "other")).not.toBe(digest({ history: true }));
      expect(seen.has(digest())).toBe(false);
      seen.add(digest());
    };
    same((vectors) => vectors.createCollection("docs", { dimension: 2 }));
    one.upsert("docs", "b", [1, 2]);
    one.upsert("docs", "a", [1, 2], { x: 1, y: 2 });
    same((vectors) => vectors.upsert("docs", "a", [1, 0], { y: 2, x: 1 }) + vectors.upsert("docs", "b", [1, 2]));
    same((vectors) => vectors.upsert("docs", "a", [1, -0], { x: 1, y: 2 }));
    same((vectors) => vectors.upsert("docs", "a", [1, -0], { x: 1 }));
    same((vectors) => vectors.upsert("docs", "a", [1, -0]));
    same((vectors) => vectors.createCollection("more", { dimension: 2, metric: "dot" }));
    other.upsert("more", "gone", [1, 1]);
    other.delete("more", "gone");
    expect(digest(undefined, "other")).toBe(digest());
  });

  const entry = fc.tuple(fc.constantFrom("a", "b", "\uffee", "\u{1f600}", "z"), anyValue());

  test("does not depend on the order of writes and members, on versions, or on the incarnation", () => {
    fc.assert(
      fc.property(
        fc.uniqueArray(entry, { selector: ([key]) => key }),
        fc.infiniteStream(fc.nat()),
        (entries, order) => {
          const one = Database.ephemeral({ clock });
          for (const [key, value] of entries) new KvStore(one.head(one.runs.must("default"))).put(key, value as never);
          const other = Database.ephemeral({ clock: { now: () => 5 } });
          const store = new KvStore(other.head(other.runs.must("default")));
          store.put("gone", 1);
          store.delete("gone");
          const shuffled = entries
            .map((each) => ({ each, at: order.next().value as number }))
            .sort((a, b) => a.at - b.at)
            .map(({ each }) => each);
          for (const [key, value] of shuffled) store.put(key, turned(value) as never);
          const digests = [one, other].map((each) => each.at(each.runs.must("default")).digest());
          expect(digests[0]).toBe(digests[1]);
        },
      ),
    );
  });

  test("differs when anything that is there differs", () => {
    const changes: (() => void)[] = [
      () => kv().put("a", 1),
      () => kv().put("a", 1.5),
      () => kv().put("a", "1"),
      () => kv().put("a", new Uint8Array([1])),
      () => kv().put("a", 1n << 60n),
      () => kv().put("a", Number(1n << 60n)),
      () => kv("other").put("a", 1),
      () => kv().put("b", 1),
      () => new JsonDocumentStore(head()).put("a", 1),
      () => new StateCellStore(head()).set("a", 1),
      () => new StateCellStore(head()).set("a", 1),
      () => new EventLogStore(head()).append("a", {}),
      () => new EventLogStore(head()).append("a", {}),
      () => new EventLogStore(head()).append("b", { n: 1 }),
      () => kv().delete("b"),
      () => kv("other").delete("a"),
    ];
    const seen = new Set([digest()]);
    for (const change of changes) {
      change();
      seen.add(digest());
    }
    expect(seen.size).toBe(changes.length + 1);
  });

  test("does not change by what only history knows: a deletion, a rewrite, an empty space", () => {
    kv().put("a", 1);
    const before = digest();
    kv().put("b", 1);
    kv().delete("b");
    kv().put("a", 2);
    kv().put("a", 1);
    db.spaces(db.runs.must("default")).create("empty");
    expect(digest()).toBe(before);
  });

  test("leaves out what has expired at the time of the view", () => {
    kv().put("a", 1);
    const before = digest();
    const version = kv().put("b", 1, { ttlMs: 10 });
    expect(digest()).not.toBe(before);
    const view = db.at(db.runs.must("default"));
    const then = view.digest();
    time += 11_000;
    expect(digest()).toBe(before);
    expect(view.digest()).toBe(then);
    expect(db.at(db.runs.must("default"), "default", { version }).digest()).toBe(then);
  });

  test("is that of the run: the same from each of its spaces, and in a fork that has changed nothing", () => {
    kv("other").put("a", 1);
    const view = db.at(db.runs.must("default"));
    expect(view.in("other").digest()).toBe(view.digest());
    db.fork(db.runs.must("default"), ["child"]);
    expect(digest({ history: false }, "child")).toBe(view.digest());
    expect(digest({ history: true }, "child")).toBe(view.digest({ history: true }));
    kv("other", "child").put("a", 2);
    expect(digest({ history: false }, "child")).not.toBe(view.digest());
  });

  test("of much data is that of blocks, each hashed with the one before", () => {
    const keys = Array.from({ length: 3000 }, (_, i) => `key-${String(i).padStart(5, "0")}`);
    kv().putMany(keys.map((key) => [key, `value of ${key}: ${"x".repeat(30)}`] as const));
    let content: number[] = [];
    let blocks = 0;
    const add = (write: (writer: ByteWriter) => void) => {
      const writer = new ByteWriter();
      write(writer);
      content.push(...writer.take());
    };
    add((writer) => writer.text("strata.digest"));
    content.push(1, 0);
    for (const key of keys) {
      content.push(3);
      add((writer) => {
        writer.text("default");
        writer.text(key);
        writer.bytes(canonicalBytes(`value of ${key}: ${"x".repeat(30)}`));
      });
      if (content.length < 65_536) continue;
      blocks++;
      const hash = sha256(Uint8Array.from(content));
      content = [];
      add((writer) => writer.text("strata.digest.more"));
      content.push(...hash);
    }
    content.push(0);
    expect(blocks).toBeGreaterThan(2);
    expect(digest()).toBe(sha256(Uint8Array.from(content)).toString("hex"));
  });
});

describe("the digest of a history", () => {
  const steps: [string, () => void][] = [
    ["a rewrite", () => kv().put("a", 1)],
    ["a deletion", () => kv().delete("a")],
    ["a time to live", () => kv().put("a", 1, { ttlMs: 10 })],
    ["a document written whole", () => new JsonDocumentStore(head()).put("d", { n: 1 })],
    ["a path write that changes nothing to be seen", () => new JsonDocumentStore(head()).set("d", "$.n", 1)],
    ["a cell", () => new StateCellStore(head()).set("c", 1)],
    ["a cell deleted", () => new StateCellStore(head()).delete("c")],
    ["an event", () => new EventLogStore(head()).append("e", {})],
    ["a space", () => db.spaces(db.runs.must("default")).create("empty")],
    ["a space gone", () => db.spaces(db.runs.must("default")).delete("empty")],
  ];

  test("differs with everything that ever happened", () => {
    kv().put("a", 1);
    const seen = new Set([digest({ history: true })]);
    for (const [, step] of steps) {
      step();
      seen.add(digest({ history: true }));
    }
    // A space that is gone shows as one that never was.
    expect(seen.size).toBe(steps.length);
  });

  test("never changes for a version, whatever comes later", () => {
    const versions: [number, string][] = [];
    for (const [, step] of steps) {
      step();
      const { version } = db.runs.must("default");
      versions.push([version, digest({ history: true })]);
    }
    time += 60_000_000;
    for (const [version, expected] of versions) {
      expect(db.at(db.runs.must("default"), "default", { version }).digest({ history: true })).toBe(expected);
    }
  });

  test("is pinned: the same steps at the same times have the same one on every machine", () => {
    const random = { bytes: (length: number) => new Uint8Array(length).fill(7) };
    db = Database.ephemeral({ clock, random });
    for (const [, step] of steps) {
      step();
      time += 1000;
    }
    expect(digest({ history: true })).toBe("b006ef48853b851390d3b652ec6896fb014f3e08a6fdaa6abc40060d8246a5b3");
  });

  test("is apart from that of live data", () => {
    expect(digest({ history: true })).not.toBe(digest());
  });
});

/** The same value, its members in the opposite order. */
function turned(value: Value): Value {
  if (typeof value !== "object" || value === null || value instanceof Uint8Array) return value;
  if (Array.isArray(value)) return value.map(turned);
  const members = Object.entries(value as { [name: string]: Value });
  return Object.fromEntries(members.reverse().map(([name, member]) => [name, turned(member)]));
}
