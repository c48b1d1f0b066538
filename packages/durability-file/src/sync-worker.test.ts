import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { syncWorkerSource } from "./sync-worker.js";

test("the built package carries the worker's program as text, which no bundler changes", () => {
  const built = readFileSync(join(import.meta.dirname, "../dist/sync-worker.js"), "utf8");
  expect(built).not.toContain("syncWorker.toString()"); // else `npm run build` has not finished
  expect(built).toContain("function syncWorkerSource() {");
});

test("the program refers to nothing that a module would have to import", () => {
  const source = syncWorkerSource();
  expect(source).not.toMatch(/__vi_?(te|import)/); // what the test runner makes of an import
  expect(source).not.toMatch(/\bimport\b|\brequire\b|\bexports\b/);
});
