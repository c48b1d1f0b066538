import { readFileSync } from "node:fs";
import { afterEach, describe, expect, test } from "vitest";
import {
  clearRecoveryParticipants,
  Database,
  KvStore,
  PerfTrace,
  perfTime,
  RecoveryParticipant,
  recoverAllParticipants,
  registerRecoveryParticipant,
} from "./index.js";

const code = (code: string) => expect.objectContaining({ code });

afterEach(clearRecoveryParticipants);

describe("an ephemeral database", () => {
  test("has no files and shares nothing with another", () => {
    const [a, b] = [Database.ephemeral(), Database.ephemeral()];
    a.put("default", "key", 1);
    expect(b.get("default", "key")).toBeUndefined();
    expect([a.isEphemeral, a.persistenceMode, a.dataDir, a.wal]).toEqual([true, "ephemeral", undefined, undefined]);
    a.flush();
  });

  test("refuses everything once closed; closing again does nothing", async () => {
    const db = Database.ephemeral();
    db.close();
    db.close();
    await db.shutdown();
    expect(db.isOpen).toBe(false);
    for (const call of [
      () => db.put("default", "a", 1),
      () => db.get("default", "a"),
      () => db.transaction("default", () => 1),
      () => db.beginTransaction("default"),
      () => db.flush(),
      () => db.info(),
      () => db.ping(),
      () => db.runs.create("x"),
    ]) {
      expect(call).toThrow(code("DATABASE_CLOSED"));
    }
  });

  test("shutdown refuses new work, waits for open transactions, and says which are in the way", async () => {
    const db = Database.ephemeral();
    const open = db.beginTransaction("default");
    new KvStore(open.scope("default")).put("a", 1);
    const waiting = db.shutdown({ timeoutMs: 1000 });
    expect(db.isOpen).toBe(false);
    expect(() => db.put("default", "b", 1)).toThrow(code("DATABASE_CLOSED"));
    open.commit();
    await waiting;

    const stuck = Database.ephemeral();
    stuck.beginTransaction("default");
    await expect(stuck.shutdown({ timeoutMs: 1 })).rejects.toMatchObject({
      code: "SHUTDOWN_TIMEOUT",
      facts: { open: [{ run: "default" }] },
    });
    stuck.close();
  });
});

describe("single keys", () => {
  test("put, get, delete, cas", () => {
    const db = Database.ephemeral();
    const version = db.put("default", "key", "value");
    expect(db.get("default", "key")).toBe("value");
    expect(() => db.cas("default", "key", version + 1, "x")).toThrow(code("VERSION_CONFLICT"));
    expect(db.cas("default", "key", version, "next")).toBe(version + 1);
    expect(db.cas("default", "new", 0, 1)).toBe(version + 2);
    expect(db.delete("default", "key")).toBe(true);
    expect(db.delete("default", "key")).toBe(false);
    expect(() => db.get("nowhere", "key")).toThrow(code("RUN_NOT_FOUND"));
  });
});

