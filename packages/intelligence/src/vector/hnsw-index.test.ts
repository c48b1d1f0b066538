import { describe, expect, test } from "vitest";
import { clusteredVectors, randomFrom, uniformVectors } from "../../test/clustered-vectors.js";
import { Column, type ImageParts } from "../image/index.js";
import { HnswIndex, type HnswOptions } from "./hnsw-index.js";
import { levelOf } from "./level.js";
import { type Metric, VectorRows } from "./row-store.js";
import { topK } from "./scan.js";

const OPTIONS: HnswOptions = { m: 16, efConstruction: 128, seed: 7 };

function rowsOf(vectors: readonly Float32Array[], metric: Metric = "cosine", int8 = false): VectorRows {
  const rows = new VectorRows(vectors[0]!.length, metric, { int8 });
  for (const vector of vectors) rows.append(vector);
  return rows;
}

function graphOf(rows: VectorRows, options: HnswOptions = OPTIONS, length: number = rows.length): HnswIndex {
  const graph = new HnswIndex(rows, options);
  for (let slot = 0; slot < length; slot++) graph.insert(slot);
  return graph;
}

/** Share of the 10 nearest accepted rows, by comparing with all, that the graph finds. */
function recall(
  graph: HnswIndex,
  rows: VectorRows,
  queries: readonly Float32Array[],
  ef: number,
  accept?: (slot: number) => boolean,
): number {
  let found = 0;
  let there = 0;
  for (const vector of queries) {
    const query = rows.prepare(vector);
    const nearest = topK(rows, query, { from: 0, to: graph.length }, accept, 10).slots.slice(0, 10);
    const { slots } = graph.search(query, ef, 10, accept);
    const given = new Set(slots);
    for (const slot of nearest) if (given.has(slot)) found++;
    there += nearest.length;
  }
  return found / there;
}

function columnsOf(graph: HnswIndex): Record<string, Int32Array> {
  const columns = graph.save().columns as Record<string, Column<Int32Array>>;
  return Object.fromEntries(
    Object.entries(columns).map(([name, { array, length }]) => [name, Int32Array.from(array.subarray(0, length))]),
  );
}

const isDead = (slot: number): boolean => levelOf(99, slot, 3) > 0;
const isAlive = (slot: number): boolean => !isDead(slot);

describe.each([false, true])("a graph over rows, with codes: %s", (int8) => {
  const clustered = clusteredVectors(10_000, 32, 1);
  const rows = rowsOf(clustered, "cosine", int8);
  const graph = graphOf(rows);

  test("finds nearly all of the nearest in clustered vectors", () => {
    expect(recall(graph, rows, clusteredVectors(100, 32, 2), 64)).toBeGreaterThanOrEqual(0.99);
  });

  test("finds them when a third of the rows is dead, and never a dead one", () => {
    const queries = clusteredVectors(100, 32, 3);
    expect(recall(graph, rows, queries, 64, isAlive)).toBeGreaterThanOrEqual(0.99);
    for (const vector of queries) {
      const { slots, isCut } = graph.search(rows.prepare(vector), 64, 10, isAlive);
      expect(slots.length).toBeGreaterThanOrEqual(10);
      expect([...slots].filter(isDead)).toEqual([]);
      expect(isCut).toBe(false);
    }
  });

  test("scores results as a comparison in full does", () => {
    const query = rows.prepare(clusteredVectors(1, 32, 4)[0]!);
    const found = graph.search(query, 64, 10);
    const exact = new Float32Array(found.count);
    rows.gather(query, found.slots, found.count, exact);
    expect(found.proximities).toEqual(exact);
    expect([...found.proximities]).toEqual([...exact].sort((a, b) => b - a));
  });

  test("looks at few of the rows", () => {
    const queries = clusteredVectors(20, 32, 5);
    for (const vector of queries) expect(graph.search(rows.prepare(vector), 64, 10).visited).toBeLessThan(2500);
  });

  test("is the same graph for the same rows, and another one for another seed", () => {
    const some = rowsOf(clustered.slice(0, 1500), "cosine", int8);
    const columns = columnsOf(graphOf(some));
    expect(columnsOf(graphOf(some))).toEqual(columns);
    expect(columnsOf(graphOf(some, { ...OPTIONS, seed: 8 }))).not.toEqual(columns);
  });

  test("is a prefix of the graph over more rows, as far as these have not changed it: rows may be there that are not linked yet", () => {
    const few = graphOf(rowsOf(clustered.slice(0, 500), "cosine", int8));
    const some = graphOf(rowsOf(clustered.slice(0, 1500), "cosine", int8), OPTIONS, 500);
    expect(columnsOf(some)).toEqual(columnsOf(few));
    expect(some.length).toBe(500);
  });
});

