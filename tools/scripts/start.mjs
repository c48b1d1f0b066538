#!/usr/bin/env node
/** `npm start`: sets the checkout up, then runs the tour with the arguments it was given. */
import { spawn } from "node:child_process";
import { join } from "node:path";
import { build, install } from "./bootstrap.mjs";
import { rootDir } from "./run.mjs";

if (!(await install()) || !(await build())) process.exit(1);

const tour = spawn(process.execPath, [join(rootDir, "tools", "tour", "src", "main.mjs"), ...process.argv.slice(2)], {
  stdio: "inherit",
});
// Ctrl-C reaches the tour as well, through the terminal: let it finish in its own way.
process.on("SIGINT", () => {});
process.on("SIGTERM", () => tour.kill("SIGTERM"));
tour.on("close", (code, signal) => {
  process.exitCode = code ?? (signal === "SIGINT" ? 130 : 1);
});
