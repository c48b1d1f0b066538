/** No node is on more levels than this, however many rows there are: the tenth holds one row of 4^10 even where `m` is least. */
export const LEVEL_MAX = 10;

/**
 * Highest level of the graph that the row of `slot` is on: on level l one of m^l. The same for the same seed and slot on every machine, whatever
 * was inserted before; reckoned in integers, since logarithms differ between platforms.
 */
export function levelOf(seed: number, slot: number, m: number): number {
  const drawn = mixed(Math.imul(slot + 1, 0x9e3779b1) ^ mixed(seed | 0));
  let level = 0;
  for (let share = 2 ** 32 / m; level < LEVEL_MAX && drawn < share; share /= m) level++;
  return level;
}

/** Spreads 32 bits over 32 bits, each input to an output of its own: the finalizer "lowbias32" by Chris Wellons. */
function mixed(bits: number): number {
  let x = bits;
  x = Math.imul(x ^ (x >>> 16), 0x7feb352d);
  x = Math.imul(x ^ (x >>> 15), 0x846ca68b);
  return (x ^ (x >>> 16)) >>> 0;
}
