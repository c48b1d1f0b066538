import type { EntityRef, Reads, SearchOptions, Value } from "../src/index.js";

/** Words of the texts, and the stem of each. */
export const STEMS: { readonly [word: string]: string } = {
  run: "run",
  running: "run",
  fox: "fox",
  dog: "dog",
  cat: "cat",
  alpha: "alpha",
  beta: "beta",
  tree: "tree",
};

/** An entry that can be found, as reading all there is shows it. */
export interface OracleEntry {
  readonly ref: EntityRef;
  readonly value: Value;
  readonly timestamp: number;
  readonly words: readonly string[];
}

export interface OracleHit {
  readonly id: string;
  readonly score: number;
}

/** A space of a run, as somebody sees it. */
export interface SeenSpace {
  readonly run: string;
  readonly space: string;
  readonly reads: Omit<Reads, "search" | "vectors">;
}

export function idOf(ref: EntityRef): string {
  const { space, primitive } = ref;
  return `${space}/${primitive}/${primitive === "event" ? ref.sequence : ref.key}`;
}

/** Every entry with text in a space, read the plain way. */
export function entriesIn({ run, space, reads }: SeenSpace): OracleEntry[] {
  const entries: OracleEntry[] = [];
  const add = (ref: EntityRef, value: Value, timestamp: number, texts: readonly string[]) => {
    if (texts.length > 0) entries.push({ ref, value, timestamp, words: texts.flatMap(wordsOf) });
  };
  for (const [key, value] of reads.kv.entries()) {
    const { timestamp } = reads.kv.getVersioned(key)!;
    add({ run, space, primitive: "kv", key }, value, timestamp, stringsIn(value));
  }
  for (const cell of reads.state.list()) {
    const { value, timestamp } = reads.state.readVersioned(cell)!;
    add({ run, space, primitive: "state", key: cell }, value, timestamp, [cell, ...stringsIn(value)]);
  }
  for (const [key, value] of reads.json.entries()) {
    const { timestamp } = reads.json.getVersioned(key)!;
    add({ run, space, primitive: "json", key }, value, timestamp, stringsIn(value));
  }
  for (const { type, sequence, payload, timestamp } of reads.events.iterate()) {
    add({ run, space, primitive: "event", type, sequence }, payload, timestamp, [type, ...stringsIn(payload)]);
  }
  return entries;
}

/** BM25 over `entries`, by looking at each of them; `accepts` says which may be hits. Best first, equal ones in no order. */
export function naiveSearch(
  entries: readonly OracleEntry[],
  query: string,
  { k1 = 1.2, b = 0.75 }: NonNullable<SearchOptions["bm25"]>,
  accepts: (entry: OracleEntry) => boolean,
): OracleHit[] {
  const clauses = readClauses(query);
  const averageLength = entries.reduce((sum, { words }) => sum + words.length, 0) / entries.length;
  const scored = clauses.map(({ matches }) => {
    const tf = entries.map(({ words }) => words.filter(matches).length);
    const df = tf.filter((count) => count > 0).length;
    const idf = Math.log(1 + (entries.length - df + 0.5) / (df + 0.5));
    return tf.map((count, at) => {
      const length = entries[at]!.words.length;
      return count === 0 ? undefined : (idf * count * (k1 + 1)) / (count + k1 * (1 - b + (b * length) / averageLength));
    });
  });
  const hasMust = clauses.some(({ sign }) => sign === "+");
  const hits: OracleHit[] = [];
  for (const [at, entry] of entries.entries()) {
    let score = 0;
    let found = false;
    let refused = false;
    for (const [clause, { sign }] of clauses.entries()) {
      const part = scored[clause]![at];
      if (sign === "-") refused ||= part !== undefined;
      else if (part === undefined) refused ||= sign === "+";
      else {
        score += part;
        found ||= sign === "+" || !hasMust;
      }
    }
    if (found && !refused && accepts(entry)) hits.push({ id: idOf(entry.ref), score });
  }
  return hits.sort((x, y) => y.score - x.score);
}

interface Clause {
  readonly sign: string;
  matches(word: string): boolean;
}

/** A word counts once, in whatever form and however often it is asked for; "+" once is "+" for all of them. */
function readClauses(query: string): Clause[] {
  const clauses = new Map<string, Clause>();
  for (const item of query.split(" ")) {
    const sign = /^[+-]/.exec(item)?.[0] ?? "";
    const word = item.slice(sign.length);
    const begin = word.endsWith("*") ? word.slice(0, -1) : undefined;
    const term = stemOf(word);
    const matches = (other: string) => (begin === undefined ? stemOf(other) === term : other.startsWith(begin));
    const identity = sign === "-" ? item : term;
    clauses.set(identity, { sign: clauses.get(identity)?.sign === "+" ? "+" : sign, matches });
  }
  return [...clauses.values()];
}

function stemOf(word: string): string {
  return STEMS[word] ?? word;
}

function wordsOf(text: string): string[] {
  return text.match(/[a-z0-9]+/g) ?? [];
}

function stringsIn(value: Value): string[] {
  if (typeof value === "string") return [value];
  if (typeof value !== "object" || value === null || value instanceof Uint8Array) return [];
  const parts: readonly Value[] = Array.isArray(value) ? value : Object.values(value);
  return parts.flatMap(stringsIn);
}
