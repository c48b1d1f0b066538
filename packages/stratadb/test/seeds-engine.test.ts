import { existsSync } from "node:fs";
import { join } from "node:path";
import {
  abortRate,
  clearRecoveryParticipants,
  KvStore,
  MAX_POOL_SIZE,
  type OpenTransaction,
  RecoveryParticipant,
  registerRecoveryParticipant,
  TransactionPool,
  totalCompleted,
} from "@strata/engine";
import { afterEach, describe, expect, test } from "vitest";
import { Database } from "../src/index.js";
import { newDirectory } from "./directories.js";
import { expectCode } from "./expect-code.js";

const kv = (txn: OpenTransaction) => new KvStore(txn.scope("default"));

describe("the analysis of the engine: transactions", () => {
  let db: Database = Database.ephemeral();
  afterEach(() => {
    db.close();
    db = Database.ephemeral();
  });

  test("a closure commits when it returns and rolls back when it throws", () => {
    db.put("default", "key", 1);
    const before = db.transaction("default", (txn) => {
      const value = kv(txn).get("key");
      kv(txn).put("key", 2);
      return value;
    });
    expect(before).toBe(1);
    expect(db.get("default", "key")).toBe(2);
    const mine = new Error("mine");
    expect(() =>
      db.transaction("default", (txn) => {
        kv(txn).put("key", 3);
        throw mine;
      }),
    ).toThrow(mine);
    expect(db.get("default", "key")).toBe(2);
  });

  test("a closure with its commit version", () => {
    const [result, version] = db.transactionWithVersion("default", (txn) => {
      kv(txn).put("key", "value");
      return "success";
    });
    expect(result).toBe("success");
    expect(version).toBeGreaterThan(0);
    const [, readVersion] = db.transactionWithVersion("default", (txn) => kv(txn).get("key"));
    expect(readVersion).toBe(version);
  });

  test("by hand", () => {
    const txn = db.beginTransaction("default");
    kv(txn).put("key", "value");
    expect(db.get("default", "key")).toBeUndefined();
    const info = db.commitTransaction(txn);
    expect(info.run).toBe("default");
    db.endTransaction(txn);
    expect(db.get("default", "key")).toBe("value");
    const abandoned = db.beginTransaction("default");
    kv(abandoned).put("key", "other");
    db.endTransaction(abandoned);
    expect(db.get("default", "key")).toBe("value");
    expectCode("TRANSACTION_NOT_ACTIVE", () => db.commitTransaction(abandoned));
  });

  test("with retry: conflicts run again, other errors do not, and the last conflict is thrown", async () => {
    db.put("default", "n", 0);
    let attempts = 0;
    const retry = { maxRetries: 5, baseDelayMs: 1, maxDelayMs: 2 };
    const result = await db.transactionWithRetry("default", retry, async (txn) => {
      attempts++;
      const n = kv(txn).get("n") as number;
      if (attempts < 3) db.put("default", "n", n + 10);
      kv(txn).put("n", n + 1);
      return n + 1;
    });
    expect([attempts, result, db.get("default", "n")]).toEqual([3, 21, 21]);

    let others = 0;
    await expect(
      db.transactionWithRetry("default", retry, async () => {
        others++;
        throw new Error("no conflict");
      }),
    ).rejects.toThrow("no conflict");
    expect(others).toBe(1);
  });

  test("with a timeout nothing is applied", async () => {
    await expect(
      db.transactionWithTimeout("default", 10, async (txn) => {
        kv(txn).put("late", 1);
        await new Promise((resolve) => setTimeout(resolve, 60));
      }),
    ).rejects.toMatchObject({ code: "TRANSACTION_TIMEOUT" });
    expect(db.get("default", "late")).toBeUndefined();
  });

  test("direct operations are transactions of one", () => {
    const version = db.put("default", "key", "value");
    expect(db.get("default", "key")).toBe("value");
    const next = db.cas("default", "key", version, "new value");
    expect(next).toBeGreaterThan(version);
    expectCode("VERSION_CONFLICT", () => db.cas("default", "key", version, "stale"));
    expect(db.delete("default", "key")).toBe(true);
    expect(db.delete("default", "key")).toBe(false);
    expect(db.cas("default", "key", 0, "anew")).toBeGreaterThan(next);
  });

  test("metrics count how transactions ended", () => {
    const before = db.metrics();
    db.put("default", "a", 1);
    db.endTransaction(db.beginTransaction("default"));
    const after = db.metrics();
    expect(after.totalCommitted - before.totalCommitted).toBe(1);
    expect(after.totalAborted - before.totalAborted).toBe(1);
    expect(totalCompleted(after)).toBe(after.totalCommitted + after.totalAborted);
    expect(abortRate(after)).toBeCloseTo(after.totalAborted / after.totalStarted);
    expect(after.activeCount).toBe(0);
  });

  test("an extension is made once and shared", () => {
    class Backend {
      readonly made = {};
    }
    expect(db.extension(Backend)).toBe(db.extension(Backend));
    expect(db.extension(Backend)).not.toBe(Database.ephemeral().extension(Backend));
  });

  test("the pool keeps at most eight", () => {
    expect(MAX_POOL_SIZE).toBe(8);
    expect(db.pool).toBeInstanceOf(TransactionPool);
  });
});

