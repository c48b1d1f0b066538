import fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  nearest,
  StrataError,
  validateCollectionName,
  validateEventType,
  validateRunName,
  validateSpaceName,
  validateTagName,
} from "./index.js";
import { anyRunName, anySpaceName } from "./testing/index.js";

function refuses(validate: (name: unknown) => void, name: unknown): string | undefined {
  try {
    validate(name);
  } catch (error) {
    if (StrataError.is(error, "INVALID_NAME")) return error.message;
    throw error;
  }
  return undefined;
}

const notNames = [undefined, null, 1, {}, [], Symbol("x"), "", "\ud800"];

describe("names of runs", () => {
  test("that are legal pass", () => {
    fc.assert(
      fc.property(anyRunName(), (name) => {
        expect(refuses(validateRunName, name)).toBeUndefined();
      }),
    );
    for (const name of ["default", "_x", "0", "550e8400-e29b-41d4-a716-446655440000", "a".repeat(256), "_sys"]) {
      expect(refuses(validateRunName, name)).toBeUndefined();
    }
  });

  test.each([...notNames, ".a", "-a", "a b", "a/b", "a:b", "é", "a\n", "a\0", "a".repeat(257)])(
    "%j is none",
    (name) => {
      expect(refuses(validateRunName, name)).toBeDefined();
    },
  );

  test("that are reserved are refused as such", () => {
    expect(refuses(validateRunName, "_system")).toContain("reserved");
    expect(refuses(validateRunName, "_system_x")).toContain("reserved");
  });

  test("and names of tags obey the same rules, and the refusal says which it was", () => {
    expect(refuses(validateTagName, "v1.0")).toBeUndefined();
    expect(refuses(validateTagName, "a/b")).toContain("no name for a tag");
    expect(refuses(validateRunName, "a/b")).toContain("no name for a run");
  });
});

describe("names of spaces", () => {
  test("that are legal pass", () => {
    fc.assert(
      fc.property(anySpaceName(), (name) => {
        expect(refuses(validateSpaceName, name)).toBeUndefined();
      }),
    );
    for (const name of ["default", "a", "tool-results", "my_space", "v2", "a".repeat(64)]) {
      expect(refuses(validateSpaceName, name)).toBeUndefined();
    }
  });

  test.each([...notNames, "A", "aB", "1a", "_a", "-a", "a.b", "a b", "a\n", "é", "a".repeat(65)])(
    "%j is none",
    (name) => {
      expect(refuses(validateSpaceName, name)).toBeDefined();
    },
  );

  test("that are reserved are refused as such, before the rule of the first letter", () => {
    expect(refuses(validateSpaceName, "_system_embeddings")).toContain("reserved");
  });
});

describe("event types", () => {
  test.each(["a", "tool.call", "Ärger 😀", "a b", "x".repeat(256), "é".repeat(128)])("%j is one", (type) => {
    expect(refuses(validateEventType, type)).toBeUndefined();
  });
  test.each([...notNames, "x".repeat(257), "é".repeat(129)])("%j is none", (type) => {
    expect(refuses(validateEventType, type)).toBeDefined();
  });
});

describe("names of collections", () => {
  test.each(["docs", "Docs 2", "a_b", "é".repeat(128)])("%j is one", (name) => {
    expect(refuses(validateCollectionName, name)).toBeUndefined();
  });
  test.each([...notNames, "_docs", "a/b", "a\0b", "é".repeat(129)])("%j is none", (name) => {
    expect(refuses(validateCollectionName, name)).toBeDefined();
  });
});

describe("nearest", () => {
  const runs = ["default", "experiment-1", "experiment-2", "audit"];
  test.each([
    ["defualt", "default"],
    ["Default", "default"],
    ["experment-1", "experiment-1"],
    ["experiment2", "experiment-2"],
    ["audits", "audit"],
    ["a", undefined],
    ["something else", undefined],
  ])("%j was meant to be %j", (name, meant) => {
    expect(nearest(name, runs)).toBe(meant);
  });

  test("of nothing is nothing, and of an equal name that name", () => {
    expect(nearest("x", [])).toBeUndefined();
    expect(nearest("audit", runs)).toBe("audit");
  });
});
