import fc from "fast-check";
import { expect, test } from "vitest";
import { NumberRows } from "./number-rows.js";

test("rows come back as they were pushed, across blocks", () => {
  const rows = new NumberRows(4);
  for (let row = 0; row < 3000; row++) rows.push4(row, -row, row / 2, 2 ** 40 + row);
  expect(rows.length).toBe(3000);
  for (const row of [0, 1, 2, 7, 8, 1023, 1024, 2047, 2048, 2999]) {
    expect([0, 1, 2, 3].map((field) => rows.at(row, field))).toEqual([row, -row, row / 2, 2 ** 40 + row]);
  }
});

test("the last row at or before a value is what a walk finds, also when rows in front were dropped", () => {
  const gaps = fc.array(fc.nat(3), { maxLength: 4000, minLength: 1, size: "max" });
  fc.assert(
    fc.property(gaps, fc.nat(12_000), fc.nat(4000), (gaps, value, drop) => {
      const rows = new NumberRows(1);
      const values: number[] = [];
      let last = 0;
      for (const gap of gaps) {
        last += gap;
        values.push(last);
        rows.push1(last);
      }
      rows.dropBefore(drop);
      expect(rows.start).toBeLessThanOrEqual(drop);
      expect(drop - rows.start < 1024 || rows.start + 1024 > values.length).toBe(true);
      const expected = values.findLastIndex((candidate, row) => candidate <= value && row >= rows.start);
      expect(rows.lastAtOrBefore(value)).toBe(expected === -1 ? rows.start - 1 : expected);
      for (let row = rows.start; row < values.length; row += 97) expect(rows.at(row, 0)).toBe(values[row]);
    }),
    { numRuns: 40 },
  );
});

test("pushing goes on after everything was dropped", () => {
  const rows = new NumberRows(1);
  for (let row = 0; row < 2048; row++) rows.push1(row);
  rows.dropBefore(2048);
  expect([rows.start, rows.length]).toEqual([2048, 2048]);
  expect(rows.lastAtOrBefore(5000)).toBe(2047);
  rows.push1(2048);
  expect(rows.at(2048, 0)).toBe(2048);
  expect(rows.lastAtOrBefore(5000)).toBe(2048);
});
