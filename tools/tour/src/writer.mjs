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
  // Synchronous, so that what was reported is out before the next commit begins.
  writeSync(1, `${key} ${step}.\n`);
}
