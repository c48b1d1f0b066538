import type { Timer } from "@strata/core";
import { beforeEach, describe, expect, test } from "vitest";
import { Database } from "../database.js";
import type { Run } from "../run.js";
import type { Lease } from "./lease.js";
import { StateCellStore } from "./state-cell.js";

const coded = (code: string, facts?: object) =>
  expect.objectContaining(facts === undefined ? { code } : { code, facts: expect.objectContaining(facts) });

/** Clock and timer in one: time passes when a test says so, and fires what is due. */
class Bench implements Timer {
  time = 1_700_000_000_000_000;
  waiting: { at: number; run: () => void }[] = [];
  now(): number {
    return this.time;
  }
  after(ms: number, run: () => void): () => void {
    const entry = { at: this.time + ms * 1000, run };
    this.waiting.push(entry);
    return () => {
      this.waiting = this.waiting.filter((other) => other !== entry);
    };
  }
  /** Lets `ms` pass, a millisecond at a time, and everything that waits for it run. */
  async pass(ms: number): Promise<void> {
    for (let passed = 0; passed < ms; passed++) {
      this.time += 1000;
      const due = this.waiting.filter(({ at }) => at <= this.time);
      this.waiting = this.waiting.filter(({ at }) => at > this.time);
      for (const { run } of due) run();
      for (let i = 0; i < 5; i++) await Promise.resolve();
    }
  }
}

let bench: Bench;
let db: Database;
let run: Run;
let cells: StateCellStore;
beforeEach(() => {
  bench = new Bench();
  db = Database.ephemeral({ clock: bench });
  run = db.runs.must("default");
  cells = new StateCellStore(db.head(run), bench);
});

const held = (lease: Lease | null): Lease => {
  expect(lease).not.toBeNull();
  return lease as Lease;
};

describe("acquire", () => {
  test("gives one owner the lease and others null", () => {
    const lease = held(cells.acquire("lock", "a", { ttlMs: 100 }));
    expect(lease).toMatchObject({ cell: "lock", owner: "a", token: 1, expiresAt: bench.time + 100_000 });
    expect(cells.acquire("lock", "b", { ttlMs: 100 })).toBeNull();
  });

  test("shows who holds it, until when", () => {
    const lease = held(cells.acquire("lock", "a", { ttlMs: 100 }));
    expect(cells.readVersioned("lock")).toMatchObject({ value: { owner: "a", token: 1 }, expiresAt: lease.expiresAt });
    expect(cells.list()).toEqual(["lock"]);
  });

  test("is free again after expiry, release or deletion, with a higher token each time", async () => {
    const tokens = [held(cells.acquire("lock", "a", { ttlMs: 100 })).token];
    await bench.pass(100);
    expect(cells.read("lock")).toBeUndefined();
    const second = held(cells.acquire("lock", "b", { ttlMs: 100 }));
    tokens.push(second.token);
    expect(second.release()).toBe(true);
    tokens.push(held(cells.acquire("lock", "c", { ttlMs: 100 })).token);
    cells.delete("lock");
    tokens.push(held(cells.acquire("lock", "d", { ttlMs: 100 })).token);
    expect(tokens).toEqual([...new Set(tokens)].sort((x, y) => x - y));
  });

  test("gives the same owner a new lease, and the old one is lost", () => {
    const old = held(cells.acquire("lock", "a", { ttlMs: 100 }));
    const renewed = held(cells.acquire("lock", "a", { ttlMs: 100 }));
    expect(renewed.token).toBeGreaterThan(old.token);
    expect(old.renew()).toBe(false);
    expect(old.release()).toBe(false);
    expect(renewed.renew()).toBe(true);
  });

  test("refuses a cell that holds a value", () => {
    cells.set("c", { owner: "a", token: 1 });
    expect(() => cells.acquire("c", "a", { ttlMs: 100 })).toThrow(coded("WRONG_TYPE", { cell: "c" }));
    expect(cells.read("c")).toEqual({ owner: "a", token: 1 });
  });

  test("is undone with its transaction", () => {
    const transaction = db.beginTransaction(run);
    held(new StateCellStore(transaction.scope("default")).acquire("lock", "a", { ttlMs: 100 }));
    transaction.rollback();
    expect(held(cells.acquire("lock", "b", { ttlMs: 100 })).owner).toBe("b");
  });

  test("in two transactions at once is given to one", () => {
    const [t1, t2] = [db.beginTransaction(run), db.beginTransaction(run)];
    held(new StateCellStore(t1.scope("default")).acquire("lock", "a", { ttlMs: 100 }));
    held(new StateCellStore(t2.scope("default")).acquire("lock", "b", { ttlMs: 100 }));
    t1.commit();
    expect(() => t2.commit()).toThrow(coded("TRANSACTION_CONFLICT"));
    expect(cells.read("lock")).toEqual({ owner: "a", token: 1 });
  });
});

