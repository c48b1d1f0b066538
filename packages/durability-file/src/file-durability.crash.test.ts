import { describe, expect, onTestFinished, test } from "vitest";
import { recoverCommits } from "../test/commits.mjs";
import { Program } from "../test/program.js";
import { temporaryDirectory } from "../test/temporary.js";
import { fileDurability } from "./file-durability.js";

/** Opens the database in this process and checks every commit in it. @returns the last. */
function lastCommit(directory: string): number {
  const durability = fileDurability(directory);
  onTestFinished(() => durability.abandon());
  const { last } = recoverCommits(durability);
  durability.abandon();
  return last;
}

describe.each(["none", "buffered", "strict"])("mode %s", (mode) => {
  test.each(["blocking", "promised"])("kill -9 loses no acknowledged commit (%s)", async (manner) => {
    const directory = temporaryDirectory();
    let acknowledged = 0;
    for (const commits of [1, 200, 20]) {
      const writer = new Program("commit-until-killed.mjs", [directory, mode, manner]);
      const recovered = Number(await writer.line());
      expect(recovered).toBeGreaterThanOrEqual(acknowledged);
      for (let commit = 0; commit < commits; commit++)
        acknowledged = Math.max(acknowledged, Number(await writer.line()));
      const { signal, output } = await writer.kill();
      expect(signal).toBe("SIGKILL");
      // What it said between the last line that was read and its death; the last line may be torn.
      for (const line of output.split("\n").slice(0, -1)) acknowledged = Math.max(acknowledged, Number(line));
    }
    expect(acknowledged).toBeGreaterThan(220);
    expect(lastCommit(directory)).toBeGreaterThanOrEqual(acknowledged);
  });
});

test("kill -9 between checkpoints, or in the middle of one, loses nothing", async () => {
  const directory = temporaryDirectory();
  const done = { recovered: 0, commit: 0, checkpoint: 0 };
  const hear = (line: string) => {
    const [what, version] = line.split(" ") as [keyof typeof done, string];
    done[what] = Number(version);
  };
  for (const lines of [1, 300, 130, 200, 60, 41]) {
    const acknowledged = Math.max(done.commit, done.checkpoint);
    const writer = new Program("checkpoint-until-killed.mjs", [directory]);
    hear(await writer.line());
    expect(done.recovered).toBeGreaterThanOrEqual(acknowledged);
    for (let line = 0; line < lines; line++) hear(await writer.line());
    const { signal, output } = await writer.kill();
    expect(signal).toBe("SIGKILL");
    for (const line of output.split("\n").slice(0, -1)) hear(line);
  }
  expect(done.checkpoint).toBeGreaterThan(100);
  const durability = fileDurability(directory);
  onTestFinished(() => durability.abandon());
  const { summary, last } = recoverCommits(durability);
  expect(last).toBeGreaterThanOrEqual(done.commit);
  expect(summary.checkpoint?.version).toBeGreaterThanOrEqual(done.checkpoint);
  // Most of the log is gone.
  expect(summary.commits).toBeLessThan(last / 2);
  expect(durability.describe().logBytes).toBeLessThan(60_000);
});

describe("ending without closing", () => {
  test.each([
    ["by itself", { code: 0, output: "durable through 100 of 100\n" }],
    ["process.exit", { code: 3, output: "durable through 100 of 101\n" }],
    ["throw", { code: 1, output: "durable through 100 of 100\n" }],
    ["reject", { code: 1, output: "durable through 100 of 100\n" }],
    ["await", { code: 0, output: "settled\ndurable through 101 of 101\n" }],
  ])("%s: what was written is durable when the process is gone", async (way, end) => {
    const directory = temporaryDirectory();
    const program = new Program("end-without-closing.mjs", [directory, way]);
    expect(await program.ended).toMatchObject(end);
    expect(lastCommit(directory)).toBeGreaterThanOrEqual(100);
  });
});

test("a file size limit of the shell refuses commits for certain, and loses none", async () => {
  const directory = temporaryDirectory();
  // bash counts in blocks of 1024 bytes: the first segment fits, the second does not.
  const limited = ["bash", "-c", 'ulimit -f 96 && exec "$@"', "bash"];
  const writer = new Program("commit-until-killed.mjs", [directory, "buffered", "blocking"], limited);
  const { code, output, errors } = await writer.ended;
  expect(code).toBe(1);
  expect(errors).toContain("DISK_FULL");
  expect(errors).toContain("definitely_not_committed");
  expect(lastCommit(directory)).toBe(Number(output.trim().split("\n").at(-1)));
});
