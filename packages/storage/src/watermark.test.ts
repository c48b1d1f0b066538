import fc from "fast-check";
import { expect, test } from "vitest";
import { Watermark } from "./watermark.js";

test("the lowest pinned version is that of the pins that are left", () => {
  const step = fc.record({ pin: fc.boolean(), version: fc.nat(20), which: fc.nat(8) });
  fc.assert(
    fc.property(fc.array(step), (steps) => {
      const watermark = new Watermark();
      const pins: number[] = [];
      for (const { pin, version, which } of steps) {
        if (pin || pins.length === 0) {
          watermark.pin(version);
          pins.push(version);
        } else {
          watermark.unpin(pins.splice(which % pins.length, 1)[0]!);
        }
        expect(watermark.lowest).toBe(Math.min(...pins));
        expect(watermark.pins).toBe(pins.length);
        expect(watermark.hasIn(version, version + which)).toBe(
          pins.some((pin) => version <= pin && pin < version + which),
        );
      }
    }),
  );
});

test("what is not pinned cannot be unpinned", () => {
  const watermark = new Watermark();
  watermark.pin(3);
  expect(() => watermark.unpin(4)).toThrow("pinned");
  expect(watermark.pins).toBe(1);
});

test("what is held from a version on is held until the last who holds it lets go, each once", () => {
  const watermark = new Watermark();
  expect(watermark.heldFrom).toBe(Number.POSITIVE_INFINITY);
  const [low, high] = [watermark.holdFrom(3), watermark.holdFrom(9)];
  expect(watermark.heldFrom).toBe(3);
  low();
  low();
  expect(watermark.heldFrom).toBe(9);
  high();
  expect(watermark.heldFrom).toBe(Number.POSITIVE_INFINITY);
  expect(watermark.pins).toBe(0);
});
