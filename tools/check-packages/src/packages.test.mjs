import { readFileSync } from "node:fs";
import { basename, join } from "node:path";
import { publint } from "publint";
import { formatMessage } from "publint/utils";
import { describe, expect, test } from "vitest";
import { installScripts } from "./install-scripts.mjs";
import { pack, publishedPackages, readManifest } from "./pack.mjs";
import { packageProblems } from "./problems.mjs";

describe.each(publishedPackages().map((dir) => ({ dir, name: basename(dir) })))("$name", ({ dir, name }) => {
  const manifest = readManifest(dir);
  const { files, tarball } = pack(dir);

  test("publishes what it promises and nothing else", () => {
    const readMap = (file) => JSON.parse(readFileSync(join(dir, file), "utf8"));
    expect(packageProblems(manifest, files, readMap)).toEqual([]);
  });

  test("loads through each of its exports", async () => {
    for (const [subpath, target] of Object.entries(manifest.exports)) {
      if (typeof target === "string") continue;
      await expect(import(join(dir, target.default)), `${name} ${subpath}`).resolves.toBeDefined();
    }
  });

  test("satisfies publint", async () => {
    const { messages } = await publint({ pack: { tarball: copyOf(tarball) }, level: "warning" });
    expect(messages.map((message) => formatMessage(message, manifest))).toEqual([]);
  });
});

test("installing stratadb runs nothing", () => {
  const { visited, scripts } = installScripts(publishedPackages().find((dir) => basename(dir) === "stratadb"));
  expect(scripts).toEqual([]);
  expect(visited).toContain("@strata/core");
  expect(visited).not.toContain("cbor-x");
});

function copyOf(bytes) {
  return new Uint8Array(bytes).buffer;
}
