import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { describe, expect, test } from "vitest";
import { kernelBytesSource } from "../../kernel/build.mjs";
import { hasRelaxedSimd, type KernelSource, Kernels, NO_KERNELS } from "./kernel.js";
import { webAssembly } from "./kernel-engine.js";
import { KernelMemory } from "./kernel-memory.js";
import { type Metric, VectorRows } from "./row-store.js";

const METRICS: readonly Metric[] = ["cosine", "dot", "euclidean"];
const KERNELS: [string, KernelSource][] = [["SIMD", new Kernels({ relaxed: false })]];
if (hasRelaxedSimd()) KERNELS.push(["relaxed SIMD", new Kernels({ relaxed: true })]);

function generator(seed: number): () => number {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) | 0;
    return state / 2 ** 31;
  };
}

/** Vectors of all sizes, some of them zeros, some at the ends of what 32-bit floats can be. */
function oddVectors(count: number, dimension: number, random: () => number): Float32Array[] {
  return Array.from({ length: count }, (_, index) => {
    const size = [1, 1, 1e-3, 1e4, 0, 1e-40, 1e25, 3e38][index % 8]!;
    return Float32Array.from({ length: dimension }, () => random() * size);
  });
}

/** Everything the rows say of a query, as bits: equal bits are equal numbers, and equal signs of zero. */
function everything(rows: VectorRows, query: Float32Array, slots: Int32Array): string {
  const prepared = rows.prepare(query);
  const answers: number[] = [];
  const take = (count: number, fill: (out: Float32Array) => void): void => {
    const out = new Float32Array(count);
    fill(out);
    answers.push(...new Int32Array(out.buffer));
  };
  take(rows.length - 1, (out) => rows.scan(prepared, 1, rows.length, out));
  take(slots.length, (out) => rows.gather(prepared, slots, slots.length, out));
  take(slots.length, (out) => rows.gatherOf(5, slots, slots.length, out));
  if (!rows.int8) return answers.join();
  take(rows.length - 1, (out) => rows.scanApproximate(prepared, 1, rows.length, out));
  take(slots.length, (out) => rows.gatherApproximate(prepared, slots, slots.length, out));
  take(slots.length, (out) => rows.gatherApproximateOf(5, slots, slots.length, out));
  return answers.join();
}

describe.each(KERNELS)("%s says what JavaScript says, bit for bit", (_, kernels) => {
  test.each(METRICS)("%s", (metric) => {
    for (const dimension of [1, 2, 3, 4, 5, 7, 8, 12, 16, 17, 24, 31, 32, 36, 48, 100, 128, 129, 300]) {
      const random = generator(dimension);
      const vectors = oddVectors(75, dimension, random);
      const all = [kernels, NO_KERNELS].map((source) => {
        const rows = new VectorRows(dimension, metric, { int8: true, kernels: source });
        for (const vector of vectors) rows.append(vector);
        return rows;
      });
      for (const count of [1, 2, 3, 4, 5, 70]) {
        const slots = Int32Array.from({ length: count }, () => Math.floor(Math.abs(random()) * 75));
        for (const query of oddVectors(8, dimension, random)) {
          const [compiled, script] = all.map((rows) => everything(rows, query, slots));
          expect(compiled).toEqual(script);
        }
      }
      for (const rows of all) rows.dispose();
    }
  });

  test("rows in many blocks, added one by one, are where they were put", () => {
    const random = generator(3);
    const dimension = 16_384;
    const vectors = Array.from({ length: 150 }, () => Float32Array.from({ length: dimension }, random));
    const rows = new VectorRows(dimension, "euclidean", { int8: true, kernels });
    const plain = new VectorRows(dimension, "euclidean", { int8: true, kernels: NO_KERNELS });
    for (const [slot, vector] of vectors.entries()) {
      expect(rows.append(vector)).toBe(slot);
      plain.append(vector);
      const earlier = vectors[slot >>> 1]!;
      expect(rows.vectorAt(slot >>> 1).every((component, i) => component === earlier[i])).toBe(true);
    }
    const slots = Int32Array.from({ length: 150 }, (_, i) => (i * 77) % 150);
    expect(everything(rows, vectors[7]!, slots)).toEqual(everything(plain, vectors[7]!, slots));
  });
});

