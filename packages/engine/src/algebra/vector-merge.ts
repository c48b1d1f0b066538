import { InvalidArgumentError, type Value } from "@strata/core";
import { Found, isLive, type Stored } from "@strata/storage";
import { invalid, optionsOf } from "../primitives/options.js";
import { type Collection, collectionsAlike } from "../primitives/vector-collection.js";
import { vectorFrom } from "../primitives/vector-input.js";
import {
  collectionRowKey,
  isCollectionRow,
  rowsOf,
  shownRow,
  vectorNameOf,
  vectorRow,
  vectorRowKey,
} from "../primitives/vector-row.js";
import { metadataFrom } from "../primitives/vector-store.js";
import { Comparison } from "./comparison.js";
import type { EntityRef } from "./entity-ref.js";
import type { Point } from "./point.js";
import { Selection } from "./run-filter.js";
import { heldIn, isSame } from "./same-value.js";
import type { PutChange, ThreeWay } from "./three-way.js";

/** Asks about what both sides changed differently. @param check makes a resolver's answer a value that can be stored, or throws */
export type Decide = (
  ref: EntityRef,
  base: Value | undefined,
  ours: Value | undefined,
  theirs: Value | undefined,
  check: (answer: Value) => Value,
) => Value | undefined;

/** Rows of one collection that theirs has changed since the base. */
interface TouchedCollection {
  readonly space: string;
  readonly name: string;
  readonly rows: string[];
  /** Whether its own row is among them. */
  isOwnRow: boolean;
}

/**
 * Merges vectors: by key, within collections that are the same on both sides. A collection that one side deleted, or made anew with other
 * options, while the other changed vectors of it, is one conflict, and who decides it decides about all of the collection: a vector
 * without its collection, or of another dimension, there is never.
 */
export class VectorPlanner {
  readonly #states: ThreeWay;
  readonly #decide: Decide;
  readonly #touched = new Map<string, TouchedCollection>();
  readonly #changes: PutChange[] = [];

  constructor(states: ThreeWay, decide: Decide) {
    this.#states = states;
    this.#decide = decide;
  }

  /** A row that theirs may have changed. */
  note(space: string, row: string): void {
    const { collection: name } = vectorNameOf(row);
    // A `/` is in no name of either.
    const place = `${space}/${name}`;
    const touched = this.#touched.get(place) ?? { space, name, rows: [], isOwnRow: false };
    this.#touched.set(place, touched);
    if (isCollectionRow(row)) touched.isOwnRow = true;
    else touched.rows.push(row);
  }

  plan(): PutChange[] {
    for (const touched of this.#touched.values()) this.#planCollection(touched);
    return this.#changes;
  }

  #planCollection(touched: TouchedCollection): void {
    const { space, name, rows } = touched;
    const { base, ours, theirs } = this.#states;
    const [before, mine, wanted] = [base, ours, theirs].map((point) => collectionIn(point, space, name));
    if (collectionsAlike(mine, wanted)) {
      for (const row of rows) this.#planRow(space, row);
      return;
    }
    const brings = rows.some((row) => this.#brings(space, row));
    if (collectionsAlike(before, wanted)) {
      if (brings) this.#decideCollection(touched, before, mine, wanted);
      return;
    }
    if (!touched.isOwnRow && !brings) {
      // Only deletions were asked for: nothing that depends on the options.
      if (collectionsAlike(before, mine)) for (const row of rows) this.#planRow(space, row);
      return;
    }
    const isUntouched = collectionsAlike(before, mine) && (mine === undefined || !this.#haveRowsChanged(space, name));
    if (!isUntouched || (mine !== undefined && !touched.isOwnRow)) {
      this.#decideCollection(touched, before, mine, wanted);
      return;
    }
    this.#put(space, collectionRowKey(name), storedAt(theirs, space, collectionRowKey(name)));
    for (const row of rows) this.#planRow(space, row);
  }

  /** Whether theirs has a vector in the row that it changed, and that ours has not. */
  #brings(space: string, row: string): boolean {
    const { base, ours, theirs } = this.#states;
    const wanted = heldIn(storedAt(theirs, space, row));
    if (wanted === undefined) return false;
    return !isSame(wanted, heldIn(storedAt(base, space, row))) && !isSame(wanted, heldIn(storedAt(ours, space, row)));
  }

  #planRow(space: string, row: string): void {
    const { base, ours, theirs } = this.#states;
    const [before, mine, wanted] = [base, ours, theirs].map((point) => storedAt(point, space, row));
    if (isSame(heldIn(before), heldIn(wanted)) || isSame(heldIn(mine), heldIn(wanted))) return;
    if (isSame(heldIn(before), heldIn(mine))) {
      this.#put(space, row, wanted);
      return;
    }
    const [shownBefore, shownMine, shownWanted] = [before, mine, wanted].map((stored) => shown(row, stored));
    const { collection, key } = vectorNameOf(row);
    const { dimension } = collectionIn(ours, space, collection) as Collection;
    const check = (answer: Value) => shownRow(row, this.#rowFrom(answer, collection, dimension));
    const ref: EntityRef = { run: this.#states.run, space, primitive: "vector", collection, key };
    const decided = this.#decide(ref, shownBefore, shownMine, shownWanted, check);
    if (decided === undefined ? mine === undefined : isSame(decided, shownMine)) return;
    if (decided === undefined) this.#put(space, row, undefined);
    else if (isSame(decided, shownWanted)) this.#put(space, row, wanted);
    else this.#put(space, row, this.#rowFrom(decided, collection, dimension));
  }

  #decideCollection(
    { space, name }: TouchedCollection,
    before: Collection | undefined,
    mine: Collection | undefined,
    wanted: Collection | undefined,
  ): void {
    const ref: EntityRef = { run: this.#states.run, space, primitive: "vector", collection: name, key: "" };
    const [base, ours, theirs] = [before, mine, wanted].map((collection) => collection as Value | undefined);
    const decided = this.#decide(ref, base, ours, theirs, (answer) => {
      if (isSame(answer, ours) || isSame(answer, theirs)) return answer;
      throw new InvalidArgumentError(
        "INVALID_ARGUMENT",
        `a collection cannot be made of two: for "${name}" a resolver returns ours, theirs or undefined`,
        { collection: name, space },
      );
    });
    if (isSame(decided, ours)) return;
    this.#replace(space, name, isSame(decided, theirs) ? this.#states.theirs : undefined);
  }

