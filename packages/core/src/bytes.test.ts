import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { ByteReader, ByteWriter, InvariantError, StrataError } from "./index.js";
import { anyText } from "./testing/index.js";

type Kind = "u8" | "u16" | "u32" | "u64" | "f64" | "varint" | "text" | "bytes" | "raw";
type Field = { readonly kind: Kind; readonly value: number | string | Uint8Array };

const integer = (max: number): fc.Arbitrary<number> =>
  fc.oneof(fc.constantFrom(0, 1, max), fc.integer({ min: 0, max }));
const safe = fc.oneof(
  fc.constantFrom(0, 127, 128, 16_383, 16_384, 2 ** 31, 2 ** 32 - 1, 2 ** 32, 2 ** 49, Number.MAX_SAFE_INTEGER),
  fc.maxSafeNat(),
);
const field = (kind: Kind, value: fc.Arbitrary<Field["value"]>): fc.Arbitrary<Field> =>
  value.map((drawn) => ({ kind, value: drawn }));
const anyField: fc.Arbitrary<Field> = fc.oneof(
  field("u8", integer(0xff)),
  field("u16", integer(0xffff)),
  field("u32", integer(0xffff_ffff)),
  field("u64", safe),
  field("f64", fc.double()),
  field("varint", safe),
  field("text", anyText(150)),
  field("bytes", fc.uint8Array({ maxLength: 300 })),
  field("raw", fc.uint8Array({ maxLength: 30 })),
);

function write(writer: ByteWriter, { kind, value }: Field): void {
  if (typeof value === "string") writer.text(value);
  else if (typeof value === "number") writer[kind as "u8"](value);
  else writer[kind as "bytes"](value);
}

function read(reader: ByteReader, { kind, value }: Field): unknown {
  return kind === "raw" ? reader.raw((value as Uint8Array).length) : reader[kind as "u8"]();
}

const corrupt = expect.objectContaining({ code: "CORRUPT_RECORD", name: "CorruptionError" });

function thrownBy(run: () => unknown): unknown {
  try {
    run();
  } catch (error) {
    return error;
  }
  return undefined;
}

