import { compareCodePoints, type Version } from "@strata/core";
import type { RunShard } from "@strata/storage";
import type { SpaceOperation } from "./operation.js";

/** Registrations and drops that this very run made, by commit: first what ends, then what begins, each by name. */
export function spaceChanges(shard: RunShard): Map<Version, SpaceOperation[]> {
  const changes = new Map<Version, SpaceOperation[]>();
  const note = (version: Version, operation: SpaceOperation) => {
    const known = changes.get(version);
    if (known === undefined) changes.set(version, [operation]);
    else known.push(operation);
  };
  for (const { name, createdAt, droppedAt } of shard.ownSpaces()) {
    if (createdAt > shard.forkVersion) note(createdAt, { kind: "registerSpace", space: name });
    if (droppedAt !== Number.POSITIVE_INFINITY) note(droppedAt, { kind: "dropSpace", space: name });
  }
  for (const operations of changes.values()) {
    operations.sort((a, b) => compareCodePoints(a.kind, b.kind) || compareCodePoints(a.space, b.space));
  }
  return changes;
}
