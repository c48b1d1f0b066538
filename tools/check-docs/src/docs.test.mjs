import { existsSync, readdirSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { beforeAll, describe, expect, test } from "vitest";
import { brokenLinks } from "./broken-links.mjs";
import { readPage } from "./page.mjs";
import { emptyProgramsDir, runProgram, typeErrors } from "./run-program.mjs";

const rootDir = dirname(dirname(dirname(dirname(fileURLToPath(import.meta.url)))));
const pages = pagePaths().map((path) => ({ path, page: readPage(path, readFileSync(join(rootDir, path), "utf8")) }));
const programsDir = emptyProgramsDir("docs");
const programs = pages.flatMap(({ page }) => page.programs);

describe.each(pages)("$path", ({ path, page }) => {
  test("has links that lead somewhere", () => expect(brokenLinks(rootDir, path, page)).toEqual([]));
  test("has fences that follow the rules", () => expect(page.problems).toEqual([]));
});

describe("the examples", () => {
  let errors;
  beforeAll(async () => {
    errors = await typeErrors(programsDir, programs);
  }, 120_000);

  test.concurrent.each(programs.map((program) => [`${program.path}:${program.line}`, program]))(
    "%s compiles and runs",
    async (_place, program) => {
      const types = errors.get(program);
      const { isGood, output } = await runProgram(programsDir, program);
      if (types.length > 0 || !isGood) throw new Error([...types, isGood ? "" : output].join("\n"));
    },
    60_000,
  );
});

function pagePaths() {
  const readmes = ["packages", "tools"].flatMap((parent) =>
    readdirSync(join(rootDir, parent)).map((folder) => `${parent}/${folder}/README.md`),
  );
  const docs = existsSync(join(rootDir, "docs")) ? readdirSync(join(rootDir, "docs"), { recursive: true }) : [];
  return [
    ...readdirSync(rootDir),
    ...docs.map((path) => `docs/${path.replaceAll("\\", "/")}`),
    ...readmes.filter((path) => existsSync(join(rootDir, path))),
  ]
    .filter((path) => path.endsWith(".md"))
    .sort();
}
