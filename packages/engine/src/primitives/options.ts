import { type ErrorFacts, InvalidArgumentError, nearest } from "@strata/core";

/** Options as they come in: nothing is known yet of what their members hold. */
export type LooseOptions<N extends string> = { readonly [name in N]?: unknown };

const NO_OPTIONS = Object.freeze({});

/**
 * `options` as an object whose members can be read, empty when it was left out. A member that nobody reads is refused: a mistyped
 * `ttlMs` would otherwise mean a value that never expires.
 *
 * @param where the call, for messages: `kv.put`.
 * @throws InvalidArgumentError `INVALID_ARGUMENT`
 */
export function optionsOf<N extends string>(options: unknown, names: readonly N[], where: string): LooseOptions<N> {
  if (options === undefined) return NO_OPTIONS;
  if (typeof options !== "object" || options === null || Array.isArray(options)) {
    throw invalid(where, `takes its options as an object, not ${kindOf(options)}`, { names });
  }
  for (const [name, value] of Object.entries(options)) {
    if (value === undefined || (names as readonly string[]).includes(name)) continue;
    const meant = nearest(name, names);
    throw invalid(where, `has no option "${name}"${meant === undefined ? "" : `; did you mean "${meant}"?`}`, {
      option: name,
      names,
    });
  }
  return options as LooseOptions<N>;
}

/** @throws InvalidArgumentError `INVALID_ARGUMENT` unless `value` is absent or an integer of at least `least`. */
export function optionalInteger(value: unknown, name: string, least: number, where: string): number | undefined {
  return value === undefined ? undefined : mustInteger(value, name, least, where);
}

/** @throws InvalidArgumentError `INVALID_ARGUMENT` unless `value` is an integer in [least, 2^53). */
export function mustInteger(value: unknown, name: string, least: number, where: string): number {
  if (typeof value !== "number" || !Number.isSafeInteger(value) || value < least) {
    throw invalid(where, `takes ${name} as an integer of at least ${least}, not ${show(value)}`, {
      option: name,
      least,
    });
  }
  return value;
}

export function optionalString(value: unknown, name: string, where: string): string | undefined {
  return value === undefined ? undefined : mustString(value, name, where);
}

export function mustString(value: unknown, name: string, where: string): string {
  if (typeof value !== "string")
    throw invalid(where, `takes ${name} as a string, not ${kindOf(value)}`, { option: name });
  return value;
}

export function optionalBoolean(value: unknown, name: string, where: string): boolean {
  if (value === undefined) return false;
  if (typeof value !== "boolean")
    throw invalid(where, `takes ${name} as true or false, not ${kindOf(value)}`, { option: name });
  return value;
}

/** A duration in milliseconds, above 0 and finite. */
export function mustDuration(value: unknown, name: string, where: string): number {
  if (typeof value !== "number" || !(value > 0) || value === Number.POSITIVE_INFINITY) {
    throw invalid(where, `takes ${name} as milliseconds above 0, not ${show(value)}`, { option: name });
  }
  return value;
}

/**
 * The moment `ttlMs` after `now`, µs since the epoch, in whole microseconds and at least one.
 *
 * @throws InvalidArgumentError `INVALID_ARGUMENT` beyond 2^53 µs, which is the year 2255: such a value does not expire.
 */
export function expiryAfter(now: number, ttlMs: number, where: string): number {
  const expiresAt = Math.ceil(now) + Math.max(1, Math.ceil(ttlMs * 1000));
  if (expiresAt <= Number.MAX_SAFE_INTEGER) return expiresAt;
  throw invalid(where, "takes ttlMs only up to the year 2255: leave it out for what does not expire", {
    option: "ttlMs",
    ttlMs,
  });
}

/** The members of an iterable that is an object; a string is refused, for its characters are never what was meant. */
export function mustIterate(input: unknown, what: string, where: string): Iterable<unknown> {
  const isIterable =
    typeof input === "object" &&
    input !== null &&
    typeof (input as Partial<Iterable<unknown>>)[Symbol.iterator] === "function";
  if (!isIterable) throw invalid(where, `takes an iterable of ${what}, not ${kindOf(input)}`, {});
  return input as Iterable<unknown>;
}

export function invalid(where: string, message: string, facts: ErrorFacts): InvalidArgumentError {
  return new InvalidArgumentError("INVALID_ARGUMENT", `${where} ${message}`, { where, ...facts });
}

export function kindOf(value: unknown): string {
  if (value === null) return "null";
  if (Array.isArray(value)) return "an array";
  return value === undefined ? "undefined" : `a ${typeof value}`.replace("a object", "an object");
}

function show(value: unknown): string {
  return typeof value === "number" ? String(value) : kindOf(value);
}
