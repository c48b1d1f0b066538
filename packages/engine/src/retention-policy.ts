import { InvalidArgumentError } from "@strata/core";
import {
  formatRetention,
  KEEP_ALL,
  parseRetention,
  RETAINED_PRIMITIVES,
  type RetentionRule,
  type RetentionRules,
  sameRules,
} from "@strata/storage";

/**
 * How much of its history a run keeps. Whatever it says, the newest version of a key stays, and so does what a view, a transaction, a tag
 * or a fork still sees. Events are always kept.
 */
export interface Retention {
  /** What it says, in words. */
  readonly "~retention": string;
}

/** Every version. */
export function keepAll(): Retention {
  return policy(sameRules(KEEP_ALL));
}

/**
 * The newest versions of each key, deletions counted.
 *
 * @param versions at least 1.
 */
export function keepLast(versions: number): Retention {
  if (!Number.isSafeInteger(versions) || versions < 1)
    throw illegal("versions", versions, "a whole number of at least 1");
  return policy(sameRules({ keep: "last", versions }));
}

/** Whatever could be read at some moment of the last `ms` milliseconds. Goes by commit timestamps and the clock. */
export function keepFor(ms: number): Retention {
  if (typeof ms !== "number" || !Number.isFinite(ms) || ms <= 0)
    throw illegal("ms", ms, "a number of milliseconds above 0");
  return policy(sameRules({ keep: "for", milliseconds: ms }));
}

/**
 * Each primitive by a policy of its own.
 *
 * @param policies `otherwise` is for the primitives that are not named; it keeps everything unless said.
 */
export function keepByPrimitive(policies: {
  readonly kv?: Retention;
  readonly state?: Retention;
  readonly json?: Retention;
  readonly vector?: Retention;
  readonly otherwise?: Retention;
}): Retention {
  if (typeof policies !== "object" || policies === null) throw illegal("policies", policies, "an object");
  const allowed = [...RETAINED_PRIMITIVES, "otherwise"];
  for (const name of Object.keys(policies)) {
    if (!allowed.includes(name)) throw illegal(name, name, `one of ${allowed.join(", ")}: events are always kept`);
  }
  const { otherwise = keepAll() } = policies;
  const ruleOf = (primitive: keyof RetentionRules): RetentionRule =>
    rulesOf(policies[primitive] ?? otherwise)[primitive];
  return policy({ kv: ruleOf("kv"), state: ruleOf("state"), json: ruleOf("json"), vector: ruleOf("vector") });
}

/** @throws InvalidArgumentError `INVALID_ARGUMENT` for what is no policy */
export function rulesOf(policy: Retention): RetentionRules {
  const text: unknown = typeof policy === "object" && policy !== null ? policy["~retention"] : undefined;
  const rules = typeof text === "string" ? parseRetention(text) : undefined;
  if (rules === undefined) throw illegal("retention", policy, "made by keepAll, keepLast, keepFor or keepByPrimitive");
  return rules;
}

/** @returns the policy that `rulesOf` reads as `rules`. */
export function policy(rules: RetentionRules): Retention {
  return Object.freeze({ "~retention": formatRetention(rules) });
}

function illegal(name: string, value: unknown, expected: string): InvalidArgumentError {
  return new InvalidArgumentError("INVALID_ARGUMENT", `${name} must be ${expected}`, { name, value });
}
