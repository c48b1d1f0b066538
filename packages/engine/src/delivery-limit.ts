import type { Version } from "@strata/core";
import type { Durability } from "@strata/durability";

/**
 * Up to which commits feeds deliver. In a database whose commits are acknowledged as strict these are the durable ones: what a consumer
 * has acted upon is then there after a power failure. In any other database a commit is delivered once it is visible.
 */
export class DeliveryLimit {
  readonly #durability: Durability;
  readonly #newest: () => Version;
  #through: Version;
  #raising: Promise<void> | undefined;

  /** @param newest the newest version given out so far. */
  constructor(durability: Durability, newest: () => Version) {
    this.#durability = durability;
    this.#newest = newest;
    this.#through = durability.requiresWal() && durability.modeName === "strict" ? 0 : Number.POSITIVE_INFINITY;
  }

  /** Commits at or below it may be delivered. */
  get through(): Version {
    return this.#through;
  }

  /**
   * Resolves once everything that is committed by now, or was when the call under way began, may be delivered. Shares the fsync of commits
   * that are waiting for theirs. Rejects with what the log says when it cannot be made durable; what was durable before may be delivered.
   */
  raise(): Promise<void> {
    this.#raising ??= this.#settle();
    return this.#raising;
  }

  async #settle(): Promise<void> {
    const newest = this.#newest();
    try {
      await this.#durability.durable();
      this.#reach(newest);
    } catch (error) {
      // Whoever has taken the database over may have done so below that version.
      if (this.#durability.cause?.code !== "DATABASE_FENCED") this.#reach(this.#durability.durableThrough);
      throw error;
    } finally {
      this.#raising = undefined;
    }
  }
  #reach(version: Version): void {
    if (version > this.#through) this.#through = version;
  }
}
