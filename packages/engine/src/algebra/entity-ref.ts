import type { Value } from "@strata/core";
import type { Stored } from "@strata/storage";
import { valueIn } from "../primitives/stored-value.js";
import { shownRow, vectorNameOf } from "../primitives/vector-row.js";
import type { KeyedPrimitive } from "../scope.js";

/** What a diff, a conflict or a feed is about. A vector collection itself, which holds its options, is the vector whose key is empty. */
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

/** The name that users know a key of a table by. */
export function entityRef(run: string, { space, primitive, key }: KeyInSpace): EntityRef {
  if (primitive !== "vector") return { run, space, primitive, key };
  return { run, space, primitive, ...vectorNameOf(key) };
}

/** What such a key holds, as users are shown it: of a vector `{ vector: [0.5, …], metadata }`. */
export function shownValue({ primitive, key }: Pick<KeyInSpace, "primitive" | "key">, stored: Stored): Value {
  return primitive === "vector" ? shownRow(key, stored) : valueIn(stored);
}

/** Without run and space, for messages: `kv "a"`, `vector "docs/a"`, `event 3`. */
export function entityName(ref: EntityRef): string {
  if (ref.primitive === "event") return `event ${ref.sequence}`;
  if (ref.primitive !== "vector") return `${ref.primitive} "${ref.key}"`;
  return ref.key === "" ? `collection "${ref.collection}"` : `vector "${ref.collection}/${ref.key}"`;
}
