// Threads that all take over the same dead holder's pid file, again and again; prints how many won in each round:
// node race-for-lock.mjs <directory> <threads> <rounds>
import { readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { isMainThread, Worker, workerData } from "node:worker_threads";
import { lockByPidFile } from "../../dist/lock-pid-file.js";
import { formatRecord, newRecord } from "../../dist/lock-record.js";

const ARRIVED = 0;
const WINS = 1;

/** Returns once all threads have called it for the `n`-th time. */
function meet(words, threads, n) {
  if (Atomics.add(words, ARRIVED, 1) + 1 === threads * n) Atomics.notify(words, ARRIVED);
  for (let arrived = Atomics.load(words, ARRIVED); arrived < threads * n; arrived = Atomics.load(words, ARRIVED)) {
    Atomics.wait(words, ARRIVED, arrived, 10);
  }
}

function race({ words, directory, threads, rounds }) {
  let meetings = 0;
  for (let round = 0; round < rounds; round++) {
    const prefix = join(directory, "LOCK.pid");
    meet(words, threads, ++meetings);
    const release = lockByPidFile(prefix, "exclusive");
    if (typeof release === "function") Atomics.add(words, WINS + round, 1);
    meet(words, threads, ++meetings);
    if (typeof release !== "function") continue;
    if (round % 3 === 0) release();
    else kill(directory);
  }
}

/** Makes every record that of a process which is gone. */
function kill(directory) {
  const record = formatRecord({ ...newRecord("pid-file"), startTime: "long ago" });
  for (const name of readdirSync(directory)) writeFileSync(join(directory, name), record);
}

if (isMainThread) {
  const [directory, threads, rounds] = [process.argv[2], Number(process.argv[3]), Number(process.argv[4])];
  const words = new Int32Array(new SharedArrayBuffer(4 * (WINS + rounds)));
  const data = { words, directory, threads, rounds };
  for (let thread = 1; thread < threads; thread++) new Worker(new URL(import.meta.url), { workerData: data });
  race(data);
  console.log(JSON.stringify([...words.subarray(WINS)]));
} else {
  race(workerData);
}
