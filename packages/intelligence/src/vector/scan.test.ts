import { describe, expect, test } from "vitest";
import { hasRelaxedSimd, type KernelSource, Kernels, NO_KERNELS } from "./kernel.js";
import { type Metric, type Query, VectorRows } from "./row-store.js";
import { topK } from "./scan.js";

const METRICS: readonly Metric[] = ["cosine", "dot", "euclidean"];
const KERNELS: [string, KernelSource][] = [
  ["SIMD", new Kernels({ relaxed: false })],
  ["JavaScript", NO_KERNELS],
];
if (hasRelaxedSimd()) KERNELS.push(["relaxed SIMD", new Kernels({ relaxed: true })]);

function generator(seed: number): () => number {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) | 0;
    return state / 2 ** 31;
  };
}

type Shape = "uniform" | "clustered" | "alike";

/** Vectors without order, in a few tight clusters, or with few different components, so that many tie. */
function vectorsOf(shape: Shape, count: number, dimension: number, random: () => number): Float32Array[] {
  const centers = Array.from({ length: 7 }, () => Float32Array.from({ length: dimension }, random));
  return Array.from({ length: count }, (_, index) =>
    Float32Array.from({ length: dimension }, (_, component) => {
      if (shape === "uniform") return random();
      if (shape === "alike") return Math.round(random());
      return centers[index % 7]![component]! + 0.02 * random();
    }),
  );
}

/** By comparing with every row and sorting them all. */
function nearestOfAll(
  rows: VectorRows,
  query: Query,
  from: number,
  to: number,
  accept: ((slot: number) => boolean) | undefined,
  k: number,
): [number, number][] {
  const proximities = new Float32Array(to - from);
  rows.scan(query, from, to, proximities);
  const all = Array.from(proximities, (proximity, index): [number, number] => [from + index, proximity])
    .filter(([slot]) => accept === undefined || accept(slot))
    .sort(([slotA, a], [slotB, b]) => b - a || slotA - slotB);
  const last = all[k - 1];
  return last === undefined ? all.slice(0, Math.max(0, k)) : all.filter(([, proximity]) => proximity >= last[1]);
}

describe.each(KERNELS)("%s", (_, kernels) => {
  describe.each(METRICS)("%s", (metric) => {
    test.each<Shape>(["uniform", "clustered", "alike"])(
      "%s vectors: the k nearest are those of a full sort",
      (shape) => {
        const random = generator(1);
        for (const [dimension, count] of [
          [3, 900],
          [48, 700],
          [128, 1500],
          [384, 400],
        ] as const) {
          const vectors = vectorsOf(shape, count, dimension, random);
          const queries = [...vectorsOf(shape, 1, dimension, random), vectors[17]!, new Float32Array(dimension)];
          for (const int8 of [false, true]) {
            const rows = new VectorRows(dimension, metric, { int8, kernels });
            for (const vector of vectors) rows.append(vector);
            for (const query of queries.map((vector) => rows.prepare(vector))) {
              for (const k of [0, 1, 10, 300, 1e6]) {
                for (const [from, to] of [
                  [0, count],
                  [131, count - 7],
                  [5, 5],
                ] as const) {
                  for (const accept of [
                    undefined,
                    (slot: number) => slot % 3 !== 0,
                    (slot: number) => slot % 97 === 4,
                  ]) {
                    const found = topK(rows, query, { from, to }, accept, k);
                    const pairs = Array.from(found.slots, (slot, i) => [slot, found.proximities[i]!]);
                    expect(found.count).toBe(pairs.length);
                    expect(pairs.join(" ")).toBe(nearestOfAll(rows, query, from, to, accept, k).join(" "));
                  }
                }
              }
            }
            rows.dispose();
          }
        }
      },
    );
  });
});

test.each([1e-20, 1e-8, 1, 1e10, 1e19])("vectors of size %d are compared exactly, codes or not", (size) => {
  const random = generator(9);
  for (const metric of METRICS) {
    const exact = new VectorRows(64, metric, { int8: false });
    const coded = new VectorRows(64, metric, { int8: true });
    for (const vector of vectorsOf("uniform", 2000, 64, random)) {
      for (const rows of [exact, coded]) rows.append(vector.map((component) => component * size));
    }
    for (const vector of vectorsOf("uniform", 5, 64, random)) {
      const query = exact.prepare(vector.map((component) => component * size));
      const range = { from: 0, to: 2000 };
      expect(topK(coded, query, range, undefined, 10)).toEqual(topK(exact, query, range, undefined, 10));
    }
  }
});

test("a vector among others a million times as long is found by its codes all the same", () => {
  const random = generator(4);
  const vectors = vectorsOf("uniform", 3000, 32, random).map((vector, index) =>
    vector.map((component) => component * (index % 5 === 0 ? 1e6 : 1)),
  );
  for (const metric of METRICS) {
    const exact = new VectorRows(32, metric);
    const coded = new VectorRows(32, metric, { int8: true });
    for (const vector of vectors) for (const rows of [exact, coded]) rows.append(vector);
    for (const vector of vectors.slice(0, 50)) {
      const query = exact.prepare(vector);
      const range = { from: 0, to: 3000 };
      expect(topK(coded, query, range, undefined, 10)).toEqual(topK(exact, query, range, undefined, 10));
    }
  }
});

test("of no rows none is nearest", () => {
  const rows = new VectorRows(3, "dot", { int8: true });
  const query = rows.prepare([1, 2, 3]);
  expect(topK(rows, query, { from: 0, to: 0 }, undefined, 10).count).toBe(0);
  for (let i = 0; i < 9; i++) rows.append(Float32Array.of(i, 0, 0));
  expect(topK(rows, query, { from: 4, to: 4 }, undefined, 10).count).toBe(0);
  expect([...topK(rows, query, { from: 4, to: 99 }, undefined, 1).slots]).toEqual([8]);
});

test.each([false, true])("what is not near is never asked about, codes: %s", (int8) => {
  const random = generator(2);
  const rows = new VectorRows(128, "cosine", { int8 });
  for (const vector of vectorsOf("uniform", 20_000, 128, random)) rows.append(vector);
  let asked = 0;
  const accept = (): boolean => {
    asked++;
    return true;
  };
  topK(rows, rows.prepare(vectorsOf("uniform", 1, 128, random)[0]!), { from: 0, to: 20_000 }, accept, 10);
  expect(asked).toBeLessThan(800);
});
