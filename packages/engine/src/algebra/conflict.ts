import { ConflictError, InvalidArgumentError, type Value } from "@strata/core";
import { type EntityRef, entityName } from "./entity-ref.js";
import { isSame } from "./same-value.js";

/** Both sides changed the same thing, differently. `undefined` where it is absent. */
export interface Conflict {
  /** Its run is the target. */
  readonly ref: EntityRef;
  /** The place in a document. */
  readonly path?: string;
  readonly base: Value | undefined;
  /** In the target. */
  readonly ours: Value | undefined;
  /** In the source. */
  readonly theirs: Value | undefined;
}

/** Decides a conflict; `undefined` deletes. */
export type ConflictResolver = (conflict: Conflict) => Value | undefined;

export type MergeStrategy = "fail" | "ours" | "theirs" | ConflictResolver;

/** Applies a strategy, and keeps what it was asked. */
export class Conflicts {
  readonly #strategy: MergeStrategy;
  readonly #found: Conflict[] = [];

  /** @throws InvalidArgumentError `INVALID_ARGUMENT` */
  constructor(strategy: MergeStrategy = "fail") {
    if (typeof strategy !== "function" && strategy !== "fail" && strategy !== "ours" && strategy !== "theirs") {
      throw new InvalidArgumentError("INVALID_ARGUMENT", 'strategy must be "fail", "ours", "theirs" or a function', {
        strategy,
      });
    }
    this.#strategy = strategy;
  }

  get found(): readonly Conflict[] {
    return this.#found;
  }

  /**
   * Which of the two stays, or what the resolver made of them. Under "fail" it is ours, for a preview; a merge that is meant ends in
   * `assertNone`.
   *
   * @param check makes a resolver's answer a value that can be stored, or throws.
   */
  decide(conflict: Conflict, check: (answer: Value) => Value): Value | undefined {
    this.#found.push(Object.freeze(conflict));
    const { ours, theirs } = conflict;
    if (this.#strategy === "theirs") return theirs;
    if (typeof this.#strategy !== "function") return ours;
    const answer = this.#strategy(conflict);
    if (answer === undefined) return undefined;
    const value = check(answer);
    return isSame(value, ours) ? ours : value;
  }

  /** @throws ConflictError `MERGE_CONFLICT`, facts.conflicts, when the strategy is to fail and there was one */
  assertNone(what: string, facts: object): void {
    const [first] = this.#found;
    if (first === undefined || this.#strategy !== "fail") return;
    const { ref, path } = first;
    const place = `${entityName(ref)}${path === undefined ? "" : ` at ${path}`} in space "${ref.space}"`;
    const more = this.#found.length === 1 ? "" : `, and in ${this.#found.length - 1} more places`;
    throw new ConflictError("MERGE_CONFLICT", `${what}: both sides changed ${place}${more}`, {
      ...facts,
      conflicts: Object.freeze([...this.#found]),
    });
  }
}
