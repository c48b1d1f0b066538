import { isDeepStrictEqual } from "node:util";
import { runInNewContext } from "node:vm";
import fc from "fast-check";
import { afterEach, describe, expect, test } from "vitest";
import {
  copyOut,
  copyValue,
  DEFAULT_LIMITS,
  hasBytes,
  type Limits,
  SMALL_LIMITS,
  StrataError,
  type Value,
} from "./index.js";
import { anyHostileInput, anyValue } from "./testing/index.js";

const copy = (input: unknown, limits: Limits = DEFAULT_LIMITS): Value => copyValue(input, limits);

function refusal(input: unknown, limits: Limits = DEFAULT_LIMITS): StrataError {
  try {
    copyValue(input, limits);
  } catch (error) {
    if (StrataError.is(error)) return error;
    throw error;
  }
  throw new Error("it was accepted");
}

function pathOf({ facts: { path } }: StrataError): unknown {
  return path;
}

function isDeepFrozen(value: Value): boolean {
  if (typeof value !== "object" || value === null || value instanceof Uint8Array) return true;
  return Object.isFrozen(value) && Object.values(value).every((member) => isDeepFrozen(member as Value));
}

const untouched = Reflect.ownKeys(Object.prototype);
afterEach(() => {
  expect(Reflect.ownKeys(Object.prototype)).toEqual(untouched);
  expect(({} as { readonly polluted?: unknown }).polluted).toBeUndefined();
});

describe("copyValue takes", () => {
  test("the eight types", () => {
    const input = {
      null: null,
      bool: true,
      int: 42,
      float: 1.5,
      text: "é😀",
      bytes: Uint8Array.of(1, 2),
      array: [1, [2]],
      object: { nested: {} },
    };
    expect(copy(input)).toEqual(input);
  });

  test("numbers by the rule: integral and safe are Int, the rest Float, bigints only beyond", () => {
    expect(copy(42n)).toBe(42);
    expect(copy([2n ** 53n, 9007199254740991n, -(2n ** 53n)])).toEqual([2n ** 53n, 9007199254740991, -(2n ** 53n)]);
    expect(copy([2n ** 63n - 1n, -(2n ** 63n)])).toEqual([2n ** 63n - 1n, -(2n ** 63n)]);
    expect(Object.is(copy(-0), -0)).toBe(true);
    expect(Object.is((copy([-0]) as number[])[0], -0)).toBe(true);
    expect(copy([Number.NaN, Number.POSITIVE_INFINITY])).toEqual([Number.NaN, Number.POSITIVE_INFINITY]);
  });

  test("hostile member names as data", () => {
    const input = JSON.parse(
      '{"__proto__":{"polluted":1},"constructor":{"prototype":{"polluted":1}},"toString":1,"hasOwnProperty":2,"10":3,"2":4,"":5}',
    );
    const result = copy(input) as { readonly [name: string]: Value };
    expect(Object.keys(result)).toEqual(["2", "10", "__proto__", "constructor", "toString", "hasOwnProperty", ""]);
    expect(Object.getPrototypeOf(result)).toBe(Object.prototype);
    expect(Object.hasOwn(result, "__proto__")).toBe(true);
    expect(JSON.stringify(result)).toBe(JSON.stringify(input));
  });

  test("objects without prototype and from another realm, as ordinary objects", () => {
    const bare: object = Object.assign(Object.create(null), { a: 1 });
    const foreign: unknown = runInNewContext("({ a: [1, { b: new Uint8Array([7]) }], n: null })");
    expect(Object.getPrototypeOf(copy(bare))).toBe(Object.prototype);
    expect(copy(foreign)).toEqual({ a: [1, { b: Uint8Array.of(7) }], n: null });
    const inner = (copy(foreign) as { readonly a: readonly unknown[] }).a[1] as { readonly b: Uint8Array };
    expect(inner.b).toBeInstanceOf(Uint8Array);
    expect(() => copy(runInNewContext("new (class Account {})()"))).toThrow("an instance of Account");
    expect(() => copy(runInNewContext("new Date(0)"))).toThrow("a Date");
  });

  test("objects without members that are undefined, symbols or not enumerable", () => {
    const input = { a: 1, gone: undefined, [Symbol("s")]: 2 };
    Object.defineProperty(input, "hidden", { value: 3, enumerable: false });
    const result = copy(input);
    expect(Reflect.ownKeys(result as object)).toEqual(["a"]);
  });

  test("frozen input, and members of Object.prototype that somebody added only when they are own", () => {
    const input = Object.freeze({ a: Object.freeze([1, Object.freeze({ b: 2 })]) });
    expect(copy(input)).toEqual({ a: [1, { b: 2 }] });
    Object.defineProperty(Object.prototype, "added", { value: 1, enumerable: true, configurable: true });
    const names = Object.keys(copy({ own: 1 }) as object);
    Reflect.deleteProperty(Object.prototype, "added");
    expect(names).toEqual(["own"]);
  });

  test("the same while somebody has meddled with Object.prototype", () => {
    const input = JSON.parse('{"__proto__":{"a":1},"constructor":1,"toString":2,"added":3,"meddled":4}') as object;
    const heard: unknown[] = [];
    Object.defineProperty(Object.prototype, "added", { value: 0, writable: false, configurable: true });
    Object.defineProperty(Object.prototype, "meddled", { set: (value) => heard.push(value), configurable: true });
    try {
      expect(JSON.stringify(copy(input))).toBe(JSON.stringify(input));
      expect(heard).toEqual([]);
    } finally {
      Reflect.deleteProperty(Object.prototype, "added");
      Reflect.deleteProperty(Object.prototype, "meddled");
    }
  });
});