describe("runs", () => {
  test("are created once, listed by name, and dropped with all they hold", () => {
    const db = Database.ephemeral();
    const info = db.runs.create("b", { purpose: "test" });
    expect(info).toMatchObject({ name: "b", status: "active", meta: { purpose: "test" } });
    expect(() => db.runs.create("b")).toThrow(code("RUN_EXISTS"));
    db.runs.create("a");
    expect(db.runs.list()).toEqual(["a", "b", "default"]);
    expect(db.runs.list({ prefix: "a" })).toEqual(["a"]);
    expect(db.runs.list({ after: "a", limit: 1 })).toEqual(["b"]);
    db.put("b", "key", 1);
    db.runs.delete("b");
    expect(db.runs.exists("b")).toBe(false);
    const again = db.runs.create("b");
    expect(again.id).not.toBe(info.id);
    expect(db.get("b", "key")).toBeUndefined();
  });

  test("default cannot go, missing ones are named with the nearest", () => {
    const db = Database.ephemeral();
    expect(() => db.runs.delete("default")).toThrow(code("CONSTRAINT_VIOLATION"));
    expect(() => db.runs.must("defualt")).toThrow(
      expect.objectContaining({ code: "RUN_NOT_FOUND", facts: expect.objectContaining({ nearest: "default" }) }),
    );
  });

  test("move through their statuses by the table; one that is not active refuses writes", () => {
    const db = Database.ephemeral();
    db.runs.create("job");
    db.put("job", "a", 1);
    db.runs.setStatus("job", "completed", "all done");
    expect(db.runs.get("job")).toMatchObject({ status: "completed", meta: { reason: "all done" } });
    expect(db.runs.get("job")?.endedAt).toBeGreaterThan(0);
    expect(() => db.put("job", "a", 2)).toThrow(code("RUN_CLOSED"));
    expect(db.get("job", "a")).toBe(1);
    expect(() => db.runs.setStatus("job", "active")).toThrow(code("CONSTRAINT_VIOLATION"));
    db.runs.setStatus("job", "archived");
    expect(db.runs.list({ status: "archived" })).toEqual(["job"]);
  });

  test("a transaction that was begun while the run was active cannot commit into a finished one", () => {
    const db = Database.ephemeral();
    db.runs.create("job");
    const t = db.beginTransaction("job");
    new KvStore(t.scope("default")).put("a", 1);
    db.runs.setStatus("job", "failed");
    expect(() => t.commit()).toThrow(code("RUN_CLOSED"));
  });
});

describe("the past", () => {
  test("reads every version, by version and by time, and refuses what never was", () => {
    let now = 1_000;
    const db = Database.ephemeral({ clock: { now: () => (now += 1_000) } });
    const run = db.runs.must("default");
    const versions = [1, 2, 3].map((n) => db.put("default", "key", n));
    const times = versions.map((version) => db.at(run, "default", { version }).timestamp);
    for (const [i, version] of versions.entries()) {
      expect(db.at(run, "default", { version }).table("kv").get("key")).toBe(i + 1);
      expect(
        db
          .at(run, "default", { time: times[i] as number })
          .table("kv")
          .get("key"),
      ).toBe(i + 1);
      expect(
        db
          .at(run, "default", { time: (times[i] as number) - 1 })
          .table("kv")
          .get("key"),
      ).toBe(i === 0 ? undefined : i);
    }
    expect(() => db.at(run, "default", { version: 999 })).toThrow(code("INVALID_ARGUMENT"));
    expect(() => db.at(run, "default", { time: 1 })).toThrow(code("HISTORY_TRIMMED"));
    expect(() => db.at(run, "default", { version: 0 })).toThrow(code("HISTORY_TRIMMED"));
    expect(() => db.at(run, "default", {} as never)).toThrow(code("INVALID_ARGUMENT"));
  });

  test("timestamps rise although the clock goes back", () => {
    const clock = [5_000_000, 9_000_000, 1_000_000, 1_000_000];
    const db = Database.ephemeral({ clock: { now: () => clock.shift() ?? 2_000_000 } });
    const run = db.runs.must("default");
    const stamps = [1, 2, 3, 4].map((n) => db.at(run, "default", { version: db.put("default", "key", n) }).timestamp);
    expect([...stamps].sort((a, b) => a - b)).toEqual(stamps);
    expect(new Set(stamps).size).toBe(4);
  });

  test("a view that was disposed of reads no more", () => {
    const db = Database.ephemeral();
    const view = db.at(db.runs.must("default"));
    const other = view.in("other");
    view.dispose();
    view.dispose();
    expect(() => view.table("kv").get("a")).toThrow(code("DATABASE_CLOSED"));
    expect(other.table("kv").get("a")).toBeUndefined();
  });
});

