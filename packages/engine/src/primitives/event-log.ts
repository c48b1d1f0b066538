import type { EventOrigin } from "@strata/concurrency";
import {
  ByteReader,
  decodeValue,
  defaultRuntime,
  InvalidArgumentError,
  type Limits,
  type Options,
  type Storable,
  type ValueObject,
  type Version,
  validateEventType,
} from "@strata/core";
import type { Feed } from "../feed.js";
import type {
  EventSource,
  FollowedScope,
  HeldScope,
  ReadScope,
  Scope,
  StoredEvent,
  TransactionScope,
} from "../scope.js";
import { type ChainHead, type ChainReport, EMPTY_HEAD, verifyChain } from "./event-chain.js";
import { payloadBytes } from "./event-payload.js";
import { clip, type EventQuery, type EventScan, eventQuery, eventWindow, typeSequences } from "./event-scan.js";
import { actualScope, holdNow, openTransaction } from "./open-transaction.js";
import { invalid, kindOf, mustInteger, mustIterate, optionalBoolean, optionalInteger, optionsOf } from "./options.js";
import type { StandardSchemaV1 } from "./standard-schema.js";
import { checkSchema, conform } from "./typed.js";

export type AnyEvents = { readonly [type: string]: ValueObject };

/** One event; `M` maps types to payloads. Not called `Event`: forgetting the import would silently mean the DOM's. */
export type EventRecord<M = AnyEvents> = {
  [K in keyof M & string]: {
    readonly type: K;
    readonly payload: M[K];
    /** From 0, dense per run and space. */
    readonly sequence: number;
    readonly version: Version;
    /** µs since the epoch. */
    readonly timestamp: number;
    /** 64 hex digits each; empty for an own, uncommitted event. */
    readonly prevHash: string;
    readonly hash: string;
    /** Of an event that was copied from another run: where it was appended first. Its hash covers it. */
    readonly origin?: EventOrigin;
  };
}[keyof M & string];

export interface EventReads<M = AnyEvents> {
  read(sequence: number): EventRecord<M> | undefined;
  /** [start, end), as far as there are events. */
  range(start: number, end: number): EventRecord<M>[];
  readByType<K extends keyof M & string>(type: K, scan?: EventScan): EventRecord<Pick<M, K>>[];
  /** The events there are at the first `next()`. */
  iterate(scan?: EventScan): IterableIterator<EventRecord<M>>;
  len(): number;
  types(): { readonly type: string; readonly count: number }[];
  /** Keep it elsewhere, give it to `verify`. The hash is 64 zeros while the log is empty, and empty while its last event is uncommitted. */
  head(): ChainHead;
  verify(expected?: ChainHead): ChainReport;
}

/** `W` is what a plain write returns: a number outside transactions, `undefined` inside. */
export interface EventLog<M = AnyEvents, In = { readonly [type: string]: object }, W = Version> extends EventReads<M> {
  /** Its sequence. In a transaction nothing, so that appenders never conflict (`CommitInfo.events` has it), unless `exact`, which observes the head. */
  append<K extends keyof In & string, P extends In[K]>(
    type: K,
    payload: P & Storable<P>,
    options: { readonly exact: true },
  ): number;
  append<K extends keyof In & string, P extends In[K]>(type: K, payload: P & Storable<P>): W;
  /** Their sequences. One commit: all of them, in this order, or none. */
  appendMany(
    events: Iterable<{ readonly type: keyof In & string; readonly payload: In[keyof In] }>,
  ): W extends number ? number[] : undefined;
  /**
   * Everything behind sequence `after`, from the first event on unless said, then each new one. Ends, and does not throw, on abort, when
   * the database closes and when the run is deleted. Not inside a transaction (`INVALID_ARGUMENT`).
   */
  follow(
    options?: Options<{ after: number; types: readonly (keyof M & string)[]; signal: AbortSignal }>,
  ): Feed<EventRecord<M>>;
  /** The same log, typed. With schemas only the types they name can be appended; their outputs are stored. */
  typed<T extends { [K in keyof T]: object }>(): EventLog<T, T, W>;
  typed<T extends { readonly [type: string]: StandardSchemaV1 }>(
    schemas: T,
  ): EventLog<
    { readonly [K in keyof T]: StandardSchemaV1.InferOutput<T[K]> },
    { readonly [K in keyof T]: StandardSchemaV1.InferInput<T[K]> & object },
    W
  >;
}

/** Events of one run and space, read only. Payloads lie as canonical bytes and are decoded on each read. */
export class EventLogReader<M = AnyEvents> implements EventReads<M> {
  readonly #scope: ReadScope;
  readonly #events: EventSource;

  constructor(scope: ReadScope) {
    this.#scope = scope;
    this.#events = scope.events;
  }

