import { compareCodePoints } from "@strata/core";
import { Found, type KeyRange, type Table } from "@strata/storage";
import type { KeyedPrimitive } from "../scope.js";
import { type ChangedKeys, changedKeysSince } from "./changed-keys.js";
import { type EventLogs, eventLogsOf, isSameIncarnation } from "./event-logs.js";
import { KeyPages } from "./key-pages.js";
import { commonAncestor, lineageOf } from "./lineage.js";
import type { Point } from "./point.js";
import type { Selection } from "./run-filter.js";

/** Where a key lies. */
export interface KeyPlace {
  readonly space: string;
  readonly primitive: KeyedPrimitive;
  readonly key: string;
}

/** What a walk finds, space by space; `false` ends it. */
export interface ComparisonVisitor {
  /** A key that may differ. `a` and `b` are used again for the next one. */
  key(place: KeyPlace, a: Found, b: Found): boolean;
  /** A space with events on either side, that may differ beyond `shared`. */
  events(logs: EventLogs): boolean;
}

const KEYED_BEFORE_EVENTS: readonly KeyedPrimitive[] = ["kv"];
const KEYED_AFTER_EVENTS: readonly KeyedPrimitive[] = ["state", "json", "vector"];

/**
 * Walks what may differ between two points, ordered by space, primitive (kv, event, state, json, vector) and key, collections before vectors. Every key that differs is visited;
 * others may be.
 *
 * Where the points share ancestry, only what commits wrote since then is looked up, so the cost follows the writes and not the data. Where
 * they do not, where a timeline was trimmed, and in spaces that were dropped or made anew since, both sides are scanned side by side.
 */
export class Comparison {
  readonly a: Point;
  readonly b: Point;
  readonly #selection: Selection;
  readonly #ancestor: Point | undefined;
  readonly #changed: ChangedKeys | undefined;
  readonly #foundA = new Found();
  readonly #foundB = new Found();

  constructor(a: Point, b: Point, selection: Selection) {
    this.a = a;
    this.b = b;
    this.#selection = selection;
    const lineages = [lineageOf(a), lineageOf(b)] as const;
    this.#ancestor = commonAncestor(...lineages);
    this.#changed = this.#ancestor === undefined ? undefined : changedKeysSince(this.#ancestor, lineages, selection);
  }

  walk(visitor: ComparisonVisitor): void {
    for (const space of this.#spaces()) {
      if (!KEYED_BEFORE_EVENTS.every((primitive) => this.#walkKeys(space, primitive, visitor))) return;
      if (this.#selection.hasPrimitive("event") && !this.#walkEvents(space, visitor)) return;
      if (!KEYED_AFTER_EVENTS.every((primitive) => this.#walkKeys(space, primitive, visitor))) return;
    }
  }

  #spaces(): string[] {
    const names = new Set([...this.a.shard.spaces(this.a.version), ...this.b.shard.spaces(this.b.version)]);
    return [...names].filter((name) => this.#selection.hasSpace(name)).sort(compareCodePoints);
  }

  #walkKeys(space: string, primitive: KeyedPrimitive, visitor: ComparisonVisitor): boolean {
    if (!this.#selection.hasPrimitive(primitive)) return true;
    const { a, b } = this;
    const tableA = a.shard.tableAt(space, primitive, a.version);
    const tableB = b.shard.tableAt(space, primitive, b.version);
    const visit = (key: string): boolean => {
      find(tableA, key, a, this.#foundA);
      find(tableB, key, b, this.#foundB);
      return visitor.key({ space, primitive, key }, this.#foundA, this.#foundB);
    };
    if (this.#changed !== undefined && isSameIncarnation(tableA, tableB))
      return this.#changed.of(space, primitive).every(visit);
    const visitSelected = (key: string) => !this.#selection.hasKey(primitive, key) || visit(key);
    return this.#selection.rangesOf(primitive).every((range) => this.#walkBoth(tableA, tableB, range, visitSelected));
  }

  /** Every key of either side in the range, in order. */
  #walkBoth(
    tableA: Table | undefined,
    tableB: Table | undefined,
    range: KeyRange,
    visit: (key: string) => boolean,
  ): boolean {
    const pagesA = tableA === undefined ? undefined : new KeyPages(tableA, this.a.version, range);
    const pagesB = tableB === undefined ? undefined : new KeyPages(tableB, this.b.version, range);
    for (;;) {
      const keyA = pagesA?.key;
      const keyB = pagesB?.key;
      if (keyA === undefined && keyB === undefined) return true;
      const order = keyA === undefined ? 1 : keyB === undefined ? -1 : compareCodePoints(keyA, keyB);
      const key = (order <= 0 ? keyA : keyB) as string;
      if (!visit(key)) return false;
      if (order <= 0) pagesA?.advance();
      if (order >= 0) pagesB?.advance();
    }
  }

  #walkEvents(space: string, visitor: ComparisonVisitor): boolean {
    const logs = eventLogsOf(space, this.a, this.b, this.#ancestor);
    return Math.max(logs.lengthA, logs.lengthB) === logs.shared || visitor.events(logs);
  }
}

function find(table: Table | undefined, key: string, point: Point, out: Found): void {
  if (table === undefined) out.reset();
  else table.find(key, point.version, out);
}
