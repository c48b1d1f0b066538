/**
 * Every code of a `StrataError` and what to do about it: the one place where codes are defined. `docs/errors.md` is
 * generated from here (`packages/core/scripts/errors-doc.mjs`).
 */

export type StrataErrorName =
  | "ConflictError"
  | "InvalidArgumentError"
  | "LimitError"
  | "NotFoundError"
  | "StateError"
  | "IoError"
  | "CorruptionError";

/**
 * What became of the commit that the failed call was about to make. `not_applicable`: such a call commits nothing;
 * `definitely_not_committed`: nothing of it is or will be visible; `maybe_committed`: only reopening tells.
 */
export type CommitOutcome = "not_applicable" | "definitely_not_committed" | "maybe_committed";

export interface ErrorCodeEntry {
  readonly class: StrataErrorName;
  /** What happened, in one sentence: the text of `docs/errors.md`. */
  readonly meaning: string;
  /** What to do next. */
  readonly hint: string;
  /** The same call may succeed. */
  readonly retryable: boolean;
  readonly outcome: CommitOutcome;
}

/** Codes are stable across major versions: add, never rename. */
export const ERROR_CODES = {
  TRANSACTION_CONFLICT: {
    class: "ConflictError",
    meaning: "Something the transaction had read was changed by another commit before this one could commit.",
    hint: "Run the whole transaction again from its start, or pass `retry`.",
    retryable: true,
    outcome: "definitely_not_committed",
  },
  VERSION_CONFLICT: {
    class: "ConflictError",
    meaning: "The entry is not at the version or counter that the call expected.",
    hint: "Read the entry again, decide anew, and pass the version or counter you read.",
    retryable: false,
    outcome: "definitely_not_committed",
  },
  LEASE_LOST: {
    class: "ConflictError",
    meaning: "The lease has expired or another owner holds it now.",
    hint: "Stop the work that the lease protected, then acquire it again.",
    retryable: false,
    outcome: "definitely_not_committed",
  },
  MERGE_CONFLICT: {
    class: "ConflictError",
    meaning: "Both runs changed the same entries since their common base.",
    hint: "Look at facts.conflicts, then merge with a strategy or a resolver.",
    retryable: false,
    outcome: "definitely_not_committed",
  },
  PATCH_TEST_FAILED: {
    class: "ConflictError",
    meaning: "A `test` operation of a JSON patch found another value than it expected.",
    hint: "Read the document again and build the patch from what is there now.",
    retryable: false,
    outcome: "definitely_not_committed",
  },
  REPLAY_DIVERGED: {
    class: "ConflictError",
    meaning: "A recorded step was called with other input than it was recorded with, or was never recorded.",
    hint: "Make the steps of this scope deterministic, or record under a new scope.",
    retryable: false,
    outcome: "definitely_not_committed",
  },

  INVALID_ARGUMENT: {
    class: "InvalidArgumentError",
    meaning: "An argument or option has a type or a value that the call does not take.",
    hint: "Correct the argument that the message names.",
    retryable: false,
    outcome: "definitely_not_committed",
  },
  INVALID_KEY: {
    class: "InvalidArgumentError",
    meaning:
      "A key must be a well-formed string of 1 to 1024 bytes in UTF-8, without NUL, and must not begin with `_strata/`.",
    hint: "Correct the key; build keys from foreign parts with `key(...parts)`.",
    retryable: false,
    outcome: "definitely_not_committed",
  },
  INVALID_VALUE: {
    class: "InvalidArgumentError",
    meaning: "A value holds something that none of the eight types can represent.",
    hint: "Store null, booleans, numbers, bigints, strings, Uint8Array, arrays and plain objects; facts.path says where.",
    retryable: false,
    outcome: "definitely_not_committed",
  },
  INVALID_PATH: {
    class: "InvalidArgumentError",
    meaning: "A JSON path cannot be parsed, or does not fit the document.",
    hint: 'Correct the path; the array form ["users", id, "name"] needs no quoting.',
    retryable: false,
    outcome: "definitely_not_committed",
  },
  INVALID_NAME: {
    class: "InvalidArgumentError",
    meaning: "The name of a run, space, collection or event type breaks the rules for such names.",
    hint: "Choose a name by the rule in the message.",
    retryable: false,
    outcome: "definitely_not_committed",
  },
  WRONG_TYPE: {
    class: "InvalidArgumentError",
    meaning: "The operation needs a value of another type than the one stored there.",
    hint: "Read the value first, or write one of the type that facts.expected names.",
    retryable: false,
    outcome: "definitely_not_committed",
  },
  SCHEMA_MISMATCH: {
    class: "InvalidArgumentError",
    meaning: "The value does not satisfy the schema of this typed handle.",
    hint: "Correct the value by facts.issues, or change the schema.",
    retryable: false,
    outcome: "definitely_not_committed",
  },
  DIMENSION_MISMATCH: {
    class: "InvalidArgumentError",
    meaning: "The vector has another number of components than its collection.",
    hint: "Use the embedding model that the collection was made for, or make a new collection.",
    retryable: false,
    outcome: "definitely_not_committed",
  },
  CONSTRAINT_VIOLATION: {
    class: "InvalidArgumentError",
    meaning: "The call would break a rule that always holds, such as that the default run and space exist.",
    hint: "The message names the rule; choose another run, space or entry.",
    retryable: false,
    outcome: "definitely_not_committed",
  },
  NOT_A_DATABASE: {
    class: "InvalidArgumentError",
    meaning: "The path is a file, or a directory that holds something other than a database.",
    hint: "Give the path of a database directory, or of one that does not exist yet or is empty.",
    retryable: false,
    outcome: "not_applicable",
  },
  BUNDLE_INVALID: {
    class: "InvalidArgumentError",
    meaning:
      "The bytes given are no bundle of a run, or a damaged one; facts.reason says what is wrong. Nothing was imported.",
    hint: "Get the bundle again from where it was exported; a file that was cut or changed cannot be mended.",
    retryable: false,
    outcome: "definitely_not_committed",
  },
  UNKNOWN_COMMAND: {
    class: "InvalidArgumentError",
    meaning: "No command has this name.",
    hint: "Use a name from the command table; facts.nearest may be the one that was meant.",
    retryable: false,
    outcome: "definitely_not_committed",
  },
  INVALID_COMMAND: {
    class: "InvalidArgumentError",
    meaning: "The input of a command does not satisfy the command's schema.",
    hint: "Correct the input by facts.issues.",
    retryable: false,
    outcome: "definitely_not_committed",
  },

  OVERFLOW: {
    class: "LimitError",
    meaning: "A number left the range that its type can hold.",
    hint: "Integers reach from -2^63 to 2^63-1; store larger ones as text.",
    retryable: false,
    outcome: "definitely_not_committed",
  },
  LIMIT_VALUE: {
    class: "LimitError",
    meaning: "A value is larger or nested more deeply than the limits allow.",
    hint: "Split the value over several keys, or raise `limits` when opening; facts.limit names the bound.",
    retryable: false,
    outcome: "definitely_not_committed",
  },
  LIMIT_TRANSACTION: {
    class: "LimitError",
    meaning: "A transaction writes more keys or bytes than the limits allow.",
    hint: "Commit in batches, or raise `limits` when opening.",
    retryable: false,
    outcome: "definitely_not_committed",
  },

  RUN_NOT_FOUND: {
    class: "NotFoundError",
    meaning: "No run has this name, or the run of this handle was deleted.",
    hint: "Create the run first; facts.nearest may be the one that was meant.",
    retryable: false,
    outcome: "definitely_not_committed",
  },
  TAG_NOT_FOUND: {
    class: "NotFoundError",
    meaning: "The run has no tag of this name; forks do not inherit those of their source.",
    hint: "List them with `runs.tags(run)`; facts.nearest may be the one that was meant.",
    retryable: false,
    outcome: "definitely_not_committed",
  },
  COLLECTION_NOT_FOUND: {
    class: "NotFoundError",
    meaning: "No vector collection has this name in this space.",
    hint: "Make it with `vectors.createCollection(name, { dimension })`.",
    retryable: false,
    outcome: "definitely_not_committed",
  },

  TRANSACTION_NOT_ACTIVE: {
    class: "StateError",
    meaning: "The transaction has ended, or none was begun.",
    hint: "Use the transaction only inside its closure, and await every promise there.",
    retryable: false,
    outcome: "definitely_not_committed",
  },
  TRANSACTION_ALREADY_ACTIVE: {
    class: "StateError",
    meaning: "The session already has an open transaction.",
    hint: "Commit it or roll it back before beginning another, or use a second session.",
    retryable: false,
    outcome: "definitely_not_committed",
  },
  TRANSACTION_NESTED: {
    class: "StateError",
    meaning: "A synchronous transaction wrote to its own run through another handle.",
    hint: "Write through the transaction that the closure was given.",
    retryable: false,
    outcome: "definitely_not_committed",
  },
  TRANSACTION_TIMEOUT: {
    class: "StateError",
    meaning: "The transaction ran longer than its `timeoutMs`.",
    hint: "Do slow work before the transaction, or raise `timeoutMs`.",
    retryable: true,
    outcome: "definitely_not_committed",
  },
  REENTRANT_COMMIT: {
    class: "StateError",
    meaning: "A commit was started from inside another commit.",
    hint: "Start it after the first one has returned.",
    retryable: false,
    outcome: "definitely_not_committed",
  },
  LEASE_TIMEOUT: {
    class: "StateError",
    meaning: "Another owner held the lease for the whole of `waitMs`.",
    hint: "Wait longer, or find out why the holder keeps it.",
    retryable: true,
    outcome: "definitely_not_committed",
  },
  RUN_EXISTS: {
    class: "StateError",
    meaning: "A run with this name exists.",
    hint: "Use the existing run or choose another name.",
    retryable: false,
    outcome: "definitely_not_committed",
  },
  RUN_CLOSED: {
    class: "StateError",
    meaning: "The run is not active, so it refuses writes.",
    hint: "Set its status back to active where that is allowed, or write to another run.",
    retryable: false,
    outcome: "definitely_not_committed",
  },
  RUN_NOT_LOADED: {
    class: "StateError",
    meaning: "The run was not among those loaded when the database was opened.",
    hint: "Await `runs.load(name)` first.",
    retryable: false,
    outcome: "definitely_not_committed",
  },
  SPACE_NOT_EMPTY: {
    class: "StateError",
    meaning: "The space holds data, so it is not deleted without force.",
    hint: "Delete its data first, or delete the space with `force`.",
    retryable: false,
    outcome: "definitely_not_committed",
  },
  COLLECTION_EXISTS: {
    class: "StateError",
    meaning: "A vector collection with this name exists.",
    hint: 'Use it, or pass ifExists: "keep".',
    retryable: false,
    outcome: "definitely_not_committed",
  },
  HISTORY_TRIMMED: {
    class: "StateError",
    meaning: "The version or time asked for lies before the history that is kept.",
    hint: "Ask for facts.earliest or later, and keep more with a retention policy or a tag.",
    retryable: false,
    outcome: "definitely_not_committed",
  },
  DATABASE_CLOSED: {
    class: "StateError",
    meaning: "The database, or this handle, was closed.",
    hint: "Open the database again.",
    retryable: false,
    outcome: "definitely_not_committed",
  },
  DATABASE_LOCKED: {
    class: "StateError",
    meaning: "Another process has the database open.",
    hint: "Close it there; facts.holder says who it is.",
    retryable: true,
    outcome: "not_applicable",
  },
  DATABASE_FENCED: {
    class: "StateError",
    meaning: "Another process opened the database and took over from this one.",
    hint: "Stop writing here, close this database, and find out why two processes share its directory.",
    retryable: false,
    outcome: "definitely_not_committed",
  },
  STATE_POISONED: {
    class: "StateError",
    meaning: "After a failed write or fsync the end of the log is uncertain, so writes are refused.",
    hint: "Close the database and open it again; reads go on from memory until then.",
    retryable: false,
    outcome: "definitely_not_committed",
  },
  READ_ONLY: {
    class: "StateError",
    meaning: "A write was attempted on a read-only database, view or transaction.",
    hint: "Write through a handle that was opened for writing.",
    retryable: false,
    outcome: "definitely_not_committed",
  },
  ASYNC_BACKEND: {
    class: "StateError",
    meaning: "The backend can only commit asynchronously.",
    hint: "Open with `openAsync` and write inside `await db.transaction(async …)`.",
    retryable: false,
    outcome: "definitely_not_committed",
  },
  EMBEDDER_IS_ASYNC: {
    class: "StateError",
    meaning: "The query can only be embedded asynchronously.",
    hint: "Use `searchAsync`, or search by keyword.",
    retryable: false,
    outcome: "not_applicable",
  },
  SHUTDOWN_TIMEOUT: {
    class: "StateError",
    meaning: "Transactions were still open when the time for shutting down was over.",
    hint: "End the transactions that facts name and shut down again, or close at once.",
    retryable: true,
    outcome: "not_applicable",
  },
  FORMAT_TOO_NEW: {
    class: "StateError",
    meaning: "The files were written by a newer version, in a format that this one does not know.",
    hint: "Upgrade this package; nothing was changed on disk.",
    retryable: false,
    outcome: "not_applicable",
  },

  IO_ERROR: {
    class: "IoError",
    meaning: "The operating system refused to read or write a file.",
    hint: "Look at facts.operation, facts.path and the cause; check permissions and the disk.",
    retryable: false,
    outcome: "definitely_not_committed",
  },
  DISK_FULL: {
    class: "IoError",
    meaning: "The disk or the quota is full.",
    hint: "Free space; writing resumes by itself.",
    retryable: true,
    outcome: "definitely_not_committed",
  },
  COMMIT_OUTCOME_UNKNOWN: {
    class: "IoError",
    meaning: "The commit was written, but making it durable failed.",
    hint: "Open the database again and ask `commitStatus({ epoch, version })` with the facts of this error.",
    retryable: false,
    outcome: "maybe_committed",
  },

  WAL_CORRUPT: {
    class: "CorruptionError",
    meaning: "A frame of the log before its durable end is damaged.",
    hint: "Restore a backup, or repair into a new directory; facts.file and facts.offset say where.",
    retryable: false,
    outcome: "not_applicable",
  },
  SNAPSHOT_CORRUPT: {
    class: "CorruptionError",
    meaning: "A snapshot file that the newest checkpoint names is damaged or missing.",
    hint: "Restore a backup, or repair into a new directory; facts.file and facts.offset say where. Other runs can be read.",
    retryable: false,
    outcome: "not_applicable",
  },
  MANIFEST_CORRUPT: {
    class: "CorruptionError",
    meaning: "No manifest of the database passes its checksum.",
    hint: "Restore a backup, or repair into a new directory.",
    retryable: false,
    outcome: "not_applicable",
  },
  MANIFEST_MISSING: {
    class: "CorruptionError",
    meaning: "The directory holds a log but no manifest.",
    hint: "Restore the missing files from a backup, or repair into a new directory.",
    retryable: false,
    outcome: "not_applicable",
  },
  CORRUPT_VALUE: {
    class: "CorruptionError",
    meaning: "Bytes that should hold a value do not decode as one.",
    hint: "Restore a backup; facts.offset says where in the bytes.",
    retryable: false,
    outcome: "not_applicable",
  },
  CORRUPT_RECORD: {
    class: "CorruptionError",
    meaning: "Bytes that should hold a record end early, go on too long or contradict themselves.",
    hint: "Restore a backup; facts.offset says where in the bytes.",
    retryable: false,
    outcome: "not_applicable",
  },
} as const satisfies { readonly [code: string]: ErrorCodeEntry };

export type ErrorCode = keyof typeof ERROR_CODES;

/** The codes that errors of class `N` carry. */
export type ErrorCodeOf<N extends StrataErrorName> = {
  [C in ErrorCode]: (typeof ERROR_CODES)[C]["class"] extends N ? C : never;
}[ErrorCode];
