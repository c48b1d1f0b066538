import type { ErrorCodeEntry } from "../src/index.js";

/** The text of `docs/errors.md`, from the table of codes. */
export function errorsDoc(codes: { readonly [code: string]: ErrorCodeEntry }): string;
