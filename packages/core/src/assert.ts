/** Assertions about our own code. They stay on in production, so their conditions must be cheap. */

import { InvariantError } from "./errors.js";

/** Build the text of `message` without work: it is evaluated on every call. @throws {InvariantError} */
export function assert(condition: boolean, message: string): asserts condition {
  if (!condition) throw new InvariantError(message);
}

/** For the branch that the compiler knows cannot be taken. @throws {InvariantError} */
export function unreachable(value: never): never {
  throw new InvariantError(`unexpected ${typeof value} ${String(value)}`);
}
