import { InvalidArgumentError } from "@strata/core";
import type { StandardSchemaV1 } from "./standard-schema.js";

/** Issues that an error names; how many there were is told besides. */
const MAX_REPORTED_ISSUES = 10;

/** Refuses what is no Standard Schema, so that `typed({ name: "string" })` fails where it stands and not at the first write. */
export function checkSchema(schema: unknown, where: string): asserts schema is StandardSchemaV1 {
  const isHolder = (typeof schema === "object" && schema !== null) || typeof schema === "function";
  const standard = isHolder ? (schema as Partial<StandardSchemaV1>)["~standard"] : undefined;
  if (standard === null || typeof standard !== "object" || typeof standard.validate !== "function") {
    throw new InvalidArgumentError(
      "INVALID_ARGUMENT",
      `${where} takes a Standard Schema: an object of zod, valibot, arktype or another library that has "~standard"`,
      {
        where,
      },
    );
  }
}

/**
 * What `schema` makes of `value`: its output, which is what gets stored. Validation must be synchronous, because the write is.
 *
 * @param what what is being written, for the message: `kv value of "user:7"`.
 * @throws InvalidArgumentError `SCHEMA_MISMATCH`, facts.issues
 */
export function conform(schema: StandardSchemaV1, value: unknown, what: string): unknown {
  const result = schema["~standard"].validate(value);
  if (isThenable(result)) {
    // Nobody awaits it: a rejection must not end the process.
    result.then(undefined, () => undefined);
    throw new InvalidArgumentError(
      "SCHEMA_MISMATCH",
      `the schema for ${what} validates asynchronously; a write is synchronous`,
      { what, asynchronous: true },
    );
  }
  if (typeof result !== "object" || result === null) {
    throw new InvalidArgumentError(
      "SCHEMA_MISMATCH",
      `the schema for ${what} gave no result; it is no Standard Schema`,
      { what },
    );
  }
  // By the standard, any falsy `issues` is success.
  if (!result.issues) return result.value;
  const issues = result.issues.slice(0, MAX_REPORTED_ISSUES).map(describeIssue);
  throw new InvalidArgumentError("SCHEMA_MISMATCH", `${what} does not match its schema: ${summaryOf(issues)}`, {
    what,
    issues,
    issueCount: result.issues.length,
  });
}

function isThenable(result: unknown): result is PromiseLike<unknown> {
  return typeof result === "object" && result !== null && "then" in result && typeof result.then === "function";
}

function describeIssue(issue: StandardSchemaV1.Issue): { readonly message: string; readonly path: string } {
  const path = (issue.path ?? [])
    .map((step) => String(typeof step === "object" && step !== null ? step.key : step))
    .join(".");
  return { message: String(issue.message), path };
}

function summaryOf(issues: readonly { readonly message: string; readonly path: string }[]): string {
  const first = issues[0];
  if (first === undefined) return "the schema refused it without saying why";
  return first.path === "" ? first.message : `${first.path}: ${first.message}`;
}
