import { compareCodePoints, StrataError, type Value } from "@strata/core";
import {
  compileWhere,
  type Database,
  type EntityRef,
  EventLogReader,
  type JsonFindOptions,
  JsonReader,
  jsonQuery,
  KvReader,
  type Metric,
  type ReadScope,
  StateCellReader,
  scanDocuments,
  VectorReader,
  type Where,
} from "@strata/engine";
import { expect } from "vitest";
import { compareRefs, identityOf } from "../src/search/entity-order.js";
import type { SearchOptions } from "../src/search/search-options.js";
import { parseQuery } from "../src/text/query.js";
import { naiveTextSearch } from "./naive-text-search.js";
import { readersOf } from "./simulated-search.js";

const TOLERANCE = 1e-9;
/** Vectors are compared in 32 bits. */
const NEARNESS_TOLERANCE = 1e-5;

/** Somewhere to search from: a head, an open transaction, a view of the past. */
export interface Place {
  readonly name: string;
  readonly run: string;
  readonly spaces: readonly string[];
  scope(space: string): ReadScope;
}

export interface TextQuestion {
  readonly query: string;
  readonly options: SearchOptions;
}

export interface VectorQuestion {
  readonly vector: readonly number[];
  readonly k: number;
  readonly prefix: string;
  readonly filter: Where | undefined;
  readonly minScore: number | undefined;
}

export interface FindQuestion {
  readonly where: object;
  readonly options: JsonFindOptions;
}

/** An entry that words can find, as reading all there is shows it. */
interface Entry {
  readonly ref: EntityRef;
  readonly value: Value;
  readonly timestamp: number;
  readonly fields: readonly string[];
}

/** In messages. */
export function shown(value: unknown): string {
  return JSON.stringify(value, (_, part: unknown) => (typeof part === "bigint" ? `${part}n` : part));
}

/** How many of the nearest were found by the graphs, of how many. */
export interface Recall {
  found: number;
  wanted: number;
}

/** A search by words gives what BM25 over every entry gives: the same hits, with the same scores, in the same order. */
export function judgeTexts(db: Database, place: Place, { query, options }: TextQuestion): void {
  const { primitives, spaces = ["default"], prefix = "", types, k = 10, bm25 = {}, filter, timeRange } = options;
  const what = `${place.run}, ${place.name}: search ${JSON.stringify(query)} ${JSON.stringify(options)}`;
  const searched = spaces === "all" ? place.spaces : [...new Set(spaces)];
  const entries = searched
    .flatMap((space) => entriesIn(place.run, space, place.scope(space)))
    .filter(({ ref }) => primitives === undefined || primitives.includes(ref.primitive))
    .filter(({ ref }) => types === undefined || ref.primitive === "event");
  const byId = new Map(entries.map((entry) => [identityOf(entry.ref), entry]));
  const condition = compileWhere(filter ?? {}, "test");
  const now = place.scope("default").now();
  const accepts = ({ ref, value, timestamp: committed }: Entry) => {
    // What is not committed counts as written now.
    const timestamp = committed || now;
    const name = ref.primitive === "event" ? ref.type : (ref as { key: string }).key;
    if (!name.startsWith(prefix)) return false;
    if (types !== undefined && !types.includes((ref as { type: string }).type)) return false;
    if (timeRange?.start !== undefined && timestamp < Number(timeRange.start)) return false;
    if (timeRange?.end !== undefined && timestamp >= Number(timeRange.end)) return false;
    return filter === undefined || condition.matches(value);
  };
  const documents = entries.map(({ ref, fields }) => ({ id: identityOf(ref), fields }));
  const { k1 = 1.2, b = 0.75 } = bm25;
  const expected = naiveTextSearch(documents, parseQuery(query), { k1, b, stems: true }).filter(({ id }) =>
    accepts(byId.get(id)!),
  );
  const scoreOf = new Map(expected.map(({ id, score }) => [id, score]));
  const { hits, truncated, mode } = readersOf(db, place.scope("default")).texts.search(query, options);
  expect(mode, what).toBe("keyword");
  expect(hits.length, what).toBe(Math.min(k, expected.length));
  expect(truncated, what).toBe(k > 0 && expected.length > k);
  for (const [position, { ref, score, explain }] of hits.entries()) {
    const id = identityOf(ref);
    const wanted = scoreOf.get(id);
    // Each counts once.
    scoreOf.delete(id);
    if (wanted === undefined) throw new Error(`${what}: ${id} is no match, or was there before`);
    if (!(Math.abs(score - wanted) < TOLERANCE)) throw new Error(`${what}: ${id} scores ${score}, not ${wanted}`);
    if (!(Math.abs(score - expected[position]!.score) < TOLERANCE)) throw new Error(`${what}: rank of ${id}`);
    const next = hits[position + 1];
    if (next?.score === score && compareRefs(ref, next.ref) >= 0) throw new Error(`${what}: ${id} among its equals`);
    if (explain === undefined) continue;
    const { score: explained, documents: counted } = explain["keyword"] as { score: number; documents: number };
    if (explained !== score || counted !== entries.length) throw new Error(`${what}: ${shown(explain)}`);
  }
  const shownOf = ({ ref, value, timestamp }: Pick<Entry, "ref" | "value" | "timestamp">) => ({
    ref,
    value,
    timestamp,
  });
  expect(hits.map(shownOf), what).toEqual(hits.map(({ ref }) => shownOf(byId.get(identityOf(ref))!)));
}

