import { chmodSync, linkSync, mkdirSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { StateError } from "@strata/core";
import { describe, expect, test } from "vitest";
import { Program } from "../test/program.js";
import { temporaryDirectory } from "../test/temporary.js";
import { ADDON_METHOD, SQLITE_METHOD } from "./lock-methods.js";
import { PID_FILE_METHOD } from "./lock-pid-file.js";
import { formatRecord, newRecord, readRecord } from "./lock-record.js";
import { LOCK_METHODS, type LockMethod, takeLock } from "./os-lock.js";

/** The methods that work on this machine and this version of Node. */
const usable = LOCK_METHODS.filter((method) => {
  const directory = temporaryProbe();
  try {
    takeLock(join(directory, "LOCK"), "exclusive", [method]).release();
    return true;
  } catch {
    console.log(
      `tests of the lock method "${method.name}" are skipped: it does not work here (Node ${process.version})`,
    );
    return false;
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
});
const kernel = usable.filter((method) => method.name !== PID_FILE_METHOD);

function temporaryProbe(): string {
  const directory = join(import.meta.dirname, `../node_modules/.lock-probe-${process.pid}`);
  mkdirSync(directory, { recursive: true });
  return directory;
}

function lockPath(): string {
  return join(temporaryDirectory(), "LOCK");
}

function refusal(action: () => unknown): StateError {
  try {
    action();
  } catch (error) {
    if (error instanceof StateError) return error;
    throw error;
  }
  throw new Error("not refused");
}

test("the prebuilt lock of the system works here", () => {
  expect(usable.map((method) => method.name)).toContain(ADDON_METHOD);
  const lock = takeLock(lockPath(), "exclusive");
  expect(lock.method).toBe(ADDON_METHOD);
  lock.release();
});

describe.each(usable)("the lock by $name", (method: LockMethod) => {
  test("keeps a second writer of the same process out, and says who has it", () => {
    const path = lockPath();
    const lock = takeLock(path, "exclusive", [method]);
    const error = refusal(() => takeLock(path, "exclusive", [method]));
    expect(error.code).toBe("DATABASE_LOCKED");
    expect(error.facts).toMatchObject({
      holder: {
        pid: process.pid,
        method: method.name,
        command: expect.stringContaining("node"),
      },
    });
    expect(error.message).toContain("this very process");
    refusal(() => takeLock(path, "shared", [method]));
    lock.release();
    takeLock(path, "exclusive", [method]).release();
  });

  test("is given up once, however often it is released", () => {
    const path = lockPath();
    const first = takeLock(path, "exclusive", [method]);
    first.release();
    const second = takeLock(path, "exclusive", [method]);
    first.release();
    refusal(() => takeLock(path, "exclusive", [method]));
    second.release();
  });

  test("is the same lock by every name of the directory", () => {
    const directory = temporaryDirectory();
    const other = join(temporaryDirectory(), "link");
    symlinkSync(directory, other);
    const lock = takeLock(join(directory, "LOCK"), "exclusive", [method]);
    refusal(() => takeLock(join(other, "LOCK"), "exclusive", [method]));
    lock.release();
  });

  test("keeps another process out while it lives and lets it in when it was killed", async () => {
    const path = lockPath();
    const holder = new Program("hold-lock.mjs", [path, "exclusive", method.name]);
    expect(await holder.line()).toBe(`locked ${method.name}`);
    const error = refusal(() => takeLock(path, "exclusive", [method]));
    expect(error.facts).toMatchObject({
      holder: { pid: holder.pid, command: expect.stringContaining("hold-lock.mjs") },
    });
    expect(error.message).toContain(`process ${holder.pid}`);
    refusal(() => takeLock(path, "shared", [method]));

    await holder.kill();
    takeLock(path, "exclusive", [method]).release();
  });

  test("refuses the other process", async () => {
    const path = lockPath();
    const lock = takeLock(path, "exclusive", [method]);
    expect(await new Program("hold-lock.mjs", [path, "exclusive", method.name]).line()).toBe("DATABASE_LOCKED");
    lock.release();
    expect(await new Program("hold-lock.mjs", [path, "exclusive", method.name]).line()).toBe(`locked ${method.name}`);
  });
});

describe.each(kernel)("the lock by $name, a lock of the kernel,", (method: LockMethod) => {
  test("is shared by readers, who keep writers out and write nothing", () => {
    const path = lockPath();
    takeLock(path, "exclusive", [method]).release();
    const before = contents(join(path, ".."));
    const first = takeLock(path, "shared", [method]);
    const second = takeLock(path, "shared", [method]);
    const error = refusal(() => takeLock(path, "exclusive", [method]));
    expect(error.facts).not.toHaveProperty("holder");
    first.release();
    refusal(() => takeLock(path, "exclusive", [method]));
    second.release();
    expect(contents(join(path, ".."))).toEqual(before);
    takeLock(path, "exclusive", [method]).release();
  });

  test("is found by a hard link of its guard", () => {
    const path = lockPath();
    const other = lockPath();
    const lock = takeLock(path, "exclusive", [method]);
    linkSync(`${path}.guard`, `${other}.guard`);
    refusal(() => takeLock(other, "exclusive", [method]));
    lock.release();
  });

  test("does not end when the record is damaged or removed", () => {
    const path = lockPath();
    const lock = takeLock(path, "exclusive", [method]);
    writeFileSync(path, '{"pid": "no');
    expect(refusal(() => takeLock(path, "exclusive", [method])).facts).not.toHaveProperty("holder");
    rmSync(path);
    refusal(() => takeLock(path, "exclusive", [method]));
    lock.release();
    takeLock(path, "exclusive", [method]).release();
  });
});

describe("methods among each other", () => {
  const both = kernel.length === 2 && process.platform !== "darwin";
  test.skipIf(!both)("the two locks of the kernel keep each other out", async () => {
    const path = lockPath();
    for (const [held, tried] of [kernel, [...kernel].reverse()] as [LockMethod, LockMethod][]) {
      const holder = new Program("hold-lock.mjs", [path, "exclusive", held.name]);
      expect(await holder.line()).toBe(`locked ${held.name}`);
      writeFileSync(path, ""); // so that it is not the record that does it
      refusal(() => takeLock(path, "exclusive", [tried]));
      refusal(() => takeLock(path, "shared", [tried]));
      await holder.kill();
    }
  });

  test.skipIf(!both)("a reader's lock does not end with that of another reader, whatever the methods", async () => {
    const path = lockPath();
    const sqlite = kernel.filter((method) => method.name === SQLITE_METHOD);
    const first = takeLock(path, "shared", sqlite);
    takeLock(path, "shared").release();
    const writer = new Program("hold-lock.mjs", [path, "exclusive", SQLITE_METHOD]);
    expect(await writer.line()).toBe("DATABASE_LOCKED");
    first.release();
  });

  test("a living holder that locks otherwise is respected, a dead one is not", async () => {
    const path = lockPath();
    const [best] = kernel as [LockMethod];
    const holder = new Program("hold-lock.mjs", [path, "exclusive", PID_FILE_METHOD]);
    expect(await holder.line()).toBe(`locked ${PID_FILE_METHOD}`);
    expect(refusal(() => takeLock(path, "exclusive", [best])).facts).toMatchObject({ holder: { pid: holder.pid } });
    await holder.kill();
    takeLock(path, "exclusive", [best]).release();
  });

  test("a holder that released does not stand in the way of another method", () => {
    const path = lockPath();
    for (const method of [...usable, ...usable]) takeLock(path, "exclusive", [method]).release();
  });

  test("a method that does not work here is passed over", () => {
    const broken: LockMethod = { name: "broken", take: () => "unavailable" };
    const lock = takeLock(lockPath(), "exclusive", [broken, ...usable]);
    expect(lock.method).toBe(ADDON_METHOD);
    lock.release();
    expect(refusal(() => takeLock(lockPath(), "exclusive", [broken])).message).toContain("no way to lock");
  });
});

describe("a reader", () => {
  test("keeps writers out where no writer ever was", () => {
    const path = lockPath();
    const lock = takeLock(path, "shared");
    expect(lock.method).toBe(kernel[0]?.name);
    refusal(() => takeLock(path, "exclusive"));
    lock.release();
    expect(contents(join(path, ".."))).toEqual({ "LOCK.guard": "" });
  });

  test("needs no lock where nobody can write", async () => {
    const path = lockPath();
    chmodSync(join(path, ".."), 0o555);
    const reader = new Program("hold-lock.mjs", [path, "shared", "nobody"]);
    expect(await reader.line()).toBe("locked none");
    chmodSync(join(path, ".."), 0o755);
  });

  test("respects a writer without a lock of the kernel", () => {
    const path = lockPath();
    const writer = takeLock(path, "exclusive", [LOCK_METHODS[2]!]);
    refusal(() => takeLock(path, "shared"));
    writer.release();
    takeLock(path, "shared").release();
  });
});

describe("the record", () => {
  test("names the process for people, and is marked when it is over", () => {
    const path = lockPath();
    const lock = takeLock(path, "exclusive");
    expect(JSON.parse(readFileSync(path, "utf8"))).toMatchObject({
      pid: process.pid,
      command: expect.stringContaining("node"),
      since: expect.stringMatching(/^\d{4}-\d\d-\d\dT/),
      method: lock.method,
    });
    lock.release();
    expect(readFileSync(path, "utf8")).toMatch(/^#/);
    expect(readRecord(path)).toBeUndefined();
  });

  test("carries no arguments of the program, which may be secret", () => {
    expect(newRecord("x").command).toBe(`node ${process.argv[1]}`);
  });

  test("is what was written, and nothing else is a record", () => {
    const path = lockPath();
    const record = newRecord("sqlite");
    writeFileSync(path, formatRecord(record));
    expect(readRecord(path)).toEqual(record);
    for (const text of ["", " ", "null", "[]", "{}", '{"pid":0}', '{"pid":1.5}', '{"pid":"1"}', "{".repeat(20_000)]) {
      writeFileSync(path, text);
      expect(readRecord(path)).toBe("unreadable");
    }
  });
});

function contents(directory: string): object {
  return Object.fromEntries(readdirSync(directory).map((name) => [name, readFileSync(join(directory, name), "utf8")]));
}
