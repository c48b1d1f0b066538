/**
 * Runs as git would have them: a graph of whole copies. Written without a look at how the engine does it, as its oracle.
 */
import { mergeVectors, type NaiveVectors } from "./naive-vectors.js";

export type Json = null | number | string | { readonly [name: string]: Json };

export interface NaiveCell {
  readonly value: Json | undefined;
  /** Node that wrote it. */
  readonly writer: number;
}

export interface NaiveState {
  readonly kv: ReadonlyMap<string, Json>;
  readonly cells: ReadonlyMap<string, NaiveCell>;
  readonly json: ReadonlyMap<string, Json>;
  readonly vectors: NaiveVectors;
  /** Events by an identity of their own. */
  readonly events: readonly string[];
}

export interface Node {
  readonly id: number;
  /** The commit it stands for. */
  readonly version: number;
  readonly parents: readonly Node[];
  readonly state: NaiveState;
}

export interface NaiveConflict {
  readonly name: string;
  readonly ours: Json | undefined;
  readonly theirs: Json | undefined;
}

export interface NaiveMerge {
  readonly base: Node;
  readonly state: NaiveState;
  readonly applied: number;
  readonly conflicts: readonly NaiveConflict[];
}

export const EMPTY: NaiveState = { kv: new Map(), cells: new Map(), json: new Map(), vectors: new Map(), events: [] };

export function ancestors(node: Node, found: Set<Node> = new Set()): Set<Node> {
  if (found.has(node)) return found;
  found.add(node);
  for (const parent of node.parents) ancestors(parent, found);
  return found;
}

/** The newest node that both come from. */
export function commonBase(a: Node, b: Node): Node {
  const ofB = ancestors(b);
  return [...ancestors(a)]
    .filter((node) => ofB.has(node))
    .reduce((newest, node) => (node.id > newest.id ? node : newest));
}

/** The node's own line, itself first: parents by descent, not by merges. */
export function line(node: Node): Node[] {
  const first = node.parents[0];
  return first === undefined ? [node] : [node, ...line(first)];
}

/** The oldest node of the line that has `base` behind it. */
export function since(node: Node, base: Node): number {
  return Math.min(
    ...line(node)
      .filter((one) => ancestors(one).has(base))
      .map((one) => one.id),
  );
}

export interface NaiveOptions {
  readonly takes: "ours" | "theirs";
  /** Cells count only by value. */
  readonly byValue: boolean;
  readonly primitives: readonly string[];
  readonly next: number;
}

export function threeWay(
  base: Node,
  ours: Node,
  theirs: Node,
  sinceOurs: number,
  sinceTheirs: number,
  options: NaiveOptions,
): NaiveMerge {
  const conflicts: NaiveConflict[] = [];
  const { takes, byValue, primitives, next } = options;
  let applied = 0;
  const settle = (name: string, mine: Json | undefined, other: Json | undefined) => {
    conflicts.push({ name, ours: mine, theirs: other });
    return takes === "ours" ? mine : other;
  };

  const kv = new Map(ours.state.kv);
  const cells = new Map(ours.state.cells);
  const json = new Map(ours.state.json);
  const events = [...ours.state.events];

  for (const key of primitives.includes("kv") ? keysOf(base.state.kv, ours.state.kv, theirs.state.kv) : []) {
    const [was, mine, other] = [base.state.kv.get(key), ours.state.kv.get(key), theirs.state.kv.get(key)];
    const changed = !same(was, other) && !same(mine, other);
    const result = !changed ? mine : same(was, mine) ? other : settle(`kv:${key}`, mine, other);
    if (same(result, mine)) continue;
    applied++;
    put(kv, key, result);
  }

  for (const key of primitives.includes("state")
    ? keysOf(base.state.cells, ours.state.cells, theirs.state.cells)
    : []) {
    const [was, mine, other] = [base.state.cells.get(key), ours.state.cells.get(key), theirs.state.cells.get(key)];
    const isTheirs = (!byValue && (other?.writer ?? 0) > sinceTheirs) || !same(was?.value, other?.value);
    const isOurs = (mine?.writer ?? 0) > sinceOurs || !same(was?.value, mine?.value);
    if (!isTheirs || (byValue && same(mine?.value, other?.value))) continue;
    const result = isOurs ? settle(`state:${key}`, mine?.value, other?.value) : other?.value;
    if (same(result, mine?.value)) continue;
    applied++;
    cells.set(key, { value: result, writer: next });
  }

  for (const key of primitives.includes("json") ? keysOf(base.state.json, ours.state.json, theirs.state.json) : []) {
    const mine = ours.state.json.get(key);
    const result = mergeJson(`json:${key}:$`, base.state.json.get(key), mine, theirs.state.json.get(key), settle);
    if (same(result, mine)) continue;
    applied++;
    put(json, key, result);
  }

  for (const event of primitives.includes("event") ? theirs.state.events : []) {
    if (events.includes(event)) continue;
    applied++;
    events.push(event);
  }
  const sides = [base.state.vectors, ours.state.vectors, theirs.state.vectors] as const;
  const merged = primitives.includes("vector")
    ? mergeVectors(sides, takes, settle)
    : { vectors: ours.state.vectors, applied: 0 };
  applied += merged.applied;
  return { base, state: { kv, cells, json, vectors: merged.vectors, events }, applied, conflicts };
}

function mergeJson(
  name: string,
  was: Json | undefined,
  mine: Json | undefined,
  other: Json | undefined,
  settle: (name: string, mine: Json | undefined, other: Json | undefined) => Json | undefined,
): Json | undefined {
  if (same(was, other) || same(mine, other)) return mine;
  if (same(was, mine)) return other;
  const parts = [was === undefined ? {} : was, mine, other];
  if (!parts.every((part) => typeof part === "object" && part !== null)) return settle(name, mine, other);
  const [w, m, o] = parts as Record<string, Json>[];
  const merged: Record<string, Json> = {};
  for (const member of new Set([...Object.keys(w ?? {}), ...Object.keys(m ?? {}), ...Object.keys(o ?? {})])) {
    const value = mergeJson(`${name}.${member}`, w?.[member], m?.[member], o?.[member], settle);
    if (value !== undefined) merged[member] = value;
  }
  return merged;
}

function keysOf(...maps: ReadonlyMap<string, unknown>[]): Set<string> {
  return new Set(maps.flatMap((map) => [...map.keys()]));
}

function put(map: Map<string, Json>, key: string, value: Json | undefined): void {
  if (value === undefined) map.delete(key);
  else map.set(key, value);
}

/** Equal as JSON is, whatever the order of members. */
export function same(a: Json | undefined, b: Json | undefined): boolean {
  return sorted(a) === sorted(b);
}

function sorted(value: Json | undefined): string {
  if (value === undefined) return "nothing";
  if (typeof value !== "object" || value === null) return JSON.stringify(value);
  return `{${Object.keys(value)
    .sort()
    .map((name) => `${name}:${sorted(value[name])}`)
    .join()}}`;
}
