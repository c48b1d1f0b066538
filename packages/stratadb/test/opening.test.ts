import { existsSync, mkdirSync, readdirSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, relative } from "node:path";
import { MemoryVfs, StrictDurability } from "@strata/durability";
import { afterEach, describe, expect, test } from "vitest";
import { Database, Strata } from "../src/index.js";
import { start } from "./child-process.js";
import { newDirectory } from "./directories.js";
import { expectCode, expectRejection } from "./expect-code.js";

const opened: Strata[] = [];
const keep = (db: Strata): Strata => {
  opened.push(db);
  return db;
};
afterEach(() => {
  for (const db of opened.splice(0)) db.close();
});

describe("opening a path", () => {
  test("makes the directory, and the default mode is buffered", () => {
    const path = join(newDirectory(), "deep", "er");
    const db = keep(Strata.open(path));
    expect(readdirSync(path).length).toBeGreaterThan(0);
    expect(db.info()).toMatchObject({ durability: "buffered", path });
    expect(db.info().recovery).toMatchObject({ commits: 0, tornBytes: 0, lost: [] });
  });

  test("recovers what is there, with every primitive, space, run and version", () => {
    const path = newDirectory();
    const first = Strata.open(path, { durability: "strict" });
    const version = first.kv.put("k", { bytes: new Uint8Array([1]), big: 2n ** 61n });
    first.state.set("c", 1);
    first.state.set("c", 2);
    first.events.append("e", { n: 1 });
    first.json.put("d", { a: [1, 2] });
    first.json.push("d", "$.a", 3);
    first.in({ space: "notes" }).kv.put("k", "note");
    first.createRun("other", { goal: 1 });
    first.in({ run: "other" }).kv.put("k", "other");
    const head = first.events.head();
    first.close();

    const db = keep(Strata.open(path));
    expect(db.kv.get("k")).toEqual({ bytes: new Uint8Array([1]), big: 2n ** 61n });
    expect(db.kv.getVersioned("k")?.version).toBe(version);
    expect(db.state.readVersioned("c")).toMatchObject({ value: 2, counter: 2 });
    expect(db.state.set("c", 3)).toBe(3);
    expect(db.events.verify(head)).toMatchObject({ valid: true, length: 1 });
    expect(db.json.get("d", "$.a")).toEqual([1, 2, 3]);
    expect(db.listSpaces()).toEqual(["default", "notes"]);
    expect(db.in({ space: "notes" }).kv.get("k")).toBe("note");
    expect(db.runs.get("other")?.meta).toEqual({ goal: 1 });
    expect(db.in({ run: "other" }).kv.get("k")).toBe("other");
    using past = db.at({ version });
    expect(past.state.read("c")).toBeUndefined();
    expect(db.kv.put("k", 2)).toBeGreaterThan(version);
  });

  test("a file in its place is refused and left as it is", () => {
    const path = join(newDirectory(), "file");
    writeFileSync(path, "mine");
    expectCode("NOT_A_DATABASE", () => Strata.open(path));
  });

  test("a path must be one", () => {
    for (const path of [undefined, null, "", 7, "a\0b"]) {
      expectCode("INVALID_ARGUMENT", () => Strata.open(path as never));
      expectCode("INVALID_ARGUMENT", () => Database.open(path as never));
    }
    expectCode("INVALID_ARGUMENT", () => Strata.open({} as never));
  });
});

describe("options", () => {
  test("that are unknown or of the wrong type are refused, naming those there are", () => {
    const path = newDirectory();
    const error = expectCode("INVALID_ARGUMENT", () => Strata.open(path, { durabilty: "strict" } as never));
    expect(error.message).toContain('did you mean "durability"');
    expect(error.facts).toMatchObject({
      option: "durabilty",
      valid: expect.arrayContaining(["durability", "readOnly"]),
    });
    const wrong: [string, unknown][] = [
      ["durability", "eventually"],
      ["durability", {}],
      ["buffered", 100],
      ["buffered", { flushIntervalMs: 0 }],
      ["buffered", { maxPendingWrites: 1.5 }],
      ["buffered", { interval: 5 }],
      ["readOnly", "yes"],
      ["limits", { keyBytes: -1 }],
      ["limits", { keyLength: 1 }],
      ["recovery", "hope"],
      ["clock", Date.now],
      ["random", {}],
      ["logger", console.log],
      ["onHealth", {}],
    ];
    for (const [option, value] of wrong) {
      const refusal = expectCode("INVALID_ARGUMENT", () => Strata.open(path, { [option]: value } as never));
      expect(refusal.facts, option).toMatchObject({ option });
      expectCode("INVALID_ARGUMENT", () => Strata.cache({ [option]: value } as never));
      expectCode("INVALID_ARGUMENT", () => Strata.openTemp({ [option]: value } as never));
    }
    expectCode("INVALID_ARGUMENT", () => Strata.open(path, "strict" as never));
    expect(readdirSync(path)).toEqual([]);
  });

  test("that are undefined are absent", () => {
    const db = keep(
      Strata.cache({ durability: undefined, limits: { keyBytes: undefined as never }, clock: undefined }),
    );
    db.kv.put("k", 1);
  });

  test("are applied: limits, clock, mode", () => {
    let now = 1_700_000_000_000_000;
    const db = keep(Strata.openTemp({ limits: { keyBytes: 4 }, clock: { now: () => now }, durability: "strict" }));
    expectCode("INVALID_KEY", () => db.kv.put("too long", 1));
    now += 5_000_000;
    db.kv.put("k", 1);
    expect(db.kv.getVersioned("k")?.timestamp).toBe(now);
    expect(db.info().durability).toBe("strict");
  });
});

