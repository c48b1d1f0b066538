import type { Limits, Timer, Version } from "@strata/core";
import type {
  EventSource,
  EventView,
  Found,
  KeyedPrimitive,
  KeyRange,
  Scope,
  StandInScope,
  Stored,
  StoredEvent,
  TableReader,
  TableView,
  TransactionScope,
} from "@strata/engine";

/**
 * The scope of a session in one space: the open transaction while there is one, the head otherwise. Which of the two is asked anew with
 * each call, so that a typed view or a store taken before `begin` writes into the transaction afterwards and not past it.
 */
export class SessionScope implements Scope, StandInScope {
  readonly run: string;
  readonly space: string;
  readonly limits: Limits;
  readonly timer: Timer;
  readonly events: EventSource;
  readonly #current: () => Scope;
  readonly #tables: Map<KeyedPrimitive, TableReader> = new Map();

  constructor(head: Scope, current: () => Scope) {
    this.run = head.run;
    this.space = head.space;
    this.limits = head.limits;
    this.timer = head.timer;
    this.#current = current;
    this.events = new SessionEvents(() => current().events);
  }

  /** The scope that counts at this moment. */
  get current(): Scope {
    return this.#current();
  }

  now(): number {
    return this.#current().now();
  }

  timestampOf(version: Version): number {
    return this.#current().timestampOf(version);
  }

  table(primitive: KeyedPrimitive): TableReader {
    let table = this.#tables.get(primitive);
    if (table === undefined) {
      table = new SessionTable(() => this.#current().table(primitive));
      this.#tables.set(primitive, table);
    }
    return table;
  }

  tableIn(space: string, primitive: KeyedPrimitive): TableReader {
    return new SessionTable(() => this.#current().tableIn(space, primitive));
  }

  eventsIn(space: string): EventSource {
    return new SessionEvents(() => this.#current().eventsIn(space));
  }

  spaces(observe: boolean): string[] {
    return this.#current().spaces(observe);
  }

  append(type: string, payload: Uint8Array): number | undefined {
    return this.#current().append(type, payload);
  }

  put(primitive: Exclude<KeyedPrimitive, "json">, key: string, stored: Stored | undefined): Version | undefined {
    return this.#current().put(primitive, key, stored);
  }

  transact<T>(work: (transaction: TransactionScope) => T): T {
    return this.#current().transact(work);
  }

  write(work: (transaction: TransactionScope) => void): Version | undefined {
    return this.#current().write(work);
  }
}

class SessionTable implements TableReader {
  readonly #table: () => TableReader;

  constructor(table: () => TableReader) {
    this.#table = table;
  }

  get(key: string): Stored | undefined {
    return this.#table().get(key);
  }

  find(key: string, out: Found): boolean {
    return this.#table().find(key, out);
  }

  peek(key: string, out: Found): boolean {
    return this.#table().peek(key, out);
  }

  observe(key: string): void {
    this.#table().observe(key);
  }

  scan(range: KeyRange, what: "keys" | "values", visit: Parameters<TableReader["scan"]>[2]): void {
    this.#table().scan(range, what, visit);
  }

  versions(key: string, before: Version, visit: Parameters<TableReader["versions"]>[2]): void {
    this.#table().versions(key, before, visit);
  }

  view(): TableView {
    return this.#table().view();
  }

  observeRange(range: KeyRange, what: "keys" | "values"): void {
    this.#table().observeRange(range, what);
  }
}

class SessionEvents implements EventSource {
  readonly #source: () => EventSource;

  constructor(source: () => EventSource) {
    this.#source = source;
  }

  length(): number {
    return this.#source().length();
  }

  read(sequence: number): StoredEvent | undefined {
    return this.#source().read(sequence);
  }

  countOf(type: string): number {
    return this.#source().countOf(type);
  }

  sequencesOf(type: string, from: number, limit: number, reverse: boolean): number[] {
    return this.#source().sequencesOf(type, from, limit, reverse);
  }

  types(): { readonly type: string; readonly count: number }[] {
    return this.#source().types();
  }

  view(): EventView {
    return this.#source().view();
  }

  observeAll(): void {
    this.#source().observeAll();
  }
}