describe("ByteWriter and ByteReader", () => {
  test("read back whatever was written, and end where it ended", () => {
    fc.assert(
      fc.property(fc.array(anyField, { maxLength: 20 }), (fields) => {
        const writer = new ByteWriter(8);
        for (const each of fields) write(writer, each);
        const bytes = writer.take();
        expect(bytes.length).toBe(writer.length);
        const reader = new ByteReader(bytes);
        for (const each of fields) expect(read(reader, each)).toEqual(each.value);
        reader.expectEnd();
      }),
      { numRuns: 1000 },
    );
  });

  test("every cut of a record is corrupt, never anything else", () => {
    fc.assert(
      fc.property(fc.array(anyField, { minLength: 1, maxLength: 6 }), (fields) => {
        const writer = new ByteWriter();
        for (const each of fields) write(writer, each);
        const bytes = writer.view();
        for (let end = 0; end < bytes.length; end++) {
          const reader = new ByteReader(bytes, 0, end);
          expect(thrownBy(() => fields.map((each) => read(reader, each)))).toEqual(corrupt);
        }
      }),
      { numRuns: 200 },
    );
  });

  test("numbers are little-endian, varints LEB128, text has its length in bytes before it", () => {
    const writer = new ByteWriter();
    writer.u16(0x0102);
    writer.u32(0x01020304);
    writer.u64(2 ** 40 + 1);
    writer.varint(300);
    writer.text("é");
    writer.bytes(Uint8Array.of(7));
    expect([...writer.take()]).toEqual([2, 1, 4, 3, 2, 1, 1, 0, 0, 0, 0, 1, 0, 0, 0xac, 2, 2, 0xc3, 0xa9, 1, 7]);
  });

  test("text whose bytes need a longer length than its characters is moved", () => {
    for (const length of [40, 100, 127, 128, 5460, 5461, 16_383, 16_384]) {
      for (const character of ["a", "é", "€", "😀"]) {
        const text = character.repeat(length);
        const writer = new ByteWriter();
        writer.text(text);
        expect(new ByteReader(writer.take()).text()).toBe(text);
      }
    }
  });

  test("view is what was written, take a copy of it, reset empties it", () => {
    const writer = new ByteWriter();
    writer.u8(1);
    const taken = writer.take();
    const view = writer.view();
    expect([...view]).toEqual([1]);
    writer.reset();
    expect(writer.length).toBe(0);
    writer.u8(2);
    expect([...taken]).toEqual([1]);
    expect(view[0]).toBe(2);
    expect(Object.getPrototypeOf(taken)).toBe(Uint8Array.prototype);
  });

  test("patchU32 overwrites only what is written", () => {
    const writer = new ByteWriter();
    writer.u32(0);
    writer.u8(9);
    writer.patchU32(0, 0xffff_fffe);
    expect([...writer.take()]).toEqual([0xfe, 0xff, 0xff, 0xff, 9]);
    expect(() => writer.patchU32(2, 1)).toThrow(InvariantError);
    expect(() => writer.patchU32(-1, 1)).toThrow(InvariantError);
  });

  test("reserve and advance take what an encoder wrote by itself", () => {
    const writer = new ByteWriter(1);
    const buffer = writer.reserve(3);
    buffer.set([1, 2, 3], writer.length);
    writer.advance(3);
    expect([...writer.take()]).toEqual([1, 2, 3]);
    expect(() => writer.advance(1_000_000)).toThrow(InvariantError);
  });

  test("a writer takes no integer that it cannot write", () => {
    const writer = new ByteWriter();
    for (const value of [-1, 0.5, Number.NaN, 2 ** 53, Number.POSITIVE_INFINITY]) {
      expect(() => writer.varint(value)).toThrow(InvariantError);
      expect(() => writer.u64(value)).toThrow(InvariantError);
    }
    expect(writer.length).toBe(0);
  });

  test("a reader stays inside its range", () => {
    const bytes = Uint8Array.of(1, 2, 3, 4);
    const reader = new ByteReader(bytes, 1, 3);
    expect(reader.remaining).toBe(2);
    expect([...reader.raw(2)]).toEqual([2, 3]);
    expect(thrownBy(() => reader.u8())).toEqual(corrupt);
    expect(reader.offset).toBe(3);
    expect(() => reader.seek(4)).toThrow(InvariantError);
    expect(() => new ByteReader(bytes, 0, 5)).toThrow(InvariantError);
    expect(() => new ByteReader(bytes, 3, 2)).toThrow(InvariantError);
  });

  test("expectEnd says how many bytes are left", () => {
    const reader = new ByteReader(Uint8Array.of(1, 2));
    const error = thrownBy(() => reader.expectEnd());
    expect(error).toEqual(corrupt);
    expect(StrataError.is(error) && error.facts).toEqual({ offset: 0 });
  });

  test.each([
    ["a varint in a longer form than it needs", [0x80, 0x00], "varint"],
    ["a varint of 2^53", [0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x10], "varint"],
    ["a varint without end", new Array(20).fill(0xff), "varint"],
    ["a varint of zeros without end", new Array(20).fill(0x80), "varint"],
    ["a varint whose factor overflows", [...new Array(160).fill(0x80), 1], "varint"],
    ["a u64 of 2^53", [0, 0, 0, 0, 0, 0, 0x20, 0], "u64"],
    ["text beyond the end", [5, 0x61], "text"],
    ["text that is not UTF-8", [2, 0xc3, 0x28], "text"],
    ["a lone surrogate in UTF-8", [3, 0xed, 0xa0, 0x80], "text"],
    ["long text that is not UTF-8", [40, ...new Array(39).fill(0x61), 0xff], "text"],
    ["bytes beyond the end", [0xff, 0xff, 0xff, 0xff, 0x0f], "bytes"],
  ] as const)("%s is corrupt", (_, bytes, kind) => {
    const reader = new ByteReader(Uint8Array.from(bytes));
    expect(thrownBy(() => reader[kind]())).toEqual(corrupt);
  });

  test("the largest varint is 2^53 - 1", () => {
    const writer = new ByteWriter();
    writer.varint(Number.MAX_SAFE_INTEGER);
    expect([...writer.view()]).toEqual([0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x0f]);
    expect(new ByteReader(writer.view()).varint()).toBe(Number.MAX_SAFE_INTEGER);
  });
});
