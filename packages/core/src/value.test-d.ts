import { expectTypeOf, test } from "vitest";
import { type NotStorable, type Storable, Value, type ValueObject } from "./index.js";

declare function put<T>(value: T & Storable<T>): void;

interface Account {
  readonly name: string;
  readonly tags: readonly string[];
  readonly nickname?: string | undefined;
}
declare const account: Account;
declare const unknown: unknown;

test("whatever could be a value is storable", () => {
  put(null);
  put(1);
  put(1n);
  put("x");
  put(new Uint8Array(1));
  put([1, [null, { a: true }]]);
  put({ a: { b: [1] }, gone: undefined });
  put(account);
  put(unknown);
  put({ payload: unknown });
  expectTypeOf<Storable<Account>>().toExtend<Account>();
});

test("what cannot be one is refused with a hint", () => {
  expectTypeOf<Storable<Date>>().toEqualTypeOf<NotStorable<"a Date: store an ISO string or a number">>();
  expectTypeOf<Storable<Promise<number>>>().toEqualTypeOf<NotStorable<"a promise: await it">>();
  expectTypeOf<Storable<undefined>>().toEqualTypeOf<NotStorable<"undefined: delete, or store null">>();
  expectTypeOf<Storable<Float32Array>>().toEqualTypeOf<NotStorable<"bytes are a Uint8Array">>();
  expectTypeOf<Storable<Map<string, number>>>().toEqualTypeOf<NotStorable<"not a value">>();
  expectTypeOf<Storable<() => number>>().toEqualTypeOf<NotStorable<"not a value">>();
  expectTypeOf<Storable<{ at: Date }>>().toEqualTypeOf<{
    readonly at: NotStorable<"a Date: store an ISO string or a number">;
  }>();
  expectTypeOf(put<Date>)
    .parameter(0)
    .not.toExtend<Value>();
  expectTypeOf<Date>().not.toExtend<Storable<Date>>();
  expectTypeOf<{ at: Date }>().not.toExtend<Storable<{ at: Date }>>();
  expectTypeOf<(number | undefined)[]>().not.toExtend<Storable<(number | undefined)[]>>();
});

test("a value cannot be changed", () => {
  expectTypeOf<ValueObject>().toEqualTypeOf<{ readonly [member: string]: Value }>();
  expectTypeOf(Value.equal).toEqualTypeOf<(a: Value, b: Value) => boolean>();
});
