/** Runs something later. Injected like the clock, so that tests own time. */
export interface Timer {
  /**
   * Calls `run` once, after about `ms` milliseconds. What cancels it is returned; calling that again does nothing.
   *
   * @param isIdle that nobody waits for it: a process that has nothing else to do ends without.
   */
  after(ms: number, run: () => void, isIdle?: boolean): () => void;
}

/** Longest delay that timers of JavaScript keep: beyond it they fire at once. Milliseconds. */
const DELAY_MS_MAX = 2 ** 31 - 1;

/** Timers of the runtime. They keep a Node process alive while somebody waits. */
export const systemTimer: Timer = {
  after(ms, run, isIdle = false) {
    const handle = setTimeout(run, Math.min(Math.max(0, ms), DELAY_MS_MAX));
    // In browsers it is a number, and nothing is kept alive.
    if (isIdle) (handle as { unref?(): void }).unref?.();
    return () => clearTimeout(handle);
  },
};
