// Rows of bytes: a row is `scale` times its codes, codes from −127 to 127; a query the same with codes from −63 to 63. Sums of products are
// integers, so that every instruction set gives the same. Behind the codes of a block lie their marks, 16 bytes a row:
//   scale f32 | sum of the codes i32 | length of what the codes leave out f32 | length of the row, or its square in codes for euclidean f32
//
// Compiled twice. With relaxed SIMD the query's codes are bytes, 64 added to each: the instruction takes seven bits without a sign, and 64 times
// the sum of the row's codes is taken off again. Without it they are 16-bit integers.

import { addressOf, limited, storeApart, sumsOfIntegers } from "./lanes";

// @inline
function products(q: usize, a: usize, b: usize, c: usize, d: usize, stride: usize): v128 {
  let sumA = i32x4.splat(0);
  let sumB = i32x4.splat(0);
  let sumC = i32x4.splat(0);
  let sumD = i32x4.splat(0);
  if (ASC_FEATURE_RELAXED_SIMD) {
    const end = q + (stride & ~31);
    while (q < end) {
      const q0 = v128.load(q);
      const q1 = v128.load(q, 16);
      sumA = i32x4.relaxed_dot_i8x16_i7x16_add_s(v128.load(a), q0, sumA);
      sumB = i32x4.relaxed_dot_i8x16_i7x16_add_s(v128.load(b), q0, sumB);
      sumC = i32x4.relaxed_dot_i8x16_i7x16_add_s(v128.load(c), q0, sumC);
      sumD = i32x4.relaxed_dot_i8x16_i7x16_add_s(v128.load(d), q0, sumD);
      sumA = i32x4.relaxed_dot_i8x16_i7x16_add_s(v128.load(a, 16), q1, sumA);
      sumB = i32x4.relaxed_dot_i8x16_i7x16_add_s(v128.load(b, 16), q1, sumB);
      sumC = i32x4.relaxed_dot_i8x16_i7x16_add_s(v128.load(c, 16), q1, sumC);
      sumD = i32x4.relaxed_dot_i8x16_i7x16_add_s(v128.load(d, 16), q1, sumD);
      q += 32;
      a += 32;
      b += 32;
      c += 32;
      d += 32;
    }
    if (stride & 16) {
      const q0 = v128.load(q);
      sumA = i32x4.relaxed_dot_i8x16_i7x16_add_s(v128.load(a), q0, sumA);
      sumB = i32x4.relaxed_dot_i8x16_i7x16_add_s(v128.load(b), q0, sumB);
      sumC = i32x4.relaxed_dot_i8x16_i7x16_add_s(v128.load(c), q0, sumC);
      sumD = i32x4.relaxed_dot_i8x16_i7x16_add_s(v128.load(d), q0, sumD);
    }
  } else {
    const end = q + 2 * stride;
    while (q < end) {
      const q0 = v128.load(q);
      const q1 = v128.load(q, 16);
      sumA = i32x4.add(sumA, i32x4.dot_i16x8_s(v128.load_ext<i8>(a), q0));
      sumB = i32x4.add(sumB, i32x4.dot_i16x8_s(v128.load_ext<i8>(b), q0));
      sumC = i32x4.add(sumC, i32x4.dot_i16x8_s(v128.load_ext<i8>(c), q0));
      sumD = i32x4.add(sumD, i32x4.dot_i16x8_s(v128.load_ext<i8>(d), q0));
      sumA = i32x4.add(sumA, i32x4.dot_i16x8_s(v128.load_ext<i8>(a, 8), q1));
      sumB = i32x4.add(sumB, i32x4.dot_i16x8_s(v128.load_ext<i8>(b, 8), q1));
      sumC = i32x4.add(sumC, i32x4.dot_i16x8_s(v128.load_ext<i8>(c, 8), q1));
      sumD = i32x4.add(sumD, i32x4.dot_i16x8_s(v128.load_ext<i8>(d, 8), q1));
      q += 32;
      a += 16;
      b += 16;
      c += 16;
      d += 16;
    }
  }
  return sumsOfIntegers(sumA, sumB, sumC, sumD);
}

