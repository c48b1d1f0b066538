/** How long each kind of step took. */
export class Costs {
  #steps = new Map();

  /** Runs `work`, counts the time under `step`, gives the result. */
  measure(step, work) {
    const begun = performance.now();
    const result = work();
    this.add(step, performance.now() - begun);
    return result;
  }

  /** The same for a promise. */
  async measureAsync(step, work) {
    const begun = performance.now();
    const result = await work();
    this.add(step, performance.now() - begun);
    return result;
  }

  add(step, ms) {
    const times = this.#steps.get(step);
    if (times === undefined) this.#steps.set(step, [ms]);
    else times.push(ms);
  }

  /** One row a step: name, times, median, 99th percentile, how many in a second. */
  rows() {
    return [...this.#steps].map(([step, times]) => {
      const sorted = Float64Array.from(times).sort();
      const total = sorted.reduce((sum, ms) => sum + ms, 0);
      return [
        step,
        String(sorted.length),
        duration(at(sorted, 0.5)),
        duration(at(sorted, 0.99)),
        rate((sorted.length / total) * 1000),
      ];
    });
  }
}

function at(sorted, quantile) {
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * quantile))];
}

function duration(ms) {
  if (ms < 0.1) return `${(ms * 1000).toFixed(1)} µs`;
  return ms < 1000 ? `${ms.toFixed(2)} ms` : `${(ms / 1000).toFixed(2)} s`;
}

function rate(perSecond) {
  return perSecond >= 10_000
    ? `${Math.round(perSecond / 1000)}k`
    : perSecond >= 100
      ? String(Math.round(perSecond))
      : perSecond.toFixed(1);
}
