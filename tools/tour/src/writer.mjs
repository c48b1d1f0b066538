/**
 * The process that the tour kills: commits as fast as it can, and reports each commit on its standard output after it was acknowledged.
 * Arguments: directory, durability.
 */
import { writeSync } from "node:fs";
import { Strata } from "stratadb";

/** More than can be in flight between this process and the one that reads its reports. */
const KEYS = 100_000;

const [dir, durability] = process.argv.slice(2);
const db = Strata.open(dir, { durability });
const work = db.in({ run: "analysis", space: "crash" });

for (;;) {
  const step = (work.state.read("step") ?? 0) + 1;
  const key = `step-${step % KEYS}`;
  work.transaction((txn) => {
    txn.kv.put(key, step);
    txn.state.set("step", step);
    txn.events.append("worked", { step });
  });
  report(`${key} ${step}.\n`);
}

/** Writes to standard output before returning, so that what was acknowledged is reported before the next commit begins. */
function report(line) {
  for (;;) {
    try {
      writeSync(1, line);
      return;
    } catch (error) {
      // The reader is slower than we are, and the pipe is full.
      if (error.code !== "EAGAIN") throw error;
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 1);
    }
  }
}
