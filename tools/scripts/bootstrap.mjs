#!/usr/bin/env node
/**
 * Makes a checkout ready with nothing but Node and npm: installs the dependencies with the pnpm that package.json names
 * (through npx, so it need not be on the PATH) when they are missing or the lockfile changed, then builds. What is
 * already there is not done again.
 */
import { createHash } from "node:crypto";
import { existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { pruneDist } from "./prune-dist.mjs";
import { rootDir, run, seconds } from "./run.mjs";

/** Holds the fingerprint of the lockfile that `node_modules` was installed from. */
const stampPath = join(rootDir, "node_modules", ".installed-from");

/** @returns whether dependencies are installed; a failure was printed. */
export async function install() {
  const manifest = JSON.parse(readFileSync(join(rootDir, "package.json"), "utf8"));
  if (!runsOn(process.versions.node, manifest.engines.node)) {
    console.error(`StrataDB needs Node ${manifest.engines.node}; this is ${process.versions.node}.`);
    return false;
  }
  const wanted = fingerprint();
  if (existsSync(stampPath) && readFileSync(stampPath, "utf8") === wanted) return true;

  const startMs = performance.now();
  console.log("Installing dependencies (this takes a moment the first time)");
  const code = await run("npx", ["--yes", manifest.packageManager, "install", "--frozen-lockfile"], { quiet: true });
  if (code !== 0) return false;
  writeFileSync(stampPath, wanted);
  console.log(`Installed in ${seconds(startMs)}`);
  return true;
}

/** @returns whether every package is built; a failure was printed. */
export async function build() {
  const startMs = performance.now();
  if ((await run("turbo", ["run", "build", "--output-logs=errors-only"], { quiet: true })) !== 0) return false;
  // A build that comes from the cache deletes nothing.
  const packagesDir = join(rootDir, "packages");
  for (const folder of readdirSync(packagesDir)) pruneDist(join(packagesDir, folder));
  if (performance.now() - startMs > 2000) console.log(`Built in ${seconds(startMs)}`);
  return true;
}

function fingerprint() {
  const hash = createHash("sha256");
  for (const file of ["package.json", "pnpm-lock.yaml", "pnpm-workspace.yaml"]) {
    hash.update(readFileSync(join(rootDir, file)));
  }
  return hash.digest("hex");
}

/** Understands `>=major.minor`, which is all that package.json uses. */
function runsOn(version, range) {
  const [major, minor] = version.split(".").map(Number);
  const [majorMin, minorMin] = range.replace(">=", "").split(".").map(Number);
  return major > majorMin || (major === majorMin && minor >= minorMin);
}

if (import.meta.url === pathToFileURL(process.argv[1]).href) {
  process.exitCode = (await install()) && (await build()) ? 0 : 1;
}
