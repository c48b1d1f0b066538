import {
  ByteReader,
  checkKey,
  decodeValue,
  hasBytes,
  type Limits,
  type Runtime,
  type Version,
  validateEventType,
  validateSpaceName,
} from "@strata/core";
import { Box, DEFAULT_SPACE, type RunShard } from "@strata/storage";
import { hashOfRecord } from "../event-record.js";
import type { AppendOperation, PutOperation, SpaceOperation } from "../operation.js";
import { hashEvent } from "../primitives/event-chain.js";
import { payloadBytes } from "../primitives/event-payload.js";
import { isReservedSpace } from "../reserved-space.js";
import { invalidBundle } from "./bundle-format.js";
import { areEqual } from "./bundle-reader.js";
import type { BundleOperation, RecordHead } from "./bundle-record.js";
import { VectorCheck } from "./vector-check.js";

const RESERVED_NAME = /^_system_[a-z0-9_-]{1,96}$/;

interface LogEnd {
  readonly length: number;
  /** Hash of the last event; `undefined` without one. */
  readonly hash: string | undefined;
}

/**
 * Holds the operations of one record, as they come, against the run as it is before it: whatever the store could not stand, or no run would
 * have written, is refused. After `accept` said so of each, and `finish` of all together, the record can be applied.
 */
export class RecordCheck {
  readonly #shard: RunShard;
  readonly #record: RecordHead;
  readonly #runtime: Pick<Runtime, "sha256Hex">;
  readonly #limits: Limits;
  readonly #changed = new Map<string, "dropped" | "registered">();
  readonly #written = new Set<string>();
  readonly #logs = new Map<string, LogEnd>();
  readonly #vectors: VectorCheck;
  /** Kind and space of the last operation on a space; `""` once there was a write. */
  #lastSpace: { readonly kind: string; readonly space: string } | undefined = { kind: "", space: "" };

  constructor(shard: RunShard, record: RecordHead, runtime: Pick<Runtime, "sha256Hex">, limits: Limits) {
    this.#shard = shard;
    this.#record = record;
    this.#runtime = runtime;
    this.#limits = limits;
    this.#vectors = new VectorCheck(limits);
  }

  accept(operation: BundleOperation): void {
    if (operation.kind === "put") this.#put(operation);
    else if (operation.kind === "append") this.#append(operation);
    else this.#space(operation);
  }

  /** Once all of them were accepted. */
  finish(): void {
    const wrong = this.#vectors.finish();
    if (wrong !== undefined) throw this.#wrong(wrong);
  }

  #space({ kind, space }: SpaceOperation): void {
    const last = this.#lastSpace;
    if (last === undefined || kind < last.kind || (kind === last.kind && space <= last.space))
      throw this.#wrong("its changes of spaces are not in order");
    this.#lastSpace = { kind, space };
    checkSpace(space);
    if (space === DEFAULT_SPACE) throw this.#wrong(`space "${DEFAULT_SPACE}" comes or goes`);
    const isThere = this.#isThere(space);
    if (isThere !== (kind === "dropSpace"))
      throw this.#wrong(`space "${space}" ${isThere ? "is there" : "is not there"}`);
    this.#changed.set(space, kind === "dropSpace" ? "dropped" : "registered");
    this.#logs.set(space, { length: 0, hash: undefined });
  }

  #put({ space, primitive, key, stored }: PutOperation): void {
    this.#mustBeThere(space);
    if (primitive !== "vector") checkKey(key, this.#limits);
    // NUL is in no name and no key.
    const place = `${primitive}\0${space}\0${key}`;
    if (this.#written.has(place)) throw this.#wrong(`"${key}" is written twice`);
    this.#written.add(place);
    const box = stored instanceof Box ? stored : undefined;
    const value = stored instanceof Box ? stored.value : stored;
    if (value !== undefined && hasBytes(value) && box?.holdsBytes !== true)
      throw this.#wrong(`"${key}" holds bytes and does not say so`);
    if (primitive === "vector") {
      const table = this.#changed.has(space) ? undefined : this.#shard.table(space, "vector");
      const wrong = this.#vectors.accept(space, key, stored, table);
      if (wrong !== undefined) throw this.#wrong(`"${key}" ${wrong}`);
      return;
    }
    const fits =
      primitive === "kv"
        ? box === undefined || (box.value !== undefined && box.counter === 0)
        : (box !== undefined && box.counter > 0) || (primitive === "json" && stored === undefined);
    if (!fits) throw this.#wrong(`"${key}" is not what ${primitive} holds`);
  }

  #append(event: AppendOperation): void {
    const { space, type, sequence, payload, hash, origin } = event;
    this.#mustBeThere(space);
    const end = this.#logs.get(space) ?? this.#endOf(space);
    if (sequence !== end.length) throw this.#wrong(`event ${sequence} follows ${end.length} events`);
    validateEventType(type);
    const reader = new ByteReader(payload);
    const value = decodeValue(reader);
    reader.expectEnd();
    if (!areEqual(payloadBytes(value, this.#limits, "the payload"), payload))
      throw this.#wrong("the payload of an event is not in canonical form");
    const prevHash = (sequence === 0 ? event.prevHash : end.hash) as string;
    const { timestamp } = this.#record;
    if (hashEvent(this.#runtime, { sequence, type, timestamp, payload, prevHash, origin }) !== hash)
      throw this.#wrong(`event ${sequence} of space "${space}" does not give its hash`);
    this.#logs.set(space, { length: sequence + 1, hash });
  }

  #endOf(space: string): LogEnd {
    const events = this.#shard.events(space);
    const length = events?.length() ?? 0;
    return { length, hash: events === undefined || length === 0 ? undefined : hashOfRecord(events.record(length - 1)) };
  }

  #mustBeThere(space: string): void {
    this.#lastSpace = undefined;
    if (!this.#isThere(space)) throw this.#wrong("something is written to a space that is not there");
  }

  #isThere(space: string): boolean {
    const changed = this.#changed.get(space);
    return changed === undefined ? this.#shard.hasSpace(space) : changed === "registered";
  }

  #wrong(what: string): Error {
    return invalidBundle(`commit ${this.#record.version as Version}: ${what}`);
  }
}

/** Recorders keep their steps in spaces that users cannot name. */
function checkSpace(space: string): void {
  if (!isReservedSpace(space)) validateSpaceName(space);
  else if (!RESERVED_NAME.test(space)) throw invalidBundle("a space has a name that none has");
}
