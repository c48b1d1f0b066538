#!/usr/bin/env node
/**
 * Installs the packed packages as a stranger would: npm, an empty folder, nothing of this workspace in reach. Then opens a
 * database there. Asks the registry for the dependencies, so it is not part of `npm test`; run it before a release:
 * `node tools/check-packages/src/try-install.mjs`, after a build.
 */
import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pack, publishedPackages, readManifest } from "./pack.mjs";

const PROGRAM = `
  import * as stratadb from "stratadb";
  console.log("stratadb exports", Object.keys(stratadb).length, "names");
`;

const dir = mkdtempSync(join(tmpdir(), "strata-install-"));
try {
  const tarballs = publishedPackages().map((packageDir) => {
    const { name } = readManifest(packageDir);
    const file = join(dir, `${name.replace("@strata/", "")}.tgz`);
    writeFileSync(file, pack(packageDir).tarball);
    return [name, `file:${file}`];
  });
  writeFileSync(
    join(dir, "package.json"),
    JSON.stringify({ type: "module", dependencies: Object.fromEntries(tarballs) }),
  );
  const run = (command, ...args) => execFileSync(command, args, { cwd: dir, stdio: "inherit" });
  run("npm", "install", "--no-audit", "--no-fund", "--foreground-scripts");
  run("npm", "ls", "--omit=dev", "--all");
  run(process.execPath, "--input-type=module", "--eval", PROGRAM);
} finally {
  rmSync(dir, { recursive: true });
}
