import { existsSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join, resolve } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { describe, expect, test } from "vitest";

const dist = fileURLToPath(new URL("../dist/", import.meta.url));

/** Every module that an ES module of ours loads, itself included; packages by their entry for ESM. */
function modulesOf(entry: string, seen: Set<string> = new Set()): Set<string> {
  if (seen.has(entry)) return seen;
  seen.add(entry);
  if (!existsSync(entry)) return seen;
  const source = readFileSync(entry, "utf8");
  for (const [, specifier] of source.matchAll(
    /(?:^|\n)\s*(?:import|export)\b[^;]*?from\s*"([^"]+)"|(?:^|\n)import\s*"([^"]+)"/g,
  )) {
    if (specifier === undefined) continue;
    if (specifier.startsWith(".")) modulesOf(resolve(dirname(entry), specifier), seen);
    else if (specifier.startsWith("@strata/")) modulesOf(join(packageOf(entry, specifier), "dist", "index.js"), seen);
    else seen.add(specifier);
  }
  return seen;
}

function packageOf(from: string, name: string): string {
  const manifest = createRequire(pathToFileURL(from)).resolve(`${name}/package.json`);
  return dirname(manifest);
}

describe("stratadb/memory", () => {
  test("loads nothing of Node and no file backend", () => {
    const loaded = [...modulesOf(join(dist, "memory.js"))];
    expect(loaded.length).toBeGreaterThan(50);
    expect(loaded.filter((module) => module.startsWith("node:"))).toEqual([]);
    expect(loaded.filter((module) => module.includes("durability-file"))).toEqual([]);
    expect(loaded.filter((module) => !module.startsWith("/")).sort()).toEqual(expect.arrayContaining(["zod"]));
    // The same search does find what the main entry loads.
    expect(
      [...modulesOf(join(dist, "index.js"))].filter((module) => module.startsWith("node:")).length,
    ).toBeGreaterThan(0);
  });

  test("has a cache with everything but paths", async () => {
    const memory = await import("../src/memory.js");
    expect("open" in memory.Strata).toBe(false);
    expect("Database" in memory).toBe(false);
    using db = memory.Strata.cache();
    db.kv.put("k", 1);
    expect(db.newHandle().kv.get("k")).toBe(1);
    expect(() => memory.Strata.cache({ readOnly: "yes" } as never)).toThrow(memory.InvalidArgumentError);
  });
});
