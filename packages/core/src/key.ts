/** What a user key may be. Order and bounds of keys are in `code-points.ts`, keys made of parts in `tuple-key.ts`. */

import { InvalidArgumentError } from "./errors.js";
import { type Limits, RESERVED_KEY_PREFIX } from "./limits.js";
import { isWellFormed, utf8Length } from "./utf8.js";
import { describe } from "./value-kind.js";

/**
 * Keys, cells, document ids and vector keys: 1 to `limits.keyBytes` bytes of UTF-8, well-formed, no NUL, not beginning
 * `_strata/`. Kept exactly as they are: two Unicode normalizations of a text are two keys.
 *
 * @throws {InvalidArgumentError} `INVALID_KEY` with facts.reason: `not_a_string`, `empty_key`, `contains_nul`,
 *   `reserved_prefix`, `lone_surrogate` or `key_too_long`.
 */
export function checkKey(key: unknown, limits: Limits): asserts key is string {
  if (
    typeof key !== "string" ||
    key.length === 0 ||
    key.length * 3 > limits.keyBytes ||
    key.includes("\0") ||
    !isWellFormed(key) ||
    // Spares nearly every key the comparison.
    (key.charCodeAt(0) === UNDERSCORE && key.startsWith(RESERVED_KEY_PREFIX))
  ) {
    refuse(key, limits);
  }
}

const UNDERSCORE = 0x5f;

/** Names the rule that is broken; returns for a key that only might have been too long. */
function refuse(key: unknown, limits: Limits): void {
  if (typeof key !== "string") {
    throw new InvalidArgumentError("INVALID_KEY", `a key must be a string, not ${describe(key)}`, {
      reason: "not_a_string",
    });
  }
  if (key === "") throw invalidKey(key, "empty_key", "it must not be empty");
  if (key.includes("\0")) throw invalidKey(key, "contains_nul", "it must not contain NUL");
  if (!isWellFormed(key)) throw invalidKey(key, "lone_surrogate", "it has half of a surrogate pair");
  if (key.startsWith(RESERVED_KEY_PREFIX)) {
    throw invalidKey(key, "reserved_prefix", `keys beginning with ${RESERVED_KEY_PREFIX} are reserved`);
  }
  const bytes = utf8Length(key);
  if (bytes > limits.keyBytes) {
    throw invalidKey(key, "key_too_long", `it may have ${limits.keyBytes} bytes, not ${bytes}`);
  }
}

function invalidKey(key: string, reason: string, because: string): InvalidArgumentError {
  const shown = JSON.stringify(key.length <= 80 ? key : `${key.slice(0, 79)}…`);
  return new InvalidArgumentError("INVALID_KEY", `${shown} is no key: ${because}`, { key, reason });
}
