import type { StrataError } from "@strata/core";
import type { DurabilityHealth } from "./durability.js";

type HealthListener = (health: DurabilityHealth, cause: StrataError | undefined) => void;

/** Whether the log is poisoned, why, and who wants to know. Once poisoned it stays so. */
export class HealthState {
  #cause: StrataError | undefined;
  readonly #listeners = new Set<HealthListener>();

  /** Why; `undefined` while all is well. */
  get cause(): StrataError | undefined {
    return this.#cause;
  }

  /** The first cause counts. Listeners hear of it after the call at hand. @returns whether this was the first. */
  poison(cause: StrataError): boolean {
    if (this.#cause !== undefined) return false;
    this.#cause = cause;
    queueMicrotask(() => {
      for (const listener of [...this.#listeners]) listener("poisoned", cause);
    });
    return true;
  }

  listen(listener: HealthListener): () => void {
    // One function may listen twice, and stop once.
    const own: HealthListener = (health, cause) => listener(health, cause);
    this.#listeners.add(own);
    return () => {
      this.#listeners.delete(own);
    };
  }
}
