import { ConflictError, StateError } from "@strata/core";
import { expect, test } from "vitest";
import { isRetryableConflict, NO_RETRY, retryDelayMs, retryPolicy } from "./retry.js";
import { VersionAllocator } from "./version-allocator.js";

test("pauses double up to the maximum", () => {
  const policy = { maxRetries: 5, baseDelayMs: 10, maxDelayMs: 60 };
  expect([1, 2, 3, 4, 5].map((attempt) => retryDelayMs(policy, attempt))).toEqual([10, 20, 40, 60, 60]);
});

test("nothing given means no retry; a part given is filled up with defaults", () => {
  expect(retryPolicy(undefined)).toBe(NO_RETRY);
  expect(retryPolicy({ maxRetries: 1 })).toEqual({ maxRetries: 1, baseDelayMs: 10, maxDelayMs: 100 });
});

test.each([-1, 1.5, Number.NaN, Number.POSITIVE_INFINITY])("refuses %s retries", (maxRetries) => {
  expect(() => retryPolicy({ maxRetries })).toThrow(expect.objectContaining({ code: "INVALID_ARGUMENT" }));
});

test("only a lost validation is retried", () => {
  expect(isRetryableConflict(new ConflictError("TRANSACTION_CONFLICT", "x"))).toBe(true);
  expect(isRetryableConflict(new ConflictError("VERSION_CONFLICT", "x"))).toBe(false);
  expect(isRetryableConflict(new StateError("TRANSACTION_TIMEOUT", "x"))).toBe(false);
  expect(isRetryableConflict(new Error("x"))).toBe(false);
});

test("versions rise strictly from the first, up to the last safe integer", () => {
  const allocator = new VersionAllocator(5);
  expect([allocator.upcoming, allocator.next(), allocator.next(), allocator.upcoming]).toEqual([5, 5, 6, 7]);
  const last = new VersionAllocator(Number.MAX_SAFE_INTEGER);
  expect(() => last.next()).toThrow(expect.objectContaining({ code: "OVERFLOW" }));
});
