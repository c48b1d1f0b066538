#!/usr/bin/env node
/** Runs tasks through turbo on a checkout in any state: `node tools/scripts/turbo.mjs typecheck --filter=@strata/core`. */
import { install } from "./bootstrap.mjs";
import { run } from "./run.mjs";

process.exitCode = (await install()) ? await run("turbo", ["run", ...process.argv.slice(2)]) : 1;
