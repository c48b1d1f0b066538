import { setTimeout as sleep } from "node:timers/promises";
import { beforeEach, describe, expect, test } from "vitest";
import { Database, KvStore, MAX_POOL_SIZE, type OpenTransaction, TransactionPool } from "./index.js";

let db: Database;
let kv: KvStore;
const kvOf = (transaction: OpenTransaction) => new KvStore(transaction.scope("default"));
const code = (code: string) => expect.objectContaining({ code });

beforeEach(() => {
  db = Database.ephemeral();
  kv = new KvStore(db.head(db.runs.must("default")));
});

/** Makes the first `times` attempts of a closure lose their commit, by a write from outside while it is open. */
function disturb(times: number, transaction: OpenTransaction): void {
  kvOf(transaction).get("contended");
  if (times > 0) queueMicrotask(() => kv.put("contended", times));
}

describe("closures", () => {
  test("commit on return and give the closure's result", () => {
    const result = db.transaction("default", (t) => {
      kvOf(t).put("a", 1);
      return "done";
    });
    expect(result).toBe("done");
    expect(kv.get("a")).toBe(1);
  });

  test("roll back when they throw, and the error passes unchanged", () => {
    const error = new Error("mine");
    const run = () =>
      db.transaction("default", (t) => {
        kvOf(t).put("a", 1);
        throw error;
      });
    expect(run).toThrow(error);
    expect(kv.get("a")).toBeUndefined();
    expect(db.metrics()).toMatchObject({ activeCount: 0, totalAborted: 1 });
  });

  test("an asynchronous one commits when its promise fulfils and rolls back when it rejects", async () => {
    await db.transaction("default", async (t) => {
      await sleep(1);
      kvOf(t).put("a", 1);
    });
    expect(kv.get("a")).toBe(1);
    const failing = db.transaction("default", async (t) => {
      kvOf(t).put("a", 2);
      await sleep(1);
      throw new Error("no");
    });
    await expect(failing).rejects.toThrow("no");
    expect(kv.get("a")).toBe(1);
  });

  test("a transaction that escapes its closure is dead, whoever got its context since", () => {
    let escaped: OpenTransaction | undefined;
    db.transaction("default", (t) => {
      escaped = t;
    });
    db.transaction("default", (t) => {
      kvOf(t).put("b", 1);
      expect(() => escaped && kvOf(escaped).put("a", 1)).toThrow(code("TRANSACTION_NOT_ACTIVE"));
    });
    expect(kv.list()).toEqual(["b"]);
  });

  test("a forgotten await gets TRANSACTION_NOT_ACTIVE, not somebody else's commit", async () => {
    let late: unknown;
    await db.transaction("default", async (t) => {
      void sleep(5).then(() => {
        try {
          kvOf(t).put("late", 1);
        } catch (error) {
          late = error;
        }
      });
    });
    await sleep(15);
    expect(late).toMatchObject({ code: "TRANSACTION_NOT_ACTIVE" });
    expect(kv.exists("late")).toBe(false);
  });

  test("inside a synchronous closure, writes to its run through another handle are refused; reads and other runs are not", () => {
    const other = db.runs.create("other");
    db.transaction("default", (t) => {
      kvOf(t).put("a", 1);
      expect(() => kv.put("b", 1)).toThrow(code("TRANSACTION_NESTED"));
      expect(() => kv.delete("b")).not.toThrow();
      expect(() => db.transaction("default", (inner) => kvOf(inner).put("c", 1))).toThrow(code("TRANSACTION_NESTED"));
      expect(kv.get("a")).toBeUndefined();
      new KvStore(db.head(db.runs.must(other.name))).put("elsewhere", 1);
      db.transaction(other.name, (inner) => {
        kvOf(inner).put("elsewhere", 2);
        expect(() => kv.put("b", 1)).toThrow(code("TRANSACTION_NESTED"));
      });
    });
    expect(kv.list()).toEqual(["a"]);
    kv.put("b", 1);
  });

  test("two asynchronous closures on one handle never share a transaction", async () => {
    const step = (key: string) =>
      db.transaction("default", async (t) => {
        kvOf(t).put(key, 1);
        await sleep(2);
        expect(kvOf(t).list()).toEqual([key]);
        if (key === "b") throw new Error("only b");
      });
    const [a, b] = await Promise.allSettled([step("a"), step("b")]);
    expect([a.status, b.status]).toEqual(["fulfilled", "rejected"]);
    expect(kv.list()).toEqual(["a"]);
  });

  test("transactionWithVersion gives the commit's version; without a write, the version that was read", () => {
    const before = kv.put("x", 1);
    expect(db.transactionWithVersion("default", (t) => kvOf(t).get("x"))).toEqual([1, before]);
    const [, version] = db.transactionWithVersion("default", (t) => kvOf(t).put("x", 2));
    expect(version).toBe(before + 1);
    expect(kv.getVersioned("x")?.version).toBe(version);
  });

  test("all keys of a transaction carry one version and one timestamp", () => {
    db.transaction("default", (t) => {
      kvOf(t).put("a", 1);
      kvOf(t).put("b", 2);
    });
    const [a, b] = ["a", "b"].map((key) => kv.getVersioned(key));
    expect(a?.version).toBe(b?.version);
    expect(a?.timestamp).toBe(b?.timestamp);
  });
});

