/** How nearness of two vectors is measured. Proximity is what kernels compute: of two rows the one with the higher proximity is nearer. */
export type Metric = "cosine" | "dot" | "euclidean";

const round = Math.fround;

/** Largest proximity there is, the smallest negated: products that overflow, and sums of infinities, are held to it. */
export function proximityLimit(metric: Metric): number {
  return metric === "cosine" ? 1 : LARGEST_FLOAT32;
}
const LARGEST_FLOAT32 = 3.4028234663852886e38;

/** `proximity` between −`limit` and `limit`; what is not a number becomes −`limit`, so that every row has a place in an order. */
export function limited(proximity: number, limit: number): number {
  if (!(proximity > -limit)) return -limit;
  return Math.min(proximity, limit);
}

/** What users see of a proximity: cosine and dot product themselves, 1 / (1 + distance) for euclidean. */
export function scoreOfProximity(metric: Metric, proximity: number): number {
  return metric === "euclidean" ? 1 / (1 + Math.sqrt(-proximity)) : proximity;
}

/** Components of a row in memory: `dimension` rounded up to whole groups of four, the rest zeros. */
export function paddedDimension(dimension: number): number {
  return (dimension + 3) & ~3;
}

/**
 * Sum of products of `length` components of `a` from `aStart` and of `b` from `bStart`, in 32-bit floats. Component i is added to the partial sum i mod 8;
 * then partial sums are added as the SIMD kernel adds its lanes: results of both are equal bit for bit. `length` is a multiple of four.
 */
export function dotProduct(a: Float32Array, aStart: number, b: Float32Array, bStart: number, length: number): number {
  let s0 = 0;
  let s1 = 0;
  let s2 = 0;
  let s3 = 0;
  let s4 = 0;
  let s5 = 0;
  let s6 = 0;
  let s7 = 0;
  let i = 0;
  for (; i + 8 <= length; i += 8) {
    const x = aStart + i;
    const y = bStart + i;
    s0 = round(s0 + round(a[x]! * b[y]!));
    s1 = round(s1 + round(a[x + 1]! * b[y + 1]!));
    s2 = round(s2 + round(a[x + 2]! * b[y + 2]!));
    s3 = round(s3 + round(a[x + 3]! * b[y + 3]!));
    s4 = round(s4 + round(a[x + 4]! * b[y + 4]!));
    s5 = round(s5 + round(a[x + 5]! * b[y + 5]!));
    s6 = round(s6 + round(a[x + 6]! * b[y + 6]!));
    s7 = round(s7 + round(a[x + 7]! * b[y + 7]!));
  }
  if (i < length) {
    const x = aStart + i;
    const y = bStart + i;
    s0 = round(s0 + round(a[x]! * b[y]!));
    s1 = round(s1 + round(a[x + 1]! * b[y + 1]!));
    s2 = round(s2 + round(a[x + 2]! * b[y + 2]!));
    s3 = round(s3 + round(a[x + 3]! * b[y + 3]!));
  }
  return sumOfLanes(round(s0 + s4), round(s1 + s5), round(s2 + s6), round(s3 + s7));
}

/** Sum of squared differences, in the order of {@link dotProduct}. */
export function squaredDistance(
  a: Float32Array,
  aStart: number,
  b: Float32Array,
  bStart: number,
  length: number,
): number {
  let s0 = 0;
  let s1 = 0;
  let s2 = 0;
  let s3 = 0;
  let s4 = 0;
  let s5 = 0;
  let s6 = 0;
  let s7 = 0;
  let i = 0;
  for (; i + 8 <= length; i += 8) {
    const x = aStart + i;
    const y = bStart + i;
    const d0 = round(a[x]! - b[y]!);
    const d1 = round(a[x + 1]! - b[y + 1]!);
    const d2 = round(a[x + 2]! - b[y + 2]!);
    const d3 = round(a[x + 3]! - b[y + 3]!);
    const d4 = round(a[x + 4]! - b[y + 4]!);
    const d5 = round(a[x + 5]! - b[y + 5]!);
    const d6 = round(a[x + 6]! - b[y + 6]!);
    const d7 = round(a[x + 7]! - b[y + 7]!);
    s0 = round(s0 + round(d0 * d0));
    s1 = round(s1 + round(d1 * d1));
    s2 = round(s2 + round(d2 * d2));
    s3 = round(s3 + round(d3 * d3));
    s4 = round(s4 + round(d4 * d4));
    s5 = round(s5 + round(d5 * d5));
    s6 = round(s6 + round(d6 * d6));
    s7 = round(s7 + round(d7 * d7));
  }
  if (i < length) {
    const x = aStart + i;
    const y = bStart + i;
    const d0 = round(a[x]! - b[y]!);
    const d1 = round(a[x + 1]! - b[y + 1]!);
    const d2 = round(a[x + 2]! - b[y + 2]!);
    const d3 = round(a[x + 3]! - b[y + 3]!);
    s0 = round(s0 + round(d0 * d0));
    s1 = round(s1 + round(d1 * d1));
    s2 = round(s2 + round(d2 * d2));
    s3 = round(s3 + round(d3 * d3));
  }
  return sumOfLanes(round(s0 + s4), round(s1 + s5), round(s2 + s6), round(s3 + s7));
}

function sumOfLanes(l0: number, l1: number, l2: number, l3: number): number {
  return round(round(l0 + l2) + round(l1 + l3));
}

/** The factor that makes a padded row one of length 1; 0 for the zero vector, whose cosine with everything is then 0. Never overflows. */
export function inverseLength(row: Float32Array): number {
  // Four sums, as each addition waits for the one before.
  let s0 = 0;
  let s1 = 0;
  let s2 = 0;
  let s3 = 0;
  for (let i = 0; i < row.length; i += 4) {
    s0 += row[i]! * row[i]!;
    s1 += row[i + 1]! * row[i + 1]!;
    s2 += row[i + 2]! * row[i + 2]!;
    s3 += row[i + 3]! * row[i + 3]!;
  }
  const squares = s0 + s1 + (s2 + s3);
  return squares > 0 ? 1 / Math.sqrt(squares) : 0;
}
