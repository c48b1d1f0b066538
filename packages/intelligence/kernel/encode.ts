// Rows to codes: `src/vector/distance-int8.ts` says what codes and marks are, and repeats this bit for bit.

// @inline
function sumOfLanes(sums: v128): f32 {
  const low = f32x4.extract_lane(sums, 0) + f32x4.extract_lane(sums, 2);
  return low + (f32x4.extract_lane(sums, 1) + f32x4.extract_lane(sums, 3));
}

// @inline
function plusSquare(sum: v128, lanes: v128): v128 {
  return f32x4.add(sum, f32x4.mul(lanes, lanes));
}

/**
 * Writes the codes of the row and its marks. Whatever is a length is made so much longer by `margin` that rounding cannot have made it too short.
 *
 * @returns length of the row
 */
export function encodeRow(
  row: usize,
  stride: usize,
  codes: usize,
  codeStride: usize,
  marks: usize,
  isEuclidean: i32,
  margin: f32,
): f32 {
  const end = row + stride;
  let most = f32x4.splat(0);
  let sum0 = f32x4.splat(0);
  let sum1 = f32x4.splat(0);
  for (let at = row; at < end; at += 32) {
    const lanes = v128.load(at);
    most = f32x4.max(most, f32x4.abs(lanes));
    sum0 = plusSquare(sum0, lanes);
    if (at + 16 === end) break;
    const others = v128.load(at, 16);
    most = f32x4.max(most, f32x4.abs(others));
    sum1 = plusSquare(sum1, others);
  }
  const most2 = f32x4.max(most, v128.shuffle<f32>(most, most, 2, 3, 0, 1));
  const largest = max(f32x4.extract_lane(most2, 0), f32x4.extract_lane(most2, 1));
  const length = sqrt<f32>(sumOfLanes(f32x4.add(sum0, sum1)));

  const scale = largest / 127;
  const inverse: f32 = scale > SCALE_MIN ? 1 / scale : 0;
  const scales = f32x4.splat(scale);
  const inverses = f32x4.splat(inverse);
  const top = f32x4.splat(127);
  const bottom = f32x4.splat(-127);
  let codeSum = i32x4.splat(0);
  let codeSquares = i32x4.splat(0);
  sum0 = f32x4.splat(0);
  sum1 = f32x4.splat(0);
  v128.store(codes + codeStride - 16, i32x4.splat(0));
  for (let at = row; at < end; at += 32) {
    let lanes = v128.load(at);
    let rounded = f32x4.max(bottom, f32x4.min(top, f32x4.nearest(f32x4.mul(lanes, inverses))));
    sum0 = plusSquare(sum0, f32x4.sub(lanes, f32x4.mul(scales, rounded)));
    const integers = i32x4.trunc_sat_f32x4_s(rounded);
    codeSum = i32x4.add(codeSum, integers);
    codeSquares = i32x4.add(codeSquares, i32x4.mul(integers, integers));
    let others = i32x4.splat(0);
    const isLast = at + 16 === end;
    if (!isLast) {
      lanes = v128.load(at, 16);
      rounded = f32x4.max(bottom, f32x4.min(top, f32x4.nearest(f32x4.mul(lanes, inverses))));
      sum1 = plusSquare(sum1, f32x4.sub(lanes, f32x4.mul(scales, rounded)));
      others = i32x4.trunc_sat_f32x4_s(rounded);
      codeSum = i32x4.add(codeSum, others);
      codeSquares = i32x4.add(codeSquares, i32x4.mul(others, others));
    }
    const words = i16x8.narrow_i32x4_s(integers, others);
    const bytes = i8x16.narrow_i16x8_s(words, words);
    if (isLast) {
      v128.store_lane<i32>(codes, bytes, 0);
      break;
    }
    v128.store_lane<i64>(codes, bytes, 0);
    codes += 8;
  }
  const error = sqrt<f32>(sumOfLanes(f32x4.add(sum0, sum1)));
  store<f32>(marks, scale);
  store<i32>(marks, sumOfIntegers(codeSum), 4);
  store<f32>(marks, error * margin + length * ROUNDING, 8);
  store<f32>(marks, isEuclidean ? scale * scale * (sumOfIntegers(codeSquares) as f32) : length * margin, 12);
  return length;
}

/** Below, the inverse of a scale may be infinite. */
const SCALE_MIN: f32 = 1e-30;
/** More than a difference between a component and its code is wrong by, of the component. */
const ROUNDING: f32 = 0.00000095367431640625;

// @inline
function sumOfIntegers(sums: v128): i32 {
  return (
    i32x4.extract_lane(sums, 0) +
    i32x4.extract_lane(sums, 1) +
    i32x4.extract_lane(sums, 2) +
    i32x4.extract_lane(sums, 3)
  );
}
