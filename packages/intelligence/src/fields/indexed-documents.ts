import {
  type Database,
  DeclaredIndexes,
  isInRange,
  type JsonAnswer,
  type JsonFinder,
  type JsonQuery,
  MatchList,
  type ReadScope,
  scanDocuments,
  seenRange,
  type TableReader,
  type TableView,
  type WhereNode,
} from "@strata/engine";
import { Found, isLive } from "@strata/storage";
import { Indexes } from "../partition/indexes.js";
import type { PartitionLayer } from "../partition/partition-layer.js";
import { fieldKey } from "./field-key.js";
import { type FieldOrder, orderKeys } from "./field-order.js";
import { documentsOf, JSON_FIELDS, type JsonFields } from "./json-fields.js";
import { planWhere, type WherePlan } from "./where-plan.js";

/** A document that an index proposes costs as much as so many that a scan comes by: it is looked up by its key. */
const LOOKUP_COST = 3;
/** An order is followed through at most this part of all documents, and so many besides, before a scan is taken to be better. */
const ORDER_SHARE = 8;
const ORDER_STEPS = 256;

type Layer = PartitionLayer<JsonFields>;

/** What an answer from indexes took. */
interface Work {
  readonly fields: readonly string[];
  readonly matches: MatchList;
  candidates: number;
  scanned: number;
}

/** Finds documents by the indexes that are declared where the reader stands, where that is less work than reading all of them. */
export class IndexedDocuments implements JsonFinder {
  readonly #indexes: () => Indexes;
  readonly #lookupCost: number;

  /** @param indexes asked for when there is an index to be used. @param lookupCost of a document that an index proposes, against one scanned. */
  constructor(indexes: () => Indexes, lookupCost: number = LOOKUP_COST) {
    this.#indexes = indexes;
    this.#lookupCost = lookupCost;
  }

  static of(database: Database): IndexedDocuments {
    return new IndexedDocuments(() => Indexes.of(database));
  }

  find(scope: ReadScope, query: JsonQuery): JsonAnswer {
    const { order, predicate, limit } = query;
    const declared = new DeclaredIndexes(scope);
    const usable = new Set<string>();
    for (const field of fieldsOf(predicate.tree)) if (declared.has(field)) usable.add(field);
    const isOrdered = order !== undefined && Number.isFinite(limit) && declared.has(order.field);
    if (limit === 0 || (usable.size === 0 && !isOrdered)) return scanDocuments.find(scope, query);
    const table = scope.table("json");
    const view = table.view();
    const layers = this.#indexes().layersOf(JSON_FIELDS, view);
    const find = new IndexedFind(table, view, layers, query);
    return find.answer(usable, isOrdered, this.#lookupCost) ?? scanDocuments.find(scope, query);
  }
}

/** One question on its way through the layers of a table. */
class IndexedFind {
  readonly #table: TableReader;
  readonly #view: TableView;
  readonly #layers: readonly Layer[];
  readonly #query: JsonQuery;
  readonly #found = new Found();

  constructor(table: TableReader, view: TableView, layers: readonly Layer[], query: JsonQuery) {
    this.#table = table;
    this.#view = view;
    this.#layers = layers;
    this.#query = query;
  }

  /** @returns `undefined` when a scan is better. */
  answer(usable: ReadonlySet<string>, isOrdered: boolean, lookupCost: number): JsonAnswer | undefined {
    const { limit, order } = this.#query;
    const documents = this.#layers.reduce((sum, layer) => sum + layer.visibleCount(), 0);
    const plans = this.#plans(usable);
    const proposed = plans?.reduce((sum, { estimate }) => sum + estimate, 0) ?? documents;
    // Results lie evenly, as far as anybody knows: so many documents have to be looked at until there are enough.
    const untilFull = limit < proposed ? (limit * documents) / proposed : documents;
    const scanCost = order === undefined ? untilFull : documents;
    const listCost = plans === undefined ? Number.POSITIVE_INFINITY : proposed * lookupCost;
    if (isOrdered && untilFull * lookupCost < Math.min(scanCost, listCost)) {
      const answer = this.#follow(documents);
      if (answer !== undefined) return answer;
    }
    if (plans === undefined || listCost >= scanCost || this.#isSmall(listCost)) return undefined;
    return this.#list(plans);
  }

  /** How each layer narrows the question down; `undefined` when they do not. */
  #plans(usable: ReadonlySet<string>): readonly WherePlan[] | undefined {
    const plans: WherePlan[] = [];
    if (usable.size === 0) return undefined;
    for (const { partition, index } of this.#layers) {
      const plan = planWhere(this.#query.predicate.tree, (field) =>
        usable.has(field.field) ? index.fields.use(field, documentsOf(partition)) : undefined,
      );
      if (plan === undefined) return undefined;
      plans.push(plan);
    }
    return plans;
  }

