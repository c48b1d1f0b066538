import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { Strata } from "../src/index.js";
import { newDirectory } from "./directories.js";
import { expectRejection } from "./expect-code.js";

function fill(db: Strata): void {
  for (let i = 0; i < 200; i++) db.kv.put(`key-${i}`, { i });
  db.events.append("began", { at: 1 });
  db.state.set("phase", "one");
  db.json.put("doc", { list: [1, 2] });
  db.runs.create("other");
  db.in({ run: "other" }).kv.put("a", 1);
  db.runs.fork("default", "fork");
}

function contents(directory: string): { [path: string]: string } {
  const files: { [path: string]: string } = {};
  for (const name of readdirSync(directory, { recursive: true }) as string[]) {
    const path = join(directory, name);
    if (statSync(path).isFile() && !name.startsWith("LOCK")) files[name] = readFileSync(path, "latin1");
  }
  return files;
}

/** Every run as one string, history included. */
function digests(db: Strata): string[] {
  return db.runs.list().map((run) => {
    using view = db.in({ run }).at();
    return `${run} ${view.digest({ history: true })}`;
  });
}

describe("a backup", () => {
  test("is a database of its own, and everything of the first is in it", async () => {
    const parent = newDirectory();
    using db = Strata.open(join(parent, "db"));
    fill(db);
    db.kv.put("key-1", "changed");
    const report = await db.backup(join(parent, "deep", "copy"));
    expect(report).toEqual({ ok: true, problems: [] });
    using copy = Strata.open(join(parent, "deep", "copy"));
    expect(digests(copy)).toEqual(digests(db));
    expect(copy.kv.history("key-1")).toHaveLength(2);
    expect(readdirSync(join(parent, "deep", "copy")).filter((name) => name.startsWith("."))).toEqual([]);
    copy.kv.put("only here", 1);
    expect(db.kv.get("only here")).toBeUndefined();
  });

  test("of a database in memory makes it one on disk", async () => {
    const directory = newDirectory();
    using db = Strata.cache();
    fill(db);
    await db.backup(directory);
    using copy = Strata.open(directory, { readOnly: true });
    expect(digests(copy)).toEqual(digests(db));
  });

  test("goes only where nothing is", async () => {
    const parent = newDirectory();
    using db = Strata.openTemp();
    writeFileSync(join(parent, "file"), "mine");
    await expectRejection("INVALID_ARGUMENT", () => db.backup(parent));
    await expectRejection("NOT_A_DATABASE", () => db.backup(join(parent, "file")));
    await expectRejection("INVALID_ARGUMENT", () => db.backup(""));
    await expectRejection("INVALID_ARGUMENT", () => db.backup("x", { signl: 1 } as object));
    expect(readdirSync(parent)).toEqual(["file"]);
    expect(readFileSync(join(parent, "file"), "utf8")).toBe("mine");
  });

  test("that is aborted leaves nothing", async () => {
    const parent = newDirectory();
    using db = Strata.open(join(parent, "db"));
    fill(db);
    await db.checkpoint();
    const controller = new AbortController();
    const backup = db.backup(join(parent, "deep", "copy"), {
      signal: controller.signal,
      onProgress: () => controller.abort(new Error("enough")),
    });
    await expect(backup).rejects.toThrow("enough");
    expect(existsSync(join(parent, "deep"))).toBe(false);
    mkdirSync(join(parent, "empty"));
    await expect(db.backup(join(parent, "empty"), { signal: controller.signal })).rejects.toThrow("enough");
    expect(readdirSync(join(parent, "empty"))).toEqual([]);
    expect(db.kv.get("key-7")).toEqual({ i: 7 });
  });

  test("of what is damaged fails, says where, and leaves nothing", async () => {
    const parent = newDirectory();
    const path = join(parent, "db");
    const first = Strata.open(path);
    fill(first);
    first.runs.create("hit");
    first.in({ run: "hit" }).kv.put("a", "a value to be found");
    await first.shutdown();
    const [name] = readdirSync(join(path, "snapshots")) as [string];
    const file = join(path, "snapshots", name);
    const bytes = readFileSync(file);
    const at = bytes.indexOf("a value to be found");
    bytes[at] = (bytes[at] as number) ^ 1;
    writeFileSync(file, bytes);
    using db = Strata.open(path);
    expect((await db.verify()).problems[0]).toMatchObject({ file: `snapshots/${name}` });
    await expectRejection("SNAPSHOT_CORRUPT", () => db.backup(join(parent, "copy")));
    expect(existsSync(join(parent, "copy"))).toBe(false);
  });
});

