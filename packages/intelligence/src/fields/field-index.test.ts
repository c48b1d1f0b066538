import { isWellFormed, Value } from "@strata/core";
import { type Comparison, compileWhere, type FieldTest, getAt, jsonField, type Where } from "@strata/engine";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { FieldIndex } from "./field-index.js";
import { compareKeys, FieldMark, fieldKey, TEXT_KEY_LENGTH } from "./field-key.js";
import { orderKeys } from "./field-order.js";
import { FIELDS_MAX, FieldSet } from "./field-set.js";
import { planWhere } from "./where-plan.js";

const long = (end: string) => "x".repeat(TEXT_KEY_LENGTH - 1) + end;

/** Few, so that comparisons meet values; with everything that keys cannot tell apart. */
const SCALARS: readonly Value[] = [
  ...[null, false, true, 0, -0, -1, 1, 1.5, Number.MAX_SAFE_INTEGER, 2 ** 53, 2n ** 53n + 1n, 2n ** 60n, 2 ** 60],
  ...[Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, Number.NaN, -(2n ** 63n), 2n ** 63n - 1n],
  ...["", "a", "ab", "abc", "b", "\uffff", "\u{10000}", "\u{1f600}", "a\u{1f600}", "a\uffff"],
  ...[long("a"), long("ab"), long("ac"), long("\u{1f600}"), long("\u{1f600}b"), long("\uffff"), long("")],
];
const scalar = fc.constantFrom(...SCALARS);
const value: fc.Arbitrary<Value | undefined> = fc.oneof(
  { weight: 6, arbitrary: scalar },
  fc.constant(undefined),
  fc.array(scalar, { maxLength: 4 }),
  fc.constantFrom<Value>({}, { a: 1 }, Uint8Array.of(1), [[1]], [1, 1, 1]),
);
const operand = fc.constantFrom(...SCALARS.filter((each) => !Number.isNaN(each))) as fc.Arbitrary<string | number>;
const text = fc.constantFrom(
  ...(SCALARS.filter((each) => typeof each === "string") as string[]),
  ...["\ud83d", "a\ud83d", "\udfff", long("\ud83d")],
);
const condition = fc.oneof(
  fc.record(
    { $eq: operand, $gt: operand, $gte: operand, $lt: operand, $lte: operand, $ne: operand, $contains: operand },
    { requiredKeys: [] },
  ),
  fc.record(
    { $in: fc.array(operand, { maxLength: 4 }), $exists: fc.boolean(), $prefix: text, $gt: text, $lt: text },
    { requiredKeys: [] },
  ),
);

/** Each comparison of conditions on one field. */
function testsOf(where: Where): FieldTest[] {
  const { tree } = compileWhere(where, "test");
  return (tree.kind === "and" ? tree.nodes : [tree]) as FieldTest[];
}

function indexOf(values: readonly (Value | undefined)[]): FieldIndex {
  const index = new FieldIndex();
  for (const [slot, value] of values.entries()) index.add(slot, value);
  return index;
}

const naive = (values: readonly (Value | undefined)[], where: Where) => {
  const { matches } = compileWhere(where, "test");
  return [...values.keys()].filter((slot) => matches(values[slot]));
};