  /** Whether the range has at most so many documents that reading them costs no more than `cost`. */
  #isSmall(cost: number): boolean {
    const { start, end } = this.#query.range;
    const [nearest] = this.#view.layers;
    if ((start === undefined && end === undefined) || nearest === undefined) return false;
    let count = 0;
    nearest.table.scan({ start, end, reverse: false }, nearest.through, () => ++count <= cost);
    return count <= cost;
  }

  /** Looks up what the plans propose. */
  #list(plans: readonly WherePlan[]): JsonAnswer {
    const work = this.#work([...new Set(plans.flatMap(({ fields }) => fields))]);
    this.#offerOwn(work);
    for (const [position, layer] of this.#layers.entries()) {
      const slots = (plans[position] as WherePlan).slots();
      work.candidates += slots.length;
      for (let i = 0; i < slots.length; i++) this.#offer(layer, slots[i]!, work);
    }
    return this.#answer(work);
  }

  /** Looks documents up in the order they are wanted in, until there are enough; `undefined` when that takes too long. */
  #follow(documents: number): JsonAnswer | undefined {
    const { order, limit } = this.#query;
    if (order === undefined) return undefined;
    const { reverse, field } = order;
    const work = this.#work([field]);
    const ways = this.#layers.map((layer) => {
      const index = layer.index.fields.use(order, documentsOf(layer.partition));
      return { layer, order: index.order(reverse) };
    });
    const { place } = work.matches;
    if (place !== undefined) for (const way of ways) way.order.seek(fieldKey(place.value));
    const stepsMax = documents / ORDER_SHARE + ORDER_STEPS;
    let results = 0;
    for (let key = nextKey(ways, reverse); key !== undefined; key = nextKey(ways, reverse)) {
      // All that has one key: among it values may still differ, and keys of documents are the last word.
      for (const way of ways) {
        if (way.order.key === undefined || orderKeys(way.order.key, key, reverse) !== 0) continue;
        const slots = way.order.take();
        work.candidates += slots.length;
        for (let i = 0; i < slots.length; i++) if (this.#offer(way.layer, slots[i]!, work)) results++;
      }
      if (results >= limit) break;
      if (work.candidates > stepsMax) return undefined;
    }
    this.#offerOwn(work);
    return this.#answer(work);
  }

  #work(fields: readonly string[]): Work {
    return { fields, matches: new MatchList(this.#table, this.#query), candidates: 0, scanned: 0 };
  }

  /** The reader's own writes are in no index. */
  #offerOwn(work: Work): void {
    for (const [key, stored] of this.#view.pending ?? []) {
      if (stored === undefined || !isLive(stored) || !isInRange(key, this.#query.range)) continue;
      work.scanned++;
      work.matches.offer(key, stored);
    }
  }

  /** @returns whether it is a result, unless there are enough before it. */
  #offer(layer: Layer, slot: number, work: Work): boolean {
    if (!layer.isVisible(slot)) return false;
    const key = layer.slots.keyOf(slot);
    if (!isInRange(key, this.#query.range)) return false;
    const found = this.#found;
    if (!this.#table.peek(key, found) || found.stored === undefined) return false;
    work.scanned++;
    return work.matches.offer(key, found.stored);
  }

  #answer({ fields, matches, candidates, scanned }: Work): JsonAnswer {
    const documents = matches.take();
    this.#table.observeRange(seenRange(this.#query, documents), "values");
    return { documents, explanation: { indexes: fields, candidates, scanned, matches: documents.length } };
  }
}

/** The first of the keys that come next. */
function nextKey(ways: readonly { readonly order: FieldOrder }[], reverse: boolean): FieldOrder["key"] {
  let first: FieldOrder["key"];
  for (const { order } of ways) {
    const { key } = order;
    if (key !== undefined && (first === undefined || orderKeys(key, first, reverse) < 0)) first = key;
  }
  return first;
}

function* fieldsOf(node: WhereNode): Generator<string, void, undefined> {
  if (node.kind === "field") yield node.field;
  else if (node.kind !== "not") for (const each of node.nodes) yield* fieldsOf(each);
}
