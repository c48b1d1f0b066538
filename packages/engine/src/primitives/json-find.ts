import { checkKey, compareCodePoints, InvalidArgumentError, type Limits, type Options, Value } from "@strata/core";
import { Box, type KeyRange, type Stored } from "@strata/storage";
import { compileWhere, getAt, type JsonField, jsonField, type Predicate } from "../json/index.js";
import type { ReadScope, TableReader } from "../scope.js";
import { keyScan } from "./key-scan.js";
import { optionalString, optionsOf } from "./options.js";

export type JsonFindOptions = Options<{
  /** Of the documents' keys. */
  prefix: string;
  /**
   * A path: results come in the order of what stands there (`Value.compare`), of one value in that of their keys. Where nothing stands they
   * come last, in either direction. Without it results come in the order of their keys.
   */
  orderBy: string;
  reverse: boolean;
  /** The key of the page before's last result: go on behind it. With `orderBy` its document must still be there, for its value is the place. */
  after: string;
  limit: number;
}>;

export interface JsonMatch<V> {
  readonly key: string;
  readonly value: V;
}

/** How a find was answered. */
export interface JsonExplanation {
  /** Paths of the indexes that served, in canonical form; none: every document of the prefix was read, or as many as it took. */
  readonly indexes: readonly string[];
  /** Documents that the indexes proposed; without any, those that were read. */
  readonly candidates: number;
  /** Documents that were read and tested. */
  readonly scanned: number;
  /** Results. */
  readonly matches: number;
}

/** A checked question for documents. */
export interface JsonQuery {
  readonly predicate: Predicate;
  /** Keys that can be results; without `order` it begins behind `after`. */
  readonly range: KeyRange;
  readonly limit: number;
  readonly order: JsonOrder | undefined;
}

export interface JsonOrder extends JsonField {
  readonly reverse: boolean;
  readonly after: string | undefined;
}

/** A document that was found, as it is stored. */
export interface FoundDocument {
  readonly key: string;
  readonly stored: Stored;
}

export interface JsonAnswer {
  readonly documents: readonly FoundDocument[];
  readonly explanation: JsonExplanation;
}

/** How documents are found: port of what keeps indexes. In a transaction the answer is observed as `scanDocuments` observes it. */
export interface JsonFinder {
  find(scope: ReadScope, query: JsonQuery): JsonAnswer;
}

const OPTIONS = ["prefix", "orderBy", "reverse", "after", "limit"] as const;

/** @throws InvalidArgumentError `INVALID_ARGUMENT`, `INVALID_PATH`, `INVALID_KEY` */
export function jsonQuery(where: unknown, given: JsonFindOptions | undefined, limits: Limits, call: string): JsonQuery {
  const predicate = compileWhere(where, call);
  const options = optionsOf(given, OPTIONS, call);
  const orderBy = optionalString(options.orderBy, "orderBy", call);
  const after = optionalString(options.after, "after", call);
  const scan = keyScan({ ...options, orderBy: undefined } as object, call);
  if (orderBy === undefined) return { predicate, range: scan.range, limit: scan.limit, order: undefined };
  if (after !== undefined) checkKey(after, limits);
  const { range, limit } = keyScan({ ...options, orderBy: undefined, after: undefined } as object, call);
  const order = { ...jsonField(orderBy), reverse: range.reverse, after };
  return { predicate, range: { ...range, reverse: false }, limit, order };
}

/** Finds by reading the documents one after the other. */
export const scanDocuments: JsonFinder = {
  find(scope, query) {
    const table = scope.table("json");
    const matches = new MatchList(table, query);
    let scanned = 0;
    if (query.limit > 0) {
      table.scan(query.range, "values", (key, stored) => {
        scanned++;
        return !matches.offer(key, stored) || query.order !== undefined || matches.length < query.limit;
      });
    }
    const documents = matches.take();
    return { documents, explanation: { indexes: [], candidates: scanned, scanned, matches: documents.length } };
  },
};

/** A result with what stands at the path of the order. */
interface Match extends FoundDocument {
  readonly at: Value | undefined;
}