describe("what copyValue returns", () => {
  test("is deeply frozen and shares nothing with the input", () => {
    fc.assert(
      fc.property(anyValue(), (value) => {
        const input = structuredClone(value);
        const result = copy(input);
        expect(isDeepStrictEqual(result, value)).toBe(true);
        expect(isDeepFrozen(result)).toBe(true);
        scramble(input);
        expect(isDeepStrictEqual(result, value)).toBe(true);
      }),
      { numRuns: 1000 },
    );
  });

  test("has plain bytes of exactly their size, on memory of their own", () => {
    const buffer = Buffer.from("secret neighbour").subarray(0, 6);
    const result = copy(buffer) as Uint8Array;
    expect(Object.getPrototypeOf(result)).toBe(Uint8Array.prototype);
    expect(result.buffer.byteLength).toBe(6);
    buffer[0] = 0;
    expect(result[0]).toBe(0x73);
    const shared = new Uint8Array(new SharedArrayBuffer(2));
    expect((copy(shared) as Uint8Array).buffer).toBeInstanceOf(ArrayBuffer);
  });

  test("copies an object that is met twice twice", () => {
    const shared = { a: 1 };
    const result = copy([shared, shared]) as readonly Value[];
    expect(result).toEqual([{ a: 1 }, { a: 1 }]);
  });
});

/** Changes everything in it that can be changed. */
function scramble(input: unknown): void {
  if (typeof input !== "object" || input === null) return;
  if (input instanceof Uint8Array) input.fill(0xaa);
  else if (Array.isArray(input)) {
    input.forEach(scramble);
    input.push("more");
  } else {
    Object.values(input).forEach(scramble);
    (input as { more?: unknown }).more = "more";
  }
}

