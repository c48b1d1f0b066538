import { IoError, StateError, StrataError } from "@strata/core";

/**
 * The writer's word that nothing can be appended any more: an fsync has failed, a failed write could not be undone, or the
 * database was taken over. Stays inside this package: `LogDurability` tells it to callers in the codes they know.
 */
export class LogPoisoned extends Error {
  override readonly cause: StrataError;
  /** Whether bytes of the commit at hand may be in the log. */
  readonly uncertain: boolean;

  constructor(cause: unknown, uncertain: boolean) {
    super("the log is poisoned");
    this.cause = toStrataError(cause);
    this.uncertain = uncertain;
  }
}

/** What a `Vfs` threw, as one of ours. */
export function toStrataError(error: unknown): StrataError {
  if (error instanceof StrataError) return error;
  const message = error instanceof Error ? error.message : String(error);
  return new IoError("IO_ERROR", `the file system failed: ${message}`, {}, { cause: error });
}

export function closed(): StateError {
  return new StateError("DATABASE_CLOSED", "the log was closed");
}
