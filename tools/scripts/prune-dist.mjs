#!/usr/bin/env node
/**
 * Deletes from a package's `dist/` what the compiler wrote for sources that are gone. The rest stays where it is, so that a
 * build never takes files away from somebody who is running tests against them. Run by hand, it prunes the current package.
 */
import { existsSync, readdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";

export function pruneDist(packageDir) {
  const distDir = join(packageDir, "dist");
  const outputs = existsSync(distDir) ? readdirSync(distDir, { recursive: true }) : [];
  for (const path of outputs) {
    const match = /^(.*?)(\.d\.ts|\.js)(\.map)?$/.exec(path);
    if (match && !hasSource(packageDir, match[1], match[2])) rmSync(join(distDir, path));
  }
}

/** A source is TypeScript, or a file that was copied as it is. */
function hasSource(packageDir, path, extension) {
  return existsSync(join(packageDir, "src", `${path}.ts`)) || existsSync(join(packageDir, "src", path + extension));
}

if (import.meta.url === pathToFileURL(process.argv[1]).href) pruneDist(process.cwd());
