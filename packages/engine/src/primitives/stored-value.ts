import { copyOut, copyValue, hasBytes, type Limits, type Value, type Versioned } from "@strata/core";
import { Box, type Found, type Stored } from "@strata/storage";
import type { ReadScope } from "../scope.js";
import type { StandardSchemaV1 } from "./standard-schema.js";
import { conform } from "./typed.js";

/** What a reader gets of something live: the store's own frozen value, or a copy down to each `Uint8Array`, which cannot be frozen. */
export function valueIn(stored: Stored): Value {
  if (!(stored instanceof Box)) return stored;
  const value = stored.value as Value;
  return stored.holdsBytes ? copyOut(value) : value;
}

/** What a caller gives, as the store keeps it: through the schema where there is one, checked, copied and frozen. */
export function valueFrom(input: unknown, schema: StandardSchemaV1 | undefined, limits: Limits, what: string): Value {
  return copyValue(schema === undefined ? input : conform(schema, input, what), limits, what);
}

/** A value that stands on its own: bare, or in a Box where it holds bytes or expires. */
export function plain(value: Value, expiresAt: number): Stored {
  const holdsBytes = hasBytes(value);
  return holdsBytes || expiresAt !== Number.POSITIVE_INFINITY ? new Box(value, expiresAt, 0, 0, holdsBytes) : value;
}

/** Version, time and expiry of what `found` holds, around the value that the caller gets. */
export function versionedOf<V>(found: Found, value: V, scope: ReadScope): Versioned<V> {
  const { version, stored } = found;
  const timestamp = scope.timestampOf(version);
  const expires = stored instanceof Box && stored.expiresAt !== Number.POSITIVE_INFINITY;
  return expires ? { value, version, timestamp, expiresAt: stored.expiresAt } : { value, version, timestamp };
}
