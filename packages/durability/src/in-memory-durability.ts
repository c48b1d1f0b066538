import { assert, InvariantError, type Lsn, StateError, lsn as toLsn, type Version } from "@strata/core";
import type {
  CommitIdentity,
  CommitStatus,
  Durability,
  DurabilityCounters,
  DurabilityDescription,
  DurabilityHealth,
  RecoverySummary,
} from "./durability.js";

/** Keeps nothing: commits live in the store and end with the process. The fastest mode, and the one without files. */
export class InMemoryDurability implements Durability {
  readonly modeName = "in-memory";
  readonly epoch = 1;
  readonly health: DurabilityHealth = "ok";
  readonly cause = undefined;
  readonly stalls = 0;
  readonly counters: DurabilityCounters = { appends: 0, bytes: 0, fsyncs: 0, rolls: 0 };
  readonly durableThrough: Version = 0;
  readonly snapshots = undefined;
  #state: "new" | "open" | "closed" = "new";
  #lastVersion: Version = 0;
  #appended = 0;

  isPersistent(): boolean {
    return false;
  }

  requiresWal(): boolean {
    return false;
  }

  recover(): RecoverySummary {
    if (this.#state === "closed") throw closed();
    assert(this.#state === "new", "a log is recovered once");
    this.#state = "open";
    return {
      epoch: this.epoch,
      databaseId: "0".repeat(32),
      nextVersion: 1,
      commits: 0,
      tornBytes: 0,
      cut: [],
      lost: [],
      created: true,
      clean: true,
    };
  }

  read(): void {
    if (this.#state === "closed") throw closed();
    throw new InvariantError("commits in memory are not kept: there is no log to read");
  }

  get end(): Lsn {
    return toLsn(this.#appended);
  }

  roll(): void {
    if (this.#state === "closed") throw closed();
  }

  publishCheckpoint(): Promise<never> {
    return Promise.reject(
      this.#state === "closed"
        ? closed()
        : new InvariantError("commits in memory are not kept: there are no checkpoints"),
    );
  }

  append(version: Version, _payload: Uint8Array): Lsn {
    if (this.#state !== "open") throw closed();
    assert(version > this.#lastVersion, "versions rise strictly");
    this.#lastVersion = version;
    this.#appended += 1;
    return toLsn(this.#appended);
  }

  settle(): void {}

  settled(): Promise<void> {
    return Promise.resolve();
  }

  persist(version: Version, payload: Uint8Array): void {
    this.append(version, payload);
  }

  flush(): void {
    if (this.#state === "closed") throw closed();
  }

  durable(): Promise<void> {
    return this.#state === "closed" ? Promise.reject(closed()) : Promise.resolve();
  }

  onHealth(): () => void {
    return () => {};
  }

  commitStatus(commit: CommitIdentity): CommitStatus {
    return commit.epoch === this.epoch && commit.version <= this.#lastVersion ? "committed" : "unknown";
  }

  describe(): DurabilityDescription {
    return { mode: this.modeName };
  }

  shutdown(): void {
    this.#state = "closed";
  }

  abandon(): void {
    this.#state = "closed";
  }
}

function closed(): StateError {
  return new StateError("DATABASE_CLOSED", "the database was closed");
}
