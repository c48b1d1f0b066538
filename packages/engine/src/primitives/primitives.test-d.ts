import type { Value, ValueObject, Version } from "@strata/core";
import { describe, expectTypeOf, test } from "vitest";
import type { EventLog, EventRecord } from "./event-log.js";
import type { JsonStore } from "./json-store.js";
import type { Kv } from "./kv.js";
import type { Lease } from "./lease.js";
import type { StandardSchemaV1 } from "./standard-schema.js";
import type { StateCells } from "./state-cell.js";

declare const kv: Kv;
declare const kvInTransaction: Kv<Value, unknown, undefined>;
declare const cells: StateCells;
declare const events: EventLog;
declare const eventsInTransaction: EventLog<
  { readonly [type: string]: ValueObject },
  { readonly [type: string]: object },
  undefined
>;
declare const json: JsonStore;

interface User {
  readonly name: string;
  readonly age?: number;
}
declare const user: User;
declare const userSchema: StandardSchemaV1<User, Required<User>>;
declare const anything: unknown;

describe("what a write accepts", () => {
  test("values, interfaces, optional members, and what cannot be seen", () => {
    kv.put("k", null);
    kv.put("k", 2n ** 60n);
    kv.put("k", new Uint8Array(1));
    kv.put("k", Buffer.from("x"));
    kv.put("k", user);
    kv.put("k", [user] as readonly User[]);
    kv.put("k", { a: undefined as string | undefined });
    kv.put("k", anything);
    kv.put("k", { inside: anything });
    kv.put("k", JSON.parse("1"));
    cells.set("c", user);
    json.put("d", user);
    json.set("d", "a.b", user);
    json.push("d", "list", user, user);
    events.append("e", user);
  });

  test("nothing that the compiler can see is no value", () => {
    // @ts-expect-error a Date
    kv.put("k", new Date());
    // @ts-expect-error a Date inside
    kv.put("k", { list: [{ at: new Date() }] });
    // @ts-expect-error undefined
    kv.put("k", undefined);
    // @ts-expect-error maybe undefined
    kv.put("k", user.age);
    // @ts-expect-error undefined in an array
    kv.put("k", [1, undefined]);
    // @ts-expect-error a promise
    kv.put("k", Promise.resolve(1));
    // @ts-expect-error a Map
    kv.put("k", new Map());
    // @ts-expect-error a Set inside
    kv.put("k", { tags: new Set(["a"]) });
    // @ts-expect-error a function
    kv.put("k", () => 1);
    // @ts-expect-error a symbol
    kv.put("k", Symbol("s"));
    // @ts-expect-error another typed array
    kv.put("k", new Float32Array(1));
    // @ts-expect-error a Date
    cells.set("c", new Date());
    // @ts-expect-error a promise as the new value
    cells.update("c", async () => 1);
    // @ts-expect-error a Date
    json.set("d", "a", new Date());
    // @ts-expect-error a Date among the pushed
    json.push("d", "a", 1, new Date());
    // @ts-expect-error a Date in a merge patch
    json.merge("d", "$", { at: new Date() });
    // @ts-expect-error a Date in a payload
    events.append("e", { at: new Date() });
    // @ts-expect-error a payload is an object
    events.append("e", 5);
  });

  test("a string is no list of keys", () => {
    // @ts-expect-error a string
    kv.getMany("abc");
    // @ts-expect-error a string
    kv.deleteMany("abc");
    // @ts-expect-error clear needs to be told what
    kv.clear();
  });

  test("options as they are named", () => {
    kv.put("k", 1, { ttlMs: undefined });
    // @ts-expect-error no such option
    kv.put("k", 1, { ttl: 5 });
    // @ts-expect-error a lease needs to end
    cells.acquire("c", "me", {});
  });
});

