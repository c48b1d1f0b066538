import { compareCodePoints, type Version } from "@strata/core";
import { VersionChain } from "@strata/storage";
import { isCollectionRow } from "../primitives/vector-row.js";
import type { KeyedPrimitive } from "../scope.js";
import type { Stretch } from "./lineage.js";
import type { Point } from "./point.js";
import type { Selection } from "./run-filter.js";

/** Keys by space and primitive, each once, in no order. */
export class ChangedKeys {
  readonly #keys = new Map<string, Map<string, Set<string>>>();

  add(space: string, primitive: string, key: string): void {
    const ofSpace = this.#keys.get(space) ?? new Map<string, Set<string>>();
    const ofPrimitive = ofSpace.get(primitive) ?? new Set<string>();
    if (ofPrimitive.size === 0) this.#keys.set(space, ofSpace.set(primitive, ofPrimitive));
    ofPrimitive.add(key);
  }

  /** In code point order, of vectors the rows of collections first. */
  of(space: string, primitive: KeyedPrimitive): string[] {
    const keys = [...(this.#keys.get(space)?.get(primitive) ?? [])].sort(compareCodePoints);
    if (primitive !== "vector") return keys;
    return [...keys.filter(isCollectionRow), ...keys.filter((key) => !isCollectionRow(key))];
  }
}

/**
 * Every key that a commit wrote on the way from `ancestor` to the end of one of the lineages; keys that hold the same again in the end are
 * among them. `undefined` when a timeline was trimmed and cannot tell.
 */
export function changedKeysSince(
  ancestor: Point,
  lineages: readonly (readonly Stretch[])[],
  selection: Selection,
): ChangedKeys | undefined {
  const changed = new ChangedKeys();
  for (const lineage of lineages) {
    for (const { shard, through } of lineage) {
      const isAncestor = shard === ancestor.shard;
      const from = isAncestor ? ancestor.version : shard.forkVersion;
      if (from < shard.timeline.floor) return undefined;
      if (from < through) collect({ shard, version: through }, from, selection, changed);
      if (isAncestor) break;
    }
  }
  return changed;
}

function collect({ shard, version: through }: Point, from: Version, selection: Selection, into: ChangedKeys): void {
  shard.timeline.changedSince(from, (target, version) => {
    if (version > through) return false;
    if (!(target instanceof VersionChain)) return true;
    const { key, table } = target;
    const { primitive, space } = table;
    if (selection.hasPrimitive(primitive) && selection.hasSpace(space.name) && selection.hasKey(primitive, key))
      into.add(space.name, primitive, key);
    return true;
  });
}
