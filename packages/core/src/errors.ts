/**
 * Every failure that a caller can cause is a `StrataError`: a stable code, facts as data, a hint that says what to do
 * next. A bug of ours is an `InvariantError` and no `StrataError`. The codes are in `error-codes.ts`.
 */

import {
  type CommitOutcome,
  ERROR_CODES,
  type ErrorCode,
  type ErrorCodeEntry,
  type ErrorCodeOf,
} from "./error-codes.js";

export type ErrorFacts = { readonly [name: string]: unknown };

export interface StrataErrorOptions {
  readonly cause?: unknown;
  /** In place of the table's, where the site knows better what to do next. */
  readonly hint?: string | undefined;
}

// Found by name in the registry of symbols that all realms and all copies of this package share.
const BRAND = Symbol.for("strata.error");

export class StrataError extends Error {
  readonly code: ErrorCode;
  /** What the message says, as data: keys, versions, limits, paths. */
  readonly facts: ErrorFacts;
  /** What to do next. */
  readonly hint: string;
  /** The same call may succeed. */
  readonly retryable: boolean;
  readonly outcome: CommitOutcome;

  static {
    Object.defineProperty(StrataError.prototype, BRAND, { value: true });
    nameErrors(StrataError, "StrataError");
  }

  constructor(code: ErrorCode, message: string, facts: ErrorFacts = {}, options?: StrataErrorOptions) {
    // `{ cause: undefined }` would show as an own property of every error.
    super(message, options !== undefined && "cause" in options ? { cause: options.cause } : undefined);
    const entry: ErrorCodeEntry = ERROR_CODES[code];
    this.code = code;
    this.facts = Object.freeze(facts);
    this.hint = options?.hint ?? entry.hint;
    this.retryable = entry.retryable;
    this.outcome = entry.outcome;
  }

  /** Holds across copies of the package and realms, where instanceof does not. */
  static is<C extends ErrorCode>(error: unknown, code?: C): error is StrataError & { readonly code: C } {
    return (
      typeof error === "object" &&
      error !== null &&
      (error as { readonly [BRAND]?: unknown })[BRAND] === true &&
      (code === undefined || (error as StrataError).code === code)
    );
  }
}

/** Somebody else was first: read again, decide again. */
export class ConflictError extends StrataError {
  static {
    nameErrors(ConflictError, "ConflictError");
  }
  constructor(code: ErrorCodeOf<"ConflictError">, message: string, facts?: ErrorFacts, options?: StrataErrorOptions) {
    super(code, message, facts, options);
  }
}

/** The call itself is wrong: correct it. */
export class InvalidArgumentError extends StrataError {
  static {
    nameErrors(InvalidArgumentError, "InvalidArgumentError");
  }
  constructor(
    code: ErrorCodeOf<"InvalidArgumentError">,
    message: string,
    facts?: ErrorFacts,
    options?: StrataErrorOptions,
  ) {
    super(code, message, facts, options);
  }
}

/** The call asks for more than the limits allow. */
export class LimitError extends StrataError {
  static {
    nameErrors(LimitError, "LimitError");
  }
  constructor(code: ErrorCodeOf<"LimitError">, message: string, facts?: ErrorFacts, options?: StrataErrorOptions) {
    super(code, message, facts, options);
  }
}

/** What the call needs to exist does not. (A read that misses is `undefined`, never this.) */
export class NotFoundError extends StrataError {
  static {
    nameErrors(NotFoundError, "NotFoundError");
  }
  constructor(code: ErrorCodeOf<"NotFoundError">, message: string, facts?: ErrorFacts, options?: StrataErrorOptions) {
    super(code, message, facts, options);
  }
}

/** The database, run or transaction is in a state that forbids the call. */
export class StateError extends StrataError {
  static {
    nameErrors(StateError, "StateError");
  }
  constructor(code: ErrorCodeOf<"StateError">, message: string, facts?: ErrorFacts, options?: StrataErrorOptions) {
    super(code, message, facts, options);
  }
}

/** The disk or the operating system failed. */
export class IoError extends StrataError {
  static {
    nameErrors(IoError, "IoError");
  }
  constructor(code: ErrorCodeOf<"IoError">, message: string, facts?: ErrorFacts, options?: StrataErrorOptions) {
    super(code, message, facts, options);
  }
}

/** Bytes are not what was written: restore or repair. */
export class CorruptionError extends StrataError {
  static {
    nameErrors(CorruptionError, "CorruptionError");
  }
  constructor(code: ErrorCodeOf<"CorruptionError">, message: string, facts?: ErrorFacts, options?: StrataErrorOptions) {
    super(code, message, facts, options);
  }
}

/** A bug of StrataDB: please report it. */
export class InvariantError extends Error {
  static {
    nameErrors(InvariantError, "InvariantError");
  }
}

/** On the prototype, so that stack traces begin with it and minified classes keep it. */
function nameErrors(errorClass: { readonly prototype: Error }, name: string): void {
  Object.defineProperty(errorClass.prototype, "name", { value: name, writable: true, configurable: true });
}
