import { copyOut, copyValue, hasBytes, type Limits, type Value, type Version } from "@strata/core";
import { Box, Found, type Stored } from "@strata/storage";
import { checkDocument, checkWritten, documentLimits, formatJsonPath, type JsonOperation } from "../json/index.js";
import { applyOperation } from "../json/json-operation.js";
import { counterOf } from "../primitives/cell.js";
import { plain, valueIn } from "../primitives/stored-value.js";
import { isReservedSpace } from "../reserved-space.js";
import { visibleAt } from "../visibility.js";
import { Comparison, type KeyPlace } from "./comparison.js";
import type { Conflicts } from "./conflict.js";
import type { EntityRef } from "./entity-ref.js";
import { mergeDocuments } from "./json-merge.js";
import type { Point } from "./point.js";
import type { Selection } from "./run-filter.js";
import { isSame } from "./same-value.js";
import { VectorPlanner } from "./vector-merge.js";

/** Three states of a run: what `theirs` did since `base` is to be done to `ours`. */
export interface ThreeWay {
  /** Name of the run that is written to, for references. */
  readonly run: string;
  readonly base: Point;
  readonly ours: Point;
  readonly theirs: Point;
  /** What `ours` wrote above this version it wrote on top of `base`. */
  readonly oursSince: Version;
  /** Likewise of `theirs`. Infinity where only values count: for reverting, and where changes are picked. */
  readonly theirsSince: Version;
  /** The time by which expiry is judged, µs since the epoch. */
  readonly now: number;
  readonly limits: Limits;
}

/** What is to be written to one key. */
export type KeyChange = PutChange | DocumentChange;

export interface PutChange {
  readonly kind: "put";
  readonly space: string;
  readonly primitive: "kv" | "state" | "vector";
  readonly key: string;
  readonly stored: Stored | undefined;
}

export interface DocumentChange {
  readonly kind: "document";
  readonly space: string;
  readonly key: string;
  /** `undefined`: deleted. */
  readonly root: Value | undefined;
  /** How it comes out of what is there; `undefined` where the whole of it is written. */
  readonly operations: readonly JsonOperation[] | undefined;
}

/** The changes that bring what `theirs` did to keys into `ours`; what both did differently is asked of `conflicts`. */
export function planKeys(states: ThreeWay, selection: Selection, conflicts: Conflicts): KeyChange[] {
  const planner = new KeyPlanner(states, conflicts);
  new Comparison(states.base, states.theirs, selection).walk({
    key: (place, base, theirs) => {
      planner.plan(place, base, theirs);
      return true;
    },
    events: () => true,
  });
  return [...planner.changes, ...planner.vectors.plan()];
}

class KeyPlanner {
  readonly changes: KeyChange[] = [];
  readonly vectors: VectorPlanner;
  readonly #states: ThreeWay;
  readonly #conflicts: Conflicts;
  readonly #found = new Found();

