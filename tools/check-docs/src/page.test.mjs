import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { describe, expect, test } from "vitest";
import { brokenLinks } from "./broken-links.mjs";
import { readPage } from "./page.mjs";
import { emptyProgramsDir, runProgram, typeErrors } from "./run-program.mjs";

const programsDir = emptyProgramsDir("own-tests");
const page = (...lines) => readPage("page.md", lines.join("\n"));
const programs = (...lines) => page(...lines).programs.map(({ line, text }) => ({ line, text }));

describe("programs", () => {
  test("a fence with an import begins one, a fence without continues it, on the lines of the page", () => {
    expect(
      programs(
        "# Title",
        "```ts",
        'import "a";',
        "```",
        "then",
        "```ts",
        "go();",
        "```",
        "```ts",
        'import "b";',
        "```",
      ),
    ).toEqual([
      { line: 2, text: '\n\nimport "a";\n\n\n\ngo();\n' },
      { line: 9, text: `${"\n".repeat(9)}import "b";\n` },
    ]);
  });

  test("a fence that says so continues with an import of its own", () => {
    expect(programs("```ts", 'import "a";', "```", "```ts continues", 'import "b";', "```")).toHaveLength(1);
  });

  test("a fence in a list loses its indentation, a longer fence holds shorter ones", () => {
    expect(programs("- item", "  ```ts", "  if (x) {", "    y();", "  }", "  ```")[0].text).toBe(
      "\n\nif (x) {\n  y();\n}\n",
    );
    expect(programs("````md", "```ts", "x", "```", "````")).toEqual([]);
  });

  test("other languages are left alone", () => {
    expect(programs("```sh", "npm test", "```", "```", "text", "```", "~~~json", "{}", "~~~")).toEqual([]);
  });

  test("a fence that asks not to be run is refused, and so is one that looks as if it were run", () => {
    expect(page("```ts no-run", "x", "```", "```js", "x", "```").problems).toEqual([
      'page.md:1 a ts fence may say "continues" and nothing else, not "no-run"',
      'page.md:4 "js" fences are not run: write ts',
    ]);
  });

  test("a failure names the line of the page, be it of types or when it runs", async () => {
    const [program] = page("# Title", "", "```ts", 'const x: number = "";', 'throw new Error("no");', "```").programs;
    const types = await typeErrors(programsDir, [program]);
    expect(types.get(program)).toEqual([expect.stringContaining("page.md:4:7 error TS2322")]);
    const { isGood, output } = await runProgram(programsDir, program);
    expect(isGood).toBe(false);
    expect(output).toContain("page.md:5");
  });

  test("a program runs in an empty directory of its own", async () => {
    const text = 'import { readdirSync } from "node:fs";\nconsole.log(readdirSync(".").length);';
    const result = await runProgram(programsDir, { path: "empty.md", line: 1, text });
    expect(result).toEqual({ isGood: true, output: "0\n" });
  });
});

describe("links", () => {
  test("are found in prose and in definitions, not in code", () => {
    expect(page("[a](x.md) and [b](<y.md>) `[c](no)`", "[d]: z.md#here", "```", "[e](no)", "```").links).toEqual([
      { line: 1, target: "x.md" },
      { line: 1, target: "y.md" },
      { line: 2, target: "z.md#here" },
    ]);
  });

  test("that lead nowhere are told, each with its reason", () => {
    const rootDir = mkdtempSync(join(tmpdir(), "check-docs-"));
    const write = (path, text) => {
      mkdirSync(dirname(join(rootDir, path)), { recursive: true });
      writeFileSync(join(rootDir, path), text);
    };
    write("docs/b.md", "# The `commit` pass\n## Twice\n## Twice");
    const targets = ["b.md#the-commit-pass", "b.md#twice-1", "https://example.com/x", "#here", "../docs"];
    const broken = ["b.md#gone", "c.md", "/docs/b.md", "../../x", "#gone"];
    const text = ["# Here", ...[...targets, ...broken].map((target) => `[x](${target})`)].join("\n");
    expect(brokenLinks(rootDir, "docs/a.md", readPage("docs/a.md", text))).toEqual([
      "docs/a.md:7 (b.md#gone) names a heading that is not there",
      "docs/a.md:8 (c.md) does not exist",
      "docs/a.md:9 (/docs/b.md) is absolute: write it relative to the page",
      "docs/a.md:10 (../../x) leads out of the repository",
      "docs/a.md:11 (#gone) names a heading that is not there",
    ]);
    rmSync(rootDir, { recursive: true });
  });
});