describe("renew and release", () => {
  test("renewing counts from now and keeps the token", async () => {
    const lease = held(cells.acquire("lock", "a", { ttlMs: 100 }));
    await bench.pass(60);
    expect(lease.renew()).toBe(true);
    expect(lease).toMatchObject({ token: 1, expiresAt: bench.time + 100_000 });
    await bench.pass(60);
    expect(cells.acquire("lock", "b", { ttlMs: 1 })).toBeNull();
    expect(lease.renew(5)).toBe(true);
    expect(lease.expiresAt).toBe(bench.time + 5000);
    expect(cells.readVersioned("lock")).toMatchObject({ counter: 3, expiresAt: lease.expiresAt });
  });

  test("a lease that ran out cannot be renewed, though nobody took it", async () => {
    const lease = held(cells.acquire("lock", "a", { ttlMs: 10 }));
    await bench.pass(10);
    expect(lease.renew()).toBe(false);
    expect(lease.release()).toBe(false);
  });

  test("a lease that another holds is neither renewed nor released by the old one", async () => {
    const old = held(cells.acquire("lock", "a", { ttlMs: 10 }));
    await bench.pass(10);
    held(cells.acquire("lock", "b", { ttlMs: 100 }));
    expect(old.renew()).toBe(false);
    expect(old.release()).toBe(false);
    expect(cells.read("lock")).toMatchObject({ owner: "b" });
  });

  test("disposing releases, and is silent when the database or the transaction ended first", () => {
    const lease = held(cells.acquire("lock", "a", { ttlMs: 100 }));
    lease[Symbol.dispose]();
    expect(cells.read("lock")).toBeUndefined();
    lease[Symbol.dispose]();
    const inside = db.transaction(run, (transaction) =>
      held(new StateCellStore(transaction.scope("default")).acquire("lock", "a", { ttlMs: 100 })),
    );
    expect(() => inside.renew()).toThrow(coded("TRANSACTION_NOT_ACTIVE"));
    inside[Symbol.dispose]();
    const outside = held(cells.acquire("lock", "a", { ttlMs: 100 }));
    db.close();
    outside[Symbol.dispose]();
  });

  test.each([0, -1, Number.NaN, Number.POSITIVE_INFINITY, "5", null])("renew refuses %o", (ttlMs) => {
    const lease = held(cells.acquire("lock", "a", { ttlMs: 100 }));
    expect(() => lease.renew(ttlMs as number)).toThrow(coded("INVALID_ARGUMENT"));
    expect(lease.renew()).toBe(true);
  });
});

describe("require", () => {
  test("goes by the clock, also while commits are stamped ahead of it", () => {
    cells.set("other", 1);
    bench.time -= 3_600_000_000;
    const lease = held(cells.acquire("lock", "a", { ttlMs: 100 }));
    const commit = () =>
      db.transaction("default", (t) => {
        new StateCellStore(t.scope("default"), bench).require(lease);
        new StateCellStore(t.scope("default"), bench).set("guarded", 1);
      });
    commit();
    bench.time += 100_000;
    expect(commit).toThrow(coded("LEASE_LOST"));
  });

  test("passes while the lease is held and throws once it is lost", async () => {
    const lease = held(cells.acquire("lock", "a", { ttlMs: 10 }));
    cells.require(lease);
    await bench.pass(10);
    expect(() => cells.require(lease)).toThrow(coded("LEASE_LOST", { cell: "lock", owner: "a", token: 1 }));
    held(cells.acquire("lock", "b", { ttlMs: 10 }));
    expect(() => cells.require(lease)).toThrow(coded("LEASE_LOST", { holder: "b" }));
    expect(() => cells.require({ ...lease, cell: "never" })).toThrow(coded("LEASE_LOST"));
  });

  test("in a transaction lets it commit when the holder only renewed", () => {
    const lease = held(cells.acquire("lock", "a", { ttlMs: 100 }));
    const transaction = db.beginTransaction(run);
    const own = new StateCellStore(transaction.scope("default"));
    own.require(lease);
    own.set("work", "done");
    lease.renew();
    transaction.commit();
    expect(cells.read("work")).toBe("done");
  });

  test("in a transaction fails its commit when the lease passed to another, was given up, or merely ran out", async () => {
    for (const lose of [
      (lease: Lease) => lease.release(),
      () => bench.pass(100),
      async () => {
        await bench.pass(100);
        held(cells.acquire("lock", "b", { ttlMs: 1 }));
      },
    ]) {
      const lease = held(cells.acquire("lock", "a", { ttlMs: 100 }));
      const transaction = db.beginTransaction(run);
      const own = new StateCellStore(transaction.scope("default"));
      own.require(lease);
      own.set("work", "done");
      await lose(lease);
      expect(() => transaction.commit()).toThrow(coded("LEASE_LOST"));
      await bench.pass(10);
    }
    expect(cells.read("work")).toBeUndefined();
  });

  test("in a transaction sees a lease acquired there", () => {
    db.transaction(run, (transaction) => {
      const own = new StateCellStore(transaction.scope("default"));
      own.require(held(own.acquire("lock", "a", { ttlMs: 100 })));
    });
    expect(cells.read("lock")).toMatchObject({ owner: "a" });
  });

  test("takes a lease that came back from JSON", () => {
    const { cell, owner, token } = held(cells.acquire("lock", "a", { ttlMs: 100 }));
    cells.require(JSON.parse(JSON.stringify({ cell, owner, token })));
  });

  test.each([
    null,
    undefined,
    5,
    {},
    { cell: "lock" },
    { cell: "lock", owner: "a" },
    { cell: "lock", owner: "a", token: "1" },
  ])("refuses %o", (lease) => {
    expect(() => cells.require(lease as unknown as Lease)).toThrow(
      expect.objectContaining({ code: expect.stringMatching(/^INVALID_/) }),
    );
  });
});

