/**
 * Where commits spend their time, summed over all since it was made. Pass one as `perf` when opening; a database without one does not
 * measure. Durations are nanoseconds, as fine as the injected clock.
 */
export class PerfTrace {
  snapshotAcquireNs = 0;
  readSetValidateNs = 0;
  writeSetApplyNs = 0;
  walAppendNs = 0;
  fsyncNs = 0;
  commitTotalNs = 0;
  /** Keys, ranges and other things observed. */
  keysRead = 0;
  keysWritten = 0;

  reset(): void {
    this.snapshotAcquireNs = 0;
    this.readSetValidateNs = 0;
    this.writeSetApplyNs = 0;
    this.walAppendNs = 0;
    this.fsyncNs = 0;
    this.commitTotalNs = 0;
    this.keysRead = 0;
    this.keysWritten = 0;
  }

  /** For people: one line a figure. */
  summary(): string {
    return [
      `snapshot acquire   ${micros(this.snapshotAcquireNs)}`,
      `read set validate  ${micros(this.readSetValidateNs)}`,
      `write set apply    ${micros(this.writeSetApplyNs)}`,
      `wal append         ${micros(this.walAppendNs)}`,
      `fsync              ${micros(this.fsyncNs)}`,
      `commit total       ${micros(this.commitTotalNs)}`,
      `keys read          ${this.keysRead}`,
      `keys written       ${this.keysWritten}`,
    ].join("\n");
  }
}

type Duration = { [K in keyof PerfTrace]: K extends `${string}Ns` ? K : never }[keyof PerfTrace];

/** Runs `work`, adds how long it took to one field of `trace` (nothing when there is none), and gives its result. */
export function perfTime<T>(trace: PerfTrace | undefined, field: Duration, now: () => number, work: () => T): T {
  if (trace === undefined) return work();
  const begun = now();
  try {
    return work();
  } finally {
    trace[field] += (now() - begun) * 1000;
  }
}

function micros(nanoseconds: number): string {
  return `${(nanoseconds / 1000).toFixed(1)} µs`;
}
