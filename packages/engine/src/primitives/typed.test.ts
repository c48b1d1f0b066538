import { beforeEach, describe, expect, test } from "vitest";
import { Database } from "../database.js";
import type { Run } from "../run.js";
import { EventLogStore } from "./event-log.js";
import { JsonDocumentStore } from "./json-store.js";
import { KvStore } from "./kv.js";
import type { StandardSchemaV1 } from "./standard-schema.js";
import { StateCellStore } from "./state-cell.js";

const coded = (code: string, facts?: object) =>
  expect.objectContaining(facts === undefined ? { code } : { code, facts: expect.objectContaining(facts) });

/** A Standard Schema made by hand, as zod and its kin make them. */
function schema<In, Out = In>(validate: StandardSchemaV1<In, Out>["~standard"]["validate"]): StandardSchemaV1<In, Out> {
  return { "~standard": { version: 1, vendor: "test", validate } };
}

interface User {
  readonly name: string;
  readonly age?: number;
}

let seen = 0;
/** Takes a user, trims the name and fills in an age. */
const userSchema = schema<User, Required<User>>((input) => {
  seen++;
  const { name, age } = input as Partial<User>;
  if (typeof name !== "string") return { issues: [{ message: "expected a string", path: ["name"] }] };
  if (age !== undefined && typeof age !== "number")
    return { issues: [{ message: "expected a number", path: [{ key: "age" }] }] };
  return { value: { name: name.trim(), age: age ?? 0 } };
});

const bad = { name: 5 } as unknown as User;
const mismatch = coded("SCHEMA_MISMATCH", { issues: [{ message: "expected a string", path: "name" }], issueCount: 1 });

let db: Database;
let run: Run;
beforeEach(() => {
  db = Database.ephemeral();
  run = db.runs.must("default");
  seen = 0;
});

