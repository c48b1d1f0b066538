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

test.each(METRICS)("what an image keeps of %s rows makes the same rows, in whatever pieces it comes", (metric) => {
  const vectors = randomVectors(50, 6, 3);
  const rows = new VectorRows(6, metric, { int8: true });
  for (const vector of vectors) rows.append(vector);
  const { pages } = rows;
  expect(pages.byteLength).toBe(50 * 32);
  for (const length of [1, 31, 32, 100, 1600]) {
    const again = new VectorRows(6, metric, { int8: true });
    for (let at = 0; at < 1600; at += length) again.restore(pages.read(at, Math.min(1600, at + length)));
    expect(again.length).toBe(50);
    for (const approximate of [false, true]) {
      const query = rows.prepare(vectors[9]!);
      const [before, after] = [rows, again].map((each) => {
        const out = new Float32Array(50);
        if (approximate) each.scanApproximate(query, 0, 50, out);
        else each.scan(query, 0, 50, out);
        return out;
      });
      expect(after).toEqual(before);
    }
  }
});

test("images are little-endian floats, rows padded to groups of four", () => {
  const rows = new VectorRows(3, "dot");
  rows.append(Float32Array.of(1, -2, 0.5));
  expect(Array.from(rows.pages.read(2, 16))).toEqual([0x80, 0x3f, 0, 0, 0, 0xc0, 0, 0, 0, 0x3f, 0, 0, 0, 0]);
});

test("rows of cosine collections have length 1, and a zero vector is like none", () => {
  const rows = new VectorRows(2, "cosine", { int8: true });
  for (const vector of [
    [3, 4],
    [0, 0],
    [3e38, 3e38],
    [1e-44, 0],
  ])
    rows.append(Float32Array.from(vector));
  expect(rows.vectorAt(0)).toEqual(Float32Array.of(0.6, 0.8));
  const out = new Float32Array(4);
  rows.scan(rows.prepare([1, 1]), 0, 4, out);
  expect(out[1]).toBe(0);
  expect(out[2]).toBeCloseTo(1, 6);
  expect(out[3]).toBeCloseTo(Math.SQRT1_2, 6);
  rows.scan(rows.prepare([0, 0]), 0, 4, out);
  expect([...out]).toEqual([0, 0, 0, 0]);
});

test("estimates are near the truth", () => {
  for (const metric of METRICS) {
    const rows = new VectorRows(128, metric, { int8: true });
    const vectors = randomVectors(300, 128, 12);
    for (const vector of vectors) rows.append(vector);
    const exact = new Float32Array(300);
    const estimate = new Float32Array(300);
    rows.scan(rows.prepare(vectors[0]!), 0, 300, exact);
    rows.scanApproximate(rows.prepare(vectors[0]!), 0, 300, estimate);
    const scale = metric === "cosine" ? 1 : 128 / 3;
    for (let i = 0; i < 300; i++) expect(Math.abs(exact[i]! - estimate[i]!) / scale).toBeLessThan(0.02);
  }
});

test("scores are what users know", () => {
  expect(new VectorRows(1, "cosine").scoreOf(-0.25)).toBe(-0.25);
  expect(new VectorRows(1, "dot").scoreOf(12)).toBe(12);
  expect(new VectorRows(1, "euclidean").scoreOf(-9)).toBe(0.25);
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
