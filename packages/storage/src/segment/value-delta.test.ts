import { ByteReader, ByteWriter, CorruptionError, decodeValue, encodeValue, type Value } from "@strata/core";
import { anyValue } from "@strata/core/testing";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { anyChange, changed } from "../../test/changed-value.js";
import { isArray, isObject, sameValue } from "./same-value.js";
import { shareValue } from "./share-value.js";
import { DeltaWriter } from "./value-delta.js";
import { DeltaReader } from "./value-delta-reader.js";

const writer = new DeltaWriter();

/** All that there is to a value: members in their order, -0, NaN. */
function bytesOf(value: Value): Uint8Array {
  const bytes = new ByteWriter();
  encodeValue(bytes, value);
  return bytes.take();
}

/** The same value, which shares nothing with it. */
function apart(value: Value): Value {
  return decodeValue(new ByteReader(bytesOf(value)));
}

function deltaOf(newer: Value, older: Value): Uint8Array {
  return writer.write(newer, older).slice();
}

function applied(newer: Value, delta: Uint8Array): Value {
  const reader = new ByteReader(delta);
  const deltas = new DeltaReader();
  const older = deltas.read(reader, newer);
  deltas.finish();
  reader.expectEnd();
  return older;
}

function isDeeplyFrozen(value: Value): boolean {
  if (isArray(value)) return Object.isFrozen(value) && value.every(isDeeplyFrozen);
  return !isObject(value) || (Object.isFrozen(value) && Object.values(value).every(isDeeplyFrozen));
}

const container: fc.Arbitrary<Value> = anyValue({ depth: 4 }).filter((value) => isArray(value) || isObject(value));
const pair = fc.oneof(
  fc
    .tuple(container, fc.array(anyChange, { minLength: 1, maxLength: 4 }))
    .map(([value, changes]): [Value, Value] => [
      value,
      changes.reduce<Value>((each, next) => changed(each, next), value),
    ]),
  fc.tuple(container, container).map(([newer, older]): [Value, Value] => [newer, older]),
);