describe("acquireAsync", () => {
  test("gets a free lease without waiting", async () => {
    expect((await cells.acquireAsync("lock", "a", { ttlMs: 100 })).token).toBe(1);
    expect(bench.waiting).toEqual([]);
  });

  test("waits until the lease is released", async () => {
    const first = held(cells.acquire("lock", "a", { ttlMs: 10_000 }));
    const second = cells.acquireAsync("lock", "b", { ttlMs: 100 });
    await bench.pass(500);
    expect(cells.read("lock")).toMatchObject({ owner: "a" });
    first.release();
    await bench.pass(50);
    expect((await second).owner).toBe("b");
    expect(bench.waiting).toEqual([]);
  });

  test("waits until the lease expires", async () => {
    held(cells.acquire("lock", "a", { ttlMs: 100 }));
    const second = cells.acquireAsync("lock", "b", { ttlMs: 100 });
    await bench.pass(150);
    expect((await second).token).toBe(2);
  });

  test("gives up after waitMs", async () => {
    held(cells.acquire("lock", "a", { ttlMs: 10_000 }));
    const second = cells.acquireAsync("lock", "b", { ttlMs: 100, waitMs: 200 });
    const outcome = expect(second).rejects.toThrow(coded("LEASE_TIMEOUT", { cell: "lock", owner: "b", waitMs: 200 }));
    await bench.pass(200);
    await outcome;
    expect(bench.waiting).toEqual([]);
    await expect(cells.acquireAsync("lock", "b", { ttlMs: 100, waitMs: 0 })).rejects.toThrow(coded("LEASE_TIMEOUT"));
  });

  test("rejects with the signal's reason on abort, before and during the wait", async () => {
    held(cells.acquire("lock", "a", { ttlMs: 10_000 }));
    const reason = new Error("enough");
    await expect(cells.acquireAsync("free", "b", { ttlMs: 1, signal: AbortSignal.abort(reason) })).rejects.toBe(reason);
    expect(cells.read("free")).toBeUndefined();
    const controller = new AbortController();
    const waiting = cells.acquireAsync("lock", "b", { ttlMs: 100, signal: controller.signal });
    const outcome = expect(waiting).rejects.toBe(reason);
    await bench.pass(20);
    controller.abort(reason);
    await outcome;
    expect(bench.waiting).toEqual([]);
  });

  test("in a transaction tries once, for it would wait in vain", async () => {
    held(cells.acquire("lock", "a", { ttlMs: 10_000 }));
    const transaction = db.beginTransaction(run);
    const own = new StateCellStore(transaction.scope("default"), bench);
    await expect(own.acquireAsync("lock", "b", { ttlMs: 100 })).rejects.toThrow(coded("LEASE_TIMEOUT"));
    transaction.rollback();
  });

  test("of many who wait, each gets it in turn", async () => {
    const done: string[] = [];
    const workers = ["a", "b", "c"].map(async (owner) => {
      const lease = await cells.acquireAsync("lock", owner, { ttlMs: 1000 });
      done.push(owner);
      lease.release();
    });
    await bench.pass(200);
    await Promise.all(workers);
    expect(done.sort()).toEqual(["a", "b", "c"]);
  });

  test("rejects, and does not throw, for bad arguments", async () => {
    const bad: [unknown, unknown, unknown][] = [
      ["", "a", { ttlMs: 1 }],
      ["c", "", { ttlMs: 1 }],
      ["c", 5, { ttlMs: 1 }],
      ["c", "a", undefined],
      ["c", "a", {}],
      ["c", "a", { ttlMs: 0 }],
      ["c", "a", { ttlMs: 1, waitMs: -1 }],
      ["c", "a", { ttlMs: 1, waitMs: Number.NaN }],
      ["c", "a", { ttlMs: 1, signal: {} }],
      ["c", "a", { ttlMs: 1, wait: 5 }],
      ["c", "\ud800", { ttlMs: 1 }],
    ];
    for (const [cell, owner, options] of bad) {
      const call = cells.acquireAsync(cell as string, owner as string, options as { ttlMs: number });
      await expect(call).rejects.toThrow(expect.objectContaining({ code: expect.stringMatching(/^INVALID_/) }));
    }
    for (const [cell, owner, options] of bad.slice(0, 6)) {
      expect(() => cells.acquire(cell as string, owner as string, options as { ttlMs: number })).toThrow(
        expect.objectContaining({ code: expect.stringMatching(/^INVALID_/) }),
      );
    }
  });
});
