#!/usr/bin/env node
/**
 * `npm test`: everything that must stay green, step by step, on a checkout in any state. Ends with the line
 * `Tests: N passed, M failed`, and with exit code 1 if anything failed. A step other than the tests counts as one
 * failure when it fails, and as nothing when it passes.
 */
import { rmSync } from "node:fs";
import { build, install } from "./bootstrap.mjs";
import { run, seconds } from "./run.mjs";
import { packagesWithTests, readReport, reportPath } from "./test-reports.mjs";

const turbo = (task) => run("turbo", ["run", task, "--continue=dependencies-successful", "--output-logs=new-only"]);

const checks = [
  ["Set up", install],
  ["Build", build],
  ["Types", async () => (await turbo("typecheck")) === 0],
  ["Lint and format", async () => (await run("biome", ["check", "."])) === 0],
  ["Layers", async () => (await run("node", ["tools/check-layers/src/main.mjs"])) === 0],
];

let passed = 0;
let failed = 0;
for (const [name, check] of checks) {
  if (await step(name, check)) continue;
  failed++;
  // Nothing else can be told about a checkout that is not installed or does not build.
  if (check === install || check === build) finish();
}
if (!(await step("Tests", runTests)) && failed === 0) failed = 1;
finish();

async function step(name, check) {
  const startMs = performance.now();
  console.log(`\n── ${name}`);
  const isGood = await check();
  console.log(`${isGood ? "✓" : "✗"} ${name} (${seconds(startMs)})`);
  return isGood;
}

async function runTests() {
  // A report that is there afterwards is of this run, or of the cached one that stands for it.
  const packages = packagesWithTests();
  for (const { dir } of packages) rmSync(reportPath(dir), { force: true });
  const code = await turbo("test");

  console.log("");
  for (const { name, dir } of packages) {
    const report = readReport(dir);
    passed += report.passed;
    failed += report.failed;
    console.log(`  ${name.padEnd(26)} ${String(report.passed).padStart(5)} passed ${failures(report)}`);
  }
  return code === 0;
}

function failures({ failed, missing }) {
  if (missing) return "  left no report: see above";
  return failed > 0 ? `${failed} failed` : "";
}

function finish() {
  console.log(`\nTests: ${passed} passed, ${failed} failed`);
  process.exit(failed > 0 ? 1 : 0);
}