/** Every entry with text in a space, read the plain way. */
function entriesIn(run: string, space: string, scope: ReadScope): Entry[] {
  const entries: Entry[] = [];
  const add = (ref: EntityRef, value: Value, timestamp: number, fields: readonly string[]) => {
    if (fields.length > 0) entries.push({ ref, value, timestamp, fields });
  };
  const kv = new KvReader(scope);
  for (const [key, value] of kv.entries()) {
    const { timestamp } = kv.getVersioned(key)!;
    add({ run, space, primitive: "kv", key }, value, timestamp, stringsIn(value));
  }
  const cells = new StateCellReader(scope);
  for (const cell of cells.list()) {
    const { value, timestamp } = cells.readVersioned(cell)!;
    add({ run, space, primitive: "state", key: cell }, value as Value, timestamp, [cell, ...stringsIn(value as Value)]);
  }
  const json = new JsonReader(scope);
  for (const [key, value] of json.entries()) {
    const { timestamp } = json.getVersioned(key)!;
    add({ run, space, primitive: "json", key }, value, timestamp, stringsIn(value));
  }
  const events = new EventLogReader(scope);
  for (const { type, sequence, payload, timestamp } of events.range(0, events.len())) {
    const ref: EntityRef = { run, space, primitive: "event", type, sequence };
    add(ref, payload as Value, timestamp, [type, ...stringsIn(payload as Value)]);
  }
  return entries;
}

function stringsIn(value: Value): string[] {
  if (typeof value === "string") return [value];
  if (typeof value !== "object" || value === null || value instanceof Uint8Array) return [];
  const parts: readonly Value[] = Array.isArray(value) ? value : Object.values(value);
  return parts.flatMap(stringsIn);
}

