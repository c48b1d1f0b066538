const PASSES = 5;
/** Calls timed one by one for the percentiles; timing costs too, so they are not part of the rate. */
const LATENCY_CALLS = 20_000;

/**
 * Runs a measure: `{ name, calls, open, yardstick }`. `open()` gives `{ run, latency?, close? }`; `run(pass)` does `calls` calls and may be
 * asynchronous; `latency(i)` does one. `yardstick` has the same shape.
 */
export class Runner {
  async run(measure) {
    const subject = await measure.open();
    const yardstick = await measure.yardstick?.();
    const rates = [];
    const yardstickRates = [];
    for (let pass = 0; pass <= PASSES; pass++) {
      const rate = await timed(subject, measure.calls, pass);
      const other =
        yardstick === undefined ? undefined : await timed(yardstick, yardstick.calls ?? measure.calls, pass);
      if (pass === 0) continue; // warm-up
      rates.push(rate);
      if (other !== undefined) yardstickRates.push(other);
    }
    const latencies =
      subject.latency === undefined ? undefined : await latenciesOf(subject, Math.min(LATENCY_CALLS, measure.calls));
    await subject.close?.();
    await yardstick?.close?.();
    return {
      perSecond: median(rates),
      yardstick: yardstickRates.length === 0 ? undefined : median(yardstickRates),
      p50: latencies && quantile(latencies, 0.5),
      p99: latencies && quantile(latencies, 0.99),
    };
  }
}

async function timed(subject, calls, pass) {
  const begun = process.hrtime.bigint();
  const running = subject.run(pass);
  if (running instanceof Promise) await running;
  return calls / (Number(process.hrtime.bigint() - begun) / 1e9);
}

async function latenciesOf(subject, count) {
  const ns = new Float64Array(count);
  for (let i = 0; i < count; i++) {
    const begun = process.hrtime.bigint();
    const running = subject.latency(i);
    if (running instanceof Promise) await running;
    ns[i] = Number(process.hrtime.bigint() - begun);
  }
  return ns.sort();
}

function median(numbers) {
  return quantile(Float64Array.from(numbers).sort(), 0.5);
}

function quantile(sorted, q) {
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * q))];
}