test.each(["euclidean", "dot"] as const)("nearly all of the nearest by %s are found", (metric) => {
  const rows = rowsOf(clusteredVectors(3000, 24, 1), metric);
  expect(recall(graphOf(rows), rows, clusteredVectors(100, 24, 2), 64)).toBeGreaterThanOrEqual(0.98);
});

test("uniform vectors, without anything near, are found the better the more is looked at", () => {
  const rows = rowsOf(uniformVectors(5000, 32, 1));
  const graph = graphOf(rows);
  const queries = uniformVectors(50, 32, 2);
  const few = recall(graph, rows, queries, 32);
  const many = recall(graph, rows, queries, 256);
  expect(few).toBeGreaterThan(0.7);
  expect(many).toBeGreaterThan(0.98);
});

test("lists hold linked slots of their level, without repetition, and end at the first gap; every row is reached", () => {
  const m = 5;
  const rows = rowsOf(clusteredVectors(4000, 16, 1));
  const graph = graphOf(rows, { m, efConstruction: 60, seed: 3 });
  const { ground, places, upper } = columnsOf(graph) as Record<"ground" | "places" | "upper", Int32Array>;
  expect(places.length).toBe(4000);
  expect(ground.length).toBe(4000 * 2 * m);
  const levelOfSlot = (slot: number): number => levelOf(3, slot, m);
  let upperLength = 0;
  const listOf = (slot: number, level: number): Int32Array => {
    const start = level === 0 ? slot * 2 * m : places[slot]! + (level - 1) * m;
    return (level === 0 ? ground : upper).subarray(start, start + (level === 0 ? 2 * m : m));
  };
  for (let slot = 0; slot < 4000; slot++) {
    const top = levelOfSlot(slot);
    expect(places[slot]).toBe(top === 0 ? -1 : upperLength);
    upperLength += top * m;
    for (let level = 0; level <= top; level++) {
      const list = listOf(slot, level);
      const end = list.indexOf(-1);
      const neighbors = [...(end < 0 ? list : list.subarray(0, end))];
      if (end >= 0) expect(list.subarray(end).every((value) => value === -1)).toBe(true);
      expect(new Set(neighbors).size).toBe(neighbors.length);
      expect(neighbors).not.toContain(slot);
      expect(neighbors.every((neighbor) => neighbor < 4000 && levelOfSlot(neighbor) >= level)).toBe(true);
    }
  }
  expect(upper.length).toBe(upperLength);

  const { entry } = graph.save().head as { entry: number };
  const reached = new Set([entry]);
  for (const slot of reached) for (const neighbor of listOf(slot, 0)) if (neighbor >= 0) reached.add(neighbor);
  expect(reached.size).toBeGreaterThanOrEqual(3990);
});

test("results are what accept admits, and the search goes on through what it refuses", () => {
  const rows = rowsOf(clusteredVectors(5000, 16, 1));
  const graph = graphOf(rows);
  const isRare = (slot: number): boolean => slot % 50 === 0;
  const queries = clusteredVectors(50, 16, 2);
  for (const vector of queries) {
    const { slots } = graph.search(rows.prepare(vector), 64, 10, isRare);
    expect([...slots].every(isRare)).toBe(true);
  }
  expect(recall(graph, rows, queries, 64, isRare)).toBeGreaterThanOrEqual(0.95);
  expect(graph.search(rows.prepare(queries[0]!), 64, 10, () => false).count).toBe(0);
});

test("a search is given up after as many comparisons as it is allowed, and says so", () => {
  const rows = rowsOf(clusteredVectors(3000, 16, 1));
  const graph = graphOf(rows);
  const query = rows.prepare(clusteredVectors(1, 16, 2)[0]!);
  const whole = graph.search(query, 64, 10, (slot) => slot < 3);
  const cut = graph.search(query, 64, 10, (slot) => slot < 3, 100);
  expect(cut.isCut).toBe(true);
  expect(cut.visited).toBeLessThan(200);
  expect(whole.visited).toBeGreaterThan(cut.visited);
  expect(graph.search(query, 64, 10).isCut).toBe(false);
});

