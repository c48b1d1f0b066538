/**
 * One incarnation of a space: its tables, made when they are first asked for.
 */
import type { Version } from "@strata/core";
import type { ColdSpace } from "./cold.js";
import { EventTable, type EventTableBase } from "./event-table.js";
import type { RunShard } from "./shard.js";
import { Table, type TableBase, type TablePrimitive } from "./table.js";

const PRIMITIVES: readonly TablePrimitive[] = ["kv", "state", "json", "vector"];

/** The incarnation below, and the version at which it was forked from: above that of the incarnation below that one. */
export interface SpaceBase {
  readonly space: SpaceTables;
  readonly version: number;
}

/**
 * From its registration, or the fork that inherited it, until it is dropped. A space that is registered again after
 * that is another incarnation, without a base.
 */
export class SpaceTables {
  /** The run that it is one of. */
  readonly shard: RunShard;
  readonly name: string;
  /** Commit version that registered it; 0 for the space `default` of a run without parent. */
  readonly createdAt: number;
  /** Commit version that dropped it; `Infinity` while it is there. Views of the past still read it. */
  droppedAt: number = Number.POSITIVE_INFINITY;
  /** Whether the run had it from the one it was forked from, rather than registering it itself. */
  readonly inherited: boolean;
  readonly #base: SpaceBase | undefined;
  readonly #tables: { [P in TablePrimitive]: Table | undefined } = {
    kv: undefined,
    state: undefined,
    json: undefined,
    vector: undefined,
  };
  #events: EventTable | undefined = undefined;

  constructor(shard: RunShard, name: string, createdAt: number, base?: SpaceBase) {
    this.shard = shard;
    this.name = name;
    this.createdAt = createdAt;
    this.inherited = base !== undefined;
    this.#base = base === undefined ? undefined : SpaceTables.#nearestWritten(base);
  }

  table(primitive: TablePrimitive): Table {
    let table = this.#tables[primitive];
    if (table === undefined) {
      table = new Table(this, primitive, this.#tableBase(primitive));
      this.#tables[primitive] = table;
    }
    return table;
  }

  events(): EventTable {
    if (this.#events === undefined) this.#events = new EventTable(this, this.#eventBase());
    return this.#events;
  }

  /** The tables that were made: those with entries of their own are among them. */
  ownTables(): Table[] {
    return PRIMITIVES.flatMap((primitive) => this.#tables[primitive] ?? []);
  }

  /** `undefined` when nobody has asked for it: then it has no events of its own. */
  ownEvents(): EventTable | undefined {
    return this.#events;
  }

  /** Takes over what lies in files up to `through`; `undefined` when nothing was written to it up to there. */
  attachCold(cold: ColdSpace | undefined, through: Version): void {
    for (const primitive of PRIMITIVES) {
      const table = cold?.table(primitive);
      if (table === undefined) this.#tables[primitive]?.attachCold(undefined, through);
      else this.table(primitive).attachCold(table, through);
    }
    const events = cold?.events();
    if (events === undefined) this.#events?.attachCold(undefined, through);
    else this.events().attachCold(events, through);
  }

  /** Whether the incarnation existed at `asOf`, `Infinity` being now. */
  isAliveAt(asOf: number): boolean {
    return this.createdAt <= asOf && (asOf < this.droppedAt || this.droppedAt === Number.POSITIVE_INFINITY);
  }

  /** The nearest table below that had something at the fork: empty ones need no layer. */
  #tableBase(primitive: TablePrimitive): TableBase | undefined {
    for (let base = this.#base; base !== undefined; base = base.space.#base) {
      const table = base.space.#tables[primitive];
      if (table !== undefined && table.firstVersion <= base.version) return { table, version: base.version };
    }
    return undefined;
  }

  #eventBase(): EventTableBase | undefined {
    for (let base = this.#base; base !== undefined; base = base.space.#base) {
      const table = base.space.#events;
      if (table !== undefined && table.firstVersion <= base.version) return { table, version: base.version };
    }
    return undefined;
  }

  /** Version of the first write to any of the tables; `Infinity` before it. */
  get #firstVersion(): number {
    const { kv, state, json, vector } = this.#tables;
    let first = Number.POSITIVE_INFINITY;
    for (const table of [kv, state, json, vector, this.#events]) {
      if (table !== undefined) first = Math.min(first, table.firstVersion);
    }
    return first;
  }

  /** Passes over incarnations nobody had written to at the fork, so that chains of forks that only read stay short. */
  static #nearestWritten(base: SpaceBase): SpaceBase | undefined {
    let nearest: SpaceBase | undefined = base;
    while (nearest !== undefined && nearest.space.#firstVersion > nearest.version) {
      nearest = nearest.space.#base;
    }
    return nearest;
  }
}
