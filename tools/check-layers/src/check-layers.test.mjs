import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { checkLayers } from "./check-layers.mjs";

const layers = {
  core: { imports: [], portable: true, portFiles: ["src/clock.ts"] },
  storage: { imports: ["core"], portable: true },
  search: { imports: ["core"], types: ["storage"], portable: true },
  files: { imports: ["core"], portFiles: "all" },
  texts: { imports: ["core"], testImports: ["files"], portable: true },
};

let rootDir;
beforeEach(() => {
  rootDir = mkdtempSync(join(tmpdir(), "check-layers-"));
});
afterEach(() => rmSync(rootDir, { recursive: true }));

/** Checks a workspace in which `packageName` holds `files`, by path, and depends on `dependencies`. */
function check(packageName, files, manifest = { dependencies: { "@strata/core": "", "@strata/storage": "" } }) {
  const isAllowed = (name) => layers[packageName]?.imports.concat(layers[packageName].types ?? []).includes(name);
  const dependencies = Object.fromEntries(
    Object.entries(manifest.dependencies ?? {}).filter(([name]) => isAllowed(name.replace("@strata/", ""))),
  );
  return checkTree(packageName, { "package.json": JSON.stringify({ ...manifest, dependencies }), ...files });
}

function checkTree(packageName, files) {
  for (const [path, text] of Object.entries(files)) {
    const file = join(rootDir, "packages", packageName, path);
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, text);
  }
  return checkLayers(rootDir, layers).map(({ file, line, message }) => `${file}:${line} ${message}`);
}

describe("the map", () => {
  test("an import to the left is fine", () => {
    expect(check("storage", { "src/shard.ts": 'import { crc32 } from "@strata/core";\ncrc32();' })).toEqual([]);
  });

  test.each([
    ['import { x } from "@strata/storage";', "core must not import storage"],
    ['import type { x } from "@strata/storage";', "core must not import storage"],
    ['import "@strata/storage/testing";', "core must not import storage"],
    ['export * from "@strata/storage";', "core must not import storage"],
    ['export { x } from "@strata/storage";', "core must not import storage"],
    ['const late = await import("@strata/storage");', "core must not import storage"],
    ['type X = import("@strata/storage").X;', "core must not import storage"],
    ['import { x } from "stratadb";', "core must not import stratadb"],
  ])("an import to the right is caught: %s", (line, message) => {
    expect(check("core", { "src/index.ts": `\n${line}\n` })).toEqual([`packages/core/src/index.ts:2 ${message}`]);
  });

  test("an import to the right is caught in tests too", () => {
    expect(check("core", { "src/x.test.ts": 'import "@strata/storage";' })).toEqual([
      "packages/core/src/x.test.ts:1 core must not import storage",
    ]);
  });

  test("what only tests may import is caught elsewhere", () => {
    const manifest = { devDependencies: { "@strata/files": "" } };
    const line = 'import "@strata/files";';
    expect(check("texts", { "src/x.test.ts": line }, manifest)).toEqual([]);
    expect(check("texts", { "src/x.ts": line }, manifest)).toEqual([
      "packages/texts/src/x.ts:1 texts must not import files",
    ]);
  });

  test("where only types may be imported, a value is caught", () => {
    const files = {
      "src/a.ts": 'import type { X } from "@strata/storage";\nimport { type Y } from "@strata/storage";',
      "src/b.ts": 'import { type X, y } from "@strata/storage";',
    };
    expect(check("search", files)).toEqual([
      "packages/search/src/b.ts:1 search may import only types of storage: write import type",
    ]);
  });

  test("a dependency to the right is caught in package.json", () => {
    expect(checkTree("core", { "package.json": '{ "dependencies": { "@strata/storage": "workspace:^" } }' })).toEqual([
      "packages/core/package.json:1 core must not depend on storage",
    ]);
  });

  test("a package outside the map is caught", () => {
    expect(check("novelty", {})).toEqual([
      "packages/novelty/package.json:1 packages/novelty has no place in the map of layers",
    ]);
  });
});