describe("a delta", () => {
  test("makes the older value of the newer one, exactly, frozen, and says by how much their sizes differ", () => {
    fc.assert(
      fc.property(pair, ([newer, older]) => {
        const delta = deltaOf(newer, older);
        const size = writer.sizeChange;
        const made = applied(newer, delta);
        expect(bytesOf(made)).toEqual(bytesOf(older));
        expect(isDeeplyFrozen(made)).toBe(true);
        if (isArray(newer) === isArray(older)) expect(size).toBe(bytesOf(older).length - bytesOf(newer).length);
      }),
      { numRuns: 1000 },
    );
  });

  test("is the same bytes whatever the values share in memory", () => {
    fc.assert(
      fc.property(pair, ([newer, older]) => {
        expect(deltaOf(apart(newer), apart(older))).toEqual(deltaOf(newer, older));
      }),
      { numRuns: 300 },
    );
  });

  test("after another makes what both make, and changes nothing that somebody has", () => {
    const changes = fc.array(anyChange, { minLength: 2, maxLength: 12 });
    fc.assert(
      fc.property(container, changes, (newest, each) => {
        const values = [newest];
        for (const change of each) {
          const next = changed(values.at(-1)!, change);
          if (isArray(next) === isArray(newest) && isObject(next) === isObject(newest)) values.push(next);
        }
        const bytes = values.map(bytesOf);
        const deltas = new DeltaReader();
        let made: Value = newest;
        for (const [i, older] of values.slice(1).entries()) {
          made = deltas.read(new ByteReader(deltaOf(values[i]!, older)), made);
          expect(bytesOf(made)).toEqual(bytes[i + 1]);
        }
        deltas.finish();
        expect(isDeeplyFrozen(made)).toBe(true);
        expect(values.map(bytesOf)).toEqual(bytes);
      }),
      { numRuns: 300 },
    );
  });

  test("of a value in which one thing changed is little, and costs little to find", () => {
    const list = Array.from({ length: 1000 }, (_, i) => Object.freeze({ id: i, text: "x".repeat(50) }));
    const newer = Object.freeze({ list: Object.freeze(list), title: "a", more: Object.freeze(list.slice(5)) });
    const older = Object.freeze({
      ...newer,
      list: Object.freeze(list.with(500, Object.freeze({ ...list[500]!, id: -1 }))),
    });
    const delta = deltaOf(newer, older);
    // object, change 0: array, change 500: object, change 0: the value -1; ends.
    expect([...delta]).toEqual([2, 2, 3, 0xa2, 0x1f, 2, 2, 1, 0x20, 0, 0, 0]);
    expect(writer.work).toBeLessThan(2 * 1000 + 20);
    const made = applied(newer, delta) as typeof older;
    expect(made.more).toBe(newer.more);
    expect(made.list[499]).toBe(newer.list[499]);
    expect(made.list[501]).toBe(newer.list[501]);
    expect(made.list[500]).toEqual({ id: -1, text: "x".repeat(50) });
  });

  test.each<[string, Value, Value, number]>([
    ["a member that was added at the end", { a: 1, b: 2, c: 3 }, { a: 1, b: 2 }, 4],
    ["a member that was removed from the middle", { a: 1, c: 3 }, { a: 1, b: "text", c: 3 }, 10],
    ["a member that moved to the end", { a: "x", c: "y", b: "z".repeat(99) }, { a: "x", b: "z".repeat(99), c: "y" }, 7],
    [
      "a member that moved to the front",
      { c: "z".repeat(99), a: "x", b: "y" },
      { a: "x", b: "y", c: "z".repeat(99) },
      7,
    ],
    ["an element that was added in the middle", [1, "x".repeat(99), 7, 3], [1, "x".repeat(99), 3], 4],
    ["an element that was removed from the middle", [1, "x".repeat(99), 3], [1, "x".repeat(99), 7, 3], 4],
    [
      "a member of the name __proto__",
      JSON.parse('{"__proto__": 1, "a": 2}'),
      JSON.parse('{"__proto__": 3, "a": 2}'),
      5,
    ],
    ["-0, which is not 0", { a: 0, b: [0] }, { a: -0, b: [0] }, 13],
    ["nothing", { a: Number.NaN, b: 1n << 60n }, { a: Number.NaN, b: 1n << 60n }, 2],
    ["nothing in bytes", { a: Uint8Array.of(1, 2) }, { a: Uint8Array.of(1, 2) }, 2],
  ])("of %s takes few bytes", (_, newer, older, size) => {
    const delta = deltaOf(newer, older);
    const made = applied(newer, delta);
    expect(bytesOf(made)).toEqual(bytesOf(older));
    expect(Object.getPrototypeOf(made)).toBe(Object.getPrototypeOf(older));
    expect(delta.length).toBe(size);
  });

  test.each([23, 255, 65_535])("says by how much sizes differ where there is one more than %i", (count) => {
    const list: Value[] = new Array(count).fill(0);
    const members = Object.fromEntries(list.map((_, i) => [`${i}`, i]));
    for (const [a, b] of [
      [list, [...list, 0]],
      [members, { ...members, more: 0 }],
    ] as const) {
      for (const [newer, older] of [
        [a, b],
        [b, a],
      ] as const) {
        deltaOf(newer, older);
        expect(writer.sizeChange).toBe(bytesOf(older).length - bytesOf(newer).length);
      }
    }
  });

  test("of objects whose members are in another order keeps that order", () => {
    fc.assert(
      fc.property(fc.uniqueArray(fc.string({ maxLength: 3 }), { maxLength: 12 }), fc.nat(), (names, seed) => {
        const shuffled = names.toSorted((a, b) => hash(a, seed) - hash(b, seed));
        const newer = Object.fromEntries(names.map((name, i) => [name, i]));
        const older = Object.fromEntries(shuffled.map((name) => [name, names.indexOf(name)]));
        const made = applied(newer, deltaOf(newer, older)) as Record<string, Value>;
        expect(Object.keys(made)).toEqual(Object.keys(older));
        expect(writer.sizeChange).toBe(0);
      }),
    );
  });
});

