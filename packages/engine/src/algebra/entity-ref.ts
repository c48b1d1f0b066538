import type { KeyedPrimitive } from "../scope.js";

/** What a diff, a conflict or a feed is about. */
export type EntityRef = { readonly run: string; readonly space: string } & (
  | { readonly primitive: "kv" | "state" | "json"; readonly key: string }
  | { readonly primitive: "event"; readonly type: string; readonly sequence: number }
  | { readonly primitive: "vector"; readonly collection: string; readonly key: string }
);

/** Where a key lies in a run. */
export interface KeyInSpace {
  readonly space: string;
  readonly primitive: KeyedPrimitive;
  readonly key: string;
}

/** The name that users know a key of a table by. A collection itself is the vector without a key. */
export function entityRef(run: string, { space, primitive, key }: KeyInSpace): EntityRef {
  if (primitive !== "vector") return { run, space, primitive, key };
  const slash = key.indexOf("/");
  const first = key.slice(0, slash);
  const rest = key.slice(slash + 1);
  return first === COLLECTIONS
    ? { run, space, primitive, collection: rest, key: "" }
    : { run, space, primitive, collection: first, key: rest };
}

/** In place of a collection's name in the keys of collections themselves. */
export const COLLECTIONS = "_collections";
