import { isDeepStrictEqual } from "node:util";
import fc from "fast-check";
import { afterEach, describe, expect, test } from "vitest";
import { naiveBytes } from "../test/naive-cbor.js";
import { halfOf } from "./cbor.js";
import { writeValue } from "./cbor-writer.js";
import { isExactInCborX, writeThroughCborX } from "./cbor-x-writer.js";
import {
  ByteReader,
  ByteWriter,
  canonicalBytes,
  copyValue,
  DEFAULT_LIMITS,
  decodeValue,
  encodeCanonical,
  encodeValue,
  InvariantError,
  StrataError,
  type Value,
} from "./index.js";
import { anyMutation, anyValue } from "./testing/index.js";

function encoded(value: Value, write = encodeValue): Uint8Array {
  const writer = new ByteWriter(1);
  write(writer, value);
  return writer.take();
}

function decoded(bytes: Uint8Array): Value {
  const reader = new ByteReader(bytes);
  const value = decodeValue(reader);
  reader.expectEnd();
  return value;
}

const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString("hex");
const unhex = (text: string): Uint8Array => new Uint8Array(Buffer.from(text.replaceAll(" ", ""), "hex"));
const copy = (input: unknown): Value => copyValue(input, DEFAULT_LIMITS);

function isDeepFrozen(value: Value): boolean {
  if (typeof value !== "object" || value === null || value instanceof Uint8Array) return true;
  return Object.isFrozen(value) && Object.values(value).every((member) => isDeepFrozen(member as Value));
}

const untouched = Reflect.ownKeys(Object.prototype);
afterEach(() => {
  expect(Reflect.ownKeys(Object.prototype)).toEqual(untouched);
});