describe("an index of a field", () => {
  test("misses nothing, and says how many it proposes", () => {
    const given = condition.filter((each) => Object.keys(each).length > 0);
    fc.assert(
      fc.property(
        fc.array(value, { maxLength: 40 }),
        fc.array(value, { maxLength: 40 }),
        given,
        (first, rest, given) => {
          const where = { $: given } as Where;
          const tests = testsOf(where);
          const index = indexOf(first);
          const check = (values: readonly (Value | undefined)[]) => {
            const selection = index.select(tests);
            const candidates = selection?.slots();
            const isServed = tests.some(({ operator }) => operator !== "$ne" && operator !== "$nin");
            expect(candidates !== undefined).toBe(isServed);
            if (candidates === undefined) return;
            expect([...candidates]).toEqual([...new Set(candidates)].sort((a, b) => a - b));
            expect([...candidates]).toEqual(expect.arrayContaining(naive(values, where)));
            expect(selection?.estimate).toBeGreaterThanOrEqual(candidates.length);
          };
          check(first);
          for (const [position, value] of rest.entries()) index.add(first.length + position, value);
          check([...first, ...rest]);
        },
      ),
      { numRuns: 3000 },
    );
  });

  test("proposes little more than there is, of what it knows exactly", () => {
    const values = [...Array(1000).keys()].map((n): Value => (n % 10 === 0 ? `t${n % 70}` : n % 100));
    const index = indexOf(values);
    const exact: Where[] = [
      { $: 5 },
      { $: { $in: [5, 7, "t10"] } },
      { $: { $gt: 5, $lt: 8 } },
      { $: { $gte: "t2", $lt: "t4" } },
      { $: { $prefix: "t5" } },
      { $: { $prefix: "t" } },
      { $: { $contains: "6" } },
      { $: { $lte: 7, $gt: 7 } },
    ];
    for (const where of exact) expect([...(index.select(testsOf(where))?.slots() ?? [])]).toEqual(naive(values, where));
  });

  const blurred: [where: Where, value: Value][] = [
    [{ $: { $gt: 2 ** 53 } }, 2n ** 53n + 1n],
    [{ $: { $lt: 2n ** 60n + 1n } }, 2 ** 60],
    [{ $: { $gt: 2 ** 60 } }, 2n ** 60n + 1n],
    [{ $: 2n ** 60n }, 2 ** 60],
    [{ $: { $gt: long("a") } }, long("ab")],
    [{ $: { $lt: long("ac") } }, long("ab")],
    [{ $: { $contains: "needle" } }, long("a needle")],
    [{ $: { $prefix: long("ab") } }, long("abc")],
    [{ $: { $prefix: long("\ud83d") } }, long("\u{1f600}")],
  ];
  test.each(blurred)("finds what keys cannot tell apart: %o", (where, value) => {
    expect(compileWhere(where, "test").matches(value)).toBe(true);
    expect(indexOf([0, "", value]).select(testsOf(where))?.slots()).toContain(2);
  });

  test("keeps its order however many values come at a time", () => {
    const index = new FieldIndex();
    const values: Value[] = [];
    let seed = 1;
    for (const count of [1, 2, 40, 5, 200, 31, 32, 33, 1000]) {
      for (let i = 0; i < count; i++) {
        seed = (seed * 48271) % 2147483647;
        const value = seed % 2 === 0 ? seed : String.fromCodePoint(0x20 + (seed % 0x11000)).repeat(2);
        const isText = typeof value === "string" && !isWellFormed(value);
        values.push(isText ? "x" : value);
        index.add(values.length - 1, values.at(-1));
      }
      const where: Where = { $: { $gte: 2 ** 30, $lt: 2 ** 30 * 1.5 } };
      expect([...(index.select(testsOf(where))?.slots() ?? [])]).toEqual(naive(values, where));
      const texts: Where = { $: { $gte: "a", $lt: "\ue000" } };
      expect([...(index.select(testsOf(texts))?.slots() ?? [])]).toEqual(naive(values, texts));
    }
  });

  test("finds the elements of arrays, once each", () => {
    const index = indexOf([["a", "b", "a"], "a", ["b", 1, null], { a: 1 }, [["a"]]]);
    const contains = (operand: string | number | null) => index.select(testsOf({ $: { $contains: operand } }))?.slots();
    expect(contains("a")).toEqual(Int32Array.of(0, 1));
    expect(contains("b")).toEqual(Int32Array.of(0, 2));
    expect(contains(null)).toEqual(Int32Array.of(2));
    expect(contains(7)).toEqual(Int32Array.of());
  });

  test.each([false, true])("has all slots in order of their values, reverse %s", (reverse) => {
    fc.assert(
      fc.property(fc.array(value, { maxLength: 60 }), value, (values, from) => {
        const index = indexOf(values);
        const order = index.order(reverse);
        order.seek(fieldKey(from));
        const found: number[] = [];
        for (let key = order.key; key !== undefined; key = order.key) {
          const slots = order.take();
          for (const slot of slots) expect(fieldKey(values[slot])).toBe(key);
          found.push(...slots);
        }
        const wanted = [...values.keys()]
          .filter((slot) => orderKeys(fieldKey(values[slot]), fieldKey(from), reverse) >= 0)
          .sort((a, b) => orderKeys(fieldKey(values[a]), fieldKey(values[b]), reverse) || a - b);
        expect(found).toEqual(wanted);
      }),
      { numRuns: 500 },
    );
  });
});