describe("copyValue refuses", () => {
  test("whatever is no value, with the path, a hint and nothing else thrown", () => {
    fc.assert(
      fc.property(anyHostileInput(), (make) => {
        const error = refusal(make());
        expect(["INVALID_VALUE", "LIMIT_VALUE", "OVERFLOW"]).toContain(error.code);
        expect(pathOf(error)).toBeInstanceOf(Array);
        expect(error.hint).not.toBe("");
      }),
      { numRuns: 500 },
    );
  });

  test.each([
    ["undefined", () => undefined, "undefined", "or store null"],
    ["functions", () => () => 1, "a function", "Functions"],
    ["symbols", () => Symbol("s"), "a symbol", "string"],
    ["dates", () => new Date(), "a Date", "toISOString"],
    ["maps", () => new Map(), "a Map", "fromEntries"],
    ["sets", () => new Set(), "a Set", "[...set]"],
    ["promises", () => Promise.resolve(), "a Promise", "Await"],
    ["errors", () => new TypeError("x"), "an instance of TypeError", "plain object"],
    ["class instances", () => new (class Account {})(), "an instance of Account", "plain object"],
    ["arrays of a class", () => new (class List extends Array {})(), "an instance of List", "plain object"],
    ["other typed arrays", () => new Float64Array(1), "a Float64Array", "Array.from"],
    ["array buffers", () => new ArrayBuffer(1), "an ArrayBuffer", "new Uint8Array"],
    ["boxed strings", () => Object("x"), "a String", "valueOf"],
    ["lone surrogates", () => "a\ud800", "surrogate", "toWellFormed"],
    ["lone surrogates in names", () => ({ "\udfff": 1 }), "surrogate", "toWellFormed"],
    ["holes", () => new Array(1), "a hole", "null"],
    ["undefined in arrays", () => [undefined], "undefined in an array", "null"],
    [
      "getters",
      () => ({
        get a() {
          return 1;
        },
      }),
      "getter",
      "plain copy",
    ],
    ["setters", () => Object.defineProperty({}, "a", { set() {}, enumerable: true }), "setter", "plain copy"],
  ])("%s", (_, make, what, hint) => {
    const error = refusal(make());
    expect(error.code).toBe("INVALID_VALUE");
    expect(error.message).toContain(what);
    expect(error.hint).toContain(hint);
  });

  test("bigints beyond 64 bits", () => {
    expect(refusal([1, 2n ** 63n])).toMatchObject({ code: "OVERFLOW", facts: { path: [1] } });
    expect(refusal(-(2n ** 63n) - 1n).code).toBe("OVERFLOW");
  });

  test("with the path to it, shortened in the message only", () => {
    const error = refusal({ users: [{ "first name": new Date() }] });
    expect(pathOf(error)).toEqual(["users", 0, "first name"]);
    expect(error.message).toBe('the value at $.users[0]["first name"]: a Date is not a value');
    expect(() => copyValue([() => 1], DEFAULT_LIMITS, "the payload")).toThrow("the payload at $[0]: a function");
  });

  test("cycles as cycles, and deep values as deep", () => {
    const cycle: { list: unknown[] } = { list: [1] };
    cycle.list.push({ back: cycle });
    expect(refusal(cycle)).toMatchObject({ code: "INVALID_VALUE" });
    expect(refusal(cycle).message).toContain("contains itself");
    let deep: unknown = 1;
    for (let i = 0; i < 100_000; i++) deep = { in: deep };
    expect(refusal(deep)).toMatchObject({ code: "LIMIT_VALUE", facts: { limit: "nesting", maximum: 128 } });
  });

  test("what throws while it is read, with the cause", () => {
    const boom = new Error("boom");
    const trap = (): never => {
      throw boom;
    };
    const proxies = [
      new Proxy({}, { ownKeys: trap }),
      new Proxy({ a: 1 }, { getOwnPropertyDescriptor: trap }),
      new Proxy({}, { getPrototypeOf: trap }),
      new Proxy([1], { get: trap }),
      new Proxy([1], { getPrototypeOf: trap }),
    ];
    for (const proxy of proxies) {
      const error = refusal({ a: [proxy] });
      expect(error).toMatchObject({ code: "INVALID_VALUE", cause: boom });
      expect((pathOf(error) as unknown[]).slice(0, 2)).toEqual(["a", 0]);
    }
    const revocable = Proxy.revocable({}, {});
    revocable.revoke();
    expect(refusal(revocable.proxy).cause).toBeInstanceOf(TypeError);
  });

  test("nothing of a well-behaved proxy, which is copied like what it stands for", () => {
    expect(copy(new Proxy({ a: [1] }, {}))).toEqual({ a: [1] });
    expect(copy(new Proxy([1, 2], {}))).toEqual([1, 2]);
  });

  test("and is not confused by a copy made inside a copy", () => {
    const limits: Limits = { ...DEFAULT_LIMITS, valueBytes: 60 };
    const meddler = new Proxy(
      {},
      {
        ownKeys(): string[] {
          copyValue("x".repeat(10), limits);
          copyValue([1, 2], limits);
          return [];
        },
      },
    );
    const text = ["x".repeat(30)];
    expect(refusal([text, meddler, text], limits)).toMatchObject({ facts: { limit: "valueBytes" } });
    expect(copyValue([text, meddler], limits)).toEqual([text, {}]);
  });
});

