/** Why a value is refused, and where in it. */

import { InvalidArgumentError, LimitError, type StrataError } from "./errors.js";

interface RefusalFacts {
  readonly limit?: string;
  readonly maximum?: number;
  readonly actual?: number;
}

type RefusalCode = "INVALID_VALUE" | "LIMIT_VALUE" | "OVERFLOW";

/** Thrown inside a copy. Each container that it passes on its way out puts its own segment in front of the path. */
export class Refusal {
  readonly code: RefusalCode;
  readonly reason: string;
  readonly facts: RefusalFacts;
  readonly hint: string | undefined;
  readonly cause: unknown;
  readonly path: (string | number)[] = [];

  constructor(code: RefusalCode, reason: string, facts: RefusalFacts = {}, hint?: string, cause?: unknown) {
    this.code = code;
    this.reason = reason;
    this.facts = facts;
    this.hint = hint;
    this.cause = cause;
  }

  /** What came out of a copy, as a refusal: whatever else was thrown comes from a proxy in the input. */
  static from(thrown: unknown): Refusal {
    if (thrown instanceof Refusal) return thrown;
    const hint = "Store a plain copy in place of a proxy; the cause says what went wrong.";
    return new Refusal("INVALID_VALUE", "reading it threw an error", {}, hint, thrown);
  }

  /** The error for the caller, who passed `input` under the name of `what`. */
  toError(input: unknown, what: string): StrataError {
    const { path } = this;
    const where = path.length === 0 ? what : `${what} at ${formatPath(path)}`;
    if (this.facts.limit === "nesting" && isCyclic(input, path)) {
      const hint = "Store a reference, such as a key, in place of the cycle.";
      return new InvalidArgumentError("INVALID_VALUE", `${where}: it contains itself`, { path }, { hint });
    }
    const message = `${where}: ${this.reason}`;
    const facts = { ...this.facts, path };
    const options = { hint: this.hint, ...(this.cause === undefined ? {} : { cause: this.cause }) };
    return this.code === "INVALID_VALUE"
      ? new InvalidArgumentError(this.code, message, facts, options)
      : new LimitError(this.code, message, facts, options);
  }
}

/** Whether one object is met twice on the way along `path`. */
function isCyclic(input: unknown, path: readonly (string | number)[]): boolean {
  const met = new Set<unknown>();
  let current = input;
  try {
    for (const segment of path) {
      if (met.has(current)) return true;
      met.add(current);
      current = (current as { readonly [name: string | number]: unknown })[segment];
    }
  } catch {
    return false; // A proxy that answers differently now.
  }
  return met.has(current);
}

const SEGMENTS_SHOWN = 12;
const NAME_SHOWN = 40;

/** `$.users[0]["first name"]`, shortened. */
function formatPath(path: readonly (string | number)[]): string {
  const shown = path.slice(0, SEGMENTS_SHOWN);
  const text = shown.map((segment) => (typeof segment === "number" ? `[${segment}]` : formatName(segment))).join("");
  return `$${text}${shown.length < path.length ? "…" : ""}`;
}

function formatName(name: string): string {
  if (name.length <= NAME_SHOWN && /^[A-Za-z_][A-Za-z0-9_]*$/.test(name)) return `.${name}`;
  return `[${JSON.stringify(name.length <= NAME_SHOWN ? name : `${name.slice(0, NAME_SHOWN - 1)}…`)}]`;
}
