import { spawn } from "node:child_process";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { Strata } from "stratadb";

const WRITER = fileURLToPath(new URL("../writer.mjs", import.meta.url));
/** Commits that a writer is let do before it may be killed, and how many more at most. */
const LIFE_MIN = 200;
const LIFE_SPREAD = 2000;

/**
 * Another process writes and reports each commit once it was acknowledged; then SIGKILL, which no code can catch. The directory is opened
 * again, and what was reported must be there.
 */
export async function crash({ dir, options, terminal, costs }) {
  terminal.chapter("7. The process is killed in the middle of its work");
  let isWhole = true;
  for (let kill = 1; kill <= options.kills; kill++) {
    const acknowledged = await writeUntilKilled(dir, options.durability);
    const db = costs.measure("open after a kill, recovery included", () =>
      Strata.open(dir, { durability: options.durability }),
    );
    try {
      isWhole = inspect(db, acknowledged, kill, terminal) && isWhole;
    } finally {
      db.close();
    }
  }
  return isWhole;
}

function inspect(db, acknowledged, kill, terminal) {
  const work = db.in({ run: "analysis", space: "crash" });
  const missing = acknowledged.filter(({ key, step }) => work.kv.get(key) !== step);
  const last = acknowledged.at(-1);
  const events = work.events.len();
  const chain = work.events.verify();
  const state = work.state.read("step");
  // One transaction wrote all three, so they agree, whatever was in flight.
  const agree = events === (state ?? 0) && events >= (last?.step ?? 0);
  if (missing.length === 0 && chain.valid && agree) {
    const cut = db.info().recovery?.tornBytes ?? 0;
    terminal.good(
      `kill ${kill}: ${acknowledged.length} acknowledged commits, all there; ${events} events, chain valid${cut > 0 ? `; ${cut} bytes of an unfinished write were cut` : ""}`,
    );
    return true;
  }
  terminal.bad(
    `kill ${kill}: ${missing.length} acknowledged commits missing, chain ${chain.valid ? "valid" : "broken"}, ${events} events, step ${state}`,
  );
  return false;
}

/** @returns what the writer reported, in order. */
function writeUntilKilled(dir, durability) {
  return new Promise((resolve, reject) => {
    const writer = spawn(process.execPath, [WRITER, dir, durability], { stdio: ["ignore", "pipe", "inherit"] });
    const acknowledged = [];
    const life = LIFE_MIN + Math.floor(Math.random() * LIFE_SPREAD);
    const lines = createInterface({ input: writer.stdout });
    lines.on("line", (line) => {
      const [key, step] = line.split(" ");
      // A line that the kill cut short has no step.
      if (step?.endsWith(".")) acknowledged.push({ key, step: Number(step.slice(0, -1)) });
      if (acknowledged.length === life) writer.kill("SIGKILL");
    });
    writer.on("error", reject);
    // "close" comes when the process has ended and everything it wrote was read.
    writer.on("close", (code, signal) => {
      if (signal === "SIGKILL") resolve(acknowledged);
      else reject(new Error(`the writer ended by itself with code ${code}`));
    });
  });
}