describe("keys of values", () => {
  test("are in the order of the values", () => {
    fc.assert(
      fc.property(scalar, scalar, (a, b) => {
        const order = compareKeys(fieldKey(a), fieldKey(b));
        if (order !== 0) expect(Math.sign(order)).toBe(Math.sign(Value.compare(a, b)));
        if (Value.compare(a, b) === 0) expect(order).toBe(0);
      }),
      { numRuns: 3000 },
    );
    expect(fieldKey(undefined)).toBe(FieldMark.missing);
  });
});

describe("a plan", () => {
  const root = fc.record({ a: value, b: value }, { requiredKeys: [] }) as fc.Arbitrary<{ a?: Value; b?: Value }>;
  const leaf = fc
    .record({ a: condition, b: condition }, { requiredKeys: [] })
    .map((fields) => Object.fromEntries(Object.entries(fields).filter(([, each]) => Object.keys(each).length > 0)));
  const where = fc.letrec<{ where: Where }>((tie) => ({
    where: fc.oneof(
      { maxDepth: 3, withCrossShrink: true },
      leaf as fc.Arbitrary<Where>,
      fc.record({ $and: fc.array(tie("where"), { maxLength: 3 }) }),
      fc.record({ $or: fc.array(tie("where"), { maxLength: 3 }) }),
      fc.record({ $not: tie("where") }),
    ),
  })).where;

  test("misses nothing", () => {
    fc.assert(
      fc.property(fc.array(root, { maxLength: 20 }), where, fc.boolean(), (roots, where, both) => {
        const entries = roots.map((each) => (each.a === undefined ? omit(each) : each) as Value);
        const { tree, matches } = compileWhere(where, "test");
        const set = new FieldSet();
        for (const [slot, entry] of entries.entries()) set.add(slot, entry);
        const plan = planWhere(tree, (field) =>
          field.field === "$.a" || both ? set.use(field, (slot) => entries[slot]) : undefined,
        );
        if (plan === undefined) return;
        const slots = [...plan.slots()];
        expect(slots).toEqual([...new Set(slots)].sort((a, b) => a - b));
        const wanted = [...entries.keys()].filter((slot) => matches(entries[slot]));
        expect(slots).toEqual(expect.arrayContaining(wanted));
        expect(plan.estimate).toBeGreaterThanOrEqual(Math.min(slots.length, 1));
      }),
      { numRuns: 2000 },
    );
  });

  const entries: Value[] = [...Array(100).keys()].map((n) => ({ n, even: n % 2 === 0, tens: Math.floor(n / 10) }));
  const set = new FieldSet();
  for (const [slot, entry] of entries.entries()) set.add(slot, entry);
  const plan = (where: Where, ...fields: string[]) =>
    planWhere(compileWhere(where, "test").tree, (field) =>
      fields.includes(field.field) ? set.use(field, (slot) => entries[slot]) : undefined,
    );

  test("takes the most telling of the conditions that all must hold", () => {
    const all = ["$.n", "$.even", "$.tens"];
    expect(plan({ n: 5, even: true }, ...all)).toMatchObject({ estimate: 1, fields: ["$.n"] });
    const both = plan({ tens: 3, even: true }, ...all);
    expect(both).toMatchObject({ estimate: 10, fields: ["$.tens", "$.even"] });
    expect([...(both?.slots() ?? [])]).toEqual([30, 32, 34, 36, 38]);
    expect(plan({ n: { $gt: 90, $lt: 93 } }, ...all)).toMatchObject({ estimate: 2 });
  });

  test("needs every one of the conditions of which one must hold", () => {
    expect(plan({ $or: [{ n: 1 }, { tens: 9 }] }, "$.n", "$.tens")).toMatchObject({ estimate: 11 });
    expect(plan({ $or: [{ n: 1 }, { tens: 9 }] }, "$.n")).toBeUndefined();
    expect(plan({ $or: [] }, "$.n")).toMatchObject({ estimate: 0 });
  });

  test("says nothing about what is not indexed, not there, or opposite", () => {
    expect(plan({ even: true }, "$.n")).toBeUndefined();
    expect(plan({}, "$.n")).toBeUndefined();
    expect(plan({ $not: { n: 1 } }, "$.n")).toBeUndefined();
    expect(plan({ n: { $ne: 1 } }, "$.n")).toBeUndefined();
  });
});

