import { closeSync, fdatasyncSync, mkdtempSync, openSync, rmSync, writeSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Strata } from "stratadb";

const KEYS = 100_000;
const keys = shuffled(Array.from({ length: KEYS }, (_, i) => `user:${String(i).padStart(12, "0")}:name`));
const values = Array.from({ length: 64 }, (_, i) => String(i).padEnd(100, "x"));
const value = (i) => values[i % values.length];
const document = { user: { name: "Ada", visits: 0 }, tags: ["a", "b", "c"], body: "x".repeat(900) };
const payload = (i) => ({ tool: "search", query: "documentation of the log", step: i, ok: true });

/** A database in a directory of its own, and how to be rid of both. */
function onDisk(durability) {
  const dir = mkdtempSync(join(tmpdir(), "strata-bench-"));
  const db = Strata.open(dir, { durability });
  const close = () => {
    db.close();
    rmSync(dir, { recursive: true, force: true });
  };
  return { db, close };
}

function inMemory() {
  const db = Strata.cache();
  return { db, close: () => db.close() };
}

const over = (opened, run, latency) => ({ run, latency, close: opened.close });

function mapOf(run) {
  return () => {
    const map = new Map();
    for (const key of keys) map.set(key, { value: value(0), version: 0 });
    return { run: () => run(map) };
  };
}

const mapGet = mapOf((map) => {
  let found = 0;
  for (const key of keys) if (map.get(key) !== undefined) found++;
  if (found !== KEYS) throw new Error("a key is missing");
});
const mapSet = mapOf((map) => {
  for (const key of keys) map.set(key, { value: value(1), version: 1 });
});

/** One `write` of 180 bytes a call into a file that has its size; with `sync`, an `fdatasync` behind each. */
function bareWrites(calls, sync) {
  return () => {
    const dir = mkdtempSync(join(tmpdir(), "strata-bench-"));
    const fd = openSync(join(dir, "log"), "w+");
    const frame = Buffer.alloc(180, 1);
    const filler = Buffer.alloc(16 * 1024);
    const size = Math.ceil((calls * frame.length) / filler.length) * filler.length;
    for (let at = 0; at < size; at += filler.length) writeSync(fd, filler, 0, filler.length, at);
    fdatasyncSync(fd);
    return {
      calls,
      run: () => {
        for (let i = 0; i < calls; i++) {
          writeSync(fd, frame, 0, frame.length, i * frame.length);
          if (sync) fdatasyncSync(fd);
        }
      },
      close: () => {
        closeSync(fd);
        rmSync(dir, { recursive: true, force: true });
      },
    };
  };
}

function puts(open, calls) {
  return () => {
    const opened = open();
    const { kv } = opened.db;
    for (const key of keys) if (calls === KEYS) kv.put(key, value(0));
    return over(
      opened,
      (pass) => {
        for (let i = 0; i < calls; i++) kv.put(keys[i], value(pass + i));
      },
      (i) => kv.put(keys[i % KEYS], value(i)),
    );
  };
}

function strictWriters(writers, each) {
  return () => {
    const opened = onDisk("strict");
    const writer = async (number, pass) => {
      for (let i = 0; i < each; i++)
        await opened.db.transaction(async (txn) => void txn.kv.put(keys[(number * each + i) % KEYS], value(pass)));
    };
    return over(opened, (pass) => Promise.all(Array.from({ length: writers }, (_, number) => writer(number, pass))));
  };
}

