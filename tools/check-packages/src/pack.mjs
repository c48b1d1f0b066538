import { execFileSync } from "node:child_process";
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const packagesDir = join(dirname(dirname(dirname(dirname(fileURLToPath(import.meta.url))))), "packages");

/** The folders of all packages that are published. */
export function publishedPackages() {
  return readdirSync(packagesDir)
    .map((folder) => join(packagesDir, folder))
    .filter((dir) => existsSync(join(dir, "package.json")) && !readManifest(dir).private);
}

export function readManifest(dir) {
  return JSON.parse(readFileSync(join(dir, "package.json"), "utf8"));
}

/** What `pnpm publish` would send of a package: `files`, the paths in its tarball, and the tarball's bytes. */
export function pack(dir) {
  const target = mkdtempSync(join(tmpdir(), "strata-pack-"));
  try {
    const args = ["pack", "--json", "--pack-destination", target];
    const { filename, files } = JSON.parse(execFileSync("pnpm", args, { cwd: dir, encoding: "utf8" }));
    return { files: files.map(({ path }) => path), tarball: readFileSync(filename) };
  } finally {
    rmSync(target, { recursive: true });
  }
}
