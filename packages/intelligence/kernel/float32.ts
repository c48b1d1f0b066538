// Rows of 32-bit floats, four rows at a time so that every load of the query serves four. A row has two partial sums of four lanes: component i
// belongs to partial sum i mod 8. The order of additions is part of the contract: `distance.ts` repeats it bit for bit.

import { addressOf, limited, storeApart, sumsOfFloats } from "./lanes";

// @inline
function products(q: usize, a: usize, b: usize, c: usize, d: usize, stride: usize): v128 {
  let a0 = f32x4.splat(0);
  let b0 = f32x4.splat(0);
  let c0 = f32x4.splat(0);
  let d0 = f32x4.splat(0);
  let a1 = f32x4.splat(0);
  let b1 = f32x4.splat(0);
  let c1 = f32x4.splat(0);
  let d1 = f32x4.splat(0);
  let end = q + (stride & ~63);
  while (q < end) {
    let q0 = v128.load(q);
    let q1 = v128.load(q, 16);
    a0 = f32x4.add(a0, f32x4.mul(v128.load(a), q0));
    b0 = f32x4.add(b0, f32x4.mul(v128.load(b), q0));
    c0 = f32x4.add(c0, f32x4.mul(v128.load(c), q0));
    d0 = f32x4.add(d0, f32x4.mul(v128.load(d), q0));
    a1 = f32x4.add(a1, f32x4.mul(v128.load(a, 16), q1));
    b1 = f32x4.add(b1, f32x4.mul(v128.load(b, 16), q1));
    c1 = f32x4.add(c1, f32x4.mul(v128.load(c, 16), q1));
    d1 = f32x4.add(d1, f32x4.mul(v128.load(d, 16), q1));
    q0 = v128.load(q, 32);
    q1 = v128.load(q, 48);
    a0 = f32x4.add(a0, f32x4.mul(v128.load(a, 32), q0));
    b0 = f32x4.add(b0, f32x4.mul(v128.load(b, 32), q0));
    c0 = f32x4.add(c0, f32x4.mul(v128.load(c, 32), q0));
    d0 = f32x4.add(d0, f32x4.mul(v128.load(d, 32), q0));
    a1 = f32x4.add(a1, f32x4.mul(v128.load(a, 48), q1));
    b1 = f32x4.add(b1, f32x4.mul(v128.load(b, 48), q1));
    c1 = f32x4.add(c1, f32x4.mul(v128.load(c, 48), q1));
    d1 = f32x4.add(d1, f32x4.mul(v128.load(d, 48), q1));
    q += 64;
    a += 64;
    b += 64;
    c += 64;
    d += 64;
  }
  end += stride & 32;
  while (q < end) {
    const q0 = v128.load(q);
    const q1 = v128.load(q, 16);
    a0 = f32x4.add(a0, f32x4.mul(v128.load(a), q0));
    b0 = f32x4.add(b0, f32x4.mul(v128.load(b), q0));
    c0 = f32x4.add(c0, f32x4.mul(v128.load(c), q0));
    d0 = f32x4.add(d0, f32x4.mul(v128.load(d), q0));
    a1 = f32x4.add(a1, f32x4.mul(v128.load(a, 16), q1));
    b1 = f32x4.add(b1, f32x4.mul(v128.load(b, 16), q1));
    c1 = f32x4.add(c1, f32x4.mul(v128.load(c, 16), q1));
    d1 = f32x4.add(d1, f32x4.mul(v128.load(d, 16), q1));
    q += 32;
    a += 32;
    b += 32;
    c += 32;
    d += 32;
  }
  if (stride & 16) {
    const q0 = v128.load(q);
    a0 = f32x4.add(a0, f32x4.mul(v128.load(a), q0));
    b0 = f32x4.add(b0, f32x4.mul(v128.load(b), q0));
    c0 = f32x4.add(c0, f32x4.mul(v128.load(c), q0));
    d0 = f32x4.add(d0, f32x4.mul(v128.load(d), q0));
  }
  return sumsOfFloats(f32x4.add(a0, a1), f32x4.add(b0, b1), f32x4.add(c0, c1), f32x4.add(d0, d1));
}

// @inline
function plusSquare(sum: v128, row: v128, query: v128): v128 {
  const difference = f32x4.sub(query, row);
  return f32x4.add(sum, f32x4.mul(difference, difference));
}

