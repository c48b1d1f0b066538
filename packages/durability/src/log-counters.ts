import type { DurabilityCounters } from "./durability.js";
import type { SyncDriver } from "./sync-driver.js";
import type { WalWriter } from "./wal-writer.js";

/** Goes on counting as long as the log is open, whoever holds it. */
export class LogCounters implements DurabilityCounters {
  appends = 0;
  bytes = 0;
  readonly #writer: WalWriter;
  readonly #driver: SyncDriver;

  constructor(writer: WalWriter, driver: SyncDriver) {
    this.#writer = writer;
    this.#driver = driver;
  }

  get fsyncs(): number {
    return this.#writer.fsyncs + this.#driver.fsyncs;
  }

  get rolls(): number {
    return this.#writer.rolls;
  }
}
