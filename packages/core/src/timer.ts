/** Runs something later. Injected like the clock, so that tests own time. */
export interface Timer {
  /** Calls `run` once, after about `ms` milliseconds. @returns what cancels it; calling that again does nothing. */
  after(ms: number, run: () => void): () => void;
}

/** Longest delay that timers of JavaScript keep: beyond it they fire at once. Milliseconds. */
const DELAY_MS_MAX = 2 ** 31 - 1;

/** Timers of the runtime. They keep a Node process alive while somebody waits. */
export const systemTimer: Timer = {
  after(ms, run) {
    const handle = setTimeout(run, Math.min(Math.max(0, ms), DELAY_MS_MAX));
    return () => clearTimeout(handle);
  },
};