describe("retry", () => {
  test("runs an asynchronous closure again after a conflict, and only so often", async () => {
    let attempts = 0;
    const contend = (times: number, maxRetries: number) => {
      attempts = 0;
      return db.transaction(
        "default",
        async (t) => {
          disturb(times - attempts++, t);
          await sleep(1);
          kvOf(t).put("mine", attempts);
        },
        { retry: { maxRetries, baseDelayMs: 1, maxDelayMs: 2 } },
      );
    };
    await contend(2, 3);
    expect(attempts).toBe(3);
    await expect(contend(9, 2)).rejects.toMatchObject({ code: "TRANSACTION_CONFLICT" });
    expect(attempts).toBe(3);
  });

  test("does not repeat what failed for another reason, and nothing unasked", async () => {
    let attempts = 0;
    const failing = db.transaction(
      "default",
      async () => {
        attempts++;
        throw new Error("not a conflict");
      },
      { retry: { maxRetries: 5 } },
    );
    await expect(failing).rejects.toThrow("not a conflict");
    expect(attempts).toBe(1);
    attempts = 0;
    const unasked = db.transaction("default", async (t) => {
      disturb(1 - attempts++, t);
      await sleep(1);
      kvOf(t).put("mine", 1);
    });
    await expect(unasked).rejects.toMatchObject({ code: "TRANSACTION_CONFLICT" });
    expect(attempts).toBe(1);
  });

  test("32 tasks that increment one counter all succeed in the end", async () => {
    const increment = () =>
      db.transaction(
        "default",
        async (t) => {
          const before = (kvOf(t).get("n") as number | undefined) ?? 0;
          await Promise.resolve();
          kvOf(t).put("n", before + 1);
        },
        { retry: { maxRetries: 1000, baseDelayMs: 0, maxDelayMs: 0 } },
      );
    await Promise.all(Array.from({ length: 32 }, increment));
    expect(kv.get("n")).toBe(32);
  });
});

