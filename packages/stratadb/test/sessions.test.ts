import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { type Session, Strata } from "../src/index.js";
import { expectCode, expectRejection } from "./expect-code.js";

describe("sessions", () => {
  let db: Strata;
  let session: Session;
  beforeEach(() => {
    db = Strata.cache();
    session = db.session();
  });
  afterEach(() => db.close());

  test("outside begin and commit each call commits by itself", () => {
    expect(session.inTransaction).toBe(false);
    expect(session.kv.put("a", 1)).toBe(db.version);
    expect(db.kv.get("a")).toBe(1);
    expect(session.events.append("e", {})).toBe(0);
  });

  test("inside, everything is one commit that others see at the end", () => {
    const before = db.version;
    session.begin({ message: "all at once" });
    expect(session.inTransaction).toBe(true);
    expect(session.kv.put("a", 1)).toBeUndefined();
    session.state.set("c", 1);
    session.events.append("e", { n: 1 });
    session.json.put("d", { n: 1 });
    expect([session.kv.get("a"), session.state.read("c"), session.events.len(), session.json.get("d", "$.n")]).toEqual([
      1, 1, 1, 1,
    ]);
    expect([db.kv.get("a"), db.state.read("c"), db.events.len(), db.json.get("d")]).toEqual([
      undefined,
      undefined,
      0,
      undefined,
    ]);
    const info = session.commit();
    expect(info.version).toBeGreaterThan(before);
    expect(info.version).toBe(db.version);
    expect(info.events).toMatchObject([{ space: "default", type: "e", sequence: 0 }]);
    expect([db.kv.get("a"), db.state.read("c"), db.events.len(), db.json.get("d")]).toEqual([1, 1, 1, { n: 1 }]);
  });

  test("begin twice, commit and rollback without begin are refused", async () => {
    expectCode("TRANSACTION_NOT_ACTIVE", () => session.commit());
    expectCode("TRANSACTION_NOT_ACTIVE", () => session.rollback());
    await expectRejection("TRANSACTION_NOT_ACTIVE", () => session.commitAsync());
    session.begin();
    expectCode("TRANSACTION_ALREADY_ACTIVE", () => session.begin());
    session.rollback();
    expectCode("TRANSACTION_NOT_ACTIVE", () => session.rollback());
  });

  test("a new transaction can begin after either end", async () => {
    session.begin();
    session.kv.put("a", 1);
    session.rollback();
    expect(db.kv.get("a")).toBeUndefined();
    session.begin();
    session.kv.put("a", 2);
    await session.commitAsync();
    session.begin();
    session.kv.put("a", 3);
    session.commit();
    expect(db.kv.get("a")).toBe(3);
  });

  test("disposing rolls back", () => {
    {
      using inner = db.session();
      inner.begin();
      inner.kv.put("a", 1);
    }
    expect(db.kv.get("a")).toBeUndefined();
    expect(db.info().openTransactions).toBe(0);
  });

  test("a conflict ends the transaction, and the session goes on", () => {
    db.kv.put("n", 1);
    session.begin();
    session.kv.put("n", (session.kv.get("n") as number) + 1);
    db.kv.put("n", 10);
    expectCode("TRANSACTION_CONFLICT", () => session.commit());
    expect(session.inTransaction).toBe(false);
    expect(session.kv.get("n")).toBe(10);
  });

  test("stores and typed views taken before begin write into the transaction", () => {
    const { kv, events } = session;
    const numbers = session.kv.typed<number>();
    session.begin();
    kv.put("a", 1);
    numbers.put("b", 2);
    events.append("e", {});
    expect(session.kv.list()).toEqual(["a", "b"]);
    expect(db.kv.list()).toEqual([]);
    session.rollback();
    expect(kv.list()).toEqual([]);
    kv.put("c", 3);
    expect(db.kv.list()).toEqual(["c"]);
  });

  test("the cursor moves inside a transaction, and one commit spans the spaces", () => {
    session.begin();
    session.kv.put("k", "default");
    session.setSpace("x");
    expect(session.currentSpace()).toBe("x");
    session.kv.put("k", "x");
    expectCode("INVALID_NAME", () => session.setSpace("X"));
    session.commit();
    expect(session.currentSpace()).toBe("x");
    expect([db.kv.get("k"), db.in({ space: "x" }).kv.get("k")]).toEqual(["default", "x"]);
    expect(db.listSpaces()).toEqual(["default", "x"]);
  });

  test("a space that only a rolled back transaction wrote to is not registered", () => {
    session.begin();
    session.setSpace("phantom");
    session.kv.put("k", 1);
    session.rollback();
    expect(db.listSpaces()).toEqual(["default"]);
  });

  test("a read-only transaction refuses writes and needs no version", () => {
    db.kv.put("a", 1);
    const before = db.version;
    session.begin({ readOnly: true });
    expect(session.kv.get("a")).toBe(1);
    expectCode("READ_ONLY", () => session.kv.put("a", 2));
    expect(session.commit().version).toBe(before);
    expect(db.version).toBe(before);
  });

  test("after a timeout nothing slips past the transaction", async () => {
    session.begin({ timeoutMs: 5 });
    session.kv.put("a", 1);
    await new Promise((resolve) => setTimeout(resolve, 15));
    expectCode("TRANSACTION_TIMEOUT", () => session.kv.put("b", 1));
    expect(session.inTransaction).toBe(true);
    expect(() => session.kv.put("c", 1)).toThrow();
    session.rollback();
    expect(db.kv.list()).toEqual([]);
  });

  test("a conditional write, a counter and a lease take part", () => {
    session.begin();
    expect(session.state.cas("lock", null, "mine")).toBe(1);
    expect(session.state.cas("lock", null, "again")).toBeNull();
    const lease = session.state.acquire("job", "me", { ttlMs: 60_000 });
    expect(lease?.owner).toBe("me");
    session.commit();
    expect(db.state.acquire("job", "you", { ttlMs: 60_000 })).toBeNull();
  });

  test("two sessions do not see each other", () => {
    using other = db.session();
    session.begin();
    other.begin();
    session.kv.put("a", 1);
    other.kv.put("b", 2);
    expect(session.kv.list()).toEqual(["a"]);
    expect(other.kv.list()).toEqual(["b"]);
    session.rollback();
    other.rollback();
  });

  test("a session is of one run: moving the cursor of the database does not move it", () => {
    db.createRun("other");
    db.setRun("other");
    session.kv.put("a", 1);
    expect(db.kv.get("a")).toBeUndefined();
    db.setRun("default");
    expect(db.kv.get("a")).toBe(1);
  });
});
