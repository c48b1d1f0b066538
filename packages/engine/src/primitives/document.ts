import type { ConflictKey, Observation } from "@strata/concurrency";
import { hasBytes, type Value, type Version } from "@strata/core";
import { Box, Found } from "@strata/storage";
import { formatJsonPath, holds, type JsonObservation, type JsonOperation, valuesOf } from "../json/index.js";
import type { TransactionScope } from "../scope.js";
import { replaces } from "./open-transaction.js";

/** The document that a transaction sees under `key`, unobserved; `undefined` when there is none. */
export function documentNow(transaction: TransactionScope, key: string): Box | undefined {
  const found = new Found();
  return transaction.table("json").peek(key, found) ? liveDocument(found) : undefined;
}

/** A whole document in its Box. The commit pass gives it the counter and the birthday in force then; these are for own reads until then. */
export function documentBox(
  transaction: TransactionScope,
  before: Box | undefined,
  root: Value,
  holdsBytes: boolean,
): Box {
  const createdAt = before?.createdAt ?? Math.floor(transaction.now());
  return new Box(root, Number.POSITIVE_INFINITY, (before?.counter ?? 0) + 1, createdAt, holdsBytes);
}

/** Whether a document may hold bytes after `operations`. It stays so when they are overwritten: that costs a copy, never a leak. */
export function holdsBytesAfter(before: Box | undefined, operations: readonly JsonOperation[]): boolean {
  return before?.holdsBytes === true || operations.some((operation) => valuesOf(operation).some(hasBytes));
}

/**
 * Observes of a document what `seenIn` finds worth observing in it as the view has it. A document that the transaction itself has written
 * whole is its own business.
 */
export function observeDocument(
  transaction: TransactionScope,
  key: string,
  seenIn: (root: Value | undefined) => readonly JsonObservation[],
): void {
  if (replaces(transaction, "json", key)) return;
  const found = new Found();
  const root = transaction.viewed("json", key, found) ? liveDocument(found)?.value : undefined;
  for (const seen of seenIn(root)) transaction.observe(new DocumentSeen(transaction, key, seen, found.version));
}

/** A transaction saw a part of a document: the value at a path, the kind of a container, or whether anything stands there. */
class DocumentSeen implements Observation {
  readonly #scope: TransactionScope;
  readonly #key: string;
  readonly #seen: JsonObservation;
  readonly #expected: Version;

  constructor(scope: TransactionScope, key: string, seen: JsonObservation, expected: Version) {
    this.#scope = scope;
    this.#key = key;
    this.#seen = seen;
    this.#expected = expected;
  }

  conflict(): ConflictKey | undefined {
    const found = new Found();
    const root = this.#scope.committed("json", this.#key, found) ? liveDocument(found)?.value : undefined;
    // The same version, the same document: most of the time nothing needs comparing.
    if (found.version === this.#expected || holds(this.#seen, root)) return undefined;
    return {
      space: this.#scope.space,
      primitive: "json",
      key: this.#key,
      expected: this.#expected,
      actual: found.version,
      path: formatJsonPath(this.#seen.path),
    };
  }
}

function liveDocument({ stored }: Found): Box | undefined {
  return stored instanceof Box && stored.value !== undefined ? stored : undefined;
}
