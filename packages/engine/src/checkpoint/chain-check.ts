import type { Runtime } from "@strata/core";
import type { EventTable, RunShard } from "@strata/storage";
import { decodeEventRecord, hashOfRecord } from "../event-record.js";
import { hashEvent } from "../primitives/event-chain.js";

/** Events checked between two pauses. */
const EVENTS_PER_SLICE = 64;

/** Checks chains of events where they lie: those of a run's own, and that they follow what it inherited. */
export class ChainCheck {
  readonly #runtime: Pick<Runtime, "sha256Hex">;

  constructor(runtime: Pick<Runtime, "sha256Hex">) {
    this.#runtime = runtime;
  }

  /** @returns what is wrong, one for each log that is broken. */
  *check(shard: RunShard): Generator<void, string[], undefined> {
    const problems: string[] = [];
    for (const space of shard.ownSpaces()) {
      const events = space.ownEvents();
      if (events === undefined) continue;
      const broken = yield* this.#checkLog(events);
      if (broken === undefined) continue;
      problems.push(`space "${space.name}", event ${broken.sequence}: ${broken.reason}`);
    }
    return problems;
  }

  *#checkLog(events: EventTable): Generator<void, { sequence: number; reason: string } | undefined, undefined> {
    const { firstSequence: first } = events;
    let prevHash = first === 0 ? undefined : hashOfRecord(events.record(first - 1));
    const length = first + events.ownLength;
    for (let sequence = first; sequence < length; sequence++) {
      const version = events.versionOf(sequence);
      const event = decodeEventRecord(events.record(sequence), sequence, events.typeOf(sequence), version);
      if (prevHash !== undefined && event.prevHash !== prevHash)
        return { sequence, reason: "it does not follow the event before it" };
      if (hashEvent(this.#runtime, event) !== event.hash)
        return { sequence, reason: "its content does not give its hash" };
      prevHash = event.hash;
      if (sequence % EVENTS_PER_SLICE === 0) yield;
    }
    return undefined;
  }
}
