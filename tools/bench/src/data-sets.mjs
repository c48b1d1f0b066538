/** The directories that are opened by fresh processes, each made once. */
import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, readdirSync, renameSync, rmSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { checksum, keyOf, recordOf } from "./records.mjs";

/** Of the process that makes one: the one that measures has no need of it. */
let Strata;

/** Small puts, one commit each. */
function putKeys(db, count, from = 0) {
  for (let i = from; i < from + count; i++) db.kv.put(keyOf(i), recordOf(i));
}

/** How each is made: the process that does it ends by itself, or is killed. */
const MAKERS = {
  /** `count` runs of 1000 keys, a commit each, closed in good order. */
  async runs(dir, count) {
    const db = Strata.open(dir, { durability: "none" });
    for (let run = 0; run < count; run++) {
      const name = `run-${String(run).padStart(6, "0")}`;
      db.runs.create(name);
      db.in({ run: name }).transaction((txn) => {
        for (let i = 0; i < 1000; i++) txn.kv.put(keyOf(i), recordOf(i));
      });
      // A process that does nothing but make runs: it writes them out before it has all of them in memory.
      if (run % 1000 === 999) await db.checkpoint();
    }
    await db.shutdown();
  },
  /** One run of `count` keys, closed in good order. */
  async clean(dir, count) {
    const db = Strata.open(dir, { durability: "none" });
    putKeys(db, count);
    await db.shutdown();
  },
  /** The same, killed: everything is in the log. */
  async killed(dir, count) {
    const db = Strata.open(dir, { durability: "buffered", checkpoint: "manual" });
    putKeys(db, count);
    db.flush();
    process.kill(process.pid, "SIGKILL");
  },
  /** As `killed`, spread over 100 runs. */
  async spread(dir, count) {
    const db = Strata.open(dir, { durability: "buffered", checkpoint: "manual" });
    const runs = Array.from({ length: 100 }, (_, i) => {
      db.runs.create(`run-${i}`);
      return db.in({ run: `run-${i}` });
    });
    for (let i = 0; i < count; i++) runs[i % runs.length].kv.put(keyOf(i), recordOf(i));
    db.flush();
    process.kill(process.pid, "SIGKILL");
  },
  /** What a log is at the least: a checksum, two lengths, key and value, `count` times. */
  async "bare-log"(dir, count) {
    mkdirSync(dir);
    writeFileSync(join(dir, "log"), bareLog(count));
  },
  /** The same keys as one JSON text. */
  async json(dir, count) {
    mkdirSync(dir);
    const all = Object.fromEntries(Array.from({ length: count }, (_, i) => [keyOf(i), recordOf(i)]));
    writeFileSync(join(dir, "all.json"), JSON.stringify(all));
  },
  /** A list of `count` runs as JSON: name, id, number, status, times, and where the run lies. */
  async list(dir, count) {
    mkdirSync(dir);
    const runs = Array.from({ length: count }, (_, i) => ({
      name: `run-${String(i).padStart(6, "0")}`,
      id: `00000000-0000-4000-8000-${String(i).padStart(12, "0")}`,
      number: i,
      status: "active",
      createdAt: 1e15 + i,
      meta: {},
      file: "00000001-1.snap",
      offset: i * 10_000,
      length: 10_000,
    }));
    writeFileSync(join(dir, "all.json"), JSON.stringify(runs));
  },
};

function bareLog(count) {
  const bytes = Buffer.alloc(count * 40);
  let at = 0;
  for (let i = 0; i < count; i++) {
    const key = keyOf(i);
    const value = JSON.stringify(recordOf(i));
    const end = at + 8 + key.length + value.length;
    bytes.writeUInt16LE(key.length, at + 4);
    bytes.writeUInt16LE(value.length, at + 6);
    bytes.latin1Write(key, at + 8);
    bytes.latin1Write(value, at + 8 + key.length);
    bytes.writeUInt32LE(checksum(bytes, at + 4, end), at);
    at = end;
  }
  return bytes.subarray(0, at);
}

/** The data sets of one campaign, below one directory. What is there already is used again. */
export class DataSets {
  #root;

  constructor(root) {
    this.#root = root;
    mkdirSync(root, { recursive: true });
  }

  /** @returns the directory of the data set. */
  get(kind, count) {
    const dir = join(this.#root, `${kind}-${count}`);
    if (existsSync(dir)) return dir;
    const draft = `${dir}.draft`;
    rmSync(draft, { recursive: true, force: true });
    const made = spawnSync(process.execPath, [fileURLToPath(import.meta.url), kind, draft, String(count)], {
      stdio: ["ignore", "inherit", "inherit"],
    });
    if (made.status !== 0 && made.signal !== "SIGKILL") throw new Error(`making ${kind} ${count} failed`);
    renameSync(draft, dir);
    return dir;
  }

  remove() {
    rmSync(this.#root, { recursive: true, force: true });
  }
}

/** Bytes of all files below a directory. */
export function bytesBelow(dir) {
  let bytes = 0;
  for (const entry of readdirSync(dir, { withFileTypes: true, recursive: true })) {
    if (entry.isFile()) bytes += statSync(join(entry.parentPath ?? entry.path, entry.name)).size;
  }
  return bytes;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const [, , kind, dir, count] = process.argv;
  ({ Strata } = await import("stratadb"));
  await MAKERS[kind](dir, Number(count));
}
