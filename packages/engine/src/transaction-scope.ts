import type { EventOrigin, Observation, PendingEvent, Requirement } from "@strata/concurrency";
import { compareCodePoints, LimitError, type Limits, type Timer, type Version } from "@strata/core";
import { type EventTable, Found, isLive, type KeyRange, type Stored, type Table } from "@strata/storage";
import { CommittedEvents } from "./committed-events.js";
import type { JsonOperation } from "./json/index.js";
import { EventLogSeen, MissingSpace, SpacesSeen } from "./observations.js";
import type { OpenTransaction } from "./open-transaction.js";
import { userSpaces } from "./reserved-space.js";
import type {
  EventSource,
  EventView,
  KeyedPrimitive,
  StoredEvent,
  TableReader,
  TableView,
  TransactionScope,
} from "./scope.js";
import { visibleAt } from "./visibility.js";

/** One space of an open transaction: its view overlaid with its own writes, everything read observed. */
export class OpenTransactionScope implements TransactionScope {
  readonly space: string;
  readonly limits: Limits;
  readonly timer: Timer;
  readonly #open: OpenTransaction;
  #events: TransactionEvents | undefined;
  #kv: TransactionTable | undefined;
  #state: TransactionTable | undefined;
  #json: TransactionTable | undefined;
  #vector: TransactionTable | undefined;

  constructor(open: OpenTransaction, space: string, owner: { readonly limits: Limits; readonly timer: Timer }) {
    this.#open = open;
    this.space = space;
    this.limits = owner.limits;
    this.timer = owner.timer;
  }

  get run(): string {
    return this.#open.run.name;
  }

  now(): number {
    return this.#open.context().startTime;
  }

  timestampOf(version: Version): number {
    return version === 0 ? 0 : this.#open.run.shard.timestampOf(version);
  }

  get events(): EventSource {
    this.#events ??= new TransactionEvents(this.#open, this.space);
    return this.#events;
  }

  table(primitive: KeyedPrimitive): TableReader {
    switch (primitive) {
      case "kv":
        this.#kv ??= new TransactionTable(this.#open, this.space, primitive);
        return this.#kv;
      case "state":
        this.#state ??= new TransactionTable(this.#open, this.space, primitive);
        return this.#state;
      case "json":
        this.#json ??= new TransactionTable(this.#open, this.space, primitive);
        return this.#json;
      case "vector":
        this.#vector ??= new TransactionTable(this.#open, this.space, primitive);
        return this.#vector;
    }
  }

  tableIn(space: string, primitive: KeyedPrimitive): TableReader {
    return new TransactionTable(this.#open, space, primitive);
  }

  in(space: string): TransactionScope {
    return this.#open.scope(space);
  }

  eventsIn(space: string): EventSource {
    return this.in(space).events;
  }

  spaces(observe: boolean): string[] {
    const { reads, startVersion, writes } = this.#open.context();
    const { shard } = this.#open.run;
    const committed = userSpaces(shard.spaces(startVersion));
    if (observe) reads.observe(new SpacesSeen(shard, committed, startVersion));
    const names = new Set(committed);
    for (const { space } of writes.partitions()) names.add(space);
    for (const { space } of writes.events) names.add(space);
    return userSpaces([...names].sort(compareCodePoints));
  }

  put(primitive: KeyedPrimitive, key: string, stored: Stored | undefined): undefined {
    const { writes } = this.#writable();
    writes.put(this.space, primitive, key, stored);
    this.#checkKeyLimit(writes.keyCount);
    return undefined;
  }

  patch(key: string, after: Stored, operations: readonly JsonOperation[]): void {
    const { writes } = this.#writable();
    writes.patch(this.space, "json", key, after, operations);
    this.#checkKeyLimit(writes.keyCount);
  }

  countCas(): void {
    this.#writable().writes.casCount++;
  }

  append(type: string, payload: Uint8Array, origin?: EventOrigin): undefined {
    const { writes } = this.#writable();
    writes.events.push({ space: this.space, type, payload, origin });
    this.#checkKeyLimit(writes.keyCount);
    return undefined;
  }

  require(requirement: Requirement): void {
    this.#open.context().reads.require(requirement);
  }

  observe(observation: Observation): void {
    this.#open.context().reads.observe(observation);
  }

  viewed(primitive: KeyedPrimitive, key: string, out: Found): boolean {
    const { startVersion } = this.#open.context();
    return found(this.#open.run.shard.tableAt(this.space, primitive, startVersion), key, startVersion, out);
  }

  committed(primitive: KeyedPrimitive, key: string, out: Found): boolean {
    return found(this.#open.run.shard.table(this.space, primitive), key, Number.POSITIVE_INFINITY, out);
  }

  transact<T>(work: (transaction: TransactionScope) => T): T {
    return work(this);
  }

  write(work: (transaction: TransactionScope) => void): undefined {
    work(this);
    return undefined;
  }

  #writable() {
    const context = this.#open.context();
    this.#open.assertWritable();
    return context;
  }

  #checkKeyLimit(count: number): void {
    if (count > this.limits.transactionKeys) {
      throw new LimitError("LIMIT_TRANSACTION", `a transaction writes at most ${this.limits.transactionKeys} keys`, {
        keys: count,
        limit: this.limits.transactionKeys,
      });
    }
  }
}

function found(table: Table | undefined, key: string, asOf: Version, out: Found): boolean {
  if (table !== undefined) return table.find(key, asOf, out);
  out.reset();
  return false;
}

class TransactionTable implements TableReader {
  readonly #open: OpenTransaction;
  readonly #space: string;
  readonly #primitive: KeyedPrimitive;
  #resolved: Table | undefined;
  #isResolved = false;

