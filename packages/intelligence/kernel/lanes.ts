/** Per row the sum of its four lanes, (0 + 2) + (1 + 3): the four sums side by side. */
// @inline
export function sumsOfFloats(a: v128, b: v128, c: v128, d: v128): v128 {
  const ab = f32x4.add(v128.shuffle<f32>(a, b, 0, 4, 1, 5), v128.shuffle<f32>(a, b, 2, 6, 3, 7));
  const cd = f32x4.add(v128.shuffle<f32>(c, d, 0, 4, 1, 5), v128.shuffle<f32>(c, d, 2, 6, 3, 7));
  return f32x4.add(v128.shuffle<f64>(ab, cd, 0, 2), v128.shuffle<f64>(ab, cd, 1, 3));
}

// @inline
export function sumsOfIntegers(a: v128, b: v128, c: v128, d: v128): v128 {
  const ab = i32x4.add(v128.shuffle<i32>(a, b, 0, 4, 1, 5), v128.shuffle<i32>(a, b, 2, 6, 3, 7));
  const cd = i32x4.add(v128.shuffle<i32>(c, d, 0, 4, 1, 5), v128.shuffle<i32>(c, d, 2, 6, 3, 7));
  return i32x4.add(v128.shuffle<i64>(ab, cd, 0, 2), v128.shuffle<i64>(ab, cd, 1, 3));
}

/** Held to [−limit, limit]; what is not a number becomes −limit. */
// @inline
export function limited(value: v128, limit: f32): v128 {
  return f32x4.pmin(f32x4.pmax(f32x4.splat(-limit), value), f32x4.splat(limit));
}

/** Writes the four lanes `apart` elements from one another. */
// @inline
export function storeApart(out: usize, apart: usize, lanes: v128): void {
  v128.store_lane<f32>(out, lanes, 0);
  v128.store_lane<f32>(out + (apart << 2), lanes, 1);
  v128.store_lane<f32>(out + (apart << 3), lanes, 2);
  v128.store_lane<f32>(out + 12 * apart, lanes, 3);
}

/**
 * Where the row of `slot` begins: rows lie in blocks of 2^shift rows, `table` lists the addresses of blocks. A single block may be shorter.
 */
// @inline
export function addressOf(slot: usize, table: usize, shift: usize, stride: usize): usize {
  const block = load<u32>(table + ((slot >> shift) << 2)) as usize;
  return block + (slot & (((1 as usize) << shift) - 1)) * stride;
}
