/** Elements that are sorted at once. */
const RUN_LENGTH = 4096;

/**
 * `items` in order, a new array: merge sort that yields where the caller may pause, after some milliseconds of work at most.
 *
 * @param compare never 0 for two different items.
 */
export function* sortInSlices<T>(
  items: readonly T[],
  compare: (a: T, b: T) => number,
): Generator<undefined, T[], undefined> {
  let runs: T[][] = [];
  for (let start = 0; start < items.length; start += RUN_LENGTH) {
    runs.push(items.slice(start, start + RUN_LENGTH).sort(compare));
    yield;
  }
  while (runs.length > 1) {
    const merged: T[][] = [];
    for (let i = 0; i < runs.length; i += 2) {
      const [a, b] = [runs[i] as T[], runs[i + 1]];
      merged.push(b === undefined ? a : yield* merge(a, b, compare));
    }
    runs = merged;
  }
  return runs[0] ?? [];
}

function* merge<T>(
  a: readonly T[],
  b: readonly T[],
  compare: (a: T, b: T) => number,
): Generator<undefined, T[], undefined> {
  const merged: T[] = [];
  let [i, j] = [0, 0];
  while (i < a.length || j < b.length) {
    const takesA = j >= b.length || (i < a.length && compare(a[i] as T, b[j] as T) <= 0);
    merged.push((takesA ? a[i++] : b[j++]) as T);
    if (merged.length % RUN_LENGTH === 0) yield;
  }
  return merged;
}