describe("a set of fields", () => {
  const entries: Value[] = [...Array(50).keys()].map((n) => ({ n, t: `t${n % 3}`, l: [n % 5, "x"] }));
  const tests = (where: Where): readonly Comparison[] => testsOf(where);

  test("makes a field when it is asked for, and follows from there on", () => {
    const set = new FieldSet();
    for (let slot = 0; slot < 30; slot++) set.add(slot, entries[slot]);
    const reads: number[] = [];
    const use = () =>
      set.use(jsonField("n"), (slot) => {
        reads.push(slot);
        return entries[slot];
      });
    expect(
      use()
        .select(tests({ $: { $gte: 28 } }))
        ?.slots(),
    ).toEqual(Int32Array.of(28, 29));
    expect(reads).toHaveLength(30);
    for (let slot = 30; slot < 50; slot++) set.add(slot, entries[slot]);
    expect(
      use()
        .select(tests({ $: { $gte: 48 } }))
        ?.slots(),
    ).toEqual(Int32Array.of(48, 49));
    expect(reads).toHaveLength(30);
    expect(set.memoryBytes).toBeGreaterThan(0);
  });

  test("is what it was when it is read back", () => {
    const set = new FieldSet();
    const rootOf = (slot: number) => entries[slot];
    for (const field of ["n", "t", "l"]) set.use(jsonField(field), rootOf);
    for (const [slot, entry] of entries.entries()) set.add(slot, entry);
    const restored = FieldSet.restored(set.save(), entries.length);
    const never = () => {
      throw new Error("read anew");
    };
    for (const field of ["n", "t", "l"]) {
      const before = set.use(jsonField(field), never);
      const after = restored.use(jsonField(field), never);
      for (const given of [{ $gte: 7 }, { $prefix: "t" }, { $contains: "x" }, { $in: ["t1", 3] }, { $exists: true }]) {
        expect(after.select(tests({ $: given }))?.slots()).toEqual(before.select(tests({ $: given }))?.slots());
      }
      after.add(entries.length, "t1");
      expect(
        after
          .select(tests({ $: "t1" }))
          ?.slots()
          ?.at(-1),
      ).toBe(entries.length);
    }
  });

  test("lets the field go that nobody asked for longest", () => {
    const set = new FieldSet();
    set.add(0, { a: 1 });
    const first = set.use(jsonField("a"), () => ({ a: 1 }));
    for (let i = 1; i < FIELDS_MAX; i++) set.use(jsonField(`f${i}`), () => ({}));
    expect(set.use(jsonField("a"), () => ({}))).toBe(first);
    set.use(jsonField("more"), () => ({}));
    expect(set.use(jsonField("a"), () => ({}))).toBe(first);
    let reads = 0;
    set.use(jsonField("f1"), () => {
      reads++;
      return {};
    });
    expect(reads).toBe(1);
  });
});

function omit(entry: { readonly b?: Value }): object {
  return getAt(entry as Value, ["b"]) === undefined ? {} : { b: entry.b };
}