// @inline
function squaredDistances(q: usize, a: usize, b: usize, c: usize, d: usize, stride: usize): v128 {
  let a0 = f32x4.splat(0);
  let b0 = f32x4.splat(0);
  let c0 = f32x4.splat(0);
  let d0 = f32x4.splat(0);
  let a1 = f32x4.splat(0);
  let b1 = f32x4.splat(0);
  let c1 = f32x4.splat(0);
  let d1 = f32x4.splat(0);
  const end = q + (stride & ~31);
  while (q < end) {
    const q0 = v128.load(q);
    const q1 = v128.load(q, 16);
    a0 = plusSquare(a0, v128.load(a), q0);
    b0 = plusSquare(b0, v128.load(b), q0);
    c0 = plusSquare(c0, v128.load(c), q0);
    d0 = plusSquare(d0, v128.load(d), q0);
    a1 = plusSquare(a1, v128.load(a, 16), q1);
    b1 = plusSquare(b1, v128.load(b, 16), q1);
    c1 = plusSquare(c1, v128.load(c, 16), q1);
    d1 = plusSquare(d1, v128.load(d, 16), q1);
    q += 32;
    a += 32;
    b += 32;
    c += 32;
    d += 32;
  }
  if (stride & 16) {
    const q0 = v128.load(q);
    a0 = plusSquare(a0, v128.load(a), q0);
    b0 = plusSquare(b0, v128.load(b), q0);
    c0 = plusSquare(c0, v128.load(c), q0);
    d0 = plusSquare(d0, v128.load(d), q0);
  }
  return sumsOfFloats(f32x4.add(a0, a1), f32x4.add(b0, b1), f32x4.add(c0, c1), f32x4.add(d0, d1));
}

// @inline
function proximities(
  q: usize,
  a: usize,
  b: usize,
  c: usize,
  d: usize,
  stride: usize,
  isEuclidean: bool,
  limit: f32,
): v128 {
  return limited(
    isEuclidean ? f32x4.neg(squaredDistances(q, a, b, c, d, stride)) : products(q, a, b, c, d, stride),
    limit,
  );
}

/**
 * Proximities of `count` rows that lie one behind the other from `rows`; writes up to three more to `out`. The four rows of a step are from the four
 * quarters: four long streams, which processors fetch ahead. Four neighbours at a time would take up to twice as long outside the caches.
 */
// @inline
function scan(rows: usize, stride: usize, count: usize, query: usize, out: usize, isEuclidean: bool, limit: f32): void {
  const quarter = count >> 2;
  const span = quarter * stride;
  const last = rows + (count - 1) * stride;
  for (const end = rows + span; rows < end; rows += stride) {
    const b = rows + span;
    const c = b + span;
    storeApart(out, quarter, proximities(query, rows, b, c, c + span, stride, isEuclidean, limit));
    out += 4;
  }
  if (count & 3) {
    const a = rows + 3 * span;
    const b = min(a + stride, last);
    v128.store(out + 12 * quarter, proximities(query, a, b, last, last, stride, isEuclidean, limit));
  }
}

/** Proximities of listed rows, in groups of four: the list is filled up to whole groups by the caller. */
// @inline
function gather(
  table: usize,
  shift: usize,
  stride: usize,
  slots: usize,
  count: usize,
  query: usize,
  out: usize,
  isEuclidean: bool,
  limit: f32,
): void {
  for (const end = slots + (count << 2); slots < end; slots += 16) {
    const a = addressOf(load<u32>(slots), table, shift, stride);
    const b = addressOf(load<u32>(slots, 4), table, shift, stride);
    const c = addressOf(load<u32>(slots, 8), table, shift, stride);
    const d = addressOf(load<u32>(slots, 12), table, shift, stride);
    v128.store(out, proximities(query, a, b, c, d, stride, isEuclidean, limit));
    out += 16;
  }
}

export function scanProducts(rows: usize, stride: usize, count: usize, query: usize, out: usize, limit: f32): void {
  scan(rows, stride, count, query, out, false, limit);
}

export function scanDistances(rows: usize, stride: usize, count: usize, query: usize, out: usize, limit: f32): void {
  scan(rows, stride, count, query, out, true, limit);
}

export function gatherProducts(
  table: usize,
  shift: usize,
  stride: usize,
  slots: usize,
  count: usize,
  query: usize,
  out: usize,
  limit: f32,
): void {
  gather(table, shift, stride, slots, count, query, out, false, limit);
}

export function gatherDistances(
  table: usize,
  shift: usize,
  stride: usize,
  slots: usize,
  count: usize,
  query: usize,
  out: usize,
  limit: f32,
): void {
  gather(table, shift, stride, slots, count, query, out, true, limit);
}