describe("a repair", () => {
  test("makes a new database of what is left, and leaves the old one alone", async () => {
    const parent = newDirectory();
    const path = join(parent, "db");
    const first = Strata.open(path);
    fill(first);
    const expected = digests(first);
    await first.shutdown();
    for (const name of readdirSync(path)) if (name.startsWith("MANIFEST")) rmSync(join(path, name));
    const before = contents(path);
    const report = await Strata.repair(path, { into: join(parent, "new") });
    expect(contents(path)).toEqual(before);
    expect(report.lost).toEqual([expect.objectContaining({ file: "MANIFEST" })]);
    using db = Strata.open(join(parent, "new"));
    expect(digests(db)).toEqual(expected);
    expect(await db.verify()).toEqual({ ok: true, problems: [] });
  });

  test("says what was lost, and to which runs", async () => {
    const parent = newDirectory();
    const path = join(parent, "db");
    const first = Strata.open(path);
    fill(first);
    for (let i = 0; i < 2000; i++)
      first.in({ run: "other" }).kv.put(`row-${String(i).padStart(4, "0")}`, "x".repeat(50));
    first.in({ run: "other" }).kv.put("row-1000", "a value to be found");
    await first.checkpoint();
    await first.shutdown();
    const [name] = readdirSync(join(path, "snapshots"))
      .map((each) => [statSync(join(path, "snapshots", each)).size, each] as const)
      .sort(([a], [b]) => b - a)
      .map(([, each]) => each) as [string];
    const file = join(path, "snapshots", name);
    const bytes = readFileSync(file);
    const at = bytes.indexOf("a value to be found");
    bytes[at] = 0;
    writeFileSync(file, bytes);
    for (const each of readdirSync(join(path, "wal"))) rmSync(join(path, "wal", each));
    const report = await Strata.repair(path, { into: join(parent, "new") });
    const [part] = report.lost.filter(({ file: where }) => where.startsWith("snapshots/"));
    expect(part).toMatchObject({ file: `snapshots/${name}`, runs: ["other"] });
    expect(part?.offset).toBeLessThanOrEqual(at);
    using db = Strata.open(join(parent, "new"));
    expect(db.in({ run: "other" }).kv.get("row-1000")).toBeUndefined();
    expect(db.in({ run: "other" }).kv.get("row-0001")).toBe("x".repeat(50));
    expect(db.in({ run: "other" }).kv.get("row-1999")).toBe("x".repeat(50));
    expect(db.kv.get("key-7")).toEqual({ i: 7 });
  });

  test("needs a place of its own, and something to begin with", async () => {
    const parent = newDirectory();
    const path = join(parent, "db");
    const db = Strata.open(path);
    db.kv.put("a", 1);
    await expectRejection("DATABASE_LOCKED", () => Strata.repair(path, { into: join(parent, "new") }));
    db.close();
    await expectRejection("INVALID_ARGUMENT", () => Strata.repair(path, { into: path }));
    await expectRejection("INVALID_ARGUMENT", () => Strata.repair(path, { into: join(path, "inside") }));
    await expectRejection("INVALID_ARGUMENT", () => Strata.repair(path, {} as { into: string }));
    await expectRejection("NOT_A_DATABASE", () =>
      Strata.repair(join(parent, "nothing"), { into: join(parent, "new") }),
    );
    expect(readdirSync(parent)).toEqual(["db"]);
  });
});
