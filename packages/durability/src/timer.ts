import type { Timer } from "@strata/core";

/** The platform waits at most this long; what is later fires at once instead. */
const DELAY_MS_MAX = 2 ** 31 - 1;

/** The runtime's timers for work behind the caller's back: they never keep a process alive that has otherwise ended. */
export const backgroundTimer: Timer = {
  after(ms, run) {
    const handle: unknown = setTimeout(run, Math.min(Math.max(0, ms), DELAY_MS_MAX));
    // Node's timers are objects and hold the process; browsers give numbers and do not.
    if (typeof handle === "object" && handle !== null && "unref" in handle && typeof handle.unref === "function") {
      handle.unref();
    }
    return () => clearTimeout(handle as number);
  },
};
