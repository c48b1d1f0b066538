import { StrataError } from "@strata/core";
import { anyName } from "@strata/core/testing";
import fc from "fast-check";
import { expect, test } from "vitest";
import { APPEND, formatJsonPath, type JsonSegment, parseJsonPath } from "./json-path.js";

const anySegments: fc.Arbitrary<JsonSegment[]> = fc.array(
  fc.oneof(anyName(), fc.integer(), fc.maxSafeInteger(), fc.constant(APPEND)),
  { maxLength: 8 },
);

test("parsing the text of a path gives the path", () => {
  fc.assert(
    fc.property(anySegments, (segments) => {
      expect(parseJsonPath(formatJsonPath(segments))).toEqual(segments);
    }),
  );
});

test("any text is a path that can be formatted and parsed again, or INVALID_PATH with a position inside it", () => {
  const pieces = fc.constantFrom(
    "$",
    ".",
    "[",
    "]",
    '"',
    "'",
    "\\",
    "-",
    "0",
    "7",
    "a",
    " ",
    "\\u00",
    "é",
    "\ud83d",
    "\ude00",
    "*",
    "\n",
  );
  const anyText = fc.oneof(
    fc.array(pieces, { maxLength: 12 }).map((parts) => parts.join("")),
    fc.string({ unit: "binary" }),
  );
  fc.assert(
    fc.property(anyText, (text) => {
      try {
        const segments = parseJsonPath(text);
        expect(parseJsonPath(formatJsonPath(segments))).toEqual(segments);
      } catch (error) {
        if (!StrataError.is(error, "INVALID_PATH")) throw error;
        const { position } = error.facts;
        expect(position).toBeGreaterThanOrEqual(0);
        expect(position).toBeLessThanOrEqual(text.length);
      }
    }),
    { numRuns: 2000 },
  );
});
