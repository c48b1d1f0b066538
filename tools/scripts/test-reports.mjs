import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { rootDir } from "./run.mjs";

/** Every package of the workspace that has tests, by name. */
export function packagesWithTests() {
  return ["packages", "tools"]
    .flatMap((parent) => readdirSync(join(rootDir, parent)).map((folder) => join(rootDir, parent, folder)))
    .filter((dir) => existsSync(join(dir, "package.json")))
    .map((dir) => ({ dir, manifest: JSON.parse(readFileSync(join(dir, "package.json"), "utf8")) }))
    .filter(({ manifest }) => manifest.scripts?.test !== undefined)
    .map(({ dir, manifest }) => ({ dir, name: manifest.name }));
}

/** Where a package's tests leave their result: a declared output of turbo's `test`, so that it comes from the cache too. */
export function reportPath(dir) {
  return join(dir, "test-report.json");
}

/** How many tests of a package passed and failed. A missing report, or a file that did not load, is a failure. */
export function readReport(dir) {
  if (!existsSync(reportPath(dir))) return { passed: 0, failed: 1, missing: true };
  const report = JSON.parse(readFileSync(reportPath(dir), "utf8"));
  const notLoaded = report.testResults.filter((file) => file.status === "failed" && file.assertionResults.length === 0);
  const failed = report.numFailedTests + notLoaded.length;
  return { passed: report.numPassedTests, failed: report.success ? failed : Math.max(failed, 1), missing: false };
}