/** The same with a row's codes for the query's: signed bytes, which only the plain instructions take. */
// @inline
function rowProducts(q: usize, a: usize, b: usize, c: usize, d: usize, stride: usize): v128 {
  let sumA = i32x4.splat(0);
  let sumB = i32x4.splat(0);
  let sumC = i32x4.splat(0);
  let sumD = i32x4.splat(0);
  const end = q + stride;
  while (q < end) {
    const q0 = v128.load_ext<i8>(q);
    const q1 = v128.load_ext<i8>(q, 8);
    sumA = i32x4.add(sumA, i32x4.dot_i16x8_s(v128.load_ext<i8>(a), q0));
    sumB = i32x4.add(sumB, i32x4.dot_i16x8_s(v128.load_ext<i8>(b), q0));
    sumC = i32x4.add(sumC, i32x4.dot_i16x8_s(v128.load_ext<i8>(c), q0));
    sumD = i32x4.add(sumD, i32x4.dot_i16x8_s(v128.load_ext<i8>(d), q0));
    sumA = i32x4.add(sumA, i32x4.dot_i16x8_s(v128.load_ext<i8>(a, 8), q1));
    sumB = i32x4.add(sumB, i32x4.dot_i16x8_s(v128.load_ext<i8>(b, 8), q1));
    sumC = i32x4.add(sumC, i32x4.dot_i16x8_s(v128.load_ext<i8>(c, 8), q1));
    sumD = i32x4.add(sumD, i32x4.dot_i16x8_s(v128.load_ext<i8>(d, 8), q1));
    q += 16;
    a += 16;
    b += 16;
    c += 16;
    d += 16;
  }
  return sumsOfIntegers(sumA, sumB, sumC, sumD);
}

/**
 * From sums of products to proximities. `terms` are the query's: 0 its scale (twice that for euclidean), 1 weight of what a row's codes leave out,
 * 2 weight of a row's length (for euclidean what the query's own codes leave out), 3 limit, 4 square of the query's length in codes, 5 factor of squares.
 * With the weights 0 and the factor 1 it is an estimate; with those of `quantization.ts` no row is nearer than this says.
 */
// @inline
function proximities(
  sums: v128,
  a: usize,
  b: usize,
  c: usize,
  d: usize,
  terms: usize,
  isEuclidean: bool,
  isOffset: bool,
): v128 {
  const markA = v128.load(a);
  const markB = v128.load(b);
  const markC = v128.load(c);
  const markD = v128.load(d);
  const firstAB = v128.shuffle<i32>(markA, markB, 0, 4, 1, 5);
  const firstCD = v128.shuffle<i32>(markC, markD, 0, 4, 1, 5);
  const lastAB = v128.shuffle<i32>(markA, markB, 2, 6, 3, 7);
  const lastCD = v128.shuffle<i32>(markC, markD, 2, 6, 3, 7);
  const scales = v128.shuffle<i64>(firstAB, firstCD, 0, 2);
  const errors = v128.shuffle<i64>(lastAB, lastCD, 0, 2);
  const lengths = v128.shuffle<i64>(lastAB, lastCD, 1, 3);
  if (isOffset) sums = i32x4.sub(sums, i32x4.shl(v128.shuffle<i64>(firstAB, firstCD, 1, 3), 6));
  const product = f32x4.mul(f32x4.mul(f32x4.convert_i32x4_s(sums), scales), v128.load32_splat(terms));
  const errorTerm = f32x4.mul(errors, v128.load32_splat(terms, 4));
  const lengthTerm = v128.load32_splat(terms, 8);
  let value: v128;
  if (isEuclidean) {
    const zero = f32x4.splat(0);
    const squares = f32x4.mul(f32x4.add(v128.load32_splat(terms, 16), lengths), v128.load32_splat(terms, 20));
    const distance = f32x4.sqrt(f32x4.pmax(zero, f32x4.sub(squares, product)));
    const least = f32x4.pmax(zero, f32x4.sub(distance, f32x4.add(errorTerm, lengthTerm)));
    value = f32x4.neg(f32x4.mul(least, least));
  } else {
    value = f32x4.add(product, f32x4.add(errorTerm, f32x4.mul(lengths, lengthTerm)));
  }
  return limited(value, load<f32>(terms, 12));
}