test("a full memory is followed by another, that by JavaScript, and answers stay the same", () => {
  const random = generator(11);
  const vectors = Array.from({ length: 3000 }, () => Float32Array.from({ length: 128 }, random));
  const plain = new VectorRows(128, "cosine", { int8: true, kernels: NO_KERNELS });
  const kernels = new Kernels({ pagesMax: 16 });
  const rows = new VectorRows(128, "cosine", { int8: true, kernels });
  const first = kernels.current();
  const second = new Kernels({ pagesMax: 16 });
  second.next = () => undefined;
  const short = new VectorRows(128, "cosine", { int8: true, kernels: second });
  for (const vector of vectors) for (const each of [plain, rows, short]) each.append(vector);
  expect(kernels.current()).not.toBe(first);
  const slots = Int32Array.from({ length: 300 }, (_, i) => (i * 7919) % 3000);
  const expected = everything(plain, vectors[9]!, slots);
  expect(everything(rows, vectors[9]!, slots)).toEqual(expected);
  expect(everything(short, vectors[9]!, slots)).toEqual(expected);
});

test("disposed rows leave nothing behind", () => {
  const kernels = new Kernels();
  const { memory } = kernels.current()!;
  const fill = (dimension: number): VectorRows => {
    const rows = new VectorRows(dimension, "dot", { int8: dimension > 100, kernels });
    for (let i = 0; i < 500; i++) rows.append(new Float32Array(dimension));
    return rows;
  };
  for (const rows of [3000, 3, 40].map(fill)) rows.dispose();
  const before = memory.usedBytes;
  const collections = [3, 40, 3000, 17].map(fill);
  expect(memory.usedBytes - before).toBeGreaterThanOrEqual(
    collections.reduce((sum, rows) => sum + rows.memoryBytes, 0),
  );
  for (const rows of collections) rows.dispose();
  expect(memory.usedBytes).toBe(before);
});

test("rows that nobody holds give their memory back", async () => {
  setFlagsFromString("--expose-gc");
  const collect: () => void = runInNewContext("gc");
  const kernels = new Kernels();
  const { memory } = kernels.current()!;
  new VectorRows(100, "dot", { kernels }).append(new Float32Array(100));
  const before = memory.usedBytes;
  (() => {
    const rows = new VectorRows(100, "dot", { kernels });
    for (let i = 0; i < 1000; i++) rows.append(new Float32Array(100));
  })();
  expect(memory.usedBytes).toBeGreaterThan(before);
  for (let turn = 0; turn < 1000 && memory.usedBytes > before; turn++) {
    collect();
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
  expect(memory.usedBytes).toBeLessThanOrEqual(before);
});

test("extents never overlap, and what is free is joined again", () => {
  const memory = new KernelMemory(webAssembly!, 64);
  const random = generator(5);
  const held: { start: number; bytes: number }[] = [];
  for (let step = 0; step < 5000; step++) {
    const bytes = 1 + Math.floor(Math.abs(random()) * 100_000);
    if (Math.abs(random()) < 0.5 && held.length > 0) {
      const [freed] = held.splice(Math.floor(Math.abs(random()) * held.length), 1);
      memory.free(freed!.start, freed!.bytes);
      continue;
    }
    const start = memory.allocate(bytes);
    if (start === 0) continue;
    expect(start % 64).toBe(0);
    expect(start + bytes).toBeLessThanOrEqual(memory.u8.length);
    expect(held.every((other) => start + bytes <= other.start || other.start + other.bytes <= start)).toBe(true);
    held.push({ start, bytes });
  }
  for (const { start, bytes } of held) memory.free(start, bytes);
  expect(memory.usedBytes).toBe(0);
  expect(memory.allocate(memory.u8.length - 64)).toBe(64);
});

test("the compiled kernels are what the sources say", async () => {
  const { readFile } = await import("node:fs/promises");
  expect(await readFile(new URL("./kernel-bytes.ts", import.meta.url), "utf8")).toBe(await kernelBytesSource());
});
