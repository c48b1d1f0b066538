/** How often every engine has its turn; the first time is not counted. */
export const ROUNDS = 7;

/**
 * Times each query of each engine, the engines taking turns, so that a noisy machine disturbs all of them. At each turn an engine goes through
 * the queries once to find its data in the caches of the machine, as whoever is in use does, and is timed when it does so again.
 *
 * @param engines `{ name, search(query) }`; `search` gives what it found.
 * @returns for each engine its name, the median and p99 of a query in µs, and what it found.
 */
export function timed(engines, queries) {
  const results = engines.map(({ name }) => ({ name, times: [], found: [] }));
  for (let round = 0; round <= ROUNDS; round++) {
    for (const [index, engine] of engines.entries()) {
      const { times, found } = results[index];
      for (const query of queries) engine.search(query);
      for (const query of queries) {
        const begun = process.hrtime.bigint();
        const answer = engine.search(query);
        const took = Number(process.hrtime.bigint() - begun) / 1000;
        if (round === 0) found.push(answer);
        else times.push(took);
      }
    }
  }
  return results.map(({ name, times, found }) => ({ name, ...quantiles(times), found }));
}

export function quantiles(times) {
  const sorted = Float64Array.from(times).sort();
  return { median: quantile(sorted, 0.5), p99: quantile(sorted, 0.99), max: sorted.at(-1) };
}

function quantile(sorted, q) {
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * q))];
}

/** How many of the expected were found, of all: 1 is all of them. */
export function recall(found, expected) {
  let hits = 0;
  let wanted = 0;
  for (const [index, answer] of found.entries()) {
    const there = new Set(answer);
    for (const one of expected[index]) if (there.has(one)) hits++;
    wanted += expected[index].length;
  }
  return hits / wanted;
}

/** What `work` takes in memory, MB: all of the process, after it has been tidied up. */
export function memoryOf(work) {
  tidy();
  const before = process.memoryUsage();
  const made = work();
  tidy();
  const after = process.memoryUsage();
  const bytes = after.heapUsed - before.heapUsed + (after.external - before.external);
  return { made, megabytes: bytes / 1e6, residentMegabytes: (after.rss - before.rss) / 1e6 };
}

function tidy() {
  globalThis.gc?.();
  globalThis.gc?.();
}