// @inline
function scan(
  codes: usize,
  marks: usize,
  stride: usize,
  count: usize,
  query: usize,
  terms: usize,
  out: usize,
  isEuclidean: bool,
): void {
  const quarter = count >> 2;
  const span = quarter * stride;
  const apart = quarter << 4;
  for (const end = codes + span; codes < end; codes += stride) {
    const b = codes + span;
    const c = b + span;
    const sums = products(query, codes, b, c, c + span, stride);
    storeApart(
      out,
      quarter,
      proximities(
        sums,
        marks,
        marks + apart,
        marks + 2 * apart,
        marks + 3 * apart,
        terms,
        isEuclidean,
        ASC_FEATURE_RELAXED_SIMD,
      ),
    );
    marks += 16;
    out += 4;
  }
  const rest = count & 3;
  if (rest) {
    const b: usize = rest > 1 ? 1 : 0;
    const c = rest - 1;
    codes += 3 * span;
    marks += 3 * apart;
    const sums = products(query, codes, codes + b * stride, codes + c * stride, codes, stride);
    v128.store(
      out + 12 * quarter,
      proximities(sums, marks, marks + 16 * b, marks + 16 * c, marks, terms, isEuclidean, ASC_FEATURE_RELAXED_SIMD),
    );
  }
}

// @inline
function gather(
  codes: usize,
  marks: usize,
  shift: usize,
  stride: usize,
  slots: usize,
  count: usize,
  query: usize,
  terms: usize,
  out: usize,
  isEuclidean: bool,
  isRow: bool,
): void {
  for (const end = slots + (count << 2); slots < end; slots += 16) {
    const a = load<u32>(slots) as usize;
    const b = load<u32>(slots, 4) as usize;
    const c = load<u32>(slots, 8) as usize;
    const d = load<u32>(slots, 12) as usize;
    const rowA = addressOf(a, codes, shift, stride);
    const rowB = addressOf(b, codes, shift, stride);
    const rowC = addressOf(c, codes, shift, stride);
    const rowD = addressOf(d, codes, shift, stride);
    const sums = isRow
      ? rowProducts(query, rowA, rowB, rowC, rowD, stride)
      : products(query, rowA, rowB, rowC, rowD, stride);
    const nearness = proximities(
      sums,
      addressOf(a, marks, shift, 16),
      addressOf(b, marks, shift, 16),
      addressOf(c, marks, shift, 16),
      addressOf(d, marks, shift, 16),
      terms,
      isEuclidean,
      ASC_FEATURE_RELAXED_SIMD && !isRow,
    );
    v128.store(out, nearness);
    out += 16;
  }
}

/** Proximities of `count` rows of codes one behind the other; writes up to three more to `out`. */
export function scanCodeProducts(
  codes: usize,
  marks: usize,
  stride: usize,
  count: usize,
  query: usize,
  terms: usize,
  out: usize,
): void {
  scan(codes, marks, stride, count, query, terms, out, false);
}

export function scanCodeDistances(
  codes: usize,
  marks: usize,
  stride: usize,
  count: usize,
  query: usize,
  terms: usize,
  out: usize,
): void {
  scan(codes, marks, stride, count, query, terms, out, true);
}

/** Proximities of listed rows of codes, in groups of four; `codes` and `marks` list the addresses of blocks. */
export function gatherCodeProducts(
  codes: usize,
  marks: usize,
  shift: usize,
  stride: usize,
  slots: usize,
  count: usize,
  query: usize,
  terms: usize,
  out: usize,
): void {
  gather(codes, marks, shift, stride, slots, count, query, terms, out, false, false);
}

export function gatherCodeDistances(
  codes: usize,
  marks: usize,
  shift: usize,
  stride: usize,
  slots: usize,
  count: usize,
  query: usize,
  terms: usize,
  out: usize,
): void {
  gather(codes, marks, shift, stride, slots, count, query, terms, out, true, false);
}

/** The same with the codes of a row at `row` for the query. */
export function gatherRowCodeProducts(
  codes: usize,
  marks: usize,
  shift: usize,
  stride: usize,
  slots: usize,
  count: usize,
  row: usize,
  terms: usize,
  out: usize,
): void {
  gather(codes, marks, shift, stride, slots, count, row, terms, out, false, true);
}

export function gatherRowCodeDistances(
  codes: usize,
  marks: usize,
  shift: usize,
  stride: usize,
  slots: usize,
  count: usize,
  row: usize,
  terms: usize,
  out: usize,
): void {
  gather(codes, marks, shift, stride, slots, count, row, terms, out, true, true);
}
