import { execFile } from "node:child_process";
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { expect, test } from "vitest";

const MAIN = fileURLToPath(new URL("main.mjs", import.meta.url));
const run = promisify(execFile);
const tour = (...options: string[]) => run(process.execPath, [MAIN, ...options]);

test("goes through every chapter, is killed, and finds everything again", async () => {
  const { stdout } = await tour("--kills", "1", "--forget");
  for (let chapter = 1; chapter <= 7; chapter++) expect(stdout).toContain(`\n${chapter}. `);
  expect(stdout).toMatch(/kill 1: \d+ acknowledged commits, all there; \d+ events, chain valid/);
  expect(stdout).toContain("no update was lost");
  for (const way of ["by words", "by meaning", "by both"]) expect(stdout).toMatch(new RegExp(`${way} +\\S+\\.md › `));
  expect(stdout).toContain("one version earlier it is still");
  expect(stdout).not.toContain("NOT OK");
  expect(stdout).toContain("The database was deleted");
}, 60_000);

test("is plain text where nobody looks on", async () => {
  const { stdout } = await tour("--kills", "1", "--forget", "--durability", "none");
  expect([...stdout].filter((character) => character < " " && character !== "\n")).toEqual([]);
}, 60_000);

test("goes on in a directory that it was in before", async () => {
  const dir = mkdtempSync(join(tmpdir(), "strata-tour-test-"));
  try {
    await tour("--dir", dir, "--kills", "1");
    const { stdout } = await tour("--dir", dir, "--kills", "1");
    expect(stdout).toMatch(/\d+ were known from before/);
    expect(stdout).not.toContain("NOT OK");
    expect(existsSync(dir)).toBe(true);
  } finally {
    rmSync(dir, { recursive: true, force: true });
  }
}, 120_000);

test("explains itself, also to those who mistype", async () => {
  expect((await tour("--help")).stdout).toContain("--durability MODE");
  for (const wrong of [["--kills", "0"], ["--durability", "sometimes"], ["--what"]]) {
    await expect(tour(...wrong)).rejects.toMatchObject({ code: 2, stderr: expect.stringContaining("npm start") });
  }
});