describe("a value", () => {
  test("comes back bit for bit from either form, frozen and with the order of its members", () => {
    fc.assert(
      fc.property(anyValue(), (value) => {
        const plain = decoded(encoded(value));
        expect(isDeepStrictEqual(plain, value)).toBe(true);
        expect(isDeepFrozen(plain)).toBe(true);
        if (typeof value === "object" && value !== null)
          expect(Object.keys(plain as object)).toEqual(Object.keys(value));
        expect(isDeepStrictEqual(decoded(canonicalBytes(value)), value)).toBe(true);
      }),
      { numRuns: 3000 },
    );
  });

  test("has the bytes that a naive reading of the layout gives, in either form", () => {
    fc.assert(
      fc.property(anyValue(), (value) => {
        expect(hex(encoded(value))).toBe(hex(naiveBytes(value, false)));
        expect(hex(canonicalBytes(value))).toBe(hex(naiveBytes(value, true)));
      }),
      { numRuns: 3000 },
    );
  });

  test("has the same bytes through cbor-x and by hand, wherever cbor-x may write it", () => {
    let through = 0;
    fc.assert(
      fc.property(anyValue({ bytes: false, nan: false }), (value) => {
        if (!isExactInCborX(value)) return;
        through++;
        expect(hex(encoded(value, writeThroughCborX))).toBe(hex(encoded(value, writeValue)));
      }),
      { numRuns: 5000 },
    );
    expect(through).toBeGreaterThan(500);
  });

  test("has one canonical form, whatever the order of its members", () => {
    fc.assert(
      fc.property(anyValue(), fc.integer(), (value, seed) => {
        expect(hex(canonicalBytes(shuffled(value, seed)))).toBe(hex(canonicalBytes(value)));
      }),
      { numRuns: 2000 },
    );
  });

  test("shares its canonical form with no other", () => {
    fc.assert(
      fc.property(anyValue({ depth: 2 }), anyValue({ depth: 2 }), (a, b) => {
        expect(Buffer.compare(canonicalBytes(a), canonicalBytes(b)) === 0).toBe(isDeepStrictEqual(a, b));
      }),
      { numRuns: 3000 },
    );
  });

  test("follows what is written before it, and leaves what comes after", () => {
    fc.assert(
      fc.property(anyValue(), anyValue(), (a, b) => {
        const writer = new ByteWriter(1);
        writer.u32(7);
        encodeValue(writer, a);
        encodeCanonical(writer, b);
        writer.u8(9);
        const reader = new ByteReader(writer.view());
        expect(reader.u32()).toBe(7);
        expect(isDeepStrictEqual(decodeValue(reader), a)).toBe(true);
        expect(isDeepStrictEqual(decodeValue(reader), b)).toBe(true);
        expect(reader.u8()).toBe(9);
        reader.expectEnd();
      }),
      { numRuns: 500 },
    );
  });

  test("may be as large and as deep as the limits say", () => {
    const deep = copy(Array.from({ length: 127 }).reduce<unknown>((inner) => ({ in: inner }), [1]));
    const wide = copy({ list: new Array(1_000_000).fill(1), text: "é".repeat(8 * 1024 * 1024) });
    for (const value of [deep, wide]) {
      expect(isDeepStrictEqual(decoded(encoded(value)), value)).toBe(true);
      expect(isDeepStrictEqual(decoded(canonicalBytes(value)), value)).toBe(true);
    }
  });

  test("keeps text that cbor-x would change", () => {
    for (const text of ["\ufeffx", `\ufeff${"x".repeat(100)}`, "\0", "\ufffd"]) {
      expect(decoded(encoded({ [text]: text }))).toEqual({ [text]: text });
    }
  });

  test("is all that is ever written: anything else is a bug of the caller", () => {
    for (const bug of [undefined, [undefined], { a: undefined }, [() => 1], { a: [Symbol("s")] }]) {
      for (const write of [encodeValue, encodeCanonical]) {
        expect(() => write(new ByteWriter(), bug as unknown as Value)).toThrow(InvariantError);
      }
    }
    expect(decoded(encoded({ a: [1] }))).toEqual({ a: [1] });
  });

  test("is read from a buffer that changes later without changing", () => {
    const bytes = encoded({ text: "x".repeat(100), bytes: Uint8Array.of(1, 2, 3) });
    const value = decoded(Buffer.from(bytes.buffer));
    bytes.fill(0);
    expect(value).toEqual({ text: "x".repeat(100), bytes: Uint8Array.of(1, 2, 3) });
    const inner = (value as { readonly bytes: Uint8Array }).bytes;
    expect(Object.getPrototypeOf(inner)).toBe(Uint8Array.prototype);
    expect(inner.buffer.byteLength).toBe(3);
  });

  test("keeps hostile names as data, also while somebody has meddled with Object.prototype", () => {
    const value = copy(JSON.parse('{"__proto__":{"a":1},"constructor":1,"toString":2,"meddled":3}'));
    const bytes = encoded(value);
    const heard: unknown[] = [];
    Object.defineProperty(Object.prototype, "meddled", { set: (set) => heard.push(set), configurable: true });
    try {
      const result = decoded(bytes) as object;
      expect(Object.keys(result)).toEqual(["__proto__", "constructor", "toString", "meddled"]);
      expect(Object.getPrototypeOf(result)).toBe(Object.prototype);
      expect(hex(encoded(result as Value))).toBe(hex(bytes));
      expect(heard).toEqual([]);
    } finally {
      Reflect.deleteProperty(Object.prototype, "meddled");
    }
  });
});

describe("floats", () => {
  test("of all halves have their own half as canonical form", () => {
    for (let bits = 0; bits < 0x10000; bits++) {
      const value = halfValue(bits);
      if (Number.isSafeInteger(value) && !Object.is(value, -0)) continue;
      const expected = Number.isNaN(value) ? 0x7e00 : bits;
      const bytes = canonicalBytes(value);
      if (bytes.length !== 3 || bytes[0] !== 0xf9 || ((bytes[1]! << 8) | bytes[2]!) !== expected) {
        expect.fail(`half ${bits.toString(16)} became ${hex(bytes)}`);
      }
      if (!Object.is(decoded(bytes), value)) expect.fail(`half ${bits.toString(16)} did not come back`);
    }
  });

  test("take the narrowest width that is exact", () => {
    expect(hex(canonicalBytes(1.5))).toBe("f93e00");
    expect(hex(canonicalBytes(65504.5))).toBe("fa477fe080");
    expect(hex(canonicalBytes(0.1))).toBe("fb3fb999999999999a");
    expect(hex(canonicalBytes(2 ** 60))).toBe("fa5d800000");
    expect(hex(canonicalBytes(2 ** -24))).toBe("f90001");
    expect(hex(canonicalBytes(2 ** -25))).toBe("fa33000000");
    expect(hex(canonicalBytes(-0))).toBe("f98000");
    expect(halfOf(0x47800000)).toBe(-1); // 65536
  });

  test("lose the payload of a NaN", () => {
    const odd = new Float64Array(new BigUint64Array([0x7ff8_dead_beef_0001n]).buffer)[0]!;
    expect(hex(encoded(odd))).toBe("fb7ff8000000000000");
    expect(hex(encoded([odd]))).toBe("81fb7ff8000000000000");
    expect(hex(canonicalBytes([odd]))).toBe("81f97e00");
  });
});

