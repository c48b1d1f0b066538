import { expectTypeOf, test } from "vitest";
import { type ConflictError, type ErrorCode, type ErrorCodeOf, StrataError } from "./index.js";

test("a class takes only its own codes", () => {
  expectTypeOf<ErrorCodeOf<"NotFoundError">>().toEqualTypeOf<
    "RUN_NOT_FOUND" | "TAG_NOT_FOUND" | "COLLECTION_NOT_FOUND"
  >();
  expectTypeOf<ConstructorParameters<typeof ConflictError>[0]>().toEqualTypeOf<ErrorCodeOf<"ConflictError">>();
  expectTypeOf<"TRANSACTION_CONFLICT">().toExtend<ErrorCode>();
});

test("is() narrows to the code", () => {
  const error: unknown = undefined;
  if (StrataError.is(error, "VERSION_CONFLICT")) expectTypeOf(error.code).toEqualTypeOf<"VERSION_CONFLICT">();
  if (StrataError.is(error)) expectTypeOf(error.code).toEqualTypeOf<ErrorCode>();
});
