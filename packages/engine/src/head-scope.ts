import type { Clock, Limits, Timer, Version } from "@strata/core";
import { Box, type EventTable, type Found, type KeyRange, ReadView, type Stored, type Table } from "@strata/storage";
import { CommittedEvents } from "./committed-events.js";
import type { Feed } from "./feed.js";
import type { Gate } from "./gate.js";
import { PastScope } from "./past-scope.js";
import { userSpaces } from "./reserved-space.js";
import type { Run } from "./run.js";
import type { RunHistory } from "./run-history.js";
import type {
  EventPosition,
  EventSource,
  FollowedScope,
  HeldScope,
  HoldingScope,
  KeyedPrimitive,
  Scope,
  StoredEvent,
  TableReader,
  TableView,
  TransactionScope,
} from "./scope.js";
import type { Transactions } from "./transactions.js";
import { expires, visibleAt } from "./visibility.js";

/** The newest version of one run and space; each write is a transaction of its own. */
export class HeadScope implements Scope, HoldingScope, FollowedScope {
  readonly space: string;
  readonly limits: Limits;
  readonly events: EventSource;
  readonly #transactions: Transactions;
  readonly #history: RunHistory;
  readonly #run: Run;
  #kv: HeadTable | undefined;
  #state: HeadTable | undefined;
  #json: HeadTable | undefined;
  #vector: HeadTable | undefined;

  constructor(transactions: Transactions, history: RunHistory, run: Run, space: string) {
    this.#transactions = transactions;
    this.#history = history;
    this.#run = run;
    this.space = space;
    this.limits = transactions.limits;
    this.events = this.eventsIn(space);
  }

  get timer(): Timer {
    return this.#transactions.timer;
  }

  get run(): string {
    return this.#run.name;
  }

  now(): number {
    return this.#transactions.clock.now();
  }

  timestampOf(version: Version): number {
    return version === 0 ? 0 : this.#run.shard.timestampOf(version);
  }

  table(primitive: KeyedPrimitive): TableReader {
    switch (primitive) {
      case "kv":
        this.#kv ??= this.tableIn(this.space, primitive);
        return this.#kv;
      case "state":
        this.#state ??= this.tableIn(this.space, primitive);
        return this.#state;
      case "json":
        this.#json ??= this.tableIn(this.space, primitive);
        return this.#json;
      case "vector":
        this.#vector ??= this.tableIn(this.space, primitive);
        return this.#vector;
    }
  }

  tableIn(space: string, primitive: KeyedPrimitive): HeadTable {
    const { gate, clock } = this.#transactions;
    return new HeadTable(gate, clock, this.#run, space, primitive);
  }

  eventsIn(space: string): EventSource {
    const { gate } = this.#transactions;
    const run = this.#run;
    let layout = -1;
    let table: EventTable | undefined;
    return new CommittedEvents(() => {
      gate.assertOpen();
      if (layout !== run.shard.layout) {
        run.assertAlive();
        table = run.shard.events(space);
        layout = run.shard.layout;
      }
      return table;
    }, Number.POSITIVE_INFINITY);
  }

  spaces(): string[] {
    this.#transactions.gate.assertOpen();
    this.#run.assertAlive();
    return userSpaces(this.#run.shard.spaces());
  }

  hold(): HeldScope {
    this.#run.assertAlive();
    const view = new ReadView(this.#run.shard, this.#run.version);
    return new PastScope(this.#transactions.gate, this.#run, this.space, view, this.now(), this.limits);
  }

  follow<T>(from: EventPosition, read: (event: StoredEvent) => T): Feed<T> {
    return this.#history.follow(this.#run, this.space, from, read);
  }

  put(primitive: Exclude<KeyedPrimitive, "json">, key: string, stored: Stored | undefined): Version {
    return this.#transactions.putOne(this.#run, this.space, primitive, key, stored);
  }

  append(type: string, payload: Uint8Array): number {
    return this.#transactions.appendOne(this.#run, this.space, type, payload);
  }

  transact<T>(work: (transaction: TransactionScope) => T): T {
    return this.#transactions.implicit(this.#run, this.space, work).result;
  }

  write(work: (transaction: TransactionScope) => void): Version | undefined {
    return this.#transactions.implicit(this.#run, this.space, work).version;
  }
}

/** Reads of one table at the head. The table is looked up again only when the run's layout changed. */
class HeadTable implements TableReader {
  readonly #gate: Gate;
  readonly #clock: Clock;
  readonly #run: Run;
  readonly #space: string;
  readonly #primitive: KeyedPrimitive;
  #layout = -1;
  #table: Table | undefined;

  constructor(gate: Gate, clock: Clock, run: Run, space: string, primitive: KeyedPrimitive) {
    this.#gate = gate;
    this.#clock = clock;
    this.#run = run;
    this.#space = space;
    this.#primitive = primitive;
  }

  get(key: string): Stored | undefined {
    const table = this.#current();
    if (table === undefined) return undefined;
    const stored = table.head(key);
    return stored instanceof Box ? this.#visible(stored) : stored;
  }

  find(key: string, out: Found): boolean {
    const found = this.peek(key, out);
    return found && this.#visible(out.stored) !== undefined;
  }

  peek(key: string, out: Found): boolean {
    return this.#current()?.find(key, Number.POSITIVE_INFINITY, out) ?? false;
  }

  observe(): void {
    this.#current();
  }

  scan(
    range: KeyRange,
    _what: "keys" | "values",
    visit: (key: string, stored: Stored, version: Version) => boolean,
  ): void {
    this.#current()?.scan(
      range,
      Number.POSITIVE_INFINITY,
      (key, stored, version) => this.#visible(stored) === undefined || visit(key, stored, version),
    );
  }

  versions(key: string, before: Version, visit: (version: Version, stored: Stored | undefined) => boolean): void {
    this.#current()?.versions(key, before, visit);
  }

  view(): TableView {
    const layers = this.#current()?.layers(Number.POSITIVE_INFINITY) ?? [];
    return { layers, now: this.#clock.now(), pending: undefined };
  }

  observeRange(): void {
    this.#current();
  }

  #visible(stored: Stored | undefined): Stored | undefined {
    return visibleAt(stored, expires(stored) ? this.#clock.now() : 0);
  }

  #current(): Table | undefined {
    if (!this.#gate.isOpen) this.#gate.assertOpen();
    if (this.#layout !== this.#run.shard.layout) {
      this.#run.assertAlive();
      this.#table = this.#run.shard.table(this.#space, this.#primitive);
      this.#layout = this.#run.shard.layout;
    }
    return this.#table;
  }
}
