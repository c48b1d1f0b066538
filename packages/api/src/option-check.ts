import { InvalidArgumentError, nearest } from "@strata/core";

/** What an option has to be: `undefined` when `value` is, otherwise what is expected, for the message ("a string"). */
export type OptionCheck = (value: unknown) => string | undefined;

export const isString: OptionCheck = (value) => (typeof value === "string" ? undefined : "a string");
export const isBoolean: OptionCheck = (value) => (typeof value === "boolean" ? undefined : "a boolean");
export const isFunction: OptionCheck = (value) => (typeof value === "function" ? undefined : "a function");

/** @throws {InvalidArgumentError} `INVALID_ARGUMENT` */
export function mustFunction(what: string, fn: unknown): void {
  if (typeof fn === "function") return;
  throw new InvalidArgumentError("INVALID_ARGUMENT", `${what} takes a function`, { type: typeof fn });
}

/** A whole number of at least `least`. */
export function isWholeNumber(least: number): OptionCheck {
  return (value) =>
    Number.isSafeInteger(value) && (value as number) >= least ? undefined : `a whole number of at least ${least}`;
}

/** Milliseconds, above 0. */
export const isDuration: OptionCheck = (value) =>
  typeof value === "number" && value > 0 ? undefined : "a number of milliseconds above 0";

/** A moment: µs since the epoch, or a Date. */
export const isTime: OptionCheck = (value) => {
  const time = value instanceof Date ? value.getTime() : value;
  return Number.isFinite(time) ? undefined : "a Date, or µs since the epoch";
};

/** One of a few words. */
export function isOneOf(words: readonly string[]): OptionCheck {
  const expected = words.map((word) => JSON.stringify(word)).join(", ");
  return (value) => (words.includes(value as string) ? undefined : `one of ${expected}`);
}

/** An array whose elements are of one kind. */
export function isListOf(check: OptionCheck): OptionCheck {
  return (value) => {
    if (!Array.isArray(value)) return "an array";
    const wrong = value.map(check).find((expected) => expected !== undefined);
    return wrong === undefined ? undefined : `an array in which each is ${wrong}`;
  };
}

/** An object that has these methods. */
export function hasMethods(...names: readonly string[]): OptionCheck {
  return (value) =>
    typeof value === "object" &&
    value !== null &&
    names.every((name) => typeof (value as Record<string, unknown>)[name] === "function")
      ? undefined
      : `an object with ${names.join("(), ")}()`;
}

/** Options inside an option. */
export function isGroup(checks: { readonly [name: string]: OptionCheck }): OptionCheck {
  return (value) => {
    if (typeof value !== "object" || value === null) return `an object with ${Object.keys(checks).join(", ")}`;
    for (const [name, given] of Object.entries(value)) {
      const check = Object.hasOwn(checks, name) ? checks[name] : undefined;
      if (check === undefined) return `an object with nothing but ${Object.keys(checks).join(", ")}`;
      const expected = given === undefined ? undefined : check(given);
      if (expected !== undefined) return `an object whose ${name} is ${expected}`;
    }
    return undefined;
  };
}

/**
 * Holds what a caller gave as options against what there is. A member that is `undefined` counts as absent.
 *
 * @param what the call, for the message.
 * @param required names that may not be absent.
 * @throws {InvalidArgumentError} `INVALID_ARGUMENT` when it is no object, a member is unknown, ill-typed, or a required one absent.
 */
export function checkOptions(
  what: string,
  options: unknown,
  checks: { readonly [name: string]: OptionCheck },
  required: readonly string[] = [],
): void {
  const names = Object.keys(checks);
  if (options === undefined && required.length === 0) return;
  if (typeof options !== "object" || options === null || Array.isArray(options)) {
    throw new InvalidArgumentError("INVALID_ARGUMENT", `${what} takes an object with ${names.join(", ")}`, {
      valid: names,
    });
  }
  const given = options as { readonly [name: string]: unknown };
  for (const name of Object.keys(given)) {
    if (Object.hasOwn(checks, name)) continue;
    const near = nearest(name, names);
    const message = `${what} has no option "${name}"${near === undefined ? "" : `; did you mean "${near}"?`}; it takes ${names.join(", ")}`;
    throw new InvalidArgumentError("INVALID_ARGUMENT", message, { option: name, valid: names });
  }
  for (const name of names) {
    const value = given[name];
    if (value === undefined) {
      if (!required.includes(name)) continue;
      throw new InvalidArgumentError("INVALID_ARGUMENT", `${what} needs "${name}"`, { option: name, valid: names });
    }
    const expected = checks[name]?.(value);
    if (expected === undefined) continue;
    throw new InvalidArgumentError("INVALID_ARGUMENT", `${what}: "${name}" must be ${expected}`, {
      option: name,
      expected,
    });
  }
}
