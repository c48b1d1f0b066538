import { expect } from "vitest";
import { type ErrorCode, StrataError } from "../src/index.js";

/** The error that `work` throws, which must be a StrataError with this code. */
export function expectCode(code: ErrorCode, work: () => unknown, what = "this call"): StrataError {
  try {
    work();
  } catch (error) {
    return checked(code, error);
  }
  return expect.fail(`expected ${code} of ${what}, and nothing was thrown`);
}

/** The same for a promise. */
export async function expectRejection(code: ErrorCode, work: () => Promise<unknown>): Promise<StrataError> {
  try {
    await work();
  } catch (error) {
    return checked(code, error);
  }
  return expect.fail(`expected ${code}, but nothing was thrown`);
}

function checked(code: ErrorCode, error: unknown): StrataError {
  if (!StrataError.is(error)) throw error;
  expect(error.code, error.message).toBe(code);
  return error;
}