describe("the analysis of the engine: opening", () => {
  test("each way to open says what it is", () => {
    const path = newDirectory();
    const matrix: [Database, boolean, string][] = [
      [Database.ephemeral(), true, "ephemeral"],
      [Database.builder().ephemeral().open(), true, "ephemeral"],
      [Database.open(join(path, "a")), false, "disk"],
      [Database.openWithMode(join(path, "b"), "Batched"), false, "disk"],
      [Database.builder().path(join(path, "c")).noDurability().open(), false, "disk"],
      [Database.builder().path(join(path, "d")).strict().open(), false, "disk"],
      [Database.builder().path(join(path, "e")).bufferedWith(50, 10).open(), false, "disk"],
      [Database.builder().openTemp(), false, "disk"],
    ];
    for (const [db, isEphemeral, persistence] of matrix) {
      db.put("default", "key", "value");
      expect(db.get("default", "key")).toBe("value");
      expect(db.isEphemeral).toBe(isEphemeral);
      expect(db.persistenceMode).toBe(persistence);
      expect(db.wal === undefined).toBe(isEphemeral);
      expect(db.dataDir === undefined).toBe(isEphemeral);
      expect(db).toBeInstanceOf(Database);
    }
    expect(matrix.map(([db]) => db.durabilityMode)).toEqual([
      expect.any(String),
      expect.any(String),
      "buffered",
      "buffered",
      "none",
      "strict",
      "buffered",
      "buffered",
    ]);
    for (const [db] of matrix) db.close();
  });

  test("the builder echoes what is set, the later setter wins, and bad values are refused", () => {
    const builder = Database.builder();
    expect(builder.getPath()).toBeUndefined();
    expect(builder.getDurability()).toBe("buffered");
    expect(builder.strict().noDurability().path("a").path("b").getDurability()).toBe("none");
    expect(builder.getPath()).toBe("b");
    expectCode("INVALID_ARGUMENT", () => builder.bufferedWith(0, 10));
    expectCode("INVALID_ARGUMENT", () => builder.bufferedWith(10, 0));
    expectCode("INVALID_ARGUMENT", () => Database.openWithMode("somewhere", "eventually"));
  });

  test("a temporary database is gone when it closes, and two are two", () => {
    const a = Database.builder().openTemp();
    const b = Database.builder().open();
    a.put("default", "key", 1);
    expect(b.get("default", "key")).toBeUndefined();
    const path = a.dataDir as string;
    expect(existsSync(path)).toBe(true);
    a.close();
    b.close();
    expect(existsSync(path)).toBe(false);
  });

  test("the builder joins an engine that has the path open", () => {
    const path = newDirectory();
    const first = Database.open(path);
    expect(Database.builder().path(path).open()).toBe(first);
    expect(Database.open(path)).toBe(first);
    first.close();
    const second = Database.open(path);
    expect(second).not.toBe(first);
    second.close();
  });

  test("what is written is there again, in every mode", () => {
    const path = newDirectory();
    for (const mode of ["none", "buffered", "strict"]) {
      const db = Database.openWithMode(join(path, mode), mode);
      const strict = db.transactionWithDurability("default", "strict", (txn) => kv(txn).put("key", mode));
      expect(strict).toBeUndefined();
      db.flush();
      db.close();
      expect(db.isOpen).toBe(false);
      const again = Database.openWithMode(join(path, mode), mode);
      expect(again.get("default", "key")).toBe(mode);
      again.close();
    }
  });
});

describe("the analysis of the engine: recovery participants", () => {
  afterEach(clearRecoveryParticipants);

  test("run in order of registration, once each, and the first error ends opening", () => {
    const calls: string[] = [];
    const named = (name: string) => new RecoveryParticipant(name, () => calls.push(name));
    expect(registerRecoveryParticipant(named("vector"))).toBe(true);
    expect(registerRecoveryParticipant(named("text"))).toBe(true);
    expect(registerRecoveryParticipant(named("vector"))).toBe(false);
    Database.ephemeral().close();
    expect(calls).toEqual(["vector", "text"]);
    registerRecoveryParticipant(
      new RecoveryParticipant("broken", () => {
        throw new Error("cannot rebuild");
      }),
    );
    registerRecoveryParticipant(named("never"));
    expect(() => Database.ephemeral()).toThrow("cannot rebuild");
    expect(calls).toEqual(["vector", "text", "vector", "text"]);
  });

  test("shutdown waits for open transactions, and close does not", async () => {
    const db = Database.ephemeral();
    const txn = db.beginTransaction("default");
    kv(txn).put("key", 1);
    const closing = db.shutdown();
    expect(db.isOpen).toBe(false);
    expectCode("DATABASE_CLOSED", () => db.beginTransaction("default"));
    db.commitTransaction(txn);
    await closing;
    expectCode("DATABASE_CLOSED", () => db.get("default", "key"));

    const other = Database.ephemeral();
    const open = other.beginTransaction("default");
    await expect(other.shutdown({ timeoutMs: 5 })).rejects.toMatchObject({ code: "SHUTDOWN_TIMEOUT" });
    other.close();
    expectCode("TRANSACTION_NOT_ACTIVE", () => other.commitTransaction(open));
  });
});