describe("paths and dependencies", () => {
  test("a relative import into another package is caught, one within the package is fine", () => {
    const files = { "src/deep/a.ts": 'import "../b.js";\nimport "../../../core/src/index.js";' };
    expect(check("storage", files)).toEqual([
      'packages/storage/src/deep/a.ts:2 "../../../core/src/index.js" leaves the package: import packages by name',
    ]);
  });

  test("a package that imports itself by name is caught", () => {
    expect(check("core", { "src/a.ts": 'import "@strata/core";' })).toEqual([
      "packages/core/src/a.ts:1 core imports itself by name: use a relative path",
    ]);
  });

  test("a development dependency is caught in what is published and fine in tests", () => {
    const files = { "src/a.ts": 'import "fast-check";', "src/a.test.ts": 'import "fast-check";\nimport "vitest";' };
    expect(check("core", files, { devDependencies: { "fast-check": "^4" } })).toEqual([
      'packages/core/src/a.ts:1 "fast-check" is not a dependency in core\'s package.json',
    ]);
  });

  test("vendored code is not read", () => {
    expect(check("core", { "src/vendor/x.mjs": "process.exit(1)" })).toEqual([]);
  });
});

describe("nothing of Node in portable packages", () => {
  test.each([
    ['import "node:fs";', 'core runs in browsers too and must not import "node:fs"'],
    ['import { join } from "path";', 'core runs in browsers too and must not import "path"'],
    ['await import("node:crypto");', 'core runs in browsers too and must not import "node:crypto"'],
    ["Buffer.from([1]);", "Buffer is Node's: core runs in browsers too"],
    ["let bytes: Buffer;", "Buffer is Node's: core runs in browsers too"],
    ["globalThis.process.exit();", "process is Node's: core runs in browsers too"],
    ["(globalThis as any).process?.pid;", "process is Node's: core runs in browsers too"],
    ['require("x");', "require is Node's: core runs in browsers too"],
  ])("%s", (line, message) => {
    expect(check("core", { "src/a.ts": line })).toEqual([`packages/core/src/a.ts:1 ${message}`]);
  });

  test("published suites must not use Node either; tests may", () => {
    const files = { "src/testing/a.ts": 'import "node:fs";', "src/a.test.ts": 'import "node:fs";\nprocess.pid;' };
    expect(check("core", files)).toEqual([
      'packages/core/src/testing/a.ts:1 core runs in browsers too and must not import "node:fs"',
    ]);
  });

  test("a package that is not portable may use Node", () => {
    expect(check("files", { "src/a.ts": 'import "node:fs";\nBuffer.alloc(1);' })).toEqual([]);
  });

  test("properties and names of our own are no globals", () => {
    const text = [
      "export function run(process: () => void) { process(); }",
      "export const names = { process: 1, Buffer: 2 };",
      "names.process;",
      "export interface Commit { process(): void; setTimeout: number }",
      "// process.exit() and Math.random() in a comment",
      'export const text = "Math.random()";',
    ];
    expect(check("core", { "src/a.ts": text.join("\n") })).toEqual([]);
  });
});

describe("time, chance and timers come from the port", () => {
  test.each([
    ["Date.now();", "Date.now"],
    ["const clock = Date.now;", "Date.now"],
    ["new Date();", "new Date()"],
    ["Math.random();", "Math.random"],
    ["globalThis.Math.random();", "Math.random"],
    ['Math["random"]();', "Math.random"],
    ["performance.now();", "performance.now"],
    ["globalThis.performance?.now();", "performance.now"],
    ["performance.timeOrigin;", "performance.timeOrigin"],
    ["crypto.randomUUID();", "crypto.randomUUID"],
    ["crypto.getRandomValues(bytes);", "crypto.getRandomValues"],
    ["setTimeout(go, 1);", "setTimeout"],
    ["setInterval(go, 1);", "setInterval"],
    ["globalThis.setImmediate(go);", "setImmediate"],
  ])("%s", (line, global) => {
    expect(check("storage", { "src/a.ts": `declare const go: any, bytes: any;\n${line}` })).toEqual([
      `packages/storage/src/a.ts:2 ${global} is not for tests to own: take it from the injected runtime`,
    ]);
  });

  test("what is given is used freely: dates of a known time, other mathematics", () => {
    expect(check("storage", { "src/a.ts": "new Date(0);\nMath.max(1, 2);\nDate.UTC(2000);" })).toEqual([]);
  });

  test("files that bind the port, published suites and tests may use them", () => {
    const text = "Date.now();\nsetTimeout(() => {}, Math.random());";
    expect(check("core", { "src/clock.ts": text, "src/testing/a.ts": text, "src/a.test.ts": text })).toEqual([]);
    expect(check("files", { "src/a.ts": text })).toEqual([]);
  });
});