describe("what is no delta", () => {
  const newer = { a: [1, 2, 3], b: { c: 1 }, d: "text" };

  test.each<[string, number[]]>([
    ["an unknown tag", [9]],
    ["nothing, where there should be something", [0]],
    ["an array in place of an object", [3, 0]],
    ["an object in place of a text", [2, 26, 2, 0, 0]],
    ["more members kept than there are", [2, 8 * 4 + 3, 1, 97, 1, 0]],
    ["an end that keeps", [2, 8, 0]],
    ["a change behind the end", [2, 8 * 3 + 2, 1, 1, 0]],
    ["no members left out", [2, 1, 0, 0]],
    ["more members left out than there are", [2, 1, 4, 0]],
    ["a member taken that is not there", [2, 4, 3, 0, 0]],
    ["a member twice", [2, 4, 0, 0, 0]],
    ["an unknown step", [2, 5, 0]],
    ["a step that arrays have not", [2, 2, 3, 4, 0, 0, 0, 0]],
    ["a change behind the end of an array", [2, 2, 3, 26, 1, 1, 0, 0]],
    ["a name that is not UTF-8", [2, 3, 1, 0xff, 1, 0]],
    ["no end", [2, 8 + 2, 1, 1]],
  ])("is refused: %s", (_, bytes) => {
    expect(() => applied(newer, Uint8Array.from(bytes))).toThrow(CorruptionError);
  });

  test("is refused when it would nest deeper than values do", () => {
    let nested: Value = [];
    for (let i = 1; i < 128; i++) nested = [nested];
    // change 0, all the way down
    const path = (depth: number): number[] => Array.from({ length: depth }, () => [3, 2]).flat();
    const ends = (depth: number): number[] => new Array<number>(depth).fill(0);
    const deepest = [...path(127), 1, 0x80, ...ends(127)];
    expect(bytesOf(applied(nested, Uint8Array.from(deepest)))).toEqual(bytesOf(nested));
    const deeper = [...path(127), 1, 0x81, 0x80, ...ends(127)];
    expect(() => applied(nested, Uint8Array.from(deeper))).toThrow("nesting");
    expect(() => applied([nested], Uint8Array.from([...path(128), 3, 3, 1, 0, ...ends(128)]))).toThrow("nesting");
  });

  test("is refused, or is a value, whatever its bytes", () => {
    fc.assert(
      fc.property(
        pair,
        fc.array(fc.tuple(fc.nat(), fc.nat({ max: 255 })), { maxLength: 4 }),
        ([base, older], flips) => {
          const bytes = deltaOf(base, older);
          for (const [at, byte] of flips) bytes[at % bytes.length] = byte;
          let made: Value;
          try {
            made = new DeltaReader().read(new ByteReader(bytes), base);
          } catch (error) {
            expect(error).toBeInstanceOf(CorruptionError);
            return;
          }
          expect(sameValue(apart(made), made)).toBe(true);
        },
      ),
      { numRuns: 500 },
    );
  });
});

describe("values that were read apart", () => {
  test("share what they have in common, and stay as they are", () => {
    fc.assert(
      fc.property(pair, ([newer, older]) => {
        const shared = shareValue(newer, apart(older));
        expect(bytesOf(shared)).toEqual(bytesOf(older));
        expect(isDeeplyFrozen(shared)).toBe(true);
        expect(shareValue(newer, apart(newer))).toBe(newer);
        if (isObject(newer) && isObject(shared)) {
          for (const [name, value] of Object.entries(shared)) {
            if (Object.hasOwn(newer, name) && sameValue(newer[name]!, value)) expect(value).toBe(newer[name]);
          }
        }
      }),
      { numRuns: 300 },
    );
  });
});

function hash(text: string, seed: number): number {
  let sum = seed;
  for (const unit of `${text}.`) sum = (Math.imul(sum, 31) + unit.charCodeAt(0)) >>> 0;
  return Math.imul(sum, 2654435761) >>> 0;
}
