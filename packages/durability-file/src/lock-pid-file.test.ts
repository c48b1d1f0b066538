import { spawn } from "node:child_process";
import { readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, onTestFinished, test, vi } from "vitest";
import { Program } from "../test/program.js";
import { temporaryDirectory } from "../test/temporary.js";
import { lockByPidFile } from "./lock-pid-file.js";
import { formatRecord, type LockRecord, newRecord } from "./lock-record.js";

/** What happens between this process's look at the numbers and its making the next. */
let meanwhile: (prefix: string) => void = () => {};

vi.mock("node:fs", async (importOriginal) => {
  const fs = await importOriginal<typeof import("node:fs")>();
  return {
    ...fs,
    linkSync(from: string, to: string) {
      const act = meanwhile;
      meanwhile = () => {};
      act(to.replace(/-\d+$/, ""));
      fs.linkSync(from, to);
    },
  };
});

function withRecord(changes: Partial<LockRecord>): string {
  const prefix = join(temporaryDirectory(), "LOCK.pid");
  writeFileSync(`${prefix}-7`, formatRecord({ ...newRecord("pid-file"), ...changes }));
  return prefix;
}

function names(prefix: string): string[] {
  return readdirSync(join(prefix, ".."));
}

const isLinux = process.platform === "linux";

test("a process id that lives again as another process holds nothing", () => {
  const prefix = withRecord({ startTime: "1" });
  expect(lockByPidFile(prefix, "exclusive")).toBeTypeOf("function");
  expect(names(prefix)).toEqual(["LOCK.pid-8"]);
});

test.skipIf(!isLinux)("a holder from before the machine started anew holds nothing, whatever its id", () => {
  expect(lockByPidFile(withRecord({ bootId: "another" }), "exclusive")).toBeTypeOf("function");
});

test("a holder that was killed holds nothing", async () => {
  const program = new Program("idle.mjs");
  await program.line();
  const prefix = withRecord({ pid: program.pid, startTime: "" });
  expect(lockByPidFile(prefix, "exclusive")).toBe("held");
  await program.kill();
  expect(lockByPidFile(prefix, "exclusive")).toBeTypeOf("function");
});

test.skipIf(!isLinux)("a holder that is dead and not yet collected by its parent holds nothing", async () => {
  // The shell becomes a program that never waits for its children, before its child ends.
  const parent = spawn("sh", ["-c", "sleep 2 & echo $!; exec sleep 60"], { stdio: ["ignore", "pipe", "ignore"] });
  onTestFinished(() => void parent.kill("SIGKILL"));
  const pid = Number(await new Promise((resolve) => parent.stdout.once("data", resolve)));
  while (!readFileSync(`/proc/${pid}/stat`, "utf8").includes(") Z ")) await new Promise(setImmediate);
  expect(lockByPidFile(withRecord({ pid, startTime: "" }), "exclusive")).toBeTypeOf("function");
});

test("this process holds what it took", () => {
  expect(lockByPidFile(withRecord({}), "exclusive")).toBe("held");
  expect(lockByPidFile(withRecord({}), "shared")).toBe("held");
});

test.skipIf(!isLinux)("a holder that cannot be seen from here keeps its lock", () => {
  expect(lockByPidFile(withRecord({ host: "elsewhere", bootId: "another" }), "exclusive")).toBe("held");
  expect(lockByPidFile(withRecord({ pidNamespace: "pid:[1]" }), "exclusive")).toBe("held");
  expect(lockByPidFile(withRecord({ host: "container", pidNamespace: "pid:[1]" }), "exclusive")).toBe("held");
});

test("what cannot be read may be somebody's who is writing it", () => {
  const prefix = withRecord({});
  for (const text of ["", "{", "{}"]) {
    writeFileSync(`${prefix}-7`, text);
    expect(lockByPidFile(prefix, "exclusive")).toBe("held");
  }
});

test("only the highest number counts, other files do not", () => {
  const prefix = withRecord({ startTime: "1" });
  for (const name of ["-6", "-8.draft", "-010", "-x"])
    writeFileSync(prefix + name, formatRecord(newRecord("pid-file")));
  const release = lockByPidFile(prefix, "exclusive");
  expect(release).toBeTypeOf("function");
  expect(names(prefix)).toEqual(["LOCK.pid-010", "LOCK.pid-8", "LOCK.pid-8.draft", "LOCK.pid-x"]);
});

test("who comes late gives way: others took the lock and its next number, and cleared up", () => {
  const prefix = withRecord({ startTime: "1" });
  meanwhile = () => {
    rmSync(`${prefix}-7`);
    writeFileSync(`${prefix}-9`, formatRecord(newRecord("pid-file")));
  };
  expect(lockByPidFile(prefix, "exclusive")).toBe("held");
  expect(names(prefix)).toEqual(["LOCK.pid-9"]);
});

test("who is beaten to a number looks again", () => {
  const prefix = withRecord({ startTime: "1" });
  meanwhile = () => writeFileSync(`${prefix}-8`, formatRecord({ ...newRecord("pid-file"), startTime: "1" }));
  expect(lockByPidFile(prefix, "exclusive")).toBeTypeOf("function");
  expect(names(prefix)).toEqual(["LOCK.pid-9"]);
});

test("a file system without hard links will do", () => {
  const prefix = withRecord({ startTime: "1" });
  meanwhile = () => {
    throw Object.assign(new Error("no links"), { code: "EPERM" });
  };
  const release = lockByPidFile(prefix, "exclusive");
  expect(lockByPidFile(prefix, "exclusive")).toBe("held");
  if (typeof release === "function") release();
  expect(lockByPidFile(prefix, "exclusive")).toBeTypeOf("function");
});

test("a reader leaves no file", () => {
  const prefix = withRecord({ startTime: "1" });
  expect(lockByPidFile(prefix, "shared")).toBeTypeOf("function");
  expect(names(prefix)).toEqual(["LOCK.pid-7"]);
});

test("of many who take over from a dead holder at once, one succeeds", async () => {
  const rounds = 300;
  const program = new Program("race-for-lock.mjs", [temporaryDirectory(), "4", String(rounds)]);
  expect(JSON.parse(await program.line())).toEqual(new Array(rounds).fill(1));
});
