import { compareCodePoints, type ScanOptions } from "@strata/core";
import fc from "fast-check";
import { beforeAll, describe, expect, test } from "vitest";
import { Database } from "../database.js";
import { keyScan } from "./key-scan.js";
import { KvStore } from "./kv.js";

/** Few letters, so that bounds meet keys; from all planes, so that UTF-16 order would be wrong. */
const LETTERS = ["a", "é", "\u{ffff}", "\u{10000}", "\u{1f600}"];
const text = fc.string({ unit: fc.constantFrom(...LETTERS), maxLength: 2 });
const bound = fc.oneof(
  { weight: 4, arbitrary: text },
  fc.constantFrom("", "\0", "a\0", "\u{10ffff}", "a".repeat(2000)),
);
const scans: fc.Arbitrary<ScanOptions> = fc.record(
  {
    prefix: bound,
    start: bound,
    end: bound,
    after: bound,
    limit: fc.integer({ min: 1, max: 8 }),
    reverse: fc.boolean(),
  },
  { requiredKeys: [] },
);

/** Each option on its own, over the whole list. */
function naiveScan(keys: readonly string[], { prefix, start, end, after, limit, reverse }: ScanOptions): string[] {
  const ordered = [...keys].sort(compareCodePoints);
  if (reverse === true) ordered.reverse();
  const direction = reverse === true ? -1 : 1;
  return ordered
    .filter((key) => key.startsWith(prefix ?? ""))
    .filter((key) => start === undefined || compareCodePoints(key, start) >= 0)
    .filter((key) => end === undefined || compareCodePoints(key, end) < 0)
    .filter((key) => after === undefined || direction * compareCodePoints(key, after) > 0)
    .slice(0, limit);
}

describe("scan options", () => {
  // Every key of one or two letters.
  const all = LETTERS.flatMap((first) => [first, ...LETTERS.map((second) => first + second)]);
  const db = Database.ephemeral();
  const kv = new KvStore(db.head(db.runs.must("default")));
  kv.putMany(all.map((key) => [key, 1]));

  test("combine like filters applied one after the other", () => {
    fc.assert(
      fc.property(scans, (scan) => {
        expect(kv.list(scan)).toEqual(naiveScan(all, scan));
        expect([...kv.entries(scan)].map(([key]) => key)).toEqual(naiveScan(all, scan));
      }),
      { numRuns: 2000 },
    );
  });

  test.each([1, 2, 7, 29, 30, 31])("page through everything in either direction, %d keys a page", (limit) => {
    for (const reverse of [false, true]) {
      const paged: string[] = [];
      for (let pages = 0, after: string | undefined; pages <= all.length; pages++, after = paged.at(-1)) {
        const page = kv.list({ limit, reverse, after });
        paged.push(...page);
        if (page.length < limit) break;
      }
      expect(paged).toEqual(naiveScan(all, { reverse }));
    }
  });

  test("a string is a prefix", () => {
    expect(keyScan("user:", "kv.list")).toEqual(keyScan({ prefix: "user:" }, "kv.list"));
  });

  test("options that are undefined are the same as absent", () => {
    const none = { prefix: undefined, start: undefined, end: undefined, after: undefined, limit: undefined };
    expect(keyScan({ ...none, reverse: undefined }, "kv.list")).toEqual(keyScan(undefined, "kv.list"));
  });
});

describe("a scan refuses", () => {
  let kv: KvStore;
  beforeAll(() => {
    const db = Database.ephemeral();
    kv = new KvStore(db.head(db.runs.must("default")));
    kv.put("a", 1);
  });

  const refused: [what: string, scan: unknown][] = [
    ["null", null],
    ["a number", 5],
    ["an array", ["a"]],
    ["a prefix that is no string", { prefix: 1 }],
    ["a start that is no string", { start: null }],
    ["an end that is no string", { end: {} }],
    ["an after that is no string", { after: 0 }],
    ["a limit of 0", { limit: 0 }],
    ["a negative limit", { limit: -1 }],
    ["a fractional limit", { limit: 1.5 }],
    ["a limit that is NaN", { limit: Number.NaN }],
    ["an infinite limit", { limit: Number.POSITIVE_INFINITY }],
    ["a limit that is text", { limit: "10" }],
    ["a reverse that is no boolean", { reverse: "yes" }],
    ["an option that does not exist", { prefx: "a" }],
  ];
  test.each(refused)("%s", (_what, scan) => {
    const error = expect.objectContaining({ code: "INVALID_ARGUMENT" });
    expect(() => kv.list(scan as string)).toThrow(error);
    expect(() => kv.entries(scan as string)).toThrow(error);
    expect(() => kv.clear(scan as string)).toThrow(error);
    expect(kv.get("a")).toBe(1);
  });

  test("and says what a mistyped option was meant to be", () => {
    expect(() => kv.list({ prefx: "a" } as ScanOptions)).toThrow(/did you mean "prefix"/);
  });
});
