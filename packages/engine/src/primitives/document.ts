import type { ConflictKey, Observation } from "@strata/concurrency";
import { hasBytes, type Value, type Version } from "@strata/core";
import { Box, Found } from "@strata/storage";
import { formatJsonPath, holds, type JsonObservation, type JsonOperation, valuesOf } from "../json/index.js";
import type { TransactionScope } from "../scope.js";

/** A document as a transaction sees it. */
export interface DocumentNow {
  /** `undefined` when there is none. */
  readonly box: Box | undefined;
  /** Whether the transaction itself wrote or deleted the whole of it, so that nothing of its view shows through. */
  readonly isOwn: boolean;
}

/** Counter of a document that the transaction wrote whole, until the commit pass gives it the one in force. Committed ones are above. */
const OWN = 0;

/** Looks at a document without observing it. */
export function documentNow(transaction: TransactionScope, key: string): DocumentNow {
  const found = new Found();
  const isPending = transaction.table("json").peek(key, found) && found.version === 0;
  const box = liveDocument(found);
  return { box, isOwn: isPending && (box === undefined || box.counter === OWN) };
}

/** The pending Box of a document. The commit pass gives it counter and birthday; what stands here is for own reads until then. */
export function documentBox(
  transaction: TransactionScope,
  before: DocumentNow,
  root: Value,
  what: { readonly holdsBytes: boolean; readonly isWhole: boolean },
): Box {
  const counter = what.isWhole || before.isOwn ? OWN : (before.box?.counter ?? 0) + 1;
  const createdAt = before.box?.createdAt ?? Math.floor(transaction.now());
  return new Box(root, Number.POSITIVE_INFINITY, counter, createdAt, what.holdsBytes);
}

/** Whether a document may hold bytes after `operations` on `before`. It stays so when they are overwritten: that costs a copy, never a leak. */
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
  if (documentNow(transaction, key).isOwn) return;
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