  constructor(states: ThreeWay, conflicts: Conflicts) {
    this.#states = states;
    this.#conflicts = conflicts;
    this.vectors = new VectorPlanner(states, (ref, ...sides) => this.#decideChecked(ref, ...sides, {}));
  }

  plan(place: KeyPlace, base: Found, theirs: Found): void {
    if (place.primitive === "vector") {
      this.vectors.note(place.space, place.key);
      return;
    }
    const ours = this.#ours(place);
    if (place.primitive === "json") this.#planDocument(place, base, ours, theirs);
    else if (place.primitive === "state") this.#planCell(place, base, ours, theirs);
    else this.#planValue(place, base, ours, theirs);
  }

  #planValue({ space, key }: KeyPlace, base: Found, ours: Found, theirs: Found): void {
    const [before, mine, wanted] = [this.#valueOf(base), this.#valueOf(ours), this.#valueOf(theirs)];
    if (isSame(before, wanted) || isSame(mine, wanted)) return;
    const ref = this.#ref(space, "kv", key);
    const decided = isSame(before, mine) ? wanted : this.#decide(ref, before, mine, wanted, this.#states.limits);
    if (decided === mine) return;
    const stored = decided === wanted ? this.#live(theirs) : decided === undefined ? undefined : plain(decided, NEVER);
    this.changes.push({ kind: "put", space, primitive: "kv", key, stored });
  }

  /** A cell counts its writes and others act on that: written on both sides it is a conflict, even where both wrote the same. */
  #planCell({ space, key }: KeyPlace, base: Found, ours: Found, theirs: Found): void {
    const [before, mine, wanted] = [this.#valueOf(base), this.#valueOf(ours), this.#valueOf(theirs)];
    const { oursSince, theirsSince } = this.#states;
    if (theirs.version <= theirsSince && isSame(before, wanted)) return;
    const isOurs = ours.version > oursSince || !isSame(before, mine);
    const areAlike = isSame(mine, wanted);
    if (areAlike && (!isOurs || theirsSince === Number.POSITIVE_INFINITY)) return;
    const ref = this.#ref(space, "state", key);
    const decided = isOurs ? this.#decide(ref, before, mine, wanted, this.#states.limits) : wanted;
    if (decided === mine || isSame(decided, mine)) return;
    const source = this.#live(theirs);
    const expiresAt = decided === wanted && source instanceof Box ? source.expiresAt : NEVER;
    // The counter never falls, on neither side; a deletion counts no write.
    const counter = Math.max(counterOf(ours.stored) + (decided === undefined ? 0 : 1), counterOf(theirs.stored));
    const stored = new Box(decided, expiresAt, counter, 0, decided !== undefined && hasBytes(decided));
    this.changes.push({ kind: "put", space, primitive: "state", key, stored });
  }

  #planDocument({ space, key }: KeyPlace, base: Found, ours: Found, theirs: Found): void {
    const [before, mine, wanted] = [this.#rootOf(base), this.#rootOf(ours), this.#rootOf(theirs)];
    const ref = this.#ref(space, "json", key);
    const limits = documentLimits(this.#states.limits);
    const operations = mergeDocuments(before, mine, wanted, (place) => {
      const [shown, ours, theirs] = [handedOut(place.base), handedOut(place.ours), handedOut(place.theirs)];
      const decided = this.#decide(ref, shown, ours, theirs, limits, place.path);
      return decided === ours ? place.ours : decided === theirs ? place.theirs : decided;
    });
    if (operations.length === 0) return;
    let root = mine;
    for (const operation of operations) root = applyOperation(root, operation);
    // Each side kept to the limits, both together may not.
    if (root !== undefined && root !== wanted) copyValue(root, limits, "a merged document");
    const isWhole = operations.some(({ path }) => path.length === 0);
    this.changes.push({ kind: "document", space, key, root, operations: isWhole ? undefined : operations });
  }

  #decide(
    ref: EntityRef,
    base: Value | undefined,
    ours: Value | undefined,
    theirs: Value | undefined,
    limits: Limits,
    path?: readonly (string | number)[],
  ): Value | undefined {
    const check = (answer: Value) => {
      const value = copyValue(answer, limits, "what a resolver returned");
      if (path !== undefined && path.length > 0) checkWritten(value, path);
      else if (path !== undefined) checkDocument(value);
      return value;
    };
    return this.#decideChecked(
      ref,
      base,
      ours,
      theirs,
      check,
      path === undefined ? {} : { path: formatJsonPath(path) },
    );
  }

  #decideChecked(
    ref: EntityRef,
    base: Value | undefined,
    ours: Value | undefined,
    theirs: Value | undefined,
    check: (answer: Value) => Value,
    place: { readonly path?: string },
  ): Value | undefined {
    // What was recorded in the target stays what it was: nobody can decide about what nobody sees.
    if (isReservedSpace(ref.space)) return ours;
    return this.#conflicts.decide({ ref: Object.freeze(ref), ...place, base, ours, theirs }, check);
  }

  #ref(space: string, primitive: "kv" | "state" | "json", key: string): EntityRef {
    return { run: this.#states.run, space, primitive, key };
  }

  #ours({ space, primitive, key }: KeyPlace): Found {
    const { shard, version } = this.#states.ours;
    const table = shard.tableAt(space, primitive, version);
    if (table === undefined) this.#found.reset();
    else table.find(key, version, this.#found);
    return this.#found;
  }

  #live(found: Found): Stored | undefined {
    return visibleAt(found.stored, this.#states.now);
  }

  #valueOf(found: Found): Value | undefined {
    const stored = this.#live(found);
    return stored === undefined ? undefined : valueIn(stored);
  }

  /** The document itself, not a copy: what is merged shares what it keeps. */
  #rootOf(found: Found): Value | undefined {
    const stored = this.#live(found);
    return stored instanceof Box ? stored.value : stored;
  }
}

/** Bytes cannot be frozen: whoever gets to see them gets a copy. */
function handedOut(value: Value | undefined): Value | undefined {
  return value !== undefined && hasBytes(value) ? copyOut(value) : value;
}

const NEVER = Number.POSITIVE_INFINITY;
