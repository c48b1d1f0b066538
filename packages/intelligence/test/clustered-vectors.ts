/** Numbers in [0, 1), the same for the same seed: "mulberry32" by Tommy Ettinger. */
export function randomFrom(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let x = state;
    x = Math.imul(x ^ (x >>> 15), x | 1);
    x ^= x + Math.imul(x ^ (x >>> 7), x | 61);
    return ((x ^ (x >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** Numbers about 0 as they are distributed normally, nearly: sums of four even ones. */
function normalFrom(random: () => number): () => number {
  return () => (random() + random() + random() + random() - 2) * Math.sqrt(3);
}

/** Vectors without structure: nothing is much nearer than anything else. */
export function uniformVectors(count: number, dimension: number, seed: number): Float32Array[] {
  const normal = normalFrom(randomFrom(seed));
  return Array.from({ length: count }, () => Float32Array.from({ length: dimension }, normal));
}

/** Vectors about 50 centers, which are the same for every seed. */
export function clusteredVectors(count: number, dimension: number, seed: number): Float32Array[] {
  const centers = uniformVectors(50, dimension, 12_345);
  const random = randomFrom(seed);
  const normal = normalFrom(random);
  return Array.from({ length: count }, () => {
    const center = centers[Math.floor(random() * centers.length)]!;
    return center.map((value) => value + 0.4 * normal());
  });
}
