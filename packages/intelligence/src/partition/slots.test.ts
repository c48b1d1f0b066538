import { expect, test } from "vitest";
import { ImageColumns } from "../image/index.js";
import { Slots } from "./slots.js";

/** Slots of five keys in turn, each ended by the next one of its key. */
function written(count: number): Slots {
  const slots = new Slots();
  for (let i = 0; i < count; i++) {
    slots.end(`k${i % 5}`, i + 1);
    slots.add(`k${i % 5}`, i + 1, Number.POSITIVE_INFINITY);
  }
  return slots;
}

test("slots that were read back are found by key, however much was made ready", () => {
  for (let ready = 0; ready <= 4; ready++) {
    const slots = new Slots(new ImageColumns(written(12).columns()));
    for (let step = 1; step <= ready; step++) expect(slots.mapKeys(4)).toBe(step < 3);
    expect(slots.end("k0", 13)).toBe(10);
    expect(slots.add("k0", 13, Number.POSITIVE_INFINITY)).toBe(12);
    expect([13, 12, 6, 1].map((version) => slots.slotAt("k0", version))).toEqual([12, 10, 5, 0]);
    expect(slots.slotAt("k4", 13)).toBe(9);
    expect(slots.mapKeys(4)).toBe(false);
  }
});

test("a slot that is added first to slots that were read back follows the one before of its key", () => {
  const slots = new Slots(new ImageColumns(written(3).columns()));
  slots.add("k7", 4, Number.POSITIVE_INFINITY);
  expect(slots.slotAt("k7", 3)).toBe(-1);
  expect(slots.slotAt("k7", 4)).toBe(3);
});
