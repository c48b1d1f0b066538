import { InvalidArgumentError, LimitError, type Limits, utf8Length } from "@strata/core";
import { Found, isLive } from "@strata/storage";
import { jsonField } from "../json/index.js";
import { indexSpaceOf } from "../reserved-space.js";
import type { ReadScope, Scope, TableReader } from "../scope.js";

/*
 * An index of the documents of a space is declared by a row in a space that stands beside it. The row is data of the run: forks inherit it,
 * merges carry it over, and a view of the past has those of its time. What is found never depends on it, only how.
 */

/** Declares an index. @returns false when it was there. */
export function declareIndex(scope: Scope, path: unknown): boolean {
  const field = indexedField(path, scope.limits, "json.createIndex");
  return scope.transact((transaction) => {
    const rows = transaction.in(indexSpaceOf(scope.space));
    if (rows.table("kv").get(field) !== undefined) return false;
    rows.put("kv", field, true);
    return true;
  });
}

/** @returns false when there was none. */
export function withdrawIndex(scope: Scope, path: unknown): boolean {
  const field = indexedField(path, scope.limits, "json.dropIndex");
  return scope.transact((transaction) => {
    const rows = transaction.in(indexSpaceOf(scope.space));
    if (rows.table("kv").get(field) === undefined) return false;
    rows.put("kv", field, undefined);
    return true;
  });
}

/** The indexes as `scope` sees them. Unobserved: no result depends on them. */
export class DeclaredIndexes {
  readonly #rows: TableReader;
  readonly #found = new Found();

  constructor(scope: ReadScope) {
    this.#rows = scope.tableIn(indexSpaceOf(scope.space), "kv");
  }

  /** @param field canonical text of a path. */
  has(field: string): boolean {
    return this.#rows.peek(field, this.#found) && isLive(this.#found.stored);
  }
}

function indexedField(path: unknown, limits: Limits, call: string): string {
  if (typeof path !== "string") {
    throw new InvalidArgumentError("INVALID_ARGUMENT", `${call} takes a path as a string`, { where: call });
  }
  const { field } = jsonField(path);
  const bytes = utf8Length(field);
  if (bytes <= limits.keyBytes) return field;
  throw new LimitError(
    "LIMIT_VALUE",
    `the path of an index has at most ${limits.keyBytes} bytes, not ${bytes}`,
    { limit: "keyBytes", max: limits.keyBytes, bytes },
    { hint: "Keep what is to be found under a shorter path." },
  );
}
