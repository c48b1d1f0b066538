import type { ConflictKey, Observation } from "@strata/concurrency";
import type { Version } from "@strata/core";
import type { EventTable, RunShard } from "@strata/storage";
import { userSpaces } from "./reserved-space.js";
import type { KeyedPrimitive } from "./scope.js";

/** A read found no space: it holds while the space stays away, or comes without the key that was asked for. */
export class MissingSpace implements Observation {
  readonly #shard: RunShard;
  readonly #space: string;
  readonly #primitive: KeyedPrimitive;
  /** `undefined` for a scan, which any key would spoil. */
  readonly #key: string | undefined;

  constructor(shard: RunShard, space: string, primitive: KeyedPrimitive, key: string | undefined) {
    this.#shard = shard;
    this.#space = space;
    this.#primitive = primitive;
    this.#key = key;
  }

  conflict(): ConflictKey | undefined {
    const table = this.#shard.table(this.#space, this.#primitive);
    if (table === undefined) return undefined;
    const actual = this.#key === undefined ? this.#shard.lastVersion : table.headVersion(this.#key);
    if (actual === 0 || (this.#key === undefined && table.liveCount() === 0)) return undefined;
    return { space: this.#space, primitive: this.#primitive, key: this.#key ?? "", expected: 0, actual };
  }
}

/**
 * What was seen of an event log besides events themselves, which never change: how many there are, of one type or of all, or only that it
 * is still the same log.
 */
export class EventLogSeen implements Observation {
  readonly #shard: RunShard;
  readonly #space: string;
  readonly #table: EventTable | undefined;
  /** `undefined` for all types. */
  readonly #type: string | undefined;
  /** `undefined` when only the log's identity was seen. */
  readonly #count: number | undefined;
  readonly #startVersion: Version;

  constructor(
    shard: RunShard,
    space: string,
    table: EventTable | undefined,
    type: string | undefined,
    count: number | undefined,
    startVersion: Version,
  ) {
    this.#shard = shard;
    this.#space = space;
    this.#table = table;
    this.#type = type;
    this.#count = count;
    this.#startVersion = startVersion;
  }

  conflict(): ConflictKey | undefined {
    const table = this.#shard.events(this.#space);
    const sameLog = table === this.#table || (this.#table === undefined && (table?.length() ?? 0) === 0);
    const count = this.#type === undefined ? (table?.length() ?? 0) : (table?.countOf(this.#type) ?? 0);
    if (sameLog && (this.#count === undefined || this.#count === count)) return undefined;
    const key = this.#type === undefined ? "#length" : `#type:${this.#type}`;
    return {
      space: this.#space,
      primitive: "event",
      key,
      expected: this.#startVersion,
      actual: this.#shard.lastVersion,
    };
  }
}

/** The spaces of a run that users may name were listed: that no other has come, and none of them gone. */
export class SpacesSeen implements Observation {
  readonly #shard: RunShard;
  readonly #names: readonly string[];
  readonly #startVersion: Version;

  constructor(shard: RunShard, names: readonly string[], startVersion: Version) {
    this.#shard = shard;
    this.#names = names;
    this.#startVersion = startVersion;
  }

  conflict(): ConflictKey | undefined {
    const names = userSpaces(this.#shard.spaces());
    const other = names.find((name, position) => name !== this.#names[position]) ?? this.#names[names.length];
    if (other === undefined) return undefined;
    const { lastVersion } = this.#shard;
    return { space: other, primitive: "space", key: other, expected: this.#startVersion, actual: lastVersion };
  }
}

/** A space was seen empty, or without a datum that would make it more than a name. */
export class SpaceSeen implements Observation {
  readonly #shard: RunShard;
  readonly #space: string;
  readonly #startVersion: Version;
  readonly #existed: boolean;

  constructor(shard: RunShard, space: string, startVersion: Version) {
    this.#shard = shard;
    this.#space = space;
    this.#startVersion = startVersion;
    this.#existed = shard.hasSpace(space);
  }

  conflict(): ConflictKey | undefined {
    if (this.#shard.hasSpace(this.#space) === this.#existed) return undefined;
    return {
      space: this.#space,
      primitive: "space",
      key: this.#space,
      expected: this.#startVersion,
      actual: this.#shard.lastVersion,
    };
  }
}
