/** Images are little-endian, as nearly every machine is: there, arrays are what lies in files. */
const IS_LITTLE_ENDIAN = new Uint8Array(new Uint16Array([1]).buffer)[0] === 1;

/**
 * Bytes of elements as they lie in files, from bytes as they lie in memory; and the other way round.
 *
 * @returns the very same bytes where the two agree.
 */
export function littleEndian(bytes: Uint8Array, elementBytes: number): Uint8Array {
  return IS_LITTLE_ENDIAN || elementBytes === 1 ? bytes : reversed(bytes, elementBytes);
}

/** {@link littleEndian} of all of `bytes`, in its own place. */
export function turnInPlace(bytes: Uint8Array, elementBytes: number): void {
  if (IS_LITTLE_ENDIAN) return;
  for (let at = 0; at < bytes.length; at += elementBytes) bytes.subarray(at, at + elementBytes).reverse();
}

/** Every element's bytes in reverse order, in an array of their own. */
export function reversed(bytes: Uint8Array, elementBytes: number): Uint8Array {
  const turned = bytes.slice();
  for (let at = 0; at < turned.length; at += elementBytes) turned.subarray(at, at + elementBytes).reverse();
  return turned;
}
