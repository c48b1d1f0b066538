import { describe, expect, test } from "vitest";
import { clusteredVectors, uniformVectors } from "../../test/clustered-vectors.js";
import type { Column } from "../image/index.js";
import { HnswIndex, type HnswOptions } from "./hnsw-index.js";
import { KernelColumn } from "./hnsw-kernel-column.js";
import { hasRelaxedSimd, type KernelSource, Kernels, NO_KERNELS } from "./kernel.js";
import { type Metric, VectorRows } from "./row-store.js";

const OPTIONS: HnswOptions = { m: 6, efConstruction: 40, seed: 7 };
const DIMENSION = 20;

function graphOf(
  vectors: readonly Float32Array[],
  metric: Metric,
  int8: boolean,
  kernels: KernelSource,
): { graph: HnswIndex; rows: VectorRows } {
  const rows = new VectorRows(DIMENSION, metric, { int8, kernels });
  for (const vector of vectors) rows.append(vector);
  const graph = new HnswIndex(rows, OPTIONS);
  for (let slot = 0; slot < rows.length; slot++) graph.insert(slot);
  return { graph, rows };
}

function columnsOf(graph: HnswIndex): Record<string, Int32Array> {
  const columns = graph.save().columns as Record<string, Column<Int32Array>>;
  return Object.fromEntries(Object.entries(columns).map(([name, { array, length }]) => [name, array.slice(0, length)]));
}

const ACCEPTS: readonly (((slot: number) => boolean) | undefined)[] = [
  undefined,
  (slot) => slot % 2 === 0,
  (slot) => slot % 40 === 0,
  () => false,
];

const kinds = [false, ...(hasRelaxedSimd() ? [true] : [])];

describe.each(kinds)("the compiled walk, with relaxed SIMD: %s", (relaxed) => {
  test.each([
    ["cosine", false],
    ["cosine", true],
    ["dot", false],
    ["dot", true],
    ["euclidean", false],
    ["euclidean", true],
  ] as const)("links and finds what the one in JavaScript does: %s, by codes: %s", (metric, int8) => {
    const some = [...clusteredVectors(700, DIMENSION, 1), ...uniformVectors(200, DIMENSION, 2)];
    const vectors = [...some, ...some.slice(0, 100)];
    const compiled = graphOf(vectors, metric, int8, new Kernels({ relaxed }));
    const script = graphOf(vectors, metric, int8, NO_KERNELS);
    expect(compiled.graph.save().columns["ground"]).toBeInstanceOf(KernelColumn);
    expect(columnsOf(compiled.graph)).toEqual(columnsOf(script.graph));
    expect(compiled.graph.save().head).toEqual(script.graph.save().head);

    const queries = [...clusteredVectors(15, DIMENSION, 3), ...vectors.slice(0, 5)];
    for (const vector of queries) {
      for (const [i, accept] of ACCEPTS.entries()) {
        for (const ef of [1, 20, 400]) {
          const visits = i % 2 === 0 ? 150 : undefined;
          const expected = script.graph.search(script.rows.prepare(vector), ef, 10, accept, visits);
          expect(compiled.graph.search(compiled.rows.prepare(vector), ef, 10, accept, visits)).toEqual(expected);
        }
      }
    }
  });
});

test("a search that drops ways for want of room says so, compiled or not", () => {
  const vectors = clusteredVectors(3000, DIMENSION, 1);
  const compiled = graphOf(vectors, "cosine", false, new Kernels());
  const script = graphOf(vectors, "cosine", false, NO_KERNELS);
  const [query] = clusteredVectors(1, DIMENSION, 2) as [Float32Array];
  const accept = (slot: number): boolean => slot % 500 === 0;
  const found = compiled.graph.search(compiled.rows.prepare(query), 10, 10, accept);
  expect(found.isCut).toBe(true);
  expect(found).toEqual(script.graph.search(script.rows.prepare(query), 10, 10, accept));
  // A beam so long that places in it are found by halves.
  const wide = compiled.graph.search(compiled.rows.prepare(query), 400, 10, accept);
  expect(wide).toEqual(script.graph.search(script.rows.prepare(query), 400, 10, accept));
});

test("what accept throws comes through, and the next search is none the worse", () => {
  const { graph, rows } = graphOf(clusteredVectors(300, DIMENSION, 1), "cosine", false, new Kernels());
  const query = rows.prepare(clusteredVectors(1, DIMENSION, 2)[0]!);
  const before = graph.search(query, 20, 5);
  let judged = 0;
  const refuse = (): boolean => {
    if (++judged === 50) throw new RangeError("not to be judged");
    return false;
  };
  expect(() => graph.search(query, 20, 5, refuse)).toThrow("not to be judged");
  expect(graph.search(query, 20, 5)).toEqual(before);
});

test.each([14, 20, 26, 40])(
  "a kernel that runs out of memory, at %i pages, leaves the graph what it is",
  (pagesMax) => {
    const vectors = clusteredVectors(6000, DIMENSION, 1);
    const script = graphOf(vectors, "cosine", false, NO_KERNELS);
    const rows = new VectorRows(DIMENSION, "cosine", { int8: false, kernels: new Kernels({ pagesMax }) });
    const graph = new HnswIndex(rows, OPTIONS);
    for (const [slot, vector] of vectors.entries()) {
      rows.append(vector);
      graph.insert(slot);
    }
    expect(columnsOf(graph)).toEqual(columnsOf(script.graph));
    const [query] = clusteredVectors(1, DIMENSION, 2) as [Float32Array];
    expect(graph.search(rows.prepare(query), 60, 10)).toEqual(script.graph.search(script.rows.prepare(query), 60, 10));
  },
);

test("memory of graphs that were disposed of is used again", () => {
  const kernels = new Kernels();
  const vectors = clusteredVectors(500, DIMENSION, 1);
  const used: number[] = [];
  for (let round = 0; round < 4; round++) {
    const { graph, rows } = graphOf(vectors, "cosine", false, kernels);
    graph.dispose();
    rows.dispose();
    used.push(kernels.current()!.memory.usedBytes);
  }
  expect(used[3]).toBe(used[0]);
});
