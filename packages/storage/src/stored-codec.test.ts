import { ByteReader, ByteWriter } from "@strata/core";
import { anyValue } from "@strata/core/testing";
import fc from "fast-check";
import { expect, test } from "vitest";
import { Box, isLive, type Stored, TRIMMED } from "./stored.js";
import { decodeStored, encodeStored, isDeadBoxByte, isDeadByte, isTrimmedByte } from "./stored-codec.js";

const time = fc.oneof(fc.constant(0), fc.maxSafeNat());
const anyStored: fc.Arbitrary<Stored | undefined> = fc.oneof(
  fc.constant(undefined),
  fc.constant(TRIMMED),
  anyValue({ nan: false }),
  fc
    .tuple(
      fc.option(anyValue({ nan: false }), { nil: undefined }),
      fc.option(time, { nil: Infinity }),
      time,
      time,
      fc.boolean(),
    )
    .map((fields) => new Box(...fields)),
);

function encoded(stored: Stored | undefined): Uint8Array {
  const writer = new ByteWriter();
  encodeStored(writer, stored);
  return writer.take();
}

test("what is stored comes back as it was, and its first byte says what kind it is", () => {
  fc.assert(
    fc.property(anyStored, (stored) => {
      const bytes = encoded(stored);
      const reader = new ByteReader(bytes);
      const decoded = decodeStored(reader);
      reader.expectEnd();
      expect(decoded).toEqual(stored);
      expect(decoded instanceof Box).toBe(stored instanceof Box);
      expect(decoded === TRIMMED).toBe(stored === TRIMMED);
      expect(isDeadByte(bytes[0]!)).toBe(!isLive(stored));
      expect(isTrimmedByte(bytes[0]!)).toBe(stored === TRIMMED);
      expect(isDeadBoxByte(bytes[0]!)).toBe(stored instanceof Box && stored !== TRIMMED && !isLive(stored));
    }),
  );
});

test("a value is frozen and shares no memory with what it was read from", () => {
  const bytes = encoded({ list: [1], bytes: Uint8Array.of(1, 2) });
  const value = decodeStored(new ByteReader(bytes)) as { list: number[]; bytes: Uint8Array };
  expect(Object.isFrozen(value.list)).toBe(true);
  bytes.fill(0);
  expect([...value.bytes]).toEqual([1, 2]);
});

test("hostile bytes are refused or are what they say", () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 40 }), (bytes) => {
      const reader = new ByteReader(bytes);
      let stored: Stored | undefined;
      try {
        stored = decodeStored(reader);
      } catch (error) {
        expect(["CORRUPT_RECORD", "CORRUPT_VALUE"]).toContain((error as { code?: unknown }).code);
        return;
      }
      expect(decodeStored(new ByteReader(encoded(stored)))).toEqual(stored);
    }),
  );
});

test("flags that no entry has are refused", () => {
  for (const flags of [4, 8, 16, 32, 65, 66, 128]) {
    expect(() => decodeStored(new ByteReader(Uint8Array.of(flags, 1, 1, 1)))).toThrow(
      expect.objectContaining({ code: "CORRUPT_RECORD" }),
    );
  }
});
