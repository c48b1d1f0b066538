import { createHash } from "node:crypto";
import fc from "fast-check";
import { afterEach, describe, expect, test, vi } from "vitest";
import { defaultRuntime, InvariantError, assert as mustHold, silentLogger, unreachable } from "./index.js";
import { sha256HexPortable } from "./runtime.js";
import { anyText } from "./testing/index.js";
import { isWellFormed, readUtf8, utf8Length, writeUtf8 } from "./utf8.js";

describe("the default runtime", () => {
  const { clock, random, sha256Hex } = defaultRuntime();

  test("tells time in whole microseconds since the epoch, never backwards in one process", () => {
    const before = Date.now();
    const times = Array.from({ length: 1000 }, () => clock.now());
    expect(times.every(Number.isSafeInteger)).toBe(true);
    expect(times).toEqual([...times].sort((a, b) => a - b));
    expect(Math.abs(times[0]! / 1000 - before)).toBeLessThan(5000);
  });

  test("draws as many fresh bytes as asked for", () => {
    expect(random.bytes(0)).toHaveLength(0);
    expect(random.bytes(16)).not.toEqual(random.bytes(16));
    // Sources fill 65,536 bytes a call: no byte of a longer draw stays 0 for good.
    const draws = Array.from({ length: 12 }, () => random.bytes(200_000));
    const seen = draws.reduce((all, draw) => all.map((byte, i) => byte | draw[i]!));
    expect(seen).toHaveLength(200_000);
    expect(seen.indexOf(0)).toBe(-1);
  });

  test("hashes as SHA-256 does, natively and portably", () => {
    expect(sha256Hex(new Uint8Array(0))).toBe("e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), (bytes) => {
        const expected = createHash("sha256").update(bytes).digest("hex");
        expect(sha256Hex(bytes)).toBe(expected);
        expect(sha256HexPortable(bytes)).toBe(expected);
      }),
      { numRuns: 300 },
    );
  });

  test("has a logger that says nothing", () => {
    expect(silentLogger.log("error", "wal", "lost", {})).toBeUndefined();
  });
});

describe("UTF-8", () => {
  const portable = async (): Promise<typeof import("./utf8.js")> => {
    vi.resetModules();
    vi.doMock("./platform.js", () => ({ utf8Write: undefined, utf8Slice: undefined }));
    return import("./utf8.js");
  };
  afterEach(() => vi.doUnmock("./platform.js"));

  test("is written and read alike with and without what the runtime offers", async () => {
    const other = await portable();
    fc.assert(
      fc.property(anyText(60), fc.nat(5), (text, at) => {
        const expected = Buffer.from(text, "utf8");
        for (const { writeUtf8: write, readUtf8: read } of [{ writeUtf8, readUtf8 }, other]) {
          const target = new Uint8Array(at + text.length * 3 + 3);
          const count = write(target, at, text);
          expect(Buffer.compare(target.subarray(at, at + count), expected)).toBe(0);
          expect(read(target, at, at + count)).toBe(text);
        }
        expect(utf8Length(text)).toBe(expected.length);
      }),
      { numRuns: 1000 },
    );
  });

  test("is refused where it is malformed, alike", async () => {
    const other = await portable();
    const strict = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
    const bytes = fc.uint8Array({ maxLength: 60 });
    const nearly = fc.tuple(anyText(30), fc.nat(), fc.nat(255)).map(([text, where, byte]) => {
      const encoded = new Uint8Array(Buffer.from(text, "utf8"));
      if (encoded.length > 0) encoded[where % encoded.length] = byte;
      return encoded;
    });
    fc.assert(
      fc.property(fc.oneof(bytes, nearly), (source) => {
        const expected = (() => {
          try {
            return strict.decode(source);
          } catch {
            return undefined;
          }
        })();
        expect(readUtf8(source, 0, source.length)).toBe(expected);
        expect(other.readUtf8(source, 0, source.length)).toBe(expected);
      }),
      { numRuns: 3000 },
    );
  });

  test("keeps U+FEFF and U+FFFD", () => {
    for (const text of ["\ufeff", "\ufffd", `\ufeff${"x".repeat(100)}`, `${"x".repeat(100)}\ufffd`]) {
      const bytes = Buffer.from(text, "utf8");
      expect(readUtf8(bytes, 0, bytes.length)).toBe(text);
    }
  });
});

describe("isWellFormed", () => {
  const texts = [
    "",
    "plain",
    "é",
    "\u{1f600}",
    "\ud7ff\ue000",
    "\ud800",
    "a\udfff",
    "\udc00\ud800",
    "\ud83d\ude00\ud83d",
  ];

  test("sees lone surrogates, with and without the language's help", async () => {
    const native = Object.getOwnPropertyDescriptor(String.prototype, "isWellFormed")!;
    const expected = texts.map((text) => native.value.call(text) as boolean);
    expect(texts.map(isWellFormed)).toEqual(expected);
    vi.resetModules();
    Reflect.deleteProperty(String.prototype, "isWellFormed");
    try {
      const { isWellFormed: portable } = await import("./utf8.js");
      expect(texts.map(portable)).toEqual(expected);
    } finally {
      Object.defineProperty(String.prototype, "isWellFormed", native);
    }
  });
});

describe("what a platform offers", () => {
  const withBuffer = async (prototype: object): Promise<typeof import("./platform.js")> => {
    vi.resetModules();
    vi.stubGlobal("Buffer", { prototype });
    try {
      return await import("./platform.js");
    } finally {
      vi.unstubAllGlobals();
    }
  };

  test("is used when it does what it should", async () => {
    const { utf8Write, utf8Slice } = Buffer.prototype as unknown as { utf8Write: unknown; utf8Slice: unknown };
    expect(await withBuffer({ utf8Write, utf8Slice })).toMatchObject({ utf8Write, utf8Slice });
  });

  test("is left alone when it is missing, does something else, or throws", async () => {
    const throwing = (): never => {
      throw new TypeError("not a Buffer");
    };
    for (const method of [undefined, throwing, () => 2, () => "?"]) {
      const platform = await withBuffer({ utf8Write: method, utf8Slice: method });
      expect([platform.utf8Write, platform.utf8Slice]).toEqual([undefined, undefined]);
    }
  });
});

test("assertions throw InvariantError", () => {
  expect(() => mustHold(true, "fine")).not.toThrow();
  expect(() => mustHold(false, "broken")).toThrow(InvariantError);
  expect(() => unreachable("x" as never)).toThrow("unexpected string x");
});
