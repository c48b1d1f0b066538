import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { commands, Strata } from "../src/index.js";

const page = (name: string) => readFileSync(new URL(`../../../docs/reference/${name}`, import.meta.url), "utf8");

/** The code spans of table rows that do not speak of something planned. */
function codeSpans(text: string): string[] {
  return text
    .split("\n")
    .filter((line) => line.startsWith("|"))
    .map((line) =>
      line
        .split(/(?<!\\)\|/)
        .slice(2)
        .join("|"),
    )
    .flatMap((row) => row.split(/planned:/)[0]?.match(/`[^`]+`/g) ?? [])
    .map((span) => span.slice(1, -1));
}

describe("the reference pages", () => {
  test("name nothing that is not there", () => {
    using db = Strata.cache();
    const roots: { readonly [name: string]: object } = {
      db,
      database: db.database,
      session: db.session(),
      Strata,
    };
    let checked = 0;
    for (const span of codeSpans(page("from-the-seeds.md"))) {
      const path = /^(?:await )?([A-Za-z]+)((?:\.[A-Za-z]+)+)/.exec(span);
      const root = path === null ? undefined : roots[path[1] as string];
      if (path === null || root === undefined) continue;
      let owner: unknown = root;
      for (const name of (path[2] as string).slice(1).split(".")) {
        expect(name in (owner as object), span).toBe(true);
        owner = (owner as Record<string, unknown>)[name];
      }
      checked++;
    }
    expect(checked).toBeGreaterThan(60);
  });

  test("list every command", () => {
    const text = page("api-quick-reference.md");
    const rows = text.slice(text.indexOf("| group | commands |")).matchAll(/^\|(?: `([a-z]+\.)`)? \| (.*) \|$/gm);
    const listed = [...rows].flatMap(([, group = "", names]) =>
      [...(names as string).matchAll(/`(\w+)`/g)].map(([, name]) => `${group}${name}`),
    );
    expect(listed.sort()).toEqual(commands.map(({ name }) => name as string).sort());
  });
});
