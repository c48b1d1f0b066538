import { execFileSync } from "node:child_process";
import {
  chmodSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import type { Worker } from "node:worker_threads";
import { StrataError } from "@strata/core";
import type { Checkpoint, Durability } from "@strata/durability";
import { describe, expect, onTestFinished, test } from "vitest";
import { payloadOf, publishCommits, recoverCommits } from "../test/commits.mjs";
import { Program } from "../test/program.js";
import { temporaryDirectory } from "../test/temporary.js";
import { directoryIdentity, type FileDurabilityOptions, fileDurability } from "./file-durability.js";

function opened(path: string, options: FileDurabilityOptions = {}): Durability & { readonly last: number } {
  const durability = fileDurability(path, options);
  const { last } = recoverCommits(durability);
  onTestFinished(() => durability.abandon());
  return Object.assign(durability, { last });
}

function failure(action: () => unknown): StrataError {
  try {
    action();
  } catch (error) {
    if (StrataError.is(error)) return error;
    throw error;
  }
  throw new Error("did not fail");
}

/** Every file below `directory` with its bytes. */
function contents(directory: string): Record<string, string> {
  const files: Record<string, string> = {};
  for (const name of readdirSync(directory, { recursive: true, encoding: "utf8" })) {
    const path = join(directory, name);
    if (statSync(path).isFile()) files[name] = readFileSync(path, "latin1");
  }
  return files;
}

describe("the directory", () => {
  test("is made at the first opening, with those above it, and not before", () => {
    const path = join(temporaryDirectory(), "above", "database");
    const durability = fileDurability(path);
    expect(existsSync(join(path, ".."))).toBe(false);
    expect(recoverCommits(durability).summary.created).toBe(true);
    expect(durability.describe()).toMatchObject({ path, lockMethod: expect.any(String), directorySync: true });
    durability.shutdown();
    expect(recoverCommits(fileDurability(path)).summary).toMatchObject({ created: false, clean: true });
  });

  test("may be there and empty", () => {
    expect(opened(temporaryDirectory()).last).toBe(0);
  });

  test("is told from others whatever it is called", () => {
    const directory = temporaryDirectory();
    const link = join(temporaryDirectory(), "link");
    symlinkSync(directory, link);
    expect(directoryIdentity(link)).toBe(directoryIdentity(directory));
    expect(directoryIdentity(join(link, ".."))).not.toBe(directoryIdentity(directory));
    expect(directoryIdentity(join(directory, "absent"))).toBeUndefined();
  });

  test("a file in its place is no database", () => {
    const path = join(temporaryDirectory(), "file");
    writeFileSync(path, "text");
    for (const readOnly of [false, true]) {
      const error = failure(() => fileDurability(path, { readOnly }).recover(() => {}));
      expect(error.code).toBe("NOT_A_DATABASE");
      expect(error.facts).toEqual({ path });
    }
    expect(readFileSync(path, "utf8")).toBe("text");
  });

  test("somebody's files in it are no database", () => {
    const path = temporaryDirectory();
    writeFileSync(join(path, "thesis.txt"), "text");
    expect(failure(() => fileDurability(path).recover(() => {})).code).toBe("NOT_A_DATABASE");
  });

  test("a file above it is an error of the path", () => {
    const path = join(temporaryDirectory(), "file");
    writeFileSync(path, "text");
    const error = failure(() => fileDurability(join(path, "database")).recover(() => {}));
    expect(error).toMatchObject({ code: "IO_ERROR", facts: { errno: "ENOTDIR" } });
  });

  test("a path is text", () => {
    for (const path of ["", "a\0b", undefined, 7]) {
      expect(failure(() => fileDurability(path as string)).code).toBe("INVALID_ARGUMENT");
    }
  });

  test.skipIf(process.platform === "win32")("without permission: which call, which file, what to do", async () => {
    const directory = temporaryDirectory();
    chmodSync(join(directory), 0o755);
    const database = join(directory, "database");
    mkdirSync(database, { mode: 0o555 });
    expect(JSON.parse(await new Program("open-as-nobody.mjs", [database]).line())).toMatchObject({
      code: "IO_ERROR",
      hint: expect.stringContaining("owner and mode"),
      facts: { errno: "EACCES" },
    });
    chmodSync(directory, 0o555);
    rmSync(database, { recursive: true, force: true });
    expect(JSON.parse(await new Program("open-as-nobody.mjs", [database]).line())).toMatchObject({
      code: "IO_ERROR",
      facts: { operation: "makeDirectory", errno: "EACCES" },
    });
    chmodSync(directory, 0o755);
  });
});

describe("reading only", () => {
  test("changes no byte, and keeps no other reader out", () => {
    const path = temporaryDirectory();
    const writer = opened(path);
    for (let version = 1; version <= 10; version++) writer.persist(version, payloadOf(version));
    writer.abandon(); // as after a crash
    const before = contents(path);
    const readers = [opened(path, { readOnly: true }), opened(path, { readOnly: true })];
    for (const reader of readers) {
      expect(reader.last).toBe(10);
      expect(failure(() => reader.append(11, payloadOf(11))).code).toBe("READ_ONLY");
    }
    expect(failure(() => fileDurability(path).recover(() => {})).code).toBe("DATABASE_LOCKED");
    for (const reader of readers) reader.shutdown();
    expect(contents(path)).toEqual(before);
    expect(opened(path).last).toBe(10);
  });

  test("makes nothing where there is nothing", () => {
    const path = join(temporaryDirectory(), "absent");
    expect(failure(() => fileDurability(path, { readOnly: true }).recover(() => {})).code).toBe("READ_ONLY");
    expect(existsSync(path)).toBe(false);
  });
});

describe("checkpoints", () => {
  const SMALL = { segments: { firstBytes: 8192, maxBytes: 8192 } };

  test("lie in files beside the log, and the log they stand for goes", async () => {
    const path = temporaryDirectory();
    const writer = opened(path, SMALL);
    let last: Checkpoint | undefined;
    for (let version = 1; version <= 300; version++) {
      writer.persist(version, payloadOf(version));
      if (version % 60 === 0) last = await publishCommits(writer, version, last);
    }
    expect(readdirSync(join(path, "snapshots"))).toHaveLength(5);
    const logBytes = () => readdirSync(join(path, "wal")).length * 8192;
    expect(logBytes()).toBeLessThan(80_000);
    expect(writer.describe().logBytes).toBeLessThan(80_000);
    writer.shutdown();
    const before = contents(path);
    const reader = opened(path, { readOnly: true });
    expect(reader.last).toBe(300);
    reader.shutdown();
    expect(contents(path)).toEqual(before);
    const again = opened(path);
    expect(again.last).toBe(300);
    again.persist(301, payloadOf(301));
    again.abandon();
    expect(opened(path).last).toBe(301);
  });

  test("are made while the event loop runs: what is due is done before an fsync of theirs returns", async () => {
    const path = temporaryDirectory();
    const durability = opened(path);
    durability.persist(1, payloadOf(1));
    const writer = durability.snapshots!.create();
    writer.write(new Uint8Array(8 * 1024 * 1024));
    const order: string[] = [];
    const finished = writer.finish().then(() => order.push("finished"));
    process.nextTick(() => order.push("tick"));
    await finished;
    expect(order).toEqual(["tick", "finished"]);
  });

  test("end with the log, also while a file is being synced", async () => {
    for (const end of ["shutdown", "abandon"] as const) {
      const path = temporaryDirectory();
      const durability = opened(path);
      durability.persist(1, payloadOf(1));
      const published = publishCommits(durability, 1, undefined);
      durability[end]();
      await expect(published).rejects.toMatchObject({ code: "DATABASE_CLOSED" });
      expect(readdirSync(join(path, "snapshots"))).toEqual([]);
      const next = opened(path);
      const second = publishCommits(next, 1, undefined);
      // Its file is there by then, or is not: either is well.
      await new Promise(setImmediate);
      next[end]();
      await second.catch((error: unknown) => expect(error).toMatchObject({ code: "DATABASE_CLOSED" }));
      expect(opened(path).last).toBe(1);
    }
  });
});

describe("one owner", () => {
  test("another process is refused while the owner lives, and let in when it was killed", async () => {
    const path = temporaryDirectory();
    const owner = new Program("commit-until-killed.mjs", [path, "none", "promised"]);
    await owner.line();
    await owner.line(); // one commit
    const error = failure(() => fileDurability(path).recover(() => {}));
    expect(error).toMatchObject({ code: "DATABASE_LOCKED", facts: { path, holder: { pid: owner.pid } } });
    expect(error.retryable).toBe(true);
    await owner.kill();
    expect(opened(path).last).toBeGreaterThan(0);
  });

  test("so is another opening by the same process", () => {
    const path = temporaryDirectory();
    const owner = opened(path);
    const error = failure(() => fileDurability(path).recover(() => {}));
    expect(error).toMatchObject({ code: "DATABASE_LOCKED", facts: { holder: { pid: process.pid } } });
    expect(error.hint).toContain("share the handle");
    owner.shutdown();
    opened(path).shutdown();
  });
});

describe("fsyncs", () => {
  const NEVER = { flushIntervalMs: 60_000, maxPendingWrites: 1_000_000 };

  test("strict: one for each commit that is waited for", () => {
    const durability = opened(temporaryDirectory(), { mode: "strict" });
    const before = durability.counters.fsyncs;
    for (let version = 1; version <= 20; version++) durability.persist(version, payloadOf(version));
    expect(durability.counters.fsyncs - before).toBe(20);
    expect(durability.durableThrough).toBe(20);
  });

  test("strict: promises share one", async () => {
    const durability = opened(temporaryDirectory(), { mode: "strict" });
    const before = durability.counters.fsyncs;
    const settled: Promise<void>[] = [];
    for (let version = 1; version <= 100; version++)
      settled.push(durability.settled(durability.append(version, payloadOf(version))));
    await Promise.all(settled);
    expect(durability.counters.fsyncs - before).toBe(1);
    expect(durability.durableThrough).toBe(100);
  });

  test("none: none, not even in the background", () => {
    const durability = opened(temporaryDirectory(), {
      mode: "none",
      buffered: { flushIntervalMs: 1, maxPendingWrites: 1 },
    });
    const before = durability.counters.fsyncs;
    for (let version = 1; version <= 1000; version++) durability.persist(version, payloadOf(version));
    expect(durability.counters.fsyncs - before).toBe(0);
    expect(durability.durableThrough).toBe(0);
    durability.flush();
    expect(durability.counters.fsyncs - before).toBe(1);
  });

  test("buffered: none before the window ends, then one for all", () => {
    const durability = opened(temporaryDirectory(), { buffered: NEVER });
    const before = durability.counters.fsyncs;
    for (let version = 1; version <= 1000; version++) durability.persist(version, payloadOf(version));
    expect(durability.counters.fsyncs - before).toBe(0);
    durability.flush();
    expect(durability.counters.fsyncs - before).toBe(1);
    expect(durability.durableThrough).toBe(1000);
  });

  test("buffered: in the background while the event loop is blocked", () => {
    const durability = opened(temporaryDirectory(), { buffered: { flushIntervalMs: 10 } });
    const before = durability.counters.fsyncs;
    const nobody = new Int32Array(new SharedArrayBuffer(4));
    for (let version = 1; version <= 5; version++) {
      durability.persist(version, payloadOf(version));
      while (durability.durableThrough < version) Atomics.wait(nobody, 0, 0, 1);
    }
    expect(durability.counters.fsyncs - before).toBe(5);
  });

  test("a strict commit in a buffered database makes everything before it durable, in every segment", () => {
    const durability = opened(temporaryDirectory(), {
      buffered: NEVER,
      segments: { firstBytes: 8192, maxBytes: 8192 },
    });
    for (let version = 1; version <= 99; version++) durability.persist(version, payloadOf(version));
    expect(durability.counters.rolls).toBeGreaterThan(1);
    durability.persist(100, payloadOf(100), "strict");
    expect(durability.durableThrough).toBe(100);
  });
});

describe("a full disk", () => {
  test("refuses commits for certain, takes them again when there is room, and loses none", () => {
    const path = temporaryDirectory();
    if (!mounted(path, "6m")) return;
    const durability = opened(path, { segments: { firstBytes: 65_536, maxBytes: 65_536 } });
    writeFileSync(join(path, ".ballast"), new Uint8Array(5 * 1024 * 1024));
    let version = 0;
    const error = failure(() => {
      for (;;) {
        durability.persist(version + 1, payloadOf(version + 1));
        version++;
      }
    });
    expect(error).toMatchObject({ code: "DISK_FULL", outcome: "definitely_not_committed", retryable: true });
    expect(durability.health).toBe("ok");
    expect(failure(() => durability.append(version + 1, payloadOf(version + 1))).code).toBe("DISK_FULL");

    rmSync(join(path, ".ballast"));
    for (let more = 0; more < 1000; more++) durability.persist(++version, payloadOf(version));
    durability.abandon();
    expect(opened(path).last).toBe(version);
  });

  test("refuses a snapshot file, which leaves nothing behind, and the log goes on", async () => {
    const path = temporaryDirectory();
    if (!mounted(path, "6m")) return;
    const durability = opened(path, { segments: { firstBytes: 65_536, maxBytes: 65_536 } });
    let version = 0;
    for (let more = 0; more < 1000; more++) durability.persist(++version, payloadOf(version));
    const writer = durability.snapshots!.create();
    const error = failure(() => {
      for (;;) writer.write(new Uint8Array(100_000));
    });
    expect(error).toMatchObject({ code: "DISK_FULL", facts: { operation: "write" } });
    await expect(writer.finish()).rejects.toBe(error);
    expect(readdirSync(join(path, "snapshots"))).toEqual([]);
    expect(durability.health).toBe("ok");
    for (let more = 0; more < 1000; more++) durability.persist(++version, payloadOf(version));
    await publishCommits(durability, version, undefined);
    durability.shutdown();
    expect(opened(path).last).toBe(version);
  });

  /** Mounts a small file system there. Not everyone may. */
  function mounted(path: string, size: string): boolean {
    try {
      execFileSync("mount", ["-t", "tmpfs", "-o", `size=${size}`, "tmpfs", path], { stdio: "pipe" });
    } catch (error) {
      console.log(`the test of a full disk is skipped: it needs the right to mount (${String(error).split("\n")[0]})`);
      return false;
    }
    onTestFinished(() => {
      execFileSync("umount", ["--lazy", path]);
    });
    return true;
  }
});

test("when the thread that fsyncs dies, what was acknowledged is safe and nothing more is", async () => {
  const path = temporaryDirectory();
  const durability = opened(path, { buffered: { flushIntervalMs: 1, maxPendingWrites: 1 } });
  await new Promise(setImmediate);
  const started = new Promise<Worker>((resolve) => process.once("worker", resolve));
  let version = 0;
  durability.persist(++version, payloadOf(version));
  const worker = await started;
  await durability.durable();
  void worker.terminate();
  const error = failure(() => {
    for (;;) {
      durability.persist(version + 1, payloadOf(version + 1));
      version++;
    }
  });
  expect(["COMMIT_OUTCOME_UNKNOWN", "STATE_POISONED"]).toContain(error.code);
  expect(durability.health).toBe("poisoned");
  durability.shutdown();
  expect(opened(path).last).toBeGreaterThanOrEqual(version);
});