test("few rows, or none, are all found", () => {
  const vectors = uniformVectors(5, 8, 1);
  const rows = rowsOf(vectors);
  const query = rows.prepare(vectors[3]!);
  const graph = new HnswIndex(rows, OPTIONS);
  expect(graph.search(query, 64, 10).count).toBe(0);
  graph.insert(0);
  expect([...graph.search(query, 64, 10).slots]).toEqual([0]);
  for (let slot = 1; slot < 5; slot++) graph.insert(slot);
  expect([...graph.search(query, 1, 10).slots].sort()).toEqual([0, 1, 2, 3, 4]);
  expect(graph.search(query, 64, 1).slots[0]).toBe(3);
  expect(graph.search(query, 64, 0).count).toBe(0);
  expect(graph.search(query, 64, 1_000_000).count).toBe(5);
});

test("equal rows are all found that are as near as the last result", () => {
  const [one, other] = uniformVectors(2, 8, 1) as [Float32Array, Float32Array];
  const rows = rowsOf([one, one, other, one, one]);
  const { slots, count } = graphOf(rows).search(rows.prepare(one), 64, 2);
  expect(count).toBe(4);
  expect([...slots]).toEqual([0, 1, 3, 4]);
});

test("rows that are as near as the last result are found, too", () => {
  const axes = Array.from({ length: 6 }, (_, axis) => Float32Array.from({ length: 8 }, (_, i) => (i === axis ? 1 : 0)));
  const rows = rowsOf(axes);
  expect([...graphOf(rows).search(rows.prepare(new Float32Array(8).fill(1)), 64, 2).slots]).toEqual([0, 1, 2, 3, 4, 5]);
});

test("a crowd of equal rows is found whole, and does not hide the others", () => {
  const others = clusteredVectors(2000, 16, 1);
  const crowd = Array.from({ length: 2000 }, () => others[0]!);
  const random = randomFrom(4);
  const rows = rowsOf([...others.slice(1), ...crowd].sort(() => random() - 0.5));
  const graph = graphOf(rows);
  const accept = (slot: number): boolean => slot % 3 === 0;
  for (const test of [undefined, accept]) {
    const query = rows.prepare(others[0]!);
    const found = graph.search(query, 64, 10, test);
    expect(found.count).toBeGreaterThan(600);
    expect(found.slots).toEqual(topK(rows, query, { from: 0, to: graph.length }, test, 10).slots);
    expect(recall(graph, rows, clusteredVectors(50, 16, 2), 64, test)).toBeGreaterThan(0.98);
  }
});

test("a row that is written again and again, and found where one of its twins is alive", () => {
  const vectors = clusteredVectors(200, 16, 1);
  const rows = rowsOf([...vectors, ...vectors, ...vectors]);
  const graph = graphOf(rows);
  for (let slot = 0; slot < 200; slot++) {
    const found = graph.search(rows.prepare(vectors[slot]!), 64, 1, (other) => other >= 400);
    expect([...found.slots]).toEqual([400 + slot]);
  }
});

test("codes that cannot tell rows apart are done without: the graph begins anew", () => {
  const near = clusteredVectors(1500, 16, 1).map((vector) => vector.map((value) => 3000 + value));
  const rows = rowsOf(near, "euclidean", true);
  const graph = new HnswIndex(rows, OPTIONS);
  let restarts = 0;
  while (graph.length < rows.length) {
    graph.insert(graph.length);
    if (graph.length === 0) restarts++;
  }
  expect(restarts).toBe(1);
  expect(graph.save().head).toMatchObject({ byCodes: false });
  const queries = clusteredVectors(50, 16, 2).map((vector) => vector.map((value) => 3000 + value));
  expect(recall(graph, rows, queries, 64)).toBeGreaterThanOrEqual(0.98);
  expect(graphOf(rowsOf(clusteredVectors(1500, 16, 1), "euclidean", true)).save().head).toMatchObject({
    byCodes: true,
  });
});

test("rows are linked in order of slot", () => {
  const rows = rowsOf(uniformVectors(3, 8, 1));
  const graph = new HnswIndex(rows, OPTIONS);
  expect(() => graph.insert(1)).toThrow("in order of slot");
});