describe("limits", () => {
  const text = (bytes: number): string => "é".repeat(bytes / 2);

  test("of text and bytes are exact, in bytes", () => {
    for (const make of [text, (bytes: number) => new Uint8Array(bytes)]) {
      expect(() => copy(make(1000), SMALL_LIMITS)).not.toThrow();
      expect(() => copy([make(1000)], SMALL_LIMITS)).not.toThrow();
      expect(refusal(make(1002), SMALL_LIMITS)).toMatchObject({
        code: "LIMIT_VALUE",
        facts: { limit: "stringBytes", maximum: 1000, actual: 1002 },
      });
      expect(pathOf(refusal({ a: make(1002) }, SMALL_LIMITS))).toEqual(["a"]);
    }
    expect(refusal({ [text(1002)]: 1 }, SMALL_LIMITS).code).toBe("LIMIT_VALUE");
  });

  test("of a whole value are exact, in bytes as encoded", () => {
    // Array head 1, text heads 3 each.
    expect(() => copy([text(996), text(996), 23], SMALL_LIMITS)).not.toThrow();
    expect(refusal([text(996), text(996), 24], SMALL_LIMITS)).toMatchObject({
      code: "LIMIT_VALUE",
      facts: { limit: "valueBytes", maximum: 2000 },
    });
    expect(refusal("x".repeat(900), { ...SMALL_LIMITS, valueBytes: 900 }).code).toBe("LIMIT_VALUE");
    expect(copy("x".repeat(900), { ...SMALL_LIMITS, valueBytes: 903 })).toHaveLength(900);
  });

  test("of nesting count containers", () => {
    const nested = (depth: number): unknown => (depth === 0 ? 1 : [nested(depth - 1)]);
    expect(() => copy(nested(10), SMALL_LIMITS)).not.toThrow();
    expect(refusal(nested(11), SMALL_LIMITS)).toMatchObject({ facts: { limit: "nesting", maximum: 10 } });
    expect(() => copy(nested(128))).not.toThrow();
    expect(refusal(nested(129)).code).toBe("LIMIT_VALUE");
  });

  test("of elements and members hold before anything is copied", () => {
    expect(() => copy(new Array(1_000_000).fill(0))).not.toThrow();
    expect(refusal(new Array(1_000_001).fill(0))).toMatchObject({
      facts: { limit: "array.elements", maximum: 1_000_000, actual: 1_000_001 },
    });
    expect(refusal(new Array(2 ** 32 - 1)).code).toBe("LIMIT_VALUE");
    const wide = { ...new Array(1_000_001).fill(0) };
    expect(refusal(wide)).toMatchObject({ facts: { limit: "object.members" } });
  });

  test("stop what few objects make huge", () => {
    let bomb: unknown = "x".repeat(100);
    for (let i = 0; i < 100; i++) bomb = [bomb, bomb];
    expect(refusal(bomb)).toMatchObject({ code: "LIMIT_VALUE", facts: { limit: "valueBytes" } });
  });
});

describe("hasBytes and copyOut", () => {
  test("agree with a search through all members", () => {
    const search = (value: Value): boolean =>
      value instanceof Uint8Array ||
      (typeof value === "object" && value !== null && Object.values(value).some((member) => search(member as Value)));
    fc.assert(
      fc.property(anyValue(), (value) => {
        expect(hasBytes(value)).toBe(search(value));
      }),
      { numRuns: 1000 },
    );
  });

  test("copyOut copies the way to each Bytes and shares the rest", () => {
    const value = copy({ plain: [1, { a: 2 }], deep: [{ bytes: Uint8Array.of(1) }], ["__proto__"]: Uint8Array.of(2) });
    const out = copyOut(value);
    expect(out).toEqual(value);
    expect(isDeepFrozen(out)).toBe(true);
    const [before, after] = [value, out] as unknown as { plain: unknown; deep: [{ bytes: Uint8Array }] }[];
    expect(after!.plain).toBe(before!.plain);
    expect(after!.deep).not.toBe(before!.deep);
    after!.deep[0].bytes[0] = 99;
    expect(before!.deep[0].bytes[0]).toBe(1);
    const plain: Value = copy({ nothing: ["to", "copy"] });
    expect(copyOut(plain)).toBe(plain);
  });

  test("nothing that a reader does to what copyOut returned reaches the value", () => {
    fc.assert(
      fc.property(anyValue(), (value) => {
        const before = structuredClone(value);
        for (const bytes of bytesIn(copyOut(value))) bytes.fill(0x55);
        expect(isDeepStrictEqual(value, before)).toBe(true);
      }),
      { numRuns: 500 },
    );
  });
});

function bytesIn(value: Value): Uint8Array[] {
  if (value instanceof Uint8Array) return [value];
  if (typeof value !== "object" || value === null) return [];
  return Object.values(value).flatMap((member) => bytesIn(member as Value));
}