describe("time limits", () => {
  test("a synchronous closure fails at its next call once the time is over, and nothing is applied", () => {
    let now = 1_000_000;
    const slow = Database.ephemeral({ clock: { now: () => now } });
    const attempt = () =>
      slow.transactionWithTimeout("default", 10, (t) => {
        kvOf(t).put("a", 1);
        now += 11_000;
        kvOf(t).put("b", 1);
      });
    expect(attempt).toThrow(code("TRANSACTION_TIMEOUT"));
    expect(slow.get("default", "a")).toBeUndefined();
    expect(slow.metrics().activeCount).toBe(0);
  });

  test("the commit itself counts as a call", () => {
    let now = 1_000_000;
    const slow = Database.ephemeral({ clock: { now: () => now } });
    const attempt = () =>
      slow.transactionWithTimeout("default", 10, (t) => {
        kvOf(t).put("a", 1);
        now += 11_000;
      });
    expect(attempt).toThrow(code("TRANSACTION_TIMEOUT"));
  });

  test("an asynchronous closure is rejected even while it hangs, and its signal aborts", async () => {
    let signal: AbortSignal | undefined;
    const hanging = db.transaction(
      "default",
      async (t) => {
        kvOf(t).put("a", 1);
        signal = t.signal;
        await new Promise(() => {});
      },
      { timeoutMs: 5 },
    );
    await expect(hanging).rejects.toMatchObject({ code: "TRANSACTION_TIMEOUT" });
    expect(signal?.aborted).toBe(true);
    expect(kv.exists("a")).toBe(false);
  });

  test("a signal that aborts before the closure's first await, or right behind its end, is heard", async () => {
    const reason = new Error("enough");
    const first = new AbortController();
    const early = db.transaction(
      "default",
      async (t) => {
        kvOf(t).put("a", 1);
        first.abort(reason);
      },
      { signal: first.signal },
    );
    await expect(early).rejects.toBe(reason);
    expect(kv.get("a")).toBeUndefined();
    for (let ticks = 0; ticks < 8; ticks++) {
      const controller = new AbortController();
      const abortAfter = (left: number): void =>
        left === 0 ? controller.abort(reason) : queueMicrotask(() => abortAfter(left - 1));
      const late = db.transaction(
        "default",
        async (t) => {
          await sleep(1);
          kvOf(t).put(`late-${ticks}`, 1);
          abortAfter(ticks);
        },
        { signal: controller.signal },
      );
      const outcome = await late.then(
        () => "committed",
        (error: unknown) => error,
      );
      expect(outcome).toBe(kv.get(`late-${ticks}`) === undefined ? reason : "committed");
    }
  });

  test("a thenable that is no promise is awaited", async () => {
    // biome-ignore lint/suspicious/noThenProperty: a thenable is what this is about.
    const thenable = { then: (resolve: (value: number) => void) => void setTimeout(() => resolve(5), 1) };
    const result = db.transaction("default", (t) => {
      kvOf(t).put("a", 1);
      return thenable as unknown as PromiseLike<number>;
    });
    expect(await result).toBe(5);
    expect(kv.get("a")).toBe(1);
  });

  test("the caller's signal rejects with its own reason", async () => {
    const controller = new AbortController();
    const hanging = db.transaction(
      "default",
      async (t) => {
        kvOf(t).put("a", 1);
        await new Promise(() => {});
      },
      { signal: controller.signal },
    );
    controller.abort("enough");
    await expect(hanging).rejects.toBe("enough");
    expect(() => db.transaction("default", () => 1, { signal: controller.signal })).toThrow("enough");
  });
});

describe("by hand", () => {
  test("begin, commit, end", () => {
    const t = db.beginTransaction("default");
    kvOf(t).put("a", 1);
    expect(kv.exists("a")).toBe(false);
    const info = db.commitTransaction(t);
    expect(info).toMatchObject({ run: "default", version: kv.getVersioned("a")?.version, epoch: 1 });
    db.endTransaction(t);
    expect(() => db.commitTransaction(t)).toThrow(code("TRANSACTION_NOT_ACTIVE"));
  });

  test("ending without commit rolls back", () => {
    const t = db.beginTransaction("default");
    kvOf(t).put("a", 1);
    db.endTransaction(t);
    expect(kv.exists("a")).toBe(false);
    expect(db.metrics()).toMatchObject({ activeCount: 0, totalAborted: 1 });
  });

  test("a read-only transaction refuses writes and takes no version", () => {
    const version = kv.put("a", 1);
    const t = db.beginTransaction("default", { readOnly: true });
    expect(() => kvOf(t).put("b", 1)).toThrow(code("READ_ONLY"));
    expect(kvOf(t).get("a")).toBe(1);
    expect(t.commit().version).toBe(version);
  });

  test("onCommit is told once after a commit, never after a rollback, and may throw", () => {
    const told: number[] = [];
    const t = db.beginTransaction("default");
    kvOf(t).put("a", 1);
    t.onCommit((info) => told.push(info.version));
    t.onCommit(() => {
      throw new Error("listener");
    });
    const { version } = t.commit();
    const r = db.beginTransaction("default");
    r.onCommit(() => told.push(-1));
    r.rollback();
    expect(told).toEqual([version]);
  });

  test("a listener that rejects is logged and harms nobody", async () => {
    const logged: unknown[] = [];
    const told = Database.ephemeral({ logger: { log: (_level, target) => logged.push(target) } });
    const t = told.beginTransaction("default");
    t.put("a", 1);
    t.onCommit(() => Promise.reject(new Error("late")) as never);
    t.commit();
    await sleep(1);
    expect(logged).toEqual(["strata.txn"]);
  });

  test("closing the database ends what is open", () => {
    const t = db.beginTransaction("default");
    kvOf(t).put("a", 1);
    const { signal } = t;
    db.close();
    expect(signal.aborted).toBe(true);
    expect(() => t.commit()).toThrow(code("TRANSACTION_NOT_ACTIVE"));
    expect(() => kv.get("a")).toThrow(code("DATABASE_CLOSED"));
  });

  test("deleting the run ends what is open on it", () => {
    db.runs.create("doomed");
    const t = db.beginTransaction("doomed");
    kvOf(t).put("a", 1);
    db.runs.delete("doomed");
    db.runs.create("doomed");
    expect(() => t.commit()).toThrow(code("RUN_NOT_FOUND"));
    expect(db.get("doomed", "a")).toBeUndefined();
  });
});

