/** Opening, in fresh processes: the clock starts when the package has been imported, and the import is reported beside it. */
import { bytesBelow } from "./data-sets.mjs";
import { alternate, median, probe, quantile } from "./fresh-process.mjs";

const PASSES = 7;
/** A replay takes a second or two. */
const REPLAY_PASSES = 5;

const of = (list, name) => list.map((each) => each[name]);

function millis(name, { subjects, yardsticks }, note) {
  const ms = of(subjects, "ms");
  return {
    name,
    unit: "ms",
    middle: median(ms),
    p99: quantile(ms, 0.99),
    yardstick: median(of(yardsticks, "ms")),
    note: `best ${Math.min(...ms).toFixed(1)} ms, computing ${median(of(subjects, "cpuMs")).toFixed(0)} ms; ${note}; import ${median(of(subjects, "importMs")).toFixed(0)} ms more`,
  };
}

function replayed(name, { subjects, yardsticks }, note) {
  const rates = of(subjects, "perSecond").map((rate) => rate / 1e6);
  return {
    name,
    unit: "M/s",
    middle: median(rates),
    p99: quantile(rates, 0.01),
    yardstick: median(of(yardsticks, "perSecond")) / 1e6,
    note: `${median(of(subjects, "ms")).toFixed(0)} ms, computing ${computing(subjects)} against ${computing(yardsticks)}; ${note}`,
  };
}

const computing = (list) => `${median(of(list, "cpuMs")).toFixed(0)} ms`;

/** Records a second from a directory that nobody closed. */
function replay(name, kind, probeName, note) {
  return {
    name,
    async run({ sets, scale, passes }) {
      const count = 1e6 * scale;
      const dir = sets.get(kind, count);
      const bare = sets.get("bare-log", count);
      const results = alternate(
        passes ?? REPLAY_PASSES,
        () => probe(probeName, dir, count, { copied: true }),
        () => probe("bareReplay", bare, count),
      );
      return [replayed(name, results, note)];
    },
  };
}

export const openMeasures = [
  {
    name: "open 10,000 runs (a JSON list of them)",
    async run({ sets, scale, passes = PASSES }) {
      const runs = 10_000 * scale;
      const dir = sets.get("runs", runs);
      const list = sets.get("list", runs);
      const results = alternate(
        passes ?? PASSES,
        () => probe("open", dir, runs),
        () => probe("parse", list, runs),
      );
      const kb = median(of(results.subjects, "kb")).toFixed(0);
      const onDisk = (bytesBelow(dir) / 1e6).toFixed(0);
      return [millis(this.name, results, `${kb} KB of memory; ${onDisk} MB on disk`)];
    },
  },
  {
    name: "open + first get, 1M keys, clean (JSON.parse)",
    async run({ sets, scale, passes }) {
      const count = 1e6 * scale;
      const dir = sets.get("clean", count);
      const json = sets.get("json", count);
      const results = alternate(
        passes ?? PASSES,
        () => probe("openAndGet", dir, count),
        () => probe("parse", json, count),
      );
      return [millis(this.name, results, `${(bytesBelow(dir) / 1e6).toFixed(0)} MB on disk`)];
    },
  },
  {
    name: "open + scan, 1M keys, clean (JSON.parse)",
    async run({ sets, scale, passes }) {
      const count = 1e6 * scale;
      const dir = sets.get("clean", count);
      const json = sets.get("json", count);
      const results = alternate(
        passes ?? REPLAY_PASSES,
        () => probe("openAndScan", dir, count),
        () => probe("parse", json, count),
      );
      return [millis(this.name, results, "every entry")];
    },
  },
  replay("replay 1M puts: open (bare log into a Map)", "killed", "replayOnly", "open alone"),
  replay("replay 1M puts: open + first get (same)", "killed", "openAndGet", "one key of the run"),
  replay("replay 1M puts: open + every get (same)", "killed", "openAndGetAll", "every key"),
  replay("replay 1M puts: open + scan (same)", "killed", "openAndScan", "every key in order"),
  replay("replay 1M puts in 100 runs: open (same)", "spread", "replayOnly", "open alone"),
  replay("replay 1M puts in 100 runs: open + get (same)", "spread", "openAndGetSpread", "one key of each run"),
];
