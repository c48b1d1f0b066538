/** Every maximum of the database, with its unit. Bytes of text are bytes of its UTF-8. */

import { InvalidArgumentError } from "./errors.js";

const MIB = 1024 * 1024;

/** The maxima that opening a database may change. */
export interface Limits {
  /** Bytes of a key, cell, document id or vector key. */
  readonly keyBytes: number;
  /** Bytes of a value as encoded. */
  readonly valueBytes: number;
  /** Bytes of one string, or one Uint8Array, inside a value. */
  readonly stringBytes: number;
  /** Containers around a scalar: `[[1]]` has 2. At most `NESTING_MAX`, which decoders enforce. */
  readonly nesting: number;
  /** Components of a vector. */
  readonly vectorDimension: number;
  /** Bytes of all that one transaction writes. */
  readonly transactionBytes: number;
  /** Keys that one transaction writes. */
  readonly transactionKeys: number;
}

/** Decoders refuse more, whatever was configured, so that no recursion over a value can exhaust the stack. */
export const NESTING_MAX = 128;

export const DEFAULT_LIMITS: Limits = Object.freeze({
  keyBytes: 1024,
  valueBytes: 32 * MIB,
  stringBytes: 16 * MIB,
  nesting: NESTING_MAX,
  vectorDimension: 8192,
  transactionBytes: 64 * MIB,
  transactionKeys: 1_000_000,
});

/** For tests of the bounds themselves. */
export const SMALL_LIMITS: Limits = Object.freeze({
  keyBytes: 100,
  valueBytes: 2000,
  stringBytes: 1000,
  nesting: 10,
  vectorDimension: 100,
  transactionBytes: 20_000,
  transactionKeys: 100,
});

/** Elements of one array inside a value. */
export const ARRAY_LENGTH_MAX = 1_000_000;
/** Members of one object inside a value. */
export const OBJECT_MEMBERS_MAX = 1_000_000;

/** Bytes of a JSON document as encoded; its other bounds are those of values. */
export const DOCUMENT_BYTES_MAX: number = 16 * MIB;
/** Containers around a scalar of a JSON document. */
export const DOCUMENT_NESTING_MAX = 100;
/** Segments of a JSON path. */
export const PATH_SEGMENTS_MAX = 256;

/** Bytes of an event type. */
export const EVENT_TYPE_BYTES_MAX = 256;
/** Characters of a run's name. */
export const RUN_NAME_LENGTH_MAX = 256;
/** Characters of a space's name. */
export const SPACE_NAME_LENGTH_MAX = 64;
/** Bytes of a vector collection's name. */
export const COLLECTION_NAME_BYTES_MAX = 256;
/** Bytes of a commit message. */
export const COMMIT_MESSAGE_BYTES_MAX = 1024;
/** Keys that a conflict names; how many there were is told besides. */
export const CONFLICT_KEYS_MAX = 100;
/** What no user key may begin with. */
export const RESERVED_KEY_PREFIX = "_strata/";

/** Range of an Int: a signed 64-bit integer. */
export const INT_MIN: bigint = -(2n ** 63n);
export const INT_MAX: bigint = 2n ** 63n - 1n;

// One string or buffer of the runtime can hold no more (V8: 2^29 - 24 characters).
const BYTES_CEILING = 2 ** 29 - 24;

const CEILINGS: { readonly [name in keyof Limits]: number } = {
  keyBytes: 65_536,
  valueBytes: BYTES_CEILING,
  stringBytes: BYTES_CEILING,
  nesting: NESTING_MAX,
  vectorDimension: 65_536,
  transactionBytes: BYTES_CEILING,
  transactionKeys: 2 ** 24,
};

/**
 * `DEFAULT_LIMITS` with what is given in its place, checked.
 *
 * @throws {InvalidArgumentError} `INVALID_ARGUMENT` for an unknown name, or a number that is no integer in its range.
 */
export function resolveLimits(given: { readonly [name in keyof Limits]?: number | undefined } = {}): Limits {
  if (typeof given !== "object" || given === null) {
    throw new InvalidArgumentError("INVALID_ARGUMENT", "limits must be an object", { given });
  }
  const resolved: { -readonly [name in keyof Limits]: number } = { ...DEFAULT_LIMITS };
  for (const [name, value] of Object.entries(given)) {
    if (!isLimitName(name)) {
      throw new InvalidArgumentError("INVALID_ARGUMENT", `there is no limit called "${name}"`, {
        name,
        known: Object.keys(CEILINGS),
      });
    }
    if (value === undefined) continue;
    const ceiling = CEILINGS[name];
    if (!Number.isInteger(value) || value < 1 || value > ceiling) {
      throw new InvalidArgumentError(
        "INVALID_ARGUMENT",
        `limits.${name} must be an integer from 1 to ${ceiling}, not ${String(value)}`,
        { name, value, ceiling },
      );
    }
    resolved[name] = value;
  }
  return Object.freeze(resolved);
}

function isLimitName(name: string): name is keyof Limits {
  return Object.hasOwn(CEILINGS, name);
}