/** Every collection that is seen: searches, counts and facts of it are those of reading every vector. */
export function judgeVectors(
  db: Database,
  place: Place,
  space: string,
  question: VectorQuestion,
  recall: Recall,
): void {
  const scope = place.scope(space);
  const plain = new VectorReader(scope);
  const { vectors } = readersOf(db, scope);
  const collections = plain.listCollections();
  expect(vectors.listCollections().map(({ name, count }) => ({ name, count }))).toEqual(
    collections.map(({ name, count }) => ({ name, count })),
  );
  for (const { name, dimension, metric } of collections) {
    const what = `${place.run}/${space}/${name}, ${place.name}: ${shown(question)}`;
    const { k, prefix, filter, minScore } = question;
    const vector = Float32Array.from({ length: dimension }, (_, i) => question.vector[i % question.vector.length]!);
    const predicate = compileWhere(filter ?? {}, "test");
    const rows = plain.keys(name).map((key) => plain.get(name, key)!);
    const inFilter = rows.filter(({ metadata }) => filter === undefined || predicate.matches(metadata));
    expect(vectors.count(name), `${what}: count`).toBe(rows.length);
    if (filter !== undefined) expect(vectors.count(name, filter), `${what}: count`).toBe(inFilter.length);
    const facts = { name, dimension, metric, count: rows.length };
    const all = inFilter
      .filter(({ key }) => key.startsWith(prefix))
      .map((row) => ({ ...row, score: scoreOf(metric, vector, row.vector) }))
      .sort((a, b) => b.score - a.score || compareCodePoints(a.key, b.key));
    const enough = all.filter(({ score }) => minScore === undefined || score >= minScore + NEARNESS_TOLERANCE);
    const atMost = all.filter(({ score }) => minScore === undefined || score >= minScore - NEARNESS_TOLERANCE);
    const byKey = new Map(all.map((row) => [row.key, row]));
    const options = { k, prefix, filter, minScore, includeVectors: true };
    for (const exact of [true, false]) {
      const matches = vectors.search(name, vector, { ...options, exact });
      const asked = `${what}: ${exact ? "exact" : "by graph"}`;
      if (exact || minScore === undefined)
        expect(matches.length, asked).toBeGreaterThanOrEqual(Math.min(k, enough.length));
      expect(matches.length, asked).toBeLessThanOrEqual(Math.min(k, atMost.length));
      const known = new Set<string>();
      for (const [position, { key, score }] of matches.entries()) {
        const row = byKey.get(key);
        if (row === undefined || known.has(key))
          throw new Error(`${asked}: "${key}" is invented, dead, filtered out or there before`);
        known.add(key);
        if (!(Math.abs(score - row.score) < NEARNESS_TOLERANCE))
          throw new Error(`${asked}: "${key}" scores ${score}, not ${row.score}`);
        const isNearest = Math.abs(score - all[position]!.score) < NEARNESS_TOLERANCE;
        if (exact && !isNearest) throw new Error(`${asked}: rank of "${key}"`);
        if (!exact && isNearest) recall.found++;
        const next = matches[position + 1];
        if (next === undefined) continue;
        const order = next.score - score || compareCodePoints(key, next.key);
        if (order >= 0) throw new Error(`${asked}: "${key}" before "${next.key}"`);
      }
      expect(
        matches.map(({ key, metadata, vector }) => [key, metadata, vector]),
        asked,
      ).toEqual(matches.map(({ key }) => [key, byKey.get(key)!.metadata, byKey.get(key)!.vector]));
      if (!exact) recall.wanted += Math.min(k, minScore === undefined ? all.length : matches.length);
    }
    expect(vectors.stats(name), what).toMatchObject(facts);
    expect(vectors.count(name), `${what}: count`).toBe(rows.length);
    if (filter !== undefined) expect(vectors.count(name, filter), `${what}: count`).toBe(inFilter.length);
    const [listed] = vectors.listCollections().filter((info) => info.name === name);
    expect(listed, what).toMatchObject(facts);
    expect(listed!.indexed, what).toBeLessThanOrEqual(rows.length);
  }
}

/** In 64 bits. */
function scoreOf(metric: Metric, a: Float32Array, b: Float32Array): number {
  let [dot, ofA, ofB, distance] = [0, 0, 0, 0];
  for (const [i, x] of a.entries()) {
    const y = b[i]!;
    dot += x * y;
    ofA += x * x;
    ofB += y * y;
    distance += (x - y) ** 2;
  }
  if (metric === "dot") return dot;
  if (metric === "euclidean") return 1 / (1 + Math.sqrt(distance));
  return ofA === 0 || ofB === 0 ? 0 : dot / Math.sqrt(ofA * ofB);
}

/** Documents found by index are those found by reading all of them. */
export function judgeFinds(db: Database, place: Place, space: string, { where, options }: FindQuestion): void {
  const scope = place.scope(space);
  const find = (finder: Pick<typeof scanDocuments, "find">) => {
    try {
      const { documents } = finder.find(scope, jsonQuery(where, options, scope.limits, "test"));
      return documents.map(({ key, stored }) => [key, stored]);
    } catch (error) {
      if (!StrataError.is(error) || error.code === "HISTORY_TRIMMED") throw error;
      return error.code;
    }
  };
  const what = `${place.run}/${space}, ${place.name}: find ${shown(where)} ${shown(options)}`;
  expect(find(readersOf(db, scope).documents), what).toEqual(find(scanDocuments));
}
