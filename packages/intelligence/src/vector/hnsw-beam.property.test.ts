import fc from "fast-check";
import { expect, test } from "vitest";
import { Beam } from "./hnsw-beam.js";

interface Row {
  readonly slot: number;
  readonly proximity: number;
  readonly isAccepted: boolean;
}

const nearestFirst = (a: Row, b: Row): number => b.proximity - a.proximity || a.slot - b.slot;

/** The best `breadth` accepted rows, and what is nearer than the last of these. */
function best(rows: readonly Row[], breadth: number): Row[] {
  const sorted = rows.toSorted(nearestFirst);
  const last = sorted.filter(({ isAccepted }) => isAccepted)[breadth - 1];
  return last === undefined ? sorted : sorted.slice(0, sorted.indexOf(last) + 1);
}

const rowsArbitrary = fc
  .array(fc.record({ proximity: fc.integer({ min: 0, max: 1000 }), isAccepted: fc.boolean() }), { maxLength: 80 })
  .map((rows) => {
    const proximities = new Set<number>();
    const distinct = rows.filter(({ proximity }) => !proximities.has(proximity) && proximities.add(proximity));
    return distinct.map((row, slot): Row => ({ ...row, slot }));
  });

function fill(rows: readonly Row[], breadth: number, capacity: number): Beam {
  const beam = new Beam();
  beam.reset(breadth, capacity);
  for (const { proximity, slot, isAccepted } of rows) {
    if (proximity > beam.threshold) beam.offer(proximity, slot, isAccepted);
  }
  return beam;
}

const slotsOf = (beam: Beam): number[] => Array.from({ length: beam.count }, (_, position) => beam.slotAt(position));

test("a beam holds the best accepted rows and what is nearer than the last of them", () => {
  fc.assert(
    fc.property(rowsArbitrary, fc.integer({ min: 1, max: 20 }), (rows, breadth) => {
      const beam = fill(rows, breadth, 100);
      expect(slotsOf(beam)).toEqual(best(rows, breadth).map(({ slot }) => slot));
      expect(beam.isCut).toBe(false);
      beam.keepAccepted();
      const accepted = best(
        rows.filter(({ isAccepted }) => isAccepted),
        breadth,
      );
      expect(slotsOf(beam)).toEqual(accepted.map(({ slot }) => slot));
      expect([...beam.proximities.subarray(0, beam.count)]).toEqual(accepted.map(({ proximity }) => proximity));
    }),
  );
});

test("a beam holds no more than its capacity, and says when that cost it rows", () => {
  fc.assert(
    fc.property(
      rowsArbitrary,
      fc.integer({ min: 1, max: 10 }),
      fc.integer({ min: 10, max: 20 }),
      (rows, breadth, capacity) => {
        const beam = fill(rows, breadth, capacity);
        expect(beam.count).toBeLessThanOrEqual(capacity);
        if (best(rows, breadth).length > capacity) expect(beam.count).toBe(capacity);
        if (!beam.isCut && beam.count < capacity)
          expect(slotsOf(beam)).toEqual(best(rows, breadth).map(({ slot }) => slot));
      },
    ),
  );
});

test("the nearest row that was not expanded is expanded next", () => {
  fc.assert(
    fc.property(rowsArbitrary, fc.integer({ min: 0, max: 40 }), (rows, early) => {
      const beam = fill(rows.slice(0, early), 20, 20);
      const expanded = new Set<number>();
      const expandNearest = (): number => {
        const nearest = slotsOf(beam).find((slot) => !expanded.has(slot)) ?? -1;
        expect(beam.expand()).toBe(nearest);
        if (nearest >= 0) expanded.add(nearest);
        return nearest;
      };
      expandNearest();
      expandNearest();
      for (const { proximity, slot, isAccepted } of rows.slice(early)) {
        if (proximity > beam.threshold) beam.offer(proximity, slot, isAccepted);
        expandNearest();
      }
      while (expandNearest() >= 0);
    }),
  );
});
