import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { errorsDoc } from "../scripts/errors-doc.mjs";
import {
  ByteReader,
  ByteWriter,
  canonicalBytes,
  decodeValue,
  ERROR_CODES,
  encodeValue,
  type Json,
  Value,
} from "../src/index.js";

const page = (path: string): string => readFileSync(new URL(`../../../docs/${path}`, import.meta.url), "utf8");

/** The bytes of a line or cell: groups of hex digits one space apart. More space ends them. */
function bytesOf(text: string): Uint8Array {
  const [digits] = /^ *[0-9a-f]+(?: [0-9a-f]+)*/.exec(text)!;
  return new Uint8Array(Buffer.from(digits.replaceAll(/\s/g, ""), "hex"));
}

function decoded(bytes: Uint8Array): Value {
  const reader = new ByteReader(bytes);
  const value = decodeValue(reader);
  reader.expectEnd();
  return value;
}

function plain(value: Value): Uint8Array {
  const writer = new ByteWriter();
  encodeValue(writer, value);
  return writer.take();
}

test("docs/errors.md says what the table says (else run packages/core/scripts/errors-doc.mjs)", () => {
  expect(page("errors.md")).toBe(errorsDoc(ERROR_CODES));
});

describe("docs/formats/value.md", () => {
  const text = page("formats/value.md");
  const rows = [...text.matchAll(/^\| `(.*)` \| `([0-9a-f ]+)` \| `([0-9a-f ]+)` \|$/gm)];

  test("has examples", () => {
    expect(rows.length).toBeGreaterThan(20);
  });

  test.each(rows.map(([, json, ...bytes]) => [json!, ...bytes] as [string, string, string]))(
    "shows the bytes of %s",
    (json, plainHex, canonicalHex) => {
      const value = Value.fromJson(JSON.parse(json) as Json);
      expect(plain(value)).toEqual(bytesOf(plainHex));
      expect(canonicalBytes(value)).toEqual(bytesOf(canonicalHex));
      expect(Value.toJson(decoded(bytesOf(plainHex)))).toEqual(JSON.parse(json));
      expect(Value.toJson(decoded(bytesOf(canonicalHex)))).toEqual(JSON.parse(json));
    },
  );

  test("explains an object byte by byte", () => {
    const [, hex, json] = /```hex\n(.*?)```\n\n```json\n(.*?)```/s.exec(text)!;
    const bytes = Buffer.concat(hex!.trimEnd().split("\n").map(bytesOf));
    const value = decoded(bytes);
    expect(value).toEqual(JSON.parse(json!));
    expect(Buffer.compare(plain(value), bytes)).toBe(0);
  });
});