export const measures = [
  {
    name: "get, in memory (yardstick: Map.get)",
    calls: KEYS,
    open() {
      const opened = inMemory();
      const { kv } = opened.db;
      for (const key of keys) kv.put(key, value(0));
      return over(
        opened,
        () => {
          let found = 0;
          for (const key of keys) if (kv.get(key) !== undefined) found++;
          if (found !== KEYS) throw new Error("a key is missing");
        },
        (i) => kv.get(keys[i]),
      );
    },
    yardstick: mapGet,
  },
  {
    name: "put of new keys, in memory (Map.set)",
    calls: KEYS,
    open() {
      let opened = inMemory();
      return {
        run: () => {
          opened.close();
          opened = inMemory();
          const { kv } = opened.db;
          for (let i = 0; i < KEYS; i++) kv.put(keys[i], value(i));
        },
        close: () => opened.close(),
      };
    },
    yardstick: () => ({
      run: () => {
        const map = new Map();
        for (let i = 0; i < KEYS; i++) map.set(keys[i], { value: value(i), version: i });
      },
    }),
  },
  { name: "put over existing keys, in memory (Map.set)", calls: KEYS, open: puts(inMemory, KEYS), yardstick: mapSet },
  {
    name: "put, mode none (one write)",
    calls: KEYS,
    open: puts(() => onDisk("none"), KEYS),
    yardstick: bareWrites(KEYS, false),
  },
  {
    name: "put, buffered (one write)",
    calls: KEYS,
    open: puts(() => onDisk("buffered"), KEYS),
    yardstick: bareWrites(KEYS, false),
  },
  {
    name: "put, strict, one after the other (write+sync)",
    calls: 2000,
    open: puts(() => onDisk("strict"), 2000),
    yardstick: bareWrites(2000, true),
  },
  {
    name: "strict, 16 async writers (write+sync)",
    calls: 16 * 1000,
    open: strictWriters(16, 1000),
    yardstick: bareWrites(2000, true),
  },
  {
    name: "strict, 64 async writers (write+sync)",
    calls: 64 * 500,
    open: strictWriters(64, 500),
    yardstick: bareWrites(2000, true),
  },
  {
    name: "transaction of 5 gets and 2 puts, in memory",
    calls: KEYS / 2,
    open() {
      const opened = inMemory();
      const { db } = opened;
      for (const key of keys) db.kv.put(key, value(0));
      const one = (i) =>
        db.transaction((txn) => {
          for (let r = 0; r < 5; r++) txn.kv.get(keys[(i * 7 + r) % KEYS]);
          txn.kv.put(keys[i % KEYS], value(i));
          txn.kv.put(keys[(i + 1) % KEYS], value(i));
        });
      return over(
        opened,
        () => {
          for (let i = 0; i < KEYS / 2; i++) one(i);
        },
        one,
      );
    },
  },
  {
    name: "scan of 100, in memory (scans)",
    calls: 5000,
    open() {
      const opened = inMemory();
      const { kv } = opened.db;
      for (const key of keys) kv.put(key, value(0));
      kv.list({ limit: 1 });
      const one = (i) => {
        let seen = 0;
        for (const entry of kv.entries({ start: keys[i % KEYS], limit: 100 })) if (entry[1] !== undefined) seen++;
        return seen;
      };
      return over(
        opened,
        () => {
          for (let i = 0; i < 5000; i++) one(i);
        },
        one,
      );
    },
  },
  ...[
    ["in memory", inMemory],
    ["buffered", () => onDisk("buffered")],
  ].map(([where, open]) => ({
    name: `event append, ${where}`,
    calls: 20_000,
    open() {
      const opened = open();
      const { events } = opened.db;
      return over(
        opened,
        () => {
          for (let i = 0; i < 20_000; i++) events.append("tool_call", payload(i));
        },
        (i) => events.append("tool_call", payload(i)),
      );
    },
  })),
  {
    name: "JSON path get, 1 KB document",
    calls: KEYS,
    open() {
      const opened = inMemory();
      const { json } = opened.db;
      json.put("doc", document);
      return over(
        opened,
        () => {
          for (let i = 0; i < KEYS; i++) json.get("doc", "$.user.visits");
        },
        () => json.get("doc", "$.user.visits"),
      );
    },
  },
  {
    name: "JSON path set, 1 KB document, buffered",
    calls: KEYS / 2,
    open() {
      const opened = onDisk("buffered");
      const { json } = opened.db;
      for (let i = 0; i < 1000; i++) json.put(`doc-${i}`, document);
      return over(
        opened,
        () => {
          for (let i = 0; i < KEYS / 2; i++) json.set(`doc-${i % 1000}`, "$.user.visits", i);
        },
        (i) => json.set(`doc-${i % 1000}`, "$.user.visits", i),
      );
    },
  },
  {
    name: "open 100k keys from the log (opens)",
    calls: 1,
    open() {
      const dir = mkdtempSync(join(tmpdir(), "strata-bench-"));
      const db = Strata.open(dir, { durability: "none" });
      for (let i = 0; i < KEYS; i++) db.kv.put(keys[i], value(i));
      db.close();
      const once = () => {
        const opened = Strata.open(dir);
        if (opened.kv.get(keys[0]) === undefined) throw new Error("a key is missing");
        opened.close();
      };
      return { run: once, close: () => rmSync(dir, { recursive: true, force: true }) };
    },
  },
];

function shuffled(list) {
  // A generator of its own: every run measures the same order.
  let state = 42;
  for (let i = list.length - 1; i > 0; i--) {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    const j = state % (i + 1);
    [list[i], list[j]] = [list[j], list[i]];
  }
  return list;
}
