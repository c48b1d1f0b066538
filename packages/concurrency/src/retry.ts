import { InvalidArgumentError, StrataError } from "@strata/core";

/** How often, and after which pauses, a closure that lost a conflict runs again. */
export interface RetryPolicy {
  /** Further attempts after the first; 0 for none. */
  readonly maxRetries: number;
  readonly baseDelayMs: number;
  readonly maxDelayMs: number;
}

export const DEFAULT_RETRY: RetryPolicy = { maxRetries: 3, baseDelayMs: 10, maxDelayMs: 100 };
export const NO_RETRY: RetryPolicy = { maxRetries: 0, baseDelayMs: 0, maxDelayMs: 0 };

/** @throws InvalidArgumentError `INVALID_ARGUMENT` when a member is not a whole number of at least 0. */
export function retryPolicy(
  given: { readonly [K in keyof RetryPolicy]?: number | undefined } | undefined,
): RetryPolicy {
  if (given === undefined) return NO_RETRY;
  const policy = {
    maxRetries: given.maxRetries ?? DEFAULT_RETRY.maxRetries,
    baseDelayMs: given.baseDelayMs ?? DEFAULT_RETRY.baseDelayMs,
    maxDelayMs: given.maxDelayMs ?? DEFAULT_RETRY.maxDelayMs,
  };
  for (const [name, value] of Object.entries(policy)) {
    if (!Number.isSafeInteger(value) || value < 0) {
      throw new InvalidArgumentError("INVALID_ARGUMENT", `retry.${name} must be a whole number of at least 0`, {
        name,
        value,
      });
    }
  }
  return policy;
}

/** Pause before attempt `attempt` (1 is the first repetition): `base · 2^(attempt−1)`, at most `maxDelayMs`. */
export function retryDelayMs(policy: RetryPolicy, attempt: number): number {
  return Math.min(policy.baseDelayMs * 2 ** (attempt - 1), policy.maxDelayMs);
}

/** Only a lost validation is worth another run of the closure: everything else would fail the same way. */
export function isRetryableConflict(error: unknown): boolean {
  return StrataError.is(error, "TRANSACTION_CONFLICT");
}
