import { createReadStream, createWriteStream, readFileSync } from "node:fs";
import { join } from "node:path";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { createGzip } from "node:zlib";
import { describe, expect, test } from "vitest";
import { Strata } from "../src/index.js";
import { newDirectory } from "./directories.js";
import { expectCode, expectRejection } from "./expect-code.js";

/** A database with a run that has a past, on disk. */
function filled(path: string): Strata {
  const db = Strata.open(path);
  db.runs.create("job", { by: "me" });
  const job = db.in({ run: "job" });
  for (let i = 0; i < 20; i++) {
    job.transaction((txn) => {
      txn.kv.put(`key-${i % 3}`, { i, bytes: new Uint8Array([i]) });
      txn.events.append("step", { i });
    });
    job.state.update("count", (count) => Number(count ?? 0) + 1);
    job.json.set("doc", ["steps", String(i)], i);
  }
  job.kv.delete("key-1");
  db.runs.tag("job", "best");
  return db;
}

describe("a bundle", () => {
  test("carries a run through a file from one database to another, opened again in between", async () => {
    const directory = newDirectory();
    const file = join(directory, "job.bundle");
    const source = filled(join(directory, "a"));
    await pipeline(Readable.from(source.runs.export("job")), createWriteStream(file));
    const digest = source.in({ run: "job" }).at().digest({ history: true });
    const info = source.runs.get("job");
    source.close();

    let target = Strata.open(join(directory, "b"));
    const inspected = await target.runs.inspectBundle(createReadStream(file));
    expect(inspected).toEqual({
      run: "job",
      formatVersion: 1,
      commits: 61,
      bytes: readFileSync(file).length,
      checksum: expect.stringMatching(/^[0-9a-f]{64}$/),
    });
    expect(await target.runs.import(createReadStream(file))).toEqual(info);
    for (let i = 0; i < 2; i++) {
      const job = target.in({ run: "job" });
      expect(job.at().digest({ history: true })).toBe(digest);
      expect(target.runs.replay("job").digest({ history: true })).toBe(digest);
      expect(job.events.verify()).toEqual({ valid: true, length: 20 });
      expect(job.at({ tag: "best" }).kv.list()).toEqual(["key-0", "key-2"]);
      await target.shutdown();
      target = Strata.open(join(directory, "b"));
    }
    const again = await target.runs.inspectBundle(target.runs.export("job"));
    expect(again).toEqual(inspected);
    target.close();
  });

  test("may be gzipped on the way, and may come under another name", async () => {
    const directory = newDirectory();
    using db = filled(join(directory, "a"));
    const file = join(directory, "job.bundle.gz");
    await pipeline(Readable.from(db.runs.export("job")), createGzip(), createWriteStream(file));
    await expectRejection("RUN_EXISTS", () => db.runs.import(createReadStream(file)));
    const copy = await db.runs.import(createReadStream(file), { as: "copy" });
    expect(copy).toMatchObject({ name: "copy", origin: { run: "job", id: db.runs.get("job")?.id } });
    expect(db.runs.diff("job", "copy")).toMatchObject({ added: [], removed: [], modified: [] });
    db.in({ run: "copy" }).kv.put("key-0", "changed");
    expect(db.runs.diff("job", "copy").modified).toHaveLength(1);
  });

  test("without history is small, and says what it no longer knows", async () => {
    using db = filled(join(newDirectory(), "a"));
    const { version } = db.runs.get("job") as { version: number };
    using other = Strata.cache();
    await other.runs.import(db.runs.export("job", { history: false }));
    const job = other.in({ run: "job" });
    expect(job.at().digest()).toBe(db.in({ run: "job" }).at().digest());
    expectCode("HISTORY_TRIMMED", () => job.at({ version: version - 1 }));
    expect(job.events.len()).toBe(20);
    const sizes = await Promise.all(
      [true, false].map(async (history) => (await db.runs.inspectBundle(db.runs.export("job", { history }))).bytes),
    );
    expect(sizes[1]).toBeLessThan((sizes[0] as number) / 2);
  });

  test("without history begins when it was exported, whatever is left of the last commit", async () => {
    let now = 1_700_000_000_000_000;
    const clock = { now: () => (now += 1000) };
    using db = Strata.cache({ clock });
    db.kv.put("kept", 1);
    db.kv.put("expired", 1, { ttlMs: 1 });
    now += 1_000_000;
    db.kv.put("gone", 1);
    db.kv.delete("gone");
    const source = db.at({ version: db.version });
    expect(source.kv.list()).toEqual(["kept"]);

    using other = Strata.cache({ clock });
    await other.runs.import(db.runs.export("default", { history: false }), { as: "copy" });
    const copy = other.in({ run: "copy" });
    copy.kv.put("later", 1);
    const point = { version: source.version };
    for (const view of [copy.at(point), other.runs.replay({ run: "copy", at: point })]) {
      expect(view.timestamp).toBe(source.timestamp);
      expect(view.kv.list()).toEqual(["kept"]);
    }
    expect(other.runs.diff({ run: "copy", at: point }, "copy").removed).toEqual([]);
  });

  test("for people is JSON Lines", async () => {
    using db = filled(join(newDirectory(), "a"));
    let text = "";
    for await (const chunk of db.runs.export("job", { format: "jsonl" })) text += new TextDecoder().decode(chunk);
    const lines = text.trimEnd().split("\n");
    expect(JSON.parse(lines[0] as string)).toMatchObject({ kind: "run", name: "job", commits: 61 });
    expect(lines).toHaveLength(63);
    await expectRejection("BUNDLE_INVALID", () => db.runs.import([new TextEncoder().encode(text)], { as: "no" }));
  });

  test("of a run that is not there, or with options that are none, is refused at the call", () => {
    using db = Strata.cache();
    expectCode("RUN_NOT_FOUND", () => db.runs.export("nobody"));
    expectCode("INVALID_ARGUMENT", () => db.runs.export("default", { format: "xml" as never }));
    expectCode("INVALID_ARGUMENT", () => db.runs.export("default", { histroy: false } as never));
  });
});
