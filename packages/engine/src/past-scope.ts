import { type Limits, StateError, type Version } from "@strata/core";
import { Found, type KeyRange, ReadView, type Stored, type Table } from "@strata/storage";
import { CommittedEvents } from "./committed-events.js";
import { type DigestOptions, digestOf } from "./digest.js";
import type { Gate } from "./gate.js";
import { userSpaces } from "./reserved-space.js";
import type { Run } from "./run.js";
import type { EventSource, KeyedPrimitive, ReadScope, TableReader, TableView } from "./scope.js";
import { visibleAt } from "./visibility.js";

/** Views whose scope nobody holds any more are let go. */
const abandoned = new FinalizationRegistry<ReadView>((view) => view.dispose());

/** One version of a run, in one space: what `db.at()` reads. Retention keeps the version until the scope is disposed of or collected. */
export class PastScope implements ReadScope {
  readonly space: string;
  readonly limits: Limits;
  /** Every read is as of this commit. */
  readonly version: Version;
  /** µs since the epoch; also the time by which expiry is judged. */
  readonly timestamp: number;
  readonly events: EventSource;
  readonly #gate: Gate;
  readonly #run: Run;
  readonly #view: ReadView;
  readonly #tables = new Map<KeyedPrimitive, PastTable>();
  #disposed = false;

  constructor(gate: Gate, run: Run, space: string, view: ReadView, timestamp: number, limits: Limits) {
    this.#gate = gate;
    this.#run = run;
    this.#view = view;
    this.space = space;
    this.version = view.version;
    this.timestamp = timestamp;
    this.limits = limits;
    abandoned.register(this, view, this);
    this.events = this.eventsIn(space);
  }

  get run(): string {
    return this.#run.name;
  }

  now(): number {
    return this.timestamp;
  }

  timestampOf(version: Version): number {
    return version === 0 ? 0 : this.#run.shard.timestampOf(version);
  }

  table(primitive: KeyedPrimitive): TableReader {
    let table = this.#tables.get(primitive);
    if (table === undefined) {
      table = this.tableIn(this.space, primitive);
      this.#tables.set(primitive, table);
    }
    return table;
  }

  tableIn(space: string, primitive: KeyedPrimitive): PastTable {
    const resolve = () => {
      this.#assertUsable();
      return this.#run.shard.tableAt(space, primitive, this.version);
    };
    return new PastTable(resolve, this.version, this.timestamp);
  }

  eventsIn(space: string): EventSource {
    return new CommittedEvents(() => {
      this.#assertUsable();
      return this.#run.shard.eventsAt(space, this.version);
    }, this.version);
  }

  spaces(): string[] {
    this.#assertUsable();
    return userSpaces(this.#run.shard.spaces(this.version));
  }

  /** The same version in another space; each is disposed of by itself. */
  in(space: string): PastScope {
    this.#assertUsable();
    const view = new ReadView(this.#run.shard, this.version);
    return new PastScope(this.#gate, this.#run, space, view, this.timestamp, this.limits);
  }

  /** SHA-256 of the whole run at this version, as 64 hex digits. See `digestOf`. */
  digest(options?: DigestOptions): string {
    this.#assertUsable();
    return digestOf({ shard: this.#run.shard, version: this.version, now: this.timestamp }, options);
  }

  dispose(): void {
    if (this.#disposed) return;
    this.#disposed = true;
    abandoned.unregister(this);
    this.#view.dispose();
  }

  #assertUsable(): void {
    this.#gate.assertOpen();
    this.#run.assertAlive();
    if (this.#disposed)
      throw new StateError("DATABASE_CLOSED", "this view of the past was disposed of", { version: this.version });
  }
}

const scratch = new Found();

/** Reads of one table as of one version. */
class PastTable implements TableReader {
  readonly #resolve: () => Table | undefined;
  readonly #asOf: Version;
  readonly #now: number;

  constructor(resolve: () => Table | undefined, asOf: Version, now: number) {
    this.#resolve = resolve;
    this.#asOf = asOf;
    this.#now = now;
  }

  get(key: string): Stored | undefined {
    return this.find(key, scratch) ? scratch.stored : undefined;
  }

  find(key: string, out: Found): boolean {
    return this.peek(key, out) && visibleAt(out.stored, this.#now) !== undefined;
  }

  peek(key: string, out: Found): boolean {
    return this.#resolve()?.find(key, this.#asOf, out) ?? false;
  }

  observe(): void {
    this.#resolve();
  }

  scan(
    range: KeyRange,
    _what: "keys" | "values",
    visit: (key: string, stored: Stored, version: Version) => boolean,
  ): void {
    this.#resolve()?.scan(
      range,
      this.#asOf,
      (key, stored, version) => visibleAt(stored, this.#now) === undefined || visit(key, stored, version),
    );
  }

  versions(key: string, before: Version, visit: (version: Version, stored: Stored | undefined) => boolean): void {
    this.#resolve()?.versions(key, Math.min(before, this.#asOf + 1), visit);
  }

  view(): TableView {
    return { layers: this.#resolve()?.layers(this.#asOf) ?? [], now: this.#now, pending: undefined };
  }

  observeRange(): void {
    this.#resolve();
  }
}