describe("an image", () => {
  const rows = rowsOf(clusteredVectors(1200, 16, 1));

  function copyOf({ head, columns }: ImageParts, change: (name: string, values: Int32Array) => Int32Array): ImageParts {
    const copies = Object.entries(columns as Record<string, Column<Int32Array>>).map(([name, { array, length }]) => [
      name,
      Column.restored(Int32Array, change(name, array.slice(0, length))),
    ]);
    return { head, columns: Object.fromEntries(copies) };
  }
  const same = (_: string, values: Int32Array): Int32Array => values;

  test("makes the same graph, which grows as the one it was taken of", () => {
    const graph = graphOf(rows, OPTIONS, 800);
    const loaded = HnswIndex.load(rows, OPTIONS, copyOf(graph.save(), same));
    for (let slot = 800; slot < 1200; slot++) {
      graph.insert(slot);
      loaded.insert(slot);
    }
    expect(columnsOf(loaded)).toEqual(columnsOf(graph));
    const query = rows.prepare(clusteredVectors(1, 16, 5)[0]!);
    expect(loaded.search(query, 64, 10)).toEqual(graph.search(query, 64, 10));
    expect(loaded.save().head).toEqual(graph.save().head);
  });

  test("of an empty graph makes an empty graph", () => {
    const loaded = HnswIndex.load(rows, OPTIONS, copyOf(new HnswIndex(rows, OPTIONS).save(), same));
    loaded.insert(0);
    expect(loaded.length).toBe(1);
  });

  test("knows which pages have changed", () => {
    // Short lists, which are full and chosen anew, over several pages.
    const many = rowsOf(clusteredVectors(16_000, 8, 1));
    const graph = graphOf(many, { m: 2, efConstruction: 8, seed: 1 }, 15_900);
    const columns = Object.entries(graph.save().columns as Record<string, Column<Int32Array>>);
    for (const [, column] of columns) column.fix().written();
    for (let slot = 15_900; slot < 16_000; slot++) {
      const before = columnsOf(graph);
      graph.insert(slot);
      for (const [name, column] of columns) {
        const fixed = column.fix();
        const untouched = before[name]!.findIndex(
          (value, index) => value !== column.array[index] && !fixed.isTouched(Math.floor(index / 16_384)),
        );
        expect([name, untouched]).toEqual([name, -1]);
        fixed.written();
      }
    }
  });

  test("is what the graph was when it was fixed, while that goes on growing", () => {
    const graph = graphOf(rows, OPTIONS, 1000);
    const { ground } = graph.save().columns as Record<string, Column<Int32Array>>;
    const before = columnsOf(graph)["ground"]!;
    const fixed = ground!.fix();
    for (let slot = 1000; slot < 1200; slot++) graph.insert(slot);
    const bytes = new Uint8Array(fixed.byteLength);
    for (let page = 0; page * 65_536 < bytes.length; page++) bytes.set(fixed.page(page), page * 65_536);
    expect(new Int32Array(bytes.buffer)).toEqual(before);
  });

  test.each([
    ["links that lead nowhere", "ground", (values: Int32Array) => values.with(0, 5000)],
    ["places that are none", "places", (values: Int32Array) => values.with(3, 7_000_000)],
    ["lists that are no whole lists", "ground", (values: Int32Array) => values.slice(1)],
  ])("with %s is refused", (_, column, damage) => {
    const parts = graphOf(rows, OPTIONS, 100).save();
    const damaged = copyOf(parts, (name, values) => (name === column ? damage(values) : values));
    expect(() => HnswIndex.load(rows, OPTIONS, damaged)).toThrow(expect.objectContaining({ code: "SNAPSHOT_CORRUPT" }));
  });

  test("of other options, or of more rows than there are, is refused", () => {
    const parts = graphOf(rows, OPTIONS, 100).save();
    const refusal = expect.objectContaining({ code: "SNAPSHOT_CORRUPT" });
    expect(() => HnswIndex.load(rows, { ...OPTIONS, seed: 1 }, copyOf(parts, same))).toThrow(refusal);
    expect(() => HnswIndex.load(rowsOf(uniformVectors(50, 16, 1)), OPTIONS, copyOf(parts, same))).toThrow(refusal);
    expect(() =>
      HnswIndex.load(rows, OPTIONS, { ...copyOf(parts, same), head: { ...OPTIONS, byCodes: false, entry: 4, top: 9 } }),
    ).toThrow(refusal);
  });
});
