import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { frozen } from "../scripts/freeze-sync-worker.mjs";
import { syncWorkerSource } from "./sync-worker.js";

function text(path: string): string {
  return readFileSync(join(import.meta.dirname, path), "utf8");
}

test("the build puts the worker's program as text where the function is asked for it, so that no bundler changes it", () => {
  // The shape of this very line is what the build looks for.
  const code = text("sync-worker.ts");
  const built = frozen(code, 'post("$&")');
  expect(built).toContain('return "post(\\"$&\\")";');
  expect(built).not.toContain("syncWorker.toString()");
  expect(() => frozen(built, "")).toThrow("exactly once");
  expect(JSON.parse(text("../package.json")).scripts.build).toMatch(/tsc .* && node scripts\/freeze-sync-worker\.mjs$/);
});

test("the program refers to nothing that a module would have to import", () => {
  const source = syncWorkerSource();
  expect(source).not.toMatch(/__vi_?(te|import)/); // what the test runner makes of an import
  expect(source).not.toMatch(/\bimport\b|\brequire\b|\bexports\b/);
});
