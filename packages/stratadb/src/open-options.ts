import {
  checkOptions,
  hasMethods,
  isBoolean,
  isFunction,
  isGroup,
  isOneOf,
  isWholeNumber,
  type OptionCheck,
} from "@strata/api";
import {
  type Clock,
  DEFAULT_LIMITS,
  InvalidArgumentError,
  type Limits,
  type Logger,
  type Options,
  type Random,
} from "@strata/core";
import type { Durability, DurabilityMode } from "@strata/durability";
import {
  type CheckpointOptions,
  type DatabaseOptions,
  type Health,
  RecoveryParticipant,
  type Retention,
} from "@strata/engine";
import { type Embedder, Embedding, type TextSearchOptions, TextSettings } from "@strata/intelligence";

/** How a database is opened. Everything has a default. */
export type OpenOptions = Options<{
  /**
   * When a commit counts as acknowledged: `"buffered"` unless said. A `Durability` is a backend of its own, in place of a path.
   */
  durability: DurabilityMode | Durability;
  /** The window of `"buffered"`: an fsync after so many milliseconds (100) or commits (1000), whichever comes first. */
  buffered: Options<{ flushIntervalMs: number; maxPendingWrites: number }>;
  /** Reads what is there and changes no byte; writes throw `READ_ONLY`. */
  readOnly: boolean;
  /**
   * Snapshot files hold what the log need not be read for any more. One is written in the background once the log behind the last is longer
   * than `walSizeBytes` (64 MiB), and by `shutdown` unless `onClose` is false; with `"manual"` only by `checkpoint()`.
   */
  checkpoint: CheckpointOptions | "manual";
  /** How many bytes of what can be read back from files may stay in memory, about: a third of what the runtime allows its heap. */
  memoryBudgetBytes: number;
  /** How much history runs keep that were given no policy of their own: all of it unless said. */
  retention: Retention;
  limits: Partial<Limits>;
  /** `"salvage"` goes on where `"strict"`, the default, refuses a damaged log; what it dropped is in `info().recovery`. */
  recovery: "strict" | "salvage";
  /** What makes vectors of texts: of queries, and in the background of what its `targets` name. */
  embed: Embedder;
  /** How `search` deals with words: English stems, in every primitive, unless said. */
  textSearch: TextSearchOptions;
  clock: Clock;
  random: Random;
  /** Silent unless given. */
  logger: Logger;
  /** Called when the health of the database changes. */
  onHealth: (health: Health) => void;
}>;

const isRetention: OptionCheck = (value) =>
  typeof value === "object" && value !== null && "~retention" in value
    ? undefined
    : "made by keepAll, keepLast, keepFor or keepByPrimitive";

const isList: OptionCheck = (value) => (Array.isArray(value) ? undefined : "a list of primitives");

const MODES: readonly DurabilityMode[] = ["none", "buffered", "strict"];

const isMode = isOneOf(MODES);
const isBackend = hasMethods("recover", "append", "settle", "settled", "shutdown");
const isModeOrBackend: OptionCheck = (value) =>
  isMode(value) === undefined || isBackend(value) === undefined ? undefined : `${isMode(value)}, or a Durability`;

const limit = isWholeNumber(1);
const LIMIT_CHECKS = Object.fromEntries(Object.keys(DEFAULT_LIMITS).map((name) => [name, limit]));

const CHECKS: { readonly [N in keyof OpenOptions]-?: OptionCheck } = {
  durability: isModeOrBackend,
  buffered: isGroup({ flushIntervalMs: isWholeNumber(1), maxPendingWrites: isWholeNumber(1) }),
  readOnly: isBoolean,
  checkpoint: (value) =>
    value === "manual" ? undefined : isGroup({ walSizeBytes: isWholeNumber(1), onClose: isBoolean })(value),
  memoryBudgetBytes: isWholeNumber(1),
  retention: isRetention,
  limits: isGroup(LIMIT_CHECKS),
  recovery: isOneOf(["strict", "salvage"]),
  embed: hasMethods("run"),
  textSearch: isGroup({ stemming: isOneOf(["english", "none"]), primitives: isList }),
  clock: hasMethods("now"),
  random: hasMethods("bytes"),
  logger: hasMethods("log"),
  onHealth: isFunction,
};

/**
 * @param what the call, for the message.
 * @throws {InvalidArgumentError} `INVALID_ARGUMENT` for an unknown or ill-typed option; `facts.valid` has those there are.
 */
export function checkOpenOptions(
  what: string,
  options: OpenOptions | undefined,
  more?: { readonly [name: string]: OptionCheck },
): void {
  checkOptions(what, options, more === undefined ? CHECKS : { ...CHECKS, ...more });
}

/** Where the call chooses the backend itself: the mode. @throws {InvalidArgumentError} `INVALID_ARGUMENT` */
export function mustMode(what: string, options: OpenOptions | undefined): DurabilityMode {
  const durability = options?.durability ?? "buffered";
  if (typeof durability === "string") return durability;
  throw new InvalidArgumentError(
    "INVALID_ARGUMENT",
    `${what} chooses the backend itself: pass one of ${MODES.join(", ")} as durability, or the backend to Strata.open({ durability })`,
    { option: "durability", valid: MODES },
  );
}

/** What the engine takes of them, whatever its backend. */
export function engineOptions(options: OpenOptions): Omit<DatabaseOptions, "durability"> {
  const { readOnly, checkpoint, memoryBudgetBytes, retention, limits, clock, random, logger, onHealth } = options;
  return { readOnly, checkpoint, memoryBudgetBytes, retention, limits, clock, random, logger, onHealth };
}

/** What is said of searching when a database is opened. */
export type SearchSettings = Pick<OpenOptions, "embed" | "textSearch">;

/** The same, for a database that searches so. @throws {InvalidArgumentError} `INVALID_ARGUMENT`, `INVALID_PATH` for what is no embedder */
export function searching(
  options: Omit<DatabaseOptions, "durability">,
  { embed, textSearch }: SearchSettings,
): Omit<DatabaseOptions, "durability"> {
  const participants = [...(options.participants ?? [])];
  if (textSearch !== undefined)
    participants.push(new RecoveryParticipant("text-search", TextSettings.check(textSearch)));
  if (embed !== undefined) {
    const embedder = Embedding.check(embed);
    participants.push(new RecoveryParticipant("embedding", (database) => Embedding.begin(database, embedder)));
  }
  return participants.length === 0 ? options : { ...options, participants };
}

/** @throws {InvalidArgumentError} `INVALID_ARGUMENT` */
export function mustPath(what: string, path: unknown): asserts path is string {
  if (typeof path === "string" && path !== "" && !path.includes("\0")) return;
  throw new InvalidArgumentError("INVALID_ARGUMENT", `${what} needs the path of a directory`, { path });
}