describe("typed(schema)", () => {
  test("kv: validates every write, stores the output, never validates on read", () => {
    const kv = new KvStore(db.head(run));
    const users = kv.typed(userSchema);
    users.put("u", { name: " Ada " });
    expect(kv.get("u")).toEqual({ name: "Ada", age: 0 });
    users.putMany([["v", { name: "Bob", age: 7 }]]);
    users.put("w", { name: "Cy" }, { ttlMs: 1000 });
    expect(seen).toBe(3);
    expect(() => users.put("x", bad)).toThrow(mismatch);
    expect(() =>
      users.putMany([
        ["y", { name: "ok" }],
        ["x", bad],
      ]),
    ).toThrow(mismatch);
    expect(users.list()).toEqual(["u", "v", "w"]);
    kv.put("raw", 5);
    expect(users.get("raw")).toBe(5);
    expect(seen).toBe(6);
  });

  test("state: set, init, cas and update; leases go by", () => {
    const cells = new StateCellStore(db.head(run));
    const users = cells.typed(userSchema);
    expect(users.set("c", { name: " Ada " })).toBe(1);
    expect(users.update("c", (user) => ({ name: ` ${user?.name}!` }))).toEqual({ name: "Ada!", age: 0 });
    expect(users.cas("c", 2, { name: "Bob", age: 1 })).toBe(3);
    for (const write of [
      () => users.set("c", bad),
      () => users.init("d", bad),
      () => users.cas("c", 3, bad),
      () => users.update("c", () => bad),
    ]) {
      expect(write).toThrow(mismatch);
    }
    expect(cells.readVersioned("c")).toMatchObject({ value: { name: "Bob", age: 1 }, counter: 3 });
    expect(users.acquire("lock", "me", { ttlMs: 1000 })).not.toBeNull();
  });

  test("events: a schema for each type, and no other types", () => {
    const events = new EventLogStore(db.head(run));
    const typed = events.typed({
      joined: userSchema,
      left: schema<{ why: string }>((value) => ({ value: value as { why: string } })),
    });
    typed.append("joined", { name: " Ada " });
    typed.appendMany([{ type: "left", payload: { why: "bored" } }]);
    expect(events.read(0)?.payload).toEqual({ name: "Ada", age: 0 });
    expect(() => typed.append("joined", bad)).toThrow(mismatch);
    expect(() => typed.append("unknown" as "left", { why: "" })).toThrow(
      coded("SCHEMA_MISMATCH", { type: "unknown", known: ["joined", "left"] }),
    );
    expect(() => typed.append("constructor" as "left", { why: "" })).toThrow(coded("SCHEMA_MISMATCH"));
    expect(events.len()).toBe(2);
  });

  test("events: an output that is no object is refused like any payload", () => {
    const typed = new EventLogStore(db.head(run)).typed({ n: schema<object, number>(() => ({ value: 5 })) });
    expect(() => typed.append("n", {})).toThrow(coded("INVALID_VALUE"));
  });

  test("json: the whole document after every write", () => {
    const json = new JsonDocumentStore(db.head(run));
    const users = json.typed(userSchema);
    users.put("u", { name: " Ada " });
    expect(json.get("u")).toEqual({ name: "Ada", age: 0 });
    users.set("u", "age", 7);
    users.merge("u", "$", { age: 8 });
    users.increment("u", "age");
    users.patch("u", [{ op: "replace", path: "/age", value: 10 }]);
    expect(json.get("u")).toEqual({ name: "Ada", age: 10 });
    const before = run.version;
    for (const write of [
      () => users.put("u", bad),
      () => users.set("u", "name", 5),
      () => users.set("u", "$", bad),
      () => users.delete("u", "name"),
      () => users.merge("u", "$", { name: null }),
      () => users.patch("u", [{ op: "remove", path: "/name" }]),
      () => users.set("new", "age", 5),
    ]) {
      expect(write).toThrow(mismatch);
    }
    expect(run.version).toBe(before);
    expect(json.get("u")).toEqual({ name: "Ada", age: 10 });
    expect(users.delete("u")).toBe(1);
  });

  test("json: what the schema makes of a path write is stored", () => {
    const json = new JsonDocumentStore(db.head(run));
    const users = json.typed(userSchema);
    users.put("u", { name: "Ada", age: 3 });
    users.set("u", "name", "  Bob ");
    expect(users.delete("u", "age")).toBe(1);
    expect(json.get("u")).toEqual({ name: "Bob", age: 0 });
  });

  test("json: the verdict is about the whole document, so another path's write conflicts", () => {
    new JsonDocumentStore(db.head(run)).put("u", { name: "Ada", age: 1 });
    const [t1, t2] = [db.beginTransaction(run), db.beginTransaction(run)];
    new JsonDocumentStore(t1.scope("default")).typed(userSchema).set("u", "name", "Bob");
    new JsonDocumentStore(t2.scope("default")).typed(userSchema).set("u", "age", 2);
    t1.commit();
    expect(() => t2.commit()).toThrow(coded("TRANSACTION_CONFLICT"));
  });

  test("what the schema returns is copied and frozen like any value", () => {
    const output = { name: "x", age: 1 };
    const kv = new KvStore(db.head(run));
    kv.typed(schema<User>(() => ({ value: output }))).put("u", { name: "y" });
    output.age = 9;
    expect(kv.get("u")).toEqual({ name: "x", age: 1 });
    expect(() => kv.typed(schema<User>(() => ({ value: new Date() as never }))).put("u", { name: "y" })).toThrow(
      coded("INVALID_VALUE"),
    );
  });

  test("a schema that validates asynchronously is refused, and its rejection goes nowhere", async () => {
    const kv = new KvStore(db.head(run));
    const slow = schema<User>(async () => Promise.reject(new Error("late")));
    expect(() => kv.typed(slow).put("u", { name: "x" })).toThrow(coded("SCHEMA_MISMATCH", { asynchronous: true }));
    await new Promise((resolve) => setTimeout(resolve, 5));
    expect(kv.list()).toEqual([]);
  });

  test("what the schema throws passes through, and nothing is written", () => {
    const kv = new KvStore(db.head(run));
    const broken = schema<User>(() => {
      throw new RangeError("mine");
    });
    expect(() => kv.typed(broken).put("u", { name: "x" })).toThrow(RangeError);
    expect(kv.list()).toEqual([]);
  });

  test("at most ten issues are named, and how many there were", () => {
    const kv = new KvStore(db.head(run));
    const picky = schema<User>(() => ({ issues: Array.from({ length: 25 }, (_, i) => ({ message: `issue ${i}` })) }));
    try {
      kv.typed(picky).put("u", { name: "x" });
      expect.unreachable();
    } catch (error) {
      const { facts } = error as { facts: { issues: unknown[]; issueCount: number } };
      expect([facts.issues.length, facts.issueCount]).toEqual([10, 25]);
    }
    expect(() => kv.typed(schema<User>(() => ({ issues: [] }))).put("u", { name: "x" })).toThrow(
      coded("SCHEMA_MISMATCH"),
    );
  });

  test("a schema whose result is none is refused", () => {
    const kv = new KvStore(db.head(run));
    for (const result of [undefined, null, true]) {
      const mute = schema<User>(() => result as never);
      expect(() => kv.typed(mute).put("u", { name: "x" })).toThrow(coded("SCHEMA_MISMATCH"));
    }
    kv.typed(schema<User>((value) => ({ value: value as User, issues: null as never }))).put("u", { name: "x" });
    expect(kv.list()).toEqual(["u"]);
  });

  test("a function may be a schema, as arktype's are", () => {
    const callable = Object.assign(
      () => true,
      schema<User>((value) => ({ value: value as User })),
    );
    const kv = new KvStore(db.head(run));
    kv.typed(callable).put("u", { name: "x" });
    expect(kv.exists("u")).toBe(true);
  });

  test.each([
    null,
    5,
    "string",
    {},
    { "~standard": null },
    { "~standard": {} },
    { "~standard": { validate: 1 } },
    () => 1,
  ])("%o is no schema", (input) => {
    const head = db.head(run);
    const wrong = input as unknown as StandardSchemaV1;
    expect(() => new KvStore(head).typed(wrong)).toThrow(coded("INVALID_ARGUMENT"));
    expect(() => new StateCellStore(head).typed(wrong)).toThrow(coded("INVALID_ARGUMENT"));
    expect(() => new JsonDocumentStore(head).typed(wrong)).toThrow(coded("INVALID_ARGUMENT"));
    expect(() => new EventLogStore(head).typed({ a: wrong })).toThrow(coded("INVALID_ARGUMENT"));
  });
});

describe("typed<T>()", () => {
  test("is the same store", () => {
    const head = db.head(run);
    const kv = new KvStore(head);
    const cells = new StateCellStore(head);
    const events = new EventLogStore(head);
    const json = new JsonDocumentStore(head);
    expect(kv.typed<User>()).toBe(kv);
    expect(cells.typed<User>()).toBe(cells);
    expect(events.typed<{ joined: User }>()).toBe(events);
    expect(json.typed<User>()).toBe(json);
  });
});
