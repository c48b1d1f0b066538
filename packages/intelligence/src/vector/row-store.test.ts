import { describe, expect, test } from "vitest";
import { type Metric, VectorRows } from "./row-store.js";
import { topK } from "./scan.js";

const METRICS: readonly Metric[] = ["cosine", "dot", "euclidean"];

function randomVectors(count: number, dimension: number, seed: number): Float32Array[] {
  let state = seed;
  const random = (): number => {
    state = (Math.imul(state, 1664525) + 1013904223) | 0;
    return state / 2 ** 31;
  };
  return Array.from({ length: count }, () => Float32Array.from({ length: dimension }, random));
}

/** The definition, in double precision. */
function proximity(metric: Metric, a: Float32Array, b: Float32Array): number {
  let product = 0;
  let left = 0;
  let right = 0;
  let distance = 0;
  for (let i = 0; i < a.length; i++) {
    product += a[i]! * b[i]!;
    left += a[i]! * a[i]!;
    right += b[i]! * b[i]!;
    distance += (a[i]! - b[i]!) ** 2;
  }
  if (metric === "dot") return product;
  if (metric === "euclidean") return -distance;
  return left === 0 || right === 0 ? 0 : product / Math.sqrt(left * right);
}

describe.each(METRICS)("%s", (metric) => {
  test.each([1, 3, 4, 5, 8, 13, 100, 128])(
    "%i components: scan and gather say what the definition says",
    (dimension) => {
      const vectors = randomVectors(257, dimension, 7);
      const rows = new VectorRows(dimension, metric, { int8: false });
      for (const vector of vectors) rows.append(vector);
      const query = rows.prepare(vectors[3]!);
      const scanned = new Float32Array(200);
      rows.scan(query, 57, 257, scanned);
      for (let i = 0; i < 200; i++) expect(scanned[i]).toBeCloseTo(proximity(metric, vectors[3]!, vectors[57 + i]!), 4);
      const slots = Int32Array.of(256, 0, 99, 99, 3);
      const gathered = new Float32Array(5);
      rows.gather(query, slots, 5, gathered);
      expect(gathered[0]).toBe(scanned[199]);
      expect(gathered[2]).toBe(scanned[42]);
      expect(gathered[3]).toBe(scanned[42]);
      const ofRow = new Float32Array(5);
      rows.gatherOf(3, slots, 5, ofRow);
      expect(ofRow).toEqual(gathered);
      rows.dispose();
    },
  );
});

test("a row is given as bytes or as floats, at any alignment", () => {
  const vector = Float32Array.of(1, -2.5, 3e-40, 0.1, 7);
  const shifted = new Uint8Array(23);
  shifted.set(new Uint8Array(vector.buffer), 3);
  const rows = new VectorRows(5, "dot", { int8: false });
  expect(rows.append(vector)).toBe(0);
  expect(rows.append(shifted.subarray(3))).toBe(1);
  expect(rows.vectorAt(0)).toEqual(vector);
  expect(rows.vectorAt(1)).toEqual(vector);
});

test("the nearest come first, and all that tie with the last", () => {
  const rows = new VectorRows(2, "dot", { int8: false });
  for (const x of [1, 5, 3, 3, 4, 3]) rows.append(Float32Array.of(x, 0));
  const query = rows.prepare([1, 0]);
  const found = topK(rows, query, { from: 0, to: 6 }, undefined, 3);
  expect([...found.slots]).toEqual([1, 4, 2, 3, 5]);
  expect([...found.proximities]).toEqual([5, 4, 3, 3, 3]);
  expect([...topK(rows, query, { from: 2, to: 6 }, (slot) => slot !== 4, 1).slots]).toEqual([2, 3, 5]);
  expect(topK(rows, query, { from: 0, to: 6 }, undefined, 0).count).toBe(0);
});