  read(sequence: number): EventRecord<M> | undefined {
    const event = this.#events.read(mustInteger(sequence, "sequence", 0, "events.read"));
    return event === undefined ? undefined : recordOf(event);
  }

  range(start: number, end: number): EventRecord<M>[] {
    const from = mustInteger(start, "start", 0, "events.range");
    const to = mustInteger(end, "end", 0, "events.range");
    const records: EventRecord<M>[] = [];
    if (from >= to) return records;
    const last = clip(this.#events, to);
    for (let sequence = from; sequence < last; sequence++) records.push(mustRead(this.#events, sequence));
    return records;
  }

  readByType<K extends keyof M & string>(type: K, scan?: EventScan): EventRecord<Pick<M, K>>[] {
    validateEventType(type);
    const sequences = typeSequences(this.#events, type, eventQuery(scan, "events.readByType"));
    return sequences.map((sequence) => mustRead(this.#events, sequence));
  }

  iterate(scan?: EventScan): IterableIterator<EventRecord<M>> {
    return new EventIterator<M>(this.#scope, eventQuery(scan, "events.iterate"));
  }

  len(): number {
    return this.#events.length();
  }

  types(): { readonly type: string; readonly count: number }[] {
    return this.#events.types();
  }

  head(): ChainHead {
    const length = this.#events.length();
    return { length, hash: length === 0 ? EMPTY_HEAD : (this.#events.read(length - 1) as StoredEvent).hash };
  }

  verify(expected?: ChainHead): ChainReport {
    return verifyChain(defaultRuntime(), this.#events, expected === undefined ? undefined : checkedHead(expected));
  }
}

/** Events of one run and space. An event is never changed or removed; only its whole run or space can be deleted. */
export class EventLogStore<M = AnyEvents, In = { readonly [type: string]: object }, W = Version>
  extends EventLogReader<M>
  implements EventLog<M, In, W>
{
  readonly #scope: Scope;
  readonly #limits: Limits;
  readonly #schemas: ReadonlyMap<string, StandardSchemaV1> | undefined;

  constructor(scope: Scope, schemas?: ReadonlyMap<string, StandardSchemaV1>) {
    super(scope);
    this.#scope = scope;
    this.#limits = scope.limits;
    this.#schemas = schemas;
  }

  append<K extends keyof In & string, P extends In[K]>(
    type: K,
    payload: P & Storable<P>,
    options: { readonly exact: true },
  ): number;
  append<K extends keyof In & string, P extends In[K]>(type: K, payload: P & Storable<P>): W;
  append(type: string, payload: unknown, options?: { readonly exact: true }): unknown {
    const exact =
      options !== undefined &&
      optionalBoolean(optionsOf(options, ["exact"], "events.append").exact, "exact", "events.append");
    const bytes = this.#encode(type, payload);
    if (!exact) return this.#scope.append(type, bytes);
    return this.#scope.transact((transaction) => {
      const sequence = transaction.events.length();
      transaction.append(type, bytes);
      return sequence;
    });
  }

  appendMany(
    events: Iterable<{ readonly type: keyof In & string; readonly payload: In[keyof In] }>,
  ): W extends number ? number[] : undefined {
    const types: string[] = [];
    const payloads: Uint8Array[] = [];
    for (const event of mustIterate(events, "{ type, payload } objects", "events.appendMany")) {
      if (typeof event !== "object" || event === null) {
        throw invalid("events.appendMany", `takes { type, payload } objects, not ${kindOf(event)}`, {
          position: types.length,
        });
      }
      const { type, payload } = event as { readonly type: unknown; readonly payload: unknown };
      payloads.push(this.#encode(type, payload));
      types.push(type as string);
    }
    return this.#appendAll(types, payloads) as W extends number ? number[] : undefined;
  }

  follow(
    options?: Options<{ after: number; types: readonly (keyof M & string)[]; signal: AbortSignal }>,
  ): Feed<EventRecord<M>> {
    const where = "events.follow";
    const { after, types, signal } = optionsOf(options, ["after", "types", "signal"], where);
    if (signal !== undefined && !(signal instanceof AbortSignal))
      throw invalid(where, `takes signal as an AbortSignal, not ${kindOf(signal)}`, { option: "signal" });
    const from = {
      after: optionalInteger(after, "after", -1, where) ?? -1,
      types: optionalTypes(types, where),
      signal,
    };
    const scope = actualScope(this.#scope);
    if (!("follow" in scope))
      throw invalid(where, "waits for commits, which a transaction never sees: follow outside of it", {});
    return (scope as FollowedScope).follow(from, (event) => recordOf<M>(event));
  }

  typed<T extends { [K in keyof T]: object }>(): EventLog<T, T, W>;
  typed<T extends { readonly [type: string]: StandardSchemaV1 }>(
    schemas: T,
  ): EventLog<
    { readonly [K in keyof T]: StandardSchemaV1.InferOutput<T[K]> },
    { readonly [K in keyof T]: StandardSchemaV1.InferInput<T[K]> & object },
    W
  >;
  typed(schemas?: { readonly [type: string]: StandardSchemaV1 }): unknown {
    if (schemas === undefined) return this;
    if (typeof schemas !== "object" || schemas === null)
      throw invalid("events.typed", `takes an object of schemas by type, not ${kindOf(schemas)}`, {});
    const byType = new Map<string, StandardSchemaV1>();
    for (const [type, schema] of Object.entries(schemas)) {
      validateEventType(type);
      checkSchema(schema, `events.typed, for "${type}",`);
      byType.set(type, schema);
    }
    return new EventLogStore(this.#scope, byType);
  }

  #appendAll(types: readonly string[], payloads: readonly Uint8Array[]): number[] | undefined {
    const appendTo = (transaction: TransactionScope): void => {
      for (let i = 0; i < types.length; i++) transaction.append(types[i] as string, payloads[i] as Uint8Array);
    };
    const open = openTransaction(this.#scope);
    if (open !== undefined) {
      appendTo(open);
      return undefined;
    }
    if (types.length === 0) return [];
    return this.#scope.transact((transaction) => {
      const first = transaction.events.length();
      appendTo(transaction);
      return types.map((_, i) => first + i);
    });
  }

  #encode(type: unknown, payload: unknown): Uint8Array {
    validateEventType(type);
    const schemas = this.#schemas;
    if (schemas === undefined) return payloadBytes(payload, this.#limits, "an event's payload");
    const schema = schemas.get(type as string);
    if (schema === undefined) {
      const known = [...schemas.keys()];
      throw new InvalidArgumentError("SCHEMA_MISMATCH", `no schema was given for events of type "${String(type)}"`, {
        type,
        known,
      });
    }
    const what = `payload of a "${String(type)}" event`;
    return payloadBytes(conform(schema, payload, what), this.#limits, what);
  }
}

/** The events of one scan, as there are at the first `next()`. */
class EventIterator<M> implements IterableIterator<EventRecord<M>> {
  readonly #scope: ReadScope;
  readonly #query: EventQuery;
  #begun = false;
  /** Held so that the log cannot be dropped with its space and begun anew meanwhile. */
  #held: HeldScope | undefined;
  /** Sequences [start, end) are left; `reverse` takes from the end. */
  #start = 0;
  #end = 0;

  constructor(scope: ReadScope, query: EventQuery) {
    this.#scope = scope;
    this.#query = query;
  }

  [Symbol.iterator](): this {
    return this;
  }

  next(): IteratorResult<EventRecord<M>, undefined> {
    try {
      if (!this.#begun) this.#begin();
      if (this.#start >= this.#end) return this.return();
      const sequence = this.#query.reverse ? --this.#end : this.#start++;
      return { done: false, value: mustRead<M>(this.#events(), sequence) };
    } catch (error) {
      this.return();
      throw error;
    }
  }

  return(): IteratorResult<EventRecord<M>, undefined> {
    this.#begun = true;
    this.#end = this.#start;
    this.#held?.dispose();
    this.#held = undefined;
    return { done: true, value: undefined };
  }

  #begin(): void {
    this.#begun = true;
    this.#held = holdNow(this.#scope);
    const { start, end } = eventWindow(this.#events(), this.#query);
    this.#start = start;
    this.#end = end;
  }

  #events(): EventSource {
    return (this.#held ?? this.#scope).events;
  }
}

function mustRead<M>(events: EventSource, sequence: number): EventRecord<M> {
  return recordOf(events.read(sequence) as StoredEvent);
}

function recordOf<M>(event: StoredEvent): EventRecord<M> {
  const { type, sequence, version, timestamp, prevHash, hash, origin } = event;
  const payload = decodeValue(new ByteReader(event.payload));
  const record = { type, payload, sequence, version, timestamp, prevHash, hash };
  return (origin === undefined ? record : { ...record, origin }) as unknown as EventRecord<M>;
}

function optionalTypes(types: unknown, where: string): readonly string[] | undefined {
  if (types === undefined) return undefined;
  const names = [...new Set(mustIterate(types, "event types", where))];
  for (const name of names) validateEventType(name);
  return names as string[];
}

function checkedHead(expected: ChainHead): ChainHead {
  const { hash, ...head } = optionsOf(expected, ["length", "hash"], "events.verify");
  const length = mustInteger(head.length, "length", 0, "events.verify");
  if (typeof hash !== "string" || !/^[0-9a-f]{64}$/.test(hash)) {
    throw invalid("events.verify", "takes hash as the 64 hex digits that events.head() gave", { option: "hash" });
  }
  return { length, hash };
}
