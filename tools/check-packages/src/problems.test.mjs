import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { describe, expect, test } from "vitest";
import { installScripts } from "./install-scripts.mjs";
import { packageProblems } from "./problems.mjs";

const manifest = { exports: { ".": { types: "./dist/index.d.ts", default: "./dist/index.js" } } };
const files = ["README.md", "LICENSE", "package.json", "src/index.ts", "dist/index.js", "dist/index.d.ts"];
const problems = (more = {}, extra = [], map = { sources: [] }) =>
  packageProblems({ ...manifest, ...more }, [...files, ...extra], () => map);

describe("a packed package", () => {
  test("with everything in its place has no problems", () => expect(problems()).toEqual([]));

  test("must hold what its exports name, types first", () => {
    expect(problems({ exports: { "./x": { default: "./dist/x.js" } } })).toEqual([
      'exports["./x"] must have "types" first and "default" last',
      'exports["./x"] names ./dist/x.js, which is missing',
    ]);
  });

  test("must hold its licence", () => {
    expect(
      packageProblems(
        manifest,
        files.filter((file) => file !== "LICENSE"),
        () => undefined,
      ),
    ).toEqual(["LICENSE is missing"]);
  });

  test("must not hold tests", () => {
    expect(problems({}, ["src/index.test.ts"])).toEqual(["src/index.test.ts is not for users"]);
  });

  test("must not hold output without source", () => {
    expect(problems({}, ["dist/old.js", "dist/vendor/cbor-x.js", "src/vendor/cbor-x.js"])).toEqual([
      "dist/old.js has no source: build again",
    ]);
  });

  test("must hold the sources of its maps", () => {
    expect(problems({}, ["dist/index.js.map"], { sources: ["../src/index.ts", "../src/gone.ts"] })).toEqual([
      "dist/index.js.map names src/gone.ts, which is missing",
    ]);
  });

  test("must not run scripts where it is installed", () => {
    expect(problems({ scripts: { postinstall: "node x.js" } })).toEqual([
      'its "postinstall" script would run on the machines of users',
    ]);
  });
});

test("install scripts are found however deep, and native builds without a script too", () => {
  const dir = mkdtempSync(join(tmpdir(), "check-packages-"));
  const write = (path, value) => {
    mkdirSync(dirname(join(dir, path)), { recursive: true });
    writeFileSync(join(dir, path), JSON.stringify(value));
  };
  write("package.json", { name: "top", dependencies: { a: "1" }, optionalDependencies: { absent: "1" } });
  write("node_modules/a/package.json", { name: "a", dependencies: { b: "1", native: "1" } });
  write("node_modules/b/package.json", { name: "b", dependencies: { a: "1" }, scripts: { install: "make" } });
  write("node_modules/native/package.json", { name: "native" });
  write("node_modules/native/binding.gyp", {});
  expect(installScripts(dir)).toEqual({
    visited: ["top", "a", "b", "native"],
    scripts: ["b: install", "native: binding.gyp"],
  });
  rmSync(dir, { recursive: true });
});