  /** Makes of the collection what it is at `source`, or nothing. */
  #replace(space: string, name: string, source: Point | undefined): void {
    const { ours } = this.#states;
    const rows = new Set([
      collectionRowKey(name),
      ...rowsAt(ours, space, name),
      ...(source === undefined ? [] : rowsAt(source, space, name)),
    ]);
    for (const row of rows) {
      const wanted = source === undefined ? undefined : storedAt(source, space, row);
      if (!isSame(heldIn(wanted), heldIn(storedAt(ours, space, row)))) this.#put(space, row, wanted);
    }
  }

  /** Whether ours wrote vectors of the collection since the base. */
  #haveRowsChanged(space: string, name: string): boolean {
    const { base, ours } = this.#states;
    let isChanged = false;
    new Comparison(base, ours, Selection.ofRows(space, vectorRowKey(name, ""))).walk({
      key: ({ key }, before, mine) => {
        isChanged ||= !isCollectionRow(key) && !isSame(heldIn(before.stored), heldIn(mine.stored));
        return !isChanged;
      },
      events: () => true,
    });
    return isChanged;
  }

  #put(space: string, key: string, stored: Stored | undefined): void {
    this.#changes.push({ kind: "put", space, primitive: "vector", key, stored });
  }

  #rowFrom(answer: Value, collection: string, dimension: number): Stored {
    const where = "what a resolver returned for a vector";
    const { vector, metadata } = optionsOf(answer, ["vector", "metadata"], where);
    if (vector === undefined) throw invalid(where, "is { vector, metadata }", { collection });
    return vectorRow(
      vectorFrom(vector, collection, dimension, where),
      metadataFrom(metadata, this.#states.limits, where),
    );
  }
}

const found = new Found();

function storedAt({ shard, version }: Point, space: string, row: string): Stored | undefined {
  const table = shard.tableAt(space, "vector", version);
  if (table?.find(row, version, found) !== true) return undefined;
  return isLive(found.stored) ? found.stored : undefined;
}

function collectionIn(point: Point, space: string, name: string): Collection | undefined {
  return storedAt(point, space, collectionRowKey(name)) as unknown as Collection | undefined;
}

function rowsAt({ shard, version }: Point, space: string, name: string): string[] {
  const rows: string[] = [];
  shard.tableAt(space, "vector", version)?.scan(rowsOf(name), version, (row) => {
    rows.push(row);
    return true;
  });
  return rows;
}

function shown(row: string, stored: Stored | undefined): Value | undefined {
  return stored === undefined ? undefined : shownRow(row, stored);
}
