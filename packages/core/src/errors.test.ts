import { runInNewContext } from "node:vm";
import { describe, expect, test } from "vitest";
import {
  ConflictError,
  CorruptionError,
  ERROR_CODES,
  InvalidArgumentError,
  InvariantError,
  IoError,
  LimitError,
  NotFoundError,
  StateError,
  StrataError,
} from "./index.js";

const CLASSES = {
  ConflictError,
  InvalidArgumentError,
  LimitError,
  NotFoundError,
  StateError,
  IoError,
  CorruptionError,
};

describe("StrataError", () => {
  test("carries code, facts and what its code says, and names its class in the stack", () => {
    const cause = new Error("disk");
    const error = new StateError("DATABASE_LOCKED", "held by 42", { holder: 42 }, { cause });
    expect(error).toBeInstanceOf(StrataError);
    expect(error).toBeInstanceOf(Error);
    expect(error).toMatchObject({
      name: "StateError",
      code: "DATABASE_LOCKED",
      message: "held by 42",
      facts: { holder: 42 },
      hint: ERROR_CODES.DATABASE_LOCKED.hint,
      retryable: true,
      outcome: "not_applicable",
      cause,
    });
    expect(error.stack).toMatch(/^StateError: held by 42/);
    expect(Object.keys(error)).not.toContain("name");
    expect("cause" in new StateError("READ_ONLY", "no")).toBe(false);
  });

  test("takes a better hint from the site", () => {
    const error = new InvalidArgumentError("INVALID_VALUE", "a Date", {}, { hint: "Store an ISO string." });
    expect(error.hint).toBe("Store an ISO string.");
  });

  test("has frozen facts", () => {
    const { facts } = new LimitError("OVERFLOW", "too large", { value: 1 });
    expect(Object.isFrozen(facts)).toBe(true);
  });

  test("is recognized by brand and code, not by class", () => {
    const error: unknown = new ConflictError("TRANSACTION_CONFLICT", "lost");
    expect(StrataError.is(error)).toBe(true);
    expect(StrataError.is(error, "TRANSACTION_CONFLICT")).toBe(true);
    expect(StrataError.is(error, "READ_ONLY")).toBe(false);
    for (const other of [undefined, null, 1, "x", {}, new Error("x"), new InvariantError("x"), { code: "READ_ONLY" }]) {
      expect(StrataError.is(other)).toBe(false);
    }
  });

  test("is recognized across realms", () => {
    const foreign: unknown = runInNewContext(`
      const error = new Error("there");
      error[Symbol.for("strata.error")] = true;
      error.code = "READ_ONLY";
      error;
    `);
    expect(foreign).not.toBeInstanceOf(Error);
    expect(StrataError.is(foreign, "READ_ONLY")).toBe(true);
  });
});

describe("the table of codes", () => {
  test.each(Object.entries(ERROR_CODES))("%s has a class, a meaning, a hint and an outcome", (code, entry) => {
    expect(code).toMatch(/^[A-Z]+(_[A-Z]+)*$/);
    expect(Object.keys(CLASSES)).toContain(entry.class);
    expect(entry.meaning).toMatch(/^[A-Z].*\.$/);
    expect(entry.hint).toMatch(/^[A-Z].*\.$/);
    expect(["not_applicable", "definitely_not_committed", "maybe_committed"]).toContain(entry.outcome);
  });

  test("says maybe_committed of the one outcome that only reopening tells", () => {
    const unknown = Object.entries(ERROR_CODES).filter(([, entry]) => entry.outcome === "maybe_committed");
    expect(unknown.map(([code]) => code)).toEqual(["COMMIT_OUTCOME_UNKNOWN"]);
  });

  test("InvariantError is no StrataError", () => {
    const bug = new InvariantError("impossible");
    expect(bug).not.toBeInstanceOf(StrataError);
    expect(bug.name).toBe("InvariantError");
  });
});