describe("one path twice in a process", () => {
  test("is one engine, closed when each opening was closed", () => {
    const path = newDirectory();
    const a = Strata.open(path);
    const b = Strata.open(join(path, ".", "x", ".."));
    expect(b.database).toBe(a.database);
    a.kv.put("k", 1);
    expect(b.kv.get("k")).toBe(1);
    a.close();
    expect(b.isOpen).toBe(true);
    expect(a.isOpen).toBe(false);
    expectCode("DATABASE_CLOSED", () => a.kv.get("k"));
    b.kv.put("k", 2);
    b.close();
    const c = keep(Strata.open(path));
    expect(c.database).not.toBe(b.database);
    expect(c.kv.get("k")).toBe(2);
  });

  test("by another name of the same directory, too", () => {
    const root = newDirectory();
    const path = join(root, "db");
    mkdirSync(path);
    symlinkSync(path, join(root, "link"));
    const a = keep(Strata.open(path));
    expect(keep(Strata.open(join(root, "link"))).database).toBe(a.database);
    expect(keep(Strata.open(relative(process.cwd(), path))).database).toBe(a.database);
    expect(Database.open(path)).toBe(a.database);
  });

  test("with other options is refused, and the first is left alone", () => {
    const path = newDirectory();
    const db = keep(Strata.open(path));
    const logger = { log() {} };
    for (const options of [
      { durability: "strict" as const },
      { readOnly: true },
      { recovery: "salvage" as const },
      { limits: { keyBytes: 10 } },
      { buffered: { flushIntervalMs: 5 } },
      { logger },
    ]) {
      const error = expectCode("INVALID_ARGUMENT", () => Strata.open(path, options));
      expect(error.facts).toMatchObject({ option: Object.keys(options)[0] });
    }
    keep(Strata.open(path, { durability: "buffered", buffered: { flushIntervalMs: 100 }, readOnly: false }));
    db.kv.put("k", 1);
  });

  test("shutting one of two down makes everything durable and leaves the other open", async () => {
    const path = newDirectory();
    const [a, b] = [Strata.open(path), Strata.open(path)];
    a.kv.put("k", 1);
    await a.shutdown();
    expect(a.isOpen).toBe(false);
    expect(b.kv.get("k")).toBe(1);
    await b.shutdown();
    await b.shutdown();
    expect(b.database.isOpen).toBe(false);
  });

  test("closing the engine itself closes it for all", () => {
    const path = newDirectory();
    const [a, b] = [keep(Strata.open(path)), keep(Strata.open(path))];
    a.database.close();
    expect([a.isOpen, b.isOpen]).toEqual([false, false]);
    expectCode("DATABASE_CLOSED", () => b.kv.get("k"));
    const c = keep(Strata.open(path));
    b.close();
    expect(c.isOpen).toBe(true);
  });

  test("closing twice gives back one share", () => {
    const path = newDirectory();
    const [a, b] = [Strata.open(path), keep(Strata.open(path))];
    a.close();
    a.close();
    expect(b.isOpen).toBe(true);
  });
});

describe("a second process", () => {
  const HOLD = `
    import { Strata } from "stratadb";
    const db = Strata.open(process.argv.at(-1));
    db.kv.put("k", "theirs");
    console.log("open");
    setInterval(() => {}, 1000);
  `;

  test("is refused and told who holds the database, until that one is gone", async () => {
    const path = newDirectory();
    const holder = start(HOLD, path);
    expect(await holder.line()).toBe("open");
    const error = expectCode("DATABASE_LOCKED", () => Strata.open(path));
    expect(error.facts).toHaveProperty("holder");
    holder.kill();
    await holder.ended;
    const db = keep(Strata.open(path));
    expect(db.kv.get("k")).toBe("theirs");
  });

  test("that ends without closing leaves a cleanly closed database and no temporary directory", async () => {
    const path = newDirectory();
    const program = start(
      `
        import { Strata } from "stratadb";
        const temporary = Strata.openTemp();
        temporary.kv.put("k", 1);
        console.log(temporary.info().path);
        Strata.open(process.argv.at(-1)).kv.put("k", "kept");
      `,
      path,
    );
    const temporary = await program.line();
    expect(await program.ended).toBe(0);
    expect(temporary?.startsWith(tmpdir())).toBe(true);
    expect(existsSync(temporary as string)).toBe(false);
    const db = keep(Strata.open(path));
    expect(db.kv.get("k")).toBe("kept");
    expect(db.info().recovery).toMatchObject({ tornBytes: 0 });
  });
});

