import { spawnSync } from "node:child_process";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";

test("the declarations, checked in full, stand on ES2022 and the web's globals alone", () => {
  const compiler = join(dirname(createRequire(import.meta.url).resolve("typescript/package.json")), "lib", "tsc.js");
  const project = fileURLToPath(new URL("./consumer/", import.meta.url));
  const { stdout } = spawnSync(process.execPath, [compiler, "-p", project], { encoding: "utf8" });
  expect(stdout).toBe("");
}, 60_000);