describe("hostile bytes", () => {
  function codeOf(bytes: Uint8Array): string | undefined {
    const reader = new ByteReader(bytes);
    try {
      decodeValue(reader);
    } catch (error) {
      if (!StrataError.is(error)) throw error;
      expect(reader.offset).toBe(0);
      expect(error.facts).toMatchObject({ offset: expect.any(Number) });
      return error.code;
    }
    return undefined;
  }

  test("of any kind are a value or CORRUPT_VALUE", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 64 }), (bytes) => {
        expect([undefined, "CORRUPT_VALUE"]).toContain(codeOf(bytes));
      }),
      { numRuns: 10_000 },
    );
  });

  test("that were a value once are a value or CORRUPT_VALUE, and what is accepted is a legal value", () => {
    fc.assert(
      fc.property(anyValue(), fc.boolean(), anyMutation(), (value, canonical, damage) => {
        const bytes = damage(canonical ? canonicalBytes(value) : encoded(value));
        const code = codeOf(bytes);
        expect([undefined, "CORRUPT_VALUE"]).toContain(code);
        if (code !== undefined) return;
        const accepted = decodeValue(new ByteReader(bytes));
        expect(isDeepStrictEqual(copy(accepted), accepted)).toBe(true);
        expect(isDeepStrictEqual(decoded(canonicalBytes(accepted)), accepted)).toBe(true);
      }),
      { numRuns: 10_000 },
    );
  });

  test("cut anywhere are CORRUPT_VALUE", () => {
    fc.assert(
      fc.property(anyValue(), (value) => {
        const bytes = encoded(value);
        for (let end = 0; end < bytes.length; end++) expect(codeOf(bytes.subarray(0, end))).toBe("CORRUPT_VALUE");
      }),
      { numRuns: 300 },
    );
  });

  test.each([
    ["nothing", ""],
    ["a length beyond the end: text", "63 6161"],
    ["a length beyond the end: bytes", "5a ffffffff 00"],
    ["a length beyond the end: array", "9a ffffffff 00"],
    ["a length beyond the end: object", "ba ffffffff 00"],
    ["a length of 2^32", "7b 0000000100000000"],
    ["a length of 2^63", "5b 8000000000000000"],
    ["more members than bytes", "a3 6161 01 6162"],
    ["an int in a longer form", "18 17"],
    ["an int in a longer form: 2 bytes", "19 00ff"],
    ["an int in a longer form: 4 bytes", "1a 0000ffff"],
    ["an int in a longer form: 8 bytes", "1b 00000000ffffffff"],
    ["a negative int in a longer form", "38 00"],
    ["a length in a longer form", "78 01 61"],
    ["an int above 2^63 - 1", "1b 8000000000000000"],
    ["an int below -2^63", "3b 8000000000000000"],
    ["an int written as a half", "f9 3c00"],
    ["an int written as a double", "fb 3ff0000000000000"],
    ["0 written as a double", "fb 0000000000000000"],
    ["a half written as a single", "fa 3fc00000"],
    ["-0 written as a single", "fa 80000000"],
    ["a NaN with a payload", "f9 7e01"],
    ["a negative NaN", "f9 fe00"],
    ["a NaN as a single", "fa 7fc00000"],
    ["a NaN with a payload: double", "fb 7ff8000000000001"],
    ["a tag", "c0 60"],
    ["a date", "c1 00"],
    ["a bignum", "c2 41 01"],
    ["a shared reference of cbor-x", "d8 1c 80"],
    ["a record of cbor-x", "d9 dfff 82 19 e000 80"],
    ["an array of indefinite length", "9f ff"],
    ["an object of indefinite length", "bf ff"],
    ["text of indefinite length", "7f 6161 ff"],
    ["bytes of indefinite length", "5f 4161 ff"],
    ["undefined", "f7"],
    ["a simple value", "e0"],
    ["a simple value in two bytes", "f8 ff"],
    ["a stray break", "ff"],
    ["a reserved length", "1c"],
    ["a member name that is an int", "a1 01 02"],
    ["a member name that is bytes", "a1 4161 02"],
    ["a member name of indefinite length", "a1 7f 6161 ff 02"],
    ["a member without value", "a1 6161"],
    ["two members of one name", "a2 6161 01 6161 02"],
    ["two members called __proto__", "a2 695f5f70726f746f5f5f 01 695f5f70726f746f5f5f 02"],
    ["two members of one long name", `a2 7818${"61".repeat(24)} 01 7818${"61".repeat(24)} 02`],
    ["text that is not UTF-8", "61 ff"],
    ["text in an overlong form", "62 c0af"],
    ["a lone surrogate", "63 eda080"],
    ["long text that is not UTF-8", `7818${"61".repeat(23)}ff`],
    ["a name that is not UTF-8", "a1 61ff 01"],
  ])("%s is CORRUPT_VALUE", (_, text) => {
    expect(codeOf(unhex(text))).toBe("CORRUPT_VALUE");
  });

  test("nested beyond the limit are CORRUPT_VALUE, however deep", () => {
    for (const depth of [129, 1000, 5_000_000]) {
      const arrays = new Uint8Array(depth + 1).fill(0x81);
      arrays[depth] = 0;
      expect(codeOf(arrays)).toBe("CORRUPT_VALUE");
    }
    const objects = unhex(`${"a16161".repeat(129)}00`);
    expect(codeOf(objects)).toBe("CORRUPT_VALUE");
    expect(codeOf(objects.subarray(3))).toBeUndefined();
  });

  test("cannot claim the same bytes for many containers", () => {
    // Each head promises 900,000 elements, which are there; together they promise a hundred times the bytes.
    const bytes = new Uint8Array(1_000_000);
    for (let i = 0; i < 100; i++) bytes.set([0x9a, 0, 0x0d, 0xbb, 0xa0], i * 5);
    const before = process.memoryUsage().heapUsed;
    expect(codeOf(bytes)).toBe("CORRUPT_VALUE");
    expect(process.memoryUsage().heapUsed - before).toBeLessThan(50_000_000);
  });

  test("of more elements or members than any value has are CORRUPT_VALUE", () => {
    const array = new Uint8Array(1_000_006).fill(0xf6);
    array.set([0x9a, 0, 0x0f, 0x42, 0x41]);
    expect(codeOf(array)).toBe("CORRUPT_VALUE");
    const object = new Uint8Array(3_000_000).fill(0xf6);
    object.set([0xba, 0, 0x0f, 0x42, 0x41]);
    expect(codeOf(object)).toBe("CORRUPT_VALUE");
  });

  test("behind a value are the caller's to refuse", () => {
    const reader = new ByteReader(unhex("01 02"));
    expect(decodeValue(reader)).toBe(1);
    expect(() => reader.expectEnd()).toThrow(expect.objectContaining({ code: "CORRUPT_RECORD" }));
  });

  test("do not disturb the next value", () => {
    codeOf(unhex("a2 6161 01 6161"));
    expect(decoded(encoded({ a: [1, "x"] }))).toEqual({ a: [1, "x"] });
  });
});

function shuffled(value: Value, seed: number): Value {
  if (typeof value !== "object" || value === null || value instanceof Uint8Array) return value;
  if (Array.isArray(value)) return value.map((element: Value) => shuffled(element, seed));
  const members = Object.entries(value).map(([name, member]) => [name, shuffled(member, seed)] as const);
  const rotated = members
    .slice(Math.abs(seed) % (members.length || 1))
    .concat(members.slice(0, Math.abs(seed) % (members.length || 1)));
  return copy(Object.fromEntries(seed % 2 === 0 ? rotated : rotated.reverse()));
}

/** From the definition of IEEE 754. */
function halfValue(bits: number): number {
  const sign = bits & 0x8000 ? -1 : 1;
  const exponent = (bits >> 10) & 31;
  const fraction = bits & 0x3ff;
  if (exponent === 31) return fraction === 0 ? sign * Number.POSITIVE_INFINITY : Number.NaN;
  return exponent === 0 ? sign * (fraction / 1024) * 2 ** -14 : sign * (1 + fraction / 1024) * 2 ** (exponent - 15);
}