test("a generator is refused: nobody would run it", () => {
  const closure = function* () {
    yield 1;
  };
  expect(() => db.transaction("default", closure)).toThrow(code("INVALID_ARGUMENT"));
});

test("a clock that shows nothing usable fails the commit, not the database", () => {
  let now = 1_000;
  const odd = Database.ephemeral({ clock: { now: () => now } });
  now = Number.NaN;
  expect(() => odd.put("default", "a", 1)).toThrow(code("INVALID_ARGUMENT"));
  now = 2_000;
  odd.put("default", "a", 2);
  expect(odd.get("default", "a")).toBe(2);
});

describe("limits", () => {
  test("a transaction writes no more keys than the limit", () => {
    const small = Database.ephemeral({ limits: { transactionKeys: 3 } });
    const attempt = () =>
      small.transaction("default", (t) => {
        for (const key of ["a", "b", "c", "d"]) kvOf(t).put(key, 1);
      });
    expect(attempt).toThrow(code("LIMIT_TRANSACTION"));
    expect(small.get("default", "a")).toBeUndefined();
  });

  test.each([
    ["timeoutMs", { timeoutMs: 0 }],
    ["durability", { durability: "sometimes" }],
    ["message", { message: "x".repeat(1025) }],
    ["retry", { retry: { maxRetries: -1 } }],
    ["signal", { signal: {} }],
    ["readOnly", { readOnly: "yes" }],
  ])("an ill-typed %s is refused before anything begins", (_, options) => {
    expect(() => db.transaction("default", () => 1, options as never)).toThrow(code("INVALID_ARGUMENT"));
    expect(db.metrics().totalStarted).toBe(1);
  });
});

test("metrics count each transaction once", () => {
  const before = db.metrics();
  kv.put("a", 1);
  kv.get("a");
  db.transaction("default", (t) => kvOf(t).put("b", 1));
  expect(() =>
    db.transaction("default", () => {
      throw new Error("x");
    }),
  ).toThrow("x");
  const after = db.metrics();
  expect(after.totalStarted - before.totalStarted).toBe(3);
  expect(after.totalCommitted - before.totalCommitted).toBe(2);
  expect(after.totalAborted - before.totalAborted).toBe(1);
  expect(after.activeCount).toBe(0);
  expect(after.commitRate).toBeCloseTo(after.totalCommitted / after.totalStarted);
});

describe("TransactionPool", () => {
  test("keeps at most its maximum, gives each context out once, and clears", () => {
    const pool = new TransactionPool();
    pool.warmup(100);
    expect(pool.poolSize).toBe(MAX_POOL_SIZE);
    const context = pool.acquire();
    pool.release(context);
    pool.release(context);
    expect(pool.poolSize).toBe(MAX_POOL_SIZE);
    const all = Array.from({ length: MAX_POOL_SIZE }, () => pool.acquire());
    expect(new Set(all).size).toBe(MAX_POOL_SIZE);
    expect(pool.poolSize).toBe(0);
    for (const one of [...all, ...all]) pool.release(one);
    expect(pool.poolSize).toBe(MAX_POOL_SIZE);
    pool.clear();
    expect([pool.poolSize, pool.totalCapacity]).toEqual([0, MAX_POOL_SIZE]);
  });

  test("a warm database begins transactions from the pool", () => {
    kv.put("a", 1);
    const { poolSize } = db.pool;
    for (let i = 0; i < 100; i++) kv.put("a", i);
    expect(db.pool.poolSize).toBe(poolSize);
  });
});
