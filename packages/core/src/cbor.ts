/**
 * The subset of CBOR (RFC 8949) that values are written in, shared by encoder, decoder and size count.
 *
 *   value := head(0, n)                 Int n,      0 <= n < 2^63
 *          | head(1, n)                 Int -1 - n, 0 <= n < 2^63
 *          | head(2, n) byte[n]         Bytes
 *          | head(3, n) utf8[n]         String
 *          | head(4, n) value[n]        Array
 *          | head(5, n) (text value)[n] Object; text := head(3, m) utf8[m], no two alike
 *          | f4 | f5 | f6               false, true, null
 *          | f9 h[2] | fa s[4] | fb d[8]  Float, IEEE 754 half, single, double
 *   head(t, n) := t << 5 | n                     n < 24
 *               | t << 5 | 24..27, n[1|2|4|8]    the shortest that holds n
 *
 * Big-endian. Never tags, indefinite lengths, `undefined` or other simple values. A Float that is no -0 and integral
 * within ±(2^53 - 1) does not exist: that number is an Int. NaN has one form of each width, f9 7e00 and
 * fb 7ff8000000000000. Singles and halves appear in the canonical form only, and only where no shorter one is exact.
 */

export const MAJOR_UNSIGNED = 0;
export const MAJOR_NEGATIVE = 1;
export const MAJOR_BYTES = 2;
export const MAJOR_TEXT = 3;
export const MAJOR_ARRAY = 4;
export const MAJOR_MAP = 5;
export const MAJOR_SIMPLE = 7;

export const FALSE = 0xf4;
export const TRUE = 0xf5;
export const NULL = 0xf6;
export const HALF = 0xf9;
export const SINGLE = 0xfa;
export const DOUBLE = 0xfb;

/** Bytes of a double and its initial byte. */
export const DOUBLE_SIZE = 9;
/** Bytes of the longest head. */
export const HEAD_SIZE_MAX = 9;

/** Bytes of the head that carries `argument`, an integer in [0, 2^53). */
export function headSize(argument: number): number {
  if (argument < 24) return 1;
  if (argument < 0x100) return 2;
  if (argument < 0x10000) return 3;
  return argument < 0x100000000 ? 5 : HEAD_SIZE_MAX;
}

/** Bytes of a number as encoded. */
export function numberSize(value: number): number {
  if (!isInt(value)) return DOUBLE_SIZE;
  return headSize(value < 0 ? -1 - value : value);
}

/** Whether a number is an Int. */
export function isInt(value: number): boolean {
  return Math.floor(value) === value && Math.abs(value) <= Number.MAX_SAFE_INTEGER && (value !== 0 || 1 / value > 0);
}

/** The half of the same value as the single of these bits, or -1. */
export function halfOf(bits: number): number {
  const sign = (bits >>> 16) & 0x8000;
  const exponent = ((bits >>> 23) & 0xff) - 127;
  const fraction = bits & 0x7fffff;
  if (exponent === 128) return fraction === 0 ? sign | 0x7c00 : 0x7e00;
  if (exponent >= -14 && exponent <= 15) {
    return (fraction & 0x1fff) === 0 ? sign | ((exponent + 15) << 10) | (fraction >>> 13) : -1;
  }
  if (exponent >= -24 && exponent < -14) {
    const lost = -exponent - 1; // 14 to 23 bits of the 24-bit significand lie below a half's last.
    const significand = fraction | 0x800000;
    return (significand & ((1 << lost) - 1)) === 0 ? sign | (significand >>> lost) : -1;
  }
  return exponent === -127 && fraction === 0 ? sign : -1;
}