describe("openTemp and cache", () => {
  test("openTemp is a real directory, removed on close and on shutdown", async () => {
    for (const end of ["close", "shutdown", "dispose"] as const) {
      const db = Strata.openTemp();
      const path = db.info().path as string;
      db.kv.put("k", 1);
      expect(existsSync(path)).toBe(true);
      if (end === "close") db.close();
      else if (end === "shutdown") await db.shutdown();
      else db[Symbol.dispose]();
      expect(existsSync(path), end).toBe(false);
    }
  });

  test("two are two", () => {
    const [a, b] = [keep(Strata.openTemp()), keep(Strata.openTemp())];
    const [c, d] = [keep(Strata.cache()), keep(Strata.cache())];
    a.kv.put("k", 1);
    c.kv.put("k", 1);
    expect([b.kv.get("k"), d.kv.get("k")]).toEqual([undefined, undefined]);
  });

  test("a cache takes the options of a path, and flushing it does nothing", async () => {
    const db = keep(Strata.cache({ durability: "strict", buffered: { flushIntervalMs: 5 } }));
    db.kv.put("k", 1);
    db.flush();
    await db.durable();
    expect(db.info().path).toBeUndefined();
  });
});

describe("a backend of one's own", () => {
  test("keeps the database between openings", () => {
    const disk = new MemoryVfs();
    const first = Strata.open({ durability: new StrictDurability(disk) });
    first.kv.put("k", 1);
    first.events.append("e", {});
    expect(first.info().durability).toBe("strict");
    first.close();
    const db = keep(Strata.open({ durability: new StrictDurability(disk), limits: { keyBytes: 4 } }));
    expect(db.kv.get("k")).toBe(1);
    expect(db.events.verify().valid).toBe(true);
    expectCode("INVALID_KEY", () => db.kv.put("too long", 1));
  });

  test("is not for calls that choose it themselves, and a path is not for a backend", async () => {
    const durability = new StrictDurability(new MemoryVfs());
    for (const call of [Strata.cache, Strata.openTemp]) {
      expect(expectCode("INVALID_ARGUMENT", () => call({ durability })).message).toContain(
        "Strata.open({ durability })",
      );
    }
    expectCode("INVALID_ARGUMENT", () => Strata.open(newDirectory(), { durability }));
    expectCode("INVALID_ARGUMENT", () => Strata.open({ durability: "strict" } as never));
    const db = keep(await Strata.openAsync({ durability }, { preload: ["default"], limits: { keyBytes: 4 } }));
    db.kv.put("k", 1);
    expectCode("INVALID_KEY", () => db.kv.put("too long", 1));
  });
});

describe("openAsync", () => {
  test("opens a path", async () => {
    const path = newDirectory();
    await using db = await Strata.openAsync(path, { durability: "strict" });
    db.kv.put("k", 1);
    expect(db.info().durability).toBe("strict");
  });

  test("with a list to preload the other runs wait for runs.load", async () => {
    const path = newDirectory();
    {
      using db = Strata.open(path);
      db.createRun("a").name;
      db.createRun("b");
      db.in({ run: "b" }).kv.put("k", 1);
    }
    const db = keep(await Strata.openAsync(path, { preload: ["a"] }));
    expect(db.runs.list()).toEqual(["a", "b", "default"]);
    db.in({ run: "a" }).kv.put("k", 1);
    expectCode("RUN_NOT_LOADED", () => db.kv.get("k"));
    const b = db.in({ run: "b" });
    expectCode("RUN_NOT_LOADED", () => b.kv.get("k"));
    expectCode("RUN_NOT_LOADED", () => b.transaction(() => {}));
    expectCode("RUN_NOT_LOADED", () => b.at());
    expectCode("RUN_NOT_LOADED", () => b.session());
    expectCode("RUN_NOT_LOADED", () => b.version);
    await db.runs.load("b");
    expect(b.kv.get("k")).toBe(1);
    await expectRejection("RUN_NOT_FOUND", () => db.runs.load("nobody"));
    db.createRun("c");
    db.in({ run: "c" }).kv.put("k", 1);
  });

  test("refuses a preload that is no list, or names a run that is not there", async () => {
    const path = newDirectory();
    await expectRejection("INVALID_ARGUMENT", () => Strata.openAsync(path, { preload: "some" as never }));
    await expectRejection("RUN_NOT_FOUND", () => Strata.openAsync(path, { preload: ["nobody"] }));
    await expectRejection("INVALID_ARGUMENT", () => Strata.openAsync(undefined as never));
    keep(Strata.open(path));
  });
});
