import { InvalidArgumentError, type Options, StateError, validateSpaceName } from "@strata/core";
import type { KeyRange } from "@strata/storage";
import { entityName, entityRef } from "./algebra/entity-ref.js";
import type { Gate } from "./gate.js";
import { EventLogSeen, SpaceSeen } from "./observations.js";
import type { OpenTransaction } from "./open-transaction.js";
import { indexSpaceOf, isReservedSpace, recorderSpaceOf } from "./reserved-space.js";
import type { Run } from "./run.js";
import { DEFAULT_SPACE, type KeyedPrimitive } from "./scope.js";
import type { Transactions } from "./transactions.js";

const KEYED: readonly KeyedPrimitive[] = ["kv", "state", "json", "vector"];
const EVERYTHING: KeyRange = { start: undefined, end: undefined, reverse: false };

/** The spaces of one run. They come with their first write, or by `create`; `default` is always there. */
export class SpaceRegistry {
  readonly #transactions: Transactions;
  readonly #gate: Gate;
  readonly #run: Run;

  constructor(transactions: Transactions, run: Run) {
    this.#transactions = transactions;
    this.#gate = transactions.gate;
    this.#run = run;
  }

  /** Names by code point, `default` among them, reserved ones not. */
  list(): string[] {
    this.#assertUsable();
    return this.#run.shard.spaces().filter((name) => !isReservedSpace(name));
  }

  exists(name: string): boolean {
    validateSpaceName(name);
    this.#assertUsable();
    return this.#run.shard.hasSpace(name);
  }

  /** @returns whether it was made; false when it was there. */
  create(name: string): boolean {
    validateSpaceName(name);
    this.#assertUsable();
    if (this.#run.shard.hasSpace(name)) return false;
    this.#commit((open) => open.context().writes.registered.push(name));
    return true;
  }

  /**
   * Ends a space, and with it what was recorded there and which indexes were declared; a later write begins a new, empty one under the same name.
   *
   * @param options.force with all its data; otherwise only an empty space goes.
   * @returns false when there was none.
   * @throws InvalidArgumentError `CONSTRAINT_VIOLATION` for `default`
   * @throws StateError `SPACE_NOT_EMPTY`
   */
  delete(name: string, options: Options<{ force: boolean }> = {}): boolean {
    validateSpaceName(name);
    if (name === DEFAULT_SPACE) {
      throw new InvalidArgumentError(
        "CONSTRAINT_VIOLATION",
        `space "${DEFAULT_SPACE}" always exists and cannot be deleted`,
        { space: name },
      );
    }
    this.#assertUsable();
    const recorded = recorderSpaceOf(name);
    const doomed = [name, recorded, indexSpaceOf(name)].filter((each) => this.#run.shard.hasSpace(each));
    if (doomed.length === 0) return false;
    this.#commit((open) => {
      if (options.force !== true) {
        const holds =
          firstDatum(open, name) ?? (firstDatum(open, recorded) === undefined ? undefined : "recorded steps");
        if (holds !== undefined) {
          throw new StateError("SPACE_NOT_EMPTY", `space "${name}" holds ${holds}`, {
            space: name,
            run: this.#run.name,
            holds,
          });
        }
      }
      const { reads, writes, startVersion } = open.context();
      for (const each of doomed) {
        reads.observe(new SpaceSeen(this.#run.shard, each, startVersion));
        writes.dropped.push(each);
      }
    });
    return true;
  }

  #commit(work: (open: OpenTransaction) => void): void {
    const open = this.#transactions.begin(this.#run, { readOnly: false });
    try {
      work(open);
    } catch (error) {
      open.rollback();
      throw error;
    }
    open.commit();
  }

  #assertUsable(): void {
    this.#gate.assertOpen();
    this.#run.assertAlive();
  }
}

/** Something that is in the space, in words; `undefined` when it is empty. What it looked at is observed. */
function firstDatum(open: OpenTransaction, space: string): string | undefined {
  const scope = open.scope(space);
  for (const primitive of KEYED) {
    let found: string | undefined;
    scope.table(primitive).scan(EVERYTHING, "keys", (key) => {
      found = entityName(entityRef(open.run.name, { space, primitive, key }));
      return false;
    });
    if (found !== undefined) return found;
  }
  const { shard } = open.run;
  const { reads, startVersion } = open.context();
  const events = shard.events(space);
  const length = events?.length() ?? 0;
  reads.observe(new EventLogSeen(shard, space, events, undefined, length, startVersion));
  return length === 0 ? undefined : `${length} events`;
}
