/**
 * Positions of those of `count` proximities that are at least `threshold`, ascending, `base` added, written to `positions`. Reads whole groups of
 * sixteen. @returns how many there are
 */
export function select(proximities: usize, count: usize, threshold: f32, base: usize, positions: usize): usize {
  const bar = f32x4.splat(threshold);
  let write = positions;
  for (let i: usize = 0; i < count; i += 16) {
    const at = proximities + (i << 2);
    const a = f32x4.ge(v128.load(at), bar);
    const b = f32x4.ge(v128.load(at, 16), bar);
    const c = f32x4.ge(v128.load(at, 32), bar);
    const d = f32x4.ge(v128.load(at, 48), bar);
    if (!v128.any_true(v128.or(v128.or(a, b), v128.or(c, d)))) continue;
    let mask = i32x4.bitmask(a) | (i32x4.bitmask(b) << 4) | (i32x4.bitmask(c) << 8) | (i32x4.bitmask(d) << 12);
    if (count - i < 16) mask &= (1 << ((count - i) as i32)) - 1;
    while (mask) {
      store<u32>(write, (base + i + ctz(mask)) as u32);
      write += 4;
      mask &= mask - 1;
    }
  }
  return (write - positions) >> 2;
}