/** Matches are cut to the limit whenever so many more have come. */
const SLACK = 64;

/** What a query has found, in its order and within its limit, from documents offered in any order. */
export class MatchList {
  readonly #query: JsonQuery;
  readonly #compare: (a: Match, b: Match) => number;
  readonly #after: Match | undefined;
  #matches: Match[] = [];
  /** Nothing behind it is wanted: as many as the limit come before it, or are it. */
  #worst: Match | undefined;

  /** @throws InvalidArgumentError `INVALID_ARGUMENT` when the document to go on behind is gone. */
  constructor(table: TableReader, query: JsonQuery) {
    const { order, range } = query;
    this.#query = query;
    this.#compare = order === undefined ? keyOrder(range.reverse) : valueOrder(order.reverse);
    this.#after = order?.after === undefined ? undefined : placeOf(table, order.after, order);
    this.#worst = undefined;
  }

  get length(): number {
    return this.#matches.length;
  }

  /** What stands at the path of the order in the document to go on behind. */
  get place(): { readonly value: Value | undefined } | undefined {
    return this.#after === undefined ? undefined : { value: this.#after.at };
  }

  /** @returns whether the document matches and stands behind `after`: it is a result, unless as many come before it as are wanted. */
  offer(key: string, stored: Stored): boolean {
    const { predicate, order, limit } = this.#query;
    const root = rootOf(stored);
    if (!predicate.matches(root)) return false;
    const match = { key, stored, at: order === undefined ? undefined : getAt(root, order.path) };
    if (this.#after !== undefined && this.#compare(match, this.#after) <= 0) return false;
    if (this.#worst !== undefined && this.#compare(match, this.#worst) >= 0) return true;
    this.#matches.push(match);
    if (this.#matches.length >= 2 * limit + SLACK) this.#cut();
    return true;
  }

  take(): readonly FoundDocument[] {
    this.#cut();
    return this.#matches;
  }

  #cut(): void {
    const { limit } = this.#query;
    this.#matches.sort(this.#compare);
    if (this.#matches.length < limit) return;
    this.#matches.length = limit;
    this.#worst = this.#matches.at(-1);
  }
}

/** The keys that a find has seen once it has its answer: up to the last result, where keys are the order and there were enough. */
export function seenRange({ range, order, limit }: JsonQuery, documents: readonly FoundDocument[]): KeyRange {
  const last = documents.at(-1)?.key;
  if (order !== undefined || last === undefined || documents.length < limit) return range;
  return range.reverse ? { ...range, start: last } : { ...range, end: `${last}\0` };
}

/** Whether a find may take what a key holds. Keys are those that a table has. */
export function isInRange(key: string, { start, end }: KeyRange): boolean {
  return (
    (start === undefined || compareCodePoints(key, start) >= 0) &&
    (end === undefined || compareCodePoints(key, end) < 0)
  );
}

/** What a find looks at of a stored document. */
export function rootOf(stored: Stored): Value | undefined {
  return stored instanceof Box ? stored.value : stored;
}

function placeOf(table: TableReader, key: string, { path }: JsonOrder): Match {
  const stored = table.get(key);
  if (stored !== undefined) return { key, stored, at: getAt(rootOf(stored), path) };
  throw new InvalidArgumentError(
    "INVALID_ARGUMENT",
    `json.find: there is no document "${key}" to go on behind`,
    { option: "after", key },
    { hint: "Read all pages in one transaction, or from db.at(version): there no document moves or goes." },
  );
}

function keyOrder(reverse: boolean): (a: Match, b: Match) => number {
  return reverse ? (a, b) => compareCodePoints(b.key, a.key) : (a, b) => compareCodePoints(a.key, b.key);
}

function valueOrder(reverse: boolean): (a: Match, b: Match) => number {
  const direction = reverse ? -1 : 1;
  return (a, b) => {
    if (a.at === undefined || b.at === undefined) {
      if (a.at !== b.at) return a.at === undefined ? 1 : -1;
    } else {
      const order = Value.compare(a.at, b.at);
      if (order !== 0) return order * direction;
    }
    return compareCodePoints(a.key, b.key) * direction;
  };
}