describe("what a call returns", () => {
  test("a version outside transactions, undefined inside", () => {
    expectTypeOf(kv.put("k", 1)).toEqualTypeOf<Version>();
    expectTypeOf(kvInTransaction.put("k", 1)).toEqualTypeOf<undefined>();
    expectTypeOf(json.set("d", "$", 1)).toEqualTypeOf<Version>();
    expectTypeOf(events.append("e", {})).toEqualTypeOf<number>();
    expectTypeOf(eventsInTransaction.append("e", {})).toEqualTypeOf<undefined>();
    expectTypeOf(eventsInTransaction.append("e", {}, { exact: true })).toEqualTypeOf<number>();
    expectTypeOf(events.appendMany([])).toEqualTypeOf<number[]>();
    expectTypeOf(eventsInTransaction.appendMany([])).toEqualTypeOf<undefined>();
  });

  test("values, deeply readonly", () => {
    expectTypeOf(kv.get("k")).toEqualTypeOf<Value | undefined>();
    expectTypeOf(cells.cas("c", 1, 2)).toEqualTypeOf<number | null>();
    expectTypeOf(cells.acquire("c", "me", { ttlMs: 1 })).toEqualTypeOf<Lease | null>();
    expectTypeOf(json.get("d", "a.b")).toEqualTypeOf<Value | undefined>();
    expectTypeOf(json.getVersioned("d")?.createdAt).toEqualTypeOf<number | undefined>();
    expectTypeOf(events.read(0)?.payload).toEqualTypeOf<ValueObject | undefined>();
    for (const [key, value] of kv.entries()) {
      expectTypeOf(key).toEqualTypeOf<string>();
      expectTypeOf(value).toEqualTypeOf<Value>();
    }
  });

  test("histories tell deletions apart", () => {
    for (const entry of kv.history("k")) {
      if (entry.deleted) expectTypeOf(entry).not.toHaveProperty("value");
      else expectTypeOf(entry.value).toEqualTypeOf<Value>();
    }
  });
});

describe("typed", () => {
  test("by a type alone", () => {
    const users = kv.typed<User>();
    expectTypeOf(users.get("k")).toEqualTypeOf<User | undefined>();
    users.put("k", user);
    // @ts-expect-error another type
    users.put("k", { name: 5 });
    expectTypeOf(cells.typed<User>().update("c", () => user)).toEqualTypeOf<User>();
    expectTypeOf(json.typed<User>().get("d")).toEqualTypeOf<User | undefined>();
  });

  test("by a schema: its input goes in, its output comes out", () => {
    const users = kv.typed(userSchema);
    users.put("k", { name: "x" });
    expectTypeOf(users.get("k")).toEqualTypeOf<Required<User> | undefined>();
    // @ts-expect-error no name
    users.put("k", { age: 1 });
    const typed = json.typed(userSchema);
    typed.put("d", { name: "x" });
    expectTypeOf(typed.get("d")).toEqualTypeOf<Required<User> | undefined>();
    expectTypeOf(cells.typed(userSchema).read("c")).toEqualTypeOf<Required<User> | undefined>();
  });

  test("events by a map of types, or of schemas", () => {
    const typed = events.typed<{ joined: User; left: { why: string } }>();
    typed.append("left", { why: "bored" });
    // @ts-expect-error no such type
    typed.append("gone", { why: "bored" });
    // @ts-expect-error another type's payload
    typed.append("left", { name: "x" });
    expectTypeOf(typed.readByType("left")[0]?.payload).toEqualTypeOf<{ why: string } | undefined>();
    const event = typed.read(0);
    if (event?.type === "joined") expectTypeOf(event.payload).toEqualTypeOf<User>();
    const validated = events.typed({ joined: userSchema });
    validated.append("joined", { name: "x" });
    expectTypeOf(validated.read(0)?.payload).toEqualTypeOf<Required<User> | undefined>();
    expectTypeOf<EventRecord<{ a: { n: number } }>["type"]>().toEqualTypeOf<"a">();
  });
});