describe("recovery participants", () => {
  test("are called in order, each name once, and the first error stops", () => {
    const called: string[] = [];
    const participant = (name: string) => new RecoveryParticipant(name, () => called.push(name));
    expect(registerRecoveryParticipant(participant("a"))).toBe(true);
    expect(registerRecoveryParticipant(participant("b"))).toBe(true);
    expect(registerRecoveryParticipant(new RecoveryParticipant("a", () => called.push("imposter")))).toBe(false);
    const db = Database.ephemeral({ participants: [participant("own"), participant("b")] });
    expect(called).toEqual(["a", "b", "own"]);
    registerRecoveryParticipant(
      new RecoveryParticipant("bad", () => {
        throw new Error("bad");
      }),
    );
    registerRecoveryParticipant(participant("never"));
    called.length = 0;
    expect(() => recoverAllParticipants(db)).toThrow("bad");
    expect(called).toEqual(["a", "b"]);
  });
});

describe("extensions", () => {
  class Cache {
    readonly entries = new Map<string, number>();
  }

  test("are made once a type and database", () => {
    const [a, b] = [Database.ephemeral(), Database.ephemeral()];
    expect(a.extension(Cache)).toBe(a.extension(Cache));
    expect(a.extension(Cache)).not.toBe(b.extension(Cache));
  });

  test("a factory that throws leaves nothing behind", () => {
    const db = Database.ephemeral();
    expect(() =>
      db.extension(Cache, () => {
        throw new Error("no");
      }),
    ).toThrow("no");
    expect(db.extension(Cache)).toBeInstanceOf(Cache);
  });
});

describe("a derived index", () => {
  test("that throws is stale, fails no commit, and does not stop the others", () => {
    const logged: string[] = [];
    const db = Database.ephemeral({ logger: { log: (_, target) => logged.push(target) } });
    const seen: number[] = [];
    db.registerIndex({
      name: "broken",
      onCommit: () => {
        throw new Error("broken");
      },
      onRunDropped: () => {},
    });
    db.registerIndex({ name: "sound", onCommit: (_, commit) => seen.push(commit.version), onRunDropped: () => {} });
    const version = db.put("default", "a", 1);
    expect(seen).toEqual([version]);
    expect(logged).toEqual(["strata.index"]);
    expect(db.get("default", "a")).toBe(1);
  });
});

describe("PerfTrace", () => {
  test("sums where commits spend their time, and only when asked", () => {
    const perf = new PerfTrace();
    const db = Database.ephemeral({ perf });
    const before = perf.keysWritten;
    db.transaction("default", (t) => {
      const kv = new KvStore(t.scope("default"));
      kv.get("x");
      kv.put("a", 1);
      kv.put("b", 1);
    });
    expect(perf.keysWritten - before).toBe(2);
    expect(perf.keysRead).toBeGreaterThanOrEqual(1);
    expect(perf.commitTotalNs).toBeGreaterThan(0);
    expect(perf.summary()).toMatch(/commit total\s+[\d.]+ µs/);
    perf.reset();
    expect(perf.commitTotalNs).toBe(0);
  });

  test("perfTime adds to one field and gives the result through, errors too", () => {
    const perf = new PerfTrace();
    let now = 0;
    expect(
      perfTime(
        perf,
        "fsyncNs",
        () => (now += 5),
        () => "result",
      ),
    ).toBe("result");
    expect(perf.fsyncNs).toBe(5000);
    expect(
      perfTime(
        undefined,
        "fsyncNs",
        () => 0,
        () => 1,
      ),
    ).toBe(1);
  });
});

test("info says what there is", () => {
  const db = Database.ephemeral();
  db.put("default", "a", 1);
  db.runs.create("other");
  expect(db.info()).toMatchObject({
    durability: "in-memory",
    runs: 2,
    keys: 1,
    openTransactions: 0,
    health: { state: "ok" },
  });
});

test("the version is that of the package", () => {
  const { version } = JSON.parse(readFileSync(new URL("../package.json", import.meta.url), "utf8"));
  expect(Database.ephemeral().ping()).toBe(version);
});