  constructor(open: OpenTransaction, space: string, primitive: KeyedPrimitive) {
    this.#open = open;
    this.#space = space;
    this.#primitive = primitive;
  }

  get(key: string): Stored | undefined {
    return this.find(key, scratch) ? scratch.stored : undefined;
  }

  find(key: string, out: Found): boolean {
    const { reads, startTime, startVersion } = this.#open.context();
    if (!this.#own(key, out)) {
      const table = this.#table();
      if (table === undefined) {
        this.observe(key);
        return false;
      }
      const isThere = table.find(key, startVersion, out);
      reads.observeKey(table, key, isThere ? out.version : 0);
      if (!isThere) return false;
    } else if (this.#isPatched(key)) this.observe(key);
    return visibleAt(out.stored, startTime) !== undefined;
  }

  peek(key: string, out: Found): boolean {
    return this.#own(key, out) || this.#committed(key, out);
  }

  observe(key: string): void {
    const { reads, startVersion } = this.#open.context();
    const table = this.#table();
    if (table === undefined) reads.observe(new MissingSpace(this.#open.run.shard, this.#space, this.#primitive, key));
    else reads.observeKey(table, key, table.find(key, startVersion, observed) ? observed.version : 0);
  }

  scan(
    range: KeyRange,
    what: "keys" | "values",
    visit: (key: string, stored: Stored, version: Version) => boolean,
  ): void {
    const { startVersion, startTime } = this.#open.context();
    const own = this.#ownInRange(range);
    let next = 0; // own[0..next) was visited or hidden
    let last: string | undefined; // where a visitor that stops did so
    const deliver = (key: string, stored: Stored | undefined, version: Version): boolean => {
      if (stored === undefined || visibleAt(stored, startTime) === undefined) return true;
      if (visit(key, stored, version)) return true;
      last = key;
      return false;
    };
    const ahead = (key: string): boolean => {
      const order = compareCodePoints((own[next] as OwnWrite).key, key);
      return range.reverse ? order > 0 : order < 0;
    };
    const table = this.#table();
    table?.scan(range, startVersion, (key, stored, version) => {
      while (next < own.length && ahead(key)) {
        const write = own[next++] as OwnWrite;
        if (!deliver(write.key, write.stored, 0)) return false;
      }
      if (next < own.length && own[next]?.key === key) return deliver(key, (own[next++] as OwnWrite).stored, 0);
      return deliver(key, stored, version);
    });
    while (last === undefined && next < own.length) {
      const write = own[next++] as OwnWrite;
      if (!deliver(write.key, write.stored, 0)) break;
    }
    this.observeRange({ ...seenOf(range, last), reverse: range.reverse }, what);
  }

  observeRange({ start, end }: KeyRange, what: "keys" | "values"): void {
    const { reads } = this.#open.context();
    const table = this.#table();
    if (table !== undefined) reads.observeRange({ table, what, start, end });
    else reads.observe(new MissingSpace(this.#open.run.shard, this.#space, this.#primitive, undefined));
  }

  view(): TableView {
    const { startTime, startVersion, writes } = this.#open.context();
    const layers = this.#table()?.layers(startVersion) ?? [];
    return { layers, now: startTime, pending: writes.partition(this.#space, this.#primitive)?.byKey() };
  }

  versions(key: string, before: Version, visit: (version: Version, stored: Stored | undefined) => boolean): void {
    this.observe(key);
    this.#table()?.versions(key, Math.min(before, this.#open.context().startVersion + 1), visit);
  }

  /** As of the view, which is fixed: a space that was dropped since still reads as it did, and fails at commit. */
  #table(): Table | undefined {
    const { startVersion } = this.#open.context();
    if (!this.#isResolved) {
      this.#resolved = this.#open.run.shard.tableAt(this.#space, this.#primitive, startVersion);
      this.#isResolved = true;
    }
    return this.#resolved;
  }

  #committed(key: string, out: Found): boolean {
    return this.#table()?.find(key, this.#open.context().startVersion, out) ?? false;
  }

  #own(key: string, out: Found): boolean {
    const partition = this.#open.context().writes.partition(this.#space, this.#primitive);
    const at = partition?.find(key) ?? -1;
    if (partition === undefined || at < 0) return false;
    out.version = 0;
    out.stored = partition.stored[at];
    return true;
  }

  /** Whether the own write of `key` changes parts of what the view has, and so shows the rest of it. */
  #isPatched(key: string): boolean {
    const partition = this.#open.context().writes.partition(this.#space, this.#primitive);
    return partition?.patches[partition.find(key)] !== undefined;
  }

  /** Own writes inside `range`, in scan direction, deletions included. */
  #ownInRange(range: KeyRange): readonly OwnWrite[] {
    const partition = this.#open.context().writes.partition(this.#space, this.#primitive);
    if (partition === undefined) return [];
    const inside: OwnWrite[] = [];
    for (const key of partition.sortedKeys()) {
      if (range.start !== undefined && compareCodePoints(key, range.start) < 0) continue;
      if (range.end !== undefined && compareCodePoints(key, range.end) >= 0) break;
      const stored = partition.stored[partition.find(key)];
      inside.push({ key, stored: isLive(stored) ? stored : undefined });
    }
    return range.reverse ? inside.reverse() : inside;
  }
}

interface OwnWrite {
  readonly key: string;
  readonly stored: Stored | undefined;
}

/** The part of `range` that a scan saw when it stopped at `last`; all of it when it ran to the end. */
function seenOf(range: KeyRange, last: string | undefined): { start: string | undefined; end: string | undefined } {
  if (last === undefined) return { start: range.start, end: range.end };
  // `last + "\0"` is the smallest string above `last`: keys hold no NUL.
  return range.reverse ? { start: last, end: range.end } : { start: range.start, end: `${last}\0` };
}

function pendingEvent({ type, payload }: PendingEvent, sequence: number): StoredEvent {
  return { sequence, type, version: 0, timestamp: 0, prevHash: "", hash: "", payload };
}

const scratch = new Found();
const observed = new Found();

/** Stands among types for "it is still the same log"; no type is empty. */
const IDENTITY_SEEN = "";

/** Committed events of the view, followed by those this transaction will append. */
class TransactionEvents implements EventSource {
  readonly #open: OpenTransaction;
  readonly #space: string;
  readonly #committed: CommittedEvents;
  /** What was observed already: the view is fixed, so once is enough. */
  readonly #seen = new Set<string | undefined>();

  constructor(open: OpenTransaction, space: string) {
    this.#open = open;
    this.#space = space;
    this.#committed = new CommittedEvents(() => this.#table(), open.startVersion);
  }

  length(): number {
    const length = this.#committed.length();
    this.#observe(undefined, length);
    return length + this.#pending().length;
  }

  read(sequence: number): StoredEvent | undefined {
    const event = this.#committed.read(sequence);
    if (event !== undefined) {
      this.#observe(undefined, undefined);
      return event;
    }
    const length = this.#committed.length();
    this.#observe(undefined, length);
    const pending = this.#pending()[sequence - length];
    return pending === undefined ? undefined : pendingEvent(pending, sequence);
  }

  countOf(type: string): number {
    const count = this.#committed.countOf(type);
    this.#observe(type, count);
    return count + this.#pending().filter((event) => event.type === type).length;
  }

  sequencesOf(type: string, from: number, limit: number, reverse: boolean): number[] {
    this.#observe(type, this.#committed.countOf(type));
    const own = this.#ownOf(type, from, reverse);
    const committed = this.#committed.sequencesOf(type, from, limit, reverse);
    return (reverse ? [...own, ...committed] : [...committed, ...own]).slice(0, limit);
  }

  /** Sequences that own events of `type` will have. They stand on the length, which is then observed too. */
  #ownOf(type: string, from: number, reverse: boolean): number[] {
    const pending = this.#pending();
    if (!pending.some((event) => event.type === type)) return [];
    const length = this.#committed.length();
    this.#observe(undefined, length);
    const own = pending.flatMap((event, position) => (event.type === type ? [length + position] : []));
    return reverse ? own.filter((sequence) => sequence <= from).reverse() : own.filter((sequence) => sequence >= from);
  }

  types(): { readonly type: string; readonly count: number }[] {
    this.#observe(undefined, this.#committed.length());
    const counts = new Map(this.#committed.types().map(({ type, count }) => [type, count]));
    for (const { type } of this.#pending()) counts.set(type, (counts.get(type) ?? 0) + 1);
    return [...counts].map(([type, count]) => ({ type, count })).sort((a, b) => compareCodePoints(a.type, b.type));
  }

  view(): EventView {
    const { layers } = this.#committed.view();
    const length = this.#committed.length();
    const pending = this.#pending().map((event, position) => pendingEvent(event, length + position));
    return { layers, pending };
  }

  observeAll(): void {
    this.#observe(undefined, this.#committed.length());
  }

  #table(): EventTable | undefined {
    return this.#open.run.shard.eventsAt(this.#space, this.#open.context().startVersion);
  }

  #pending() {
    return this.#open.context().writes.events.filter((event) => event.space === this.#space);
  }

  #observe(type: string | undefined, count: number | undefined): void {
    const what = count === undefined ? IDENTITY_SEEN : type;
    if (this.#seen.has(what)) return;
    this.#seen.add(what);
    const { shard } = this.#open.run;
    const { reads, startVersion } = this.#open.context();
    reads.observe(new EventLogSeen(shard, this.#space, this.#table(), type, count, startVersion));
  }
}
