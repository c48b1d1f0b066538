import {
  type Clock,
  defaultRuntime,
  InvalidArgumentError,
  type Logger,
  type Options,
  type Random,
  silentLogger,
  type Timer,
} from "@strata/core";
import type { DurabilityMode } from "./durability.js";
import { backgroundTimer } from "./timer.js";
import { FRAME_HEADER_SIZE, SEGMENT_HEADER_SIZE } from "./wal-format.js";
import { DEFAULT_SEGMENT_SIZES, type SegmentSizes } from "./wal-writer.js";

/** How a log is kept. Everything has a default. */
export type LogOptions = Options<{
  /** What `settle` means without a mode of its own. `"buffered"` */
  mode: DurabilityMode;
  /** The window of the background fsync: 100 ms, 1000 commits. */
  buffered: Options<{ flushIntervalMs: number; maxPendingWrites: number }>;
  /** What to do about damage below what had been durable: `"strict"` refuses, `"salvage"` ends the log before it and reports. */
  recovery: "strict" | "salvage";
  /** Takes the lock shared, changes no byte. */
  readOnly: boolean;
  /** Whether `recover` starts the background fsync; else `startFlushThread` does. true */
  flushThread: boolean;
  segments: Options<SegmentSizes & { consolidateBytes: number }>;
  clock: Clock;
  random: Random;
  logger: Logger;
  timer: Timer;
}>;

/** The same, complete and checked. */
export interface LogSettings {
  readonly mode: DurabilityMode;
  readonly flushIntervalMs: number;
  readonly maxPendingWrites: number;
  readonly salvage: boolean;
  readonly readOnly: boolean;
  readonly flushThread: boolean;
  readonly sizes: SegmentSizes;
  readonly consolidateBytes: number;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  readonly timer: Timer;
}

const FLUSH_INTERVAL_MS = 100;
const FLUSH_INTERVAL_MS_MAX = 60_000;
const PENDING_WRITES = 1000;
const PENDING_WRITES_MAX = 1_000_000;
const CONSOLIDATE_BYTES: number = 256 * 1024;
const SEGMENT_BYTES_MIN: number = SEGMENT_HEADER_SIZE + 4 * FRAME_HEADER_SIZE;
/** What may be asked for; a segment for one large frame is larger. */
const SEGMENT_BYTES_ASKED_MAX: number = 2 ** 30;

/** @throws {InvalidArgumentError} `INVALID_ARGUMENT` */
export function resolveLogOptions(options: LogOptions): LogSettings {
  const firstBytes = options.segments?.firstBytes ?? DEFAULT_SEGMENT_SIZES.firstBytes;
  const runtime = defaultRuntime();
  return {
    mode: oneOf("mode", options.mode ?? "buffered", ["none", "buffered", "strict"]),
    flushIntervalMs: inRange(
      "buffered.flushIntervalMs",
      options.buffered?.flushIntervalMs ?? FLUSH_INTERVAL_MS,
      1,
      FLUSH_INTERVAL_MS_MAX,
    ),
    maxPendingWrites: inRange(
      "buffered.maxPendingWrites",
      options.buffered?.maxPendingWrites ?? PENDING_WRITES,
      1,
      PENDING_WRITES_MAX,
    ),
    salvage: oneOf("recovery", options.recovery ?? "strict", ["strict", "salvage"]) === "salvage",
    readOnly: options.readOnly === true,
    flushThread: options.flushThread !== false,
    sizes: {
      firstBytes: inRange("segments.firstBytes", firstBytes, SEGMENT_BYTES_MIN, SEGMENT_BYTES_ASKED_MAX),
      maxBytes: inRange(
        "segments.maxBytes",
        options.segments?.maxBytes ?? Math.max(firstBytes, DEFAULT_SEGMENT_SIZES.maxBytes),
        firstBytes,
        SEGMENT_BYTES_ASKED_MAX,
      ),
    },
    consolidateBytes: inRange(
      "segments.consolidateBytes",
      options.segments?.consolidateBytes ?? CONSOLIDATE_BYTES,
      0,
      SEGMENT_BYTES_ASKED_MAX,
    ),
    clock: options.clock ?? runtime.clock,
    random: options.random ?? runtime.random,
    logger: options.logger ?? silentLogger,
    timer: options.timer ?? backgroundTimer,
  };
}

function inRange(name: string, value: number, min: number, max: number): number {
  if (Number.isInteger(value) && value >= min && value <= max) return value;
  throw new InvalidArgumentError(
    "INVALID_ARGUMENT",
    `${name} is ${String(value)}; it must be an integer from ${min} to ${max}`,
    {
      name,
      value,
      min,
      max,
    },
  );
}

function oneOf<T extends string>(name: string, value: T, allowed: readonly T[]): T {
  if (allowed.includes(value)) return value;
  throw new InvalidArgumentError(
    "INVALID_ARGUMENT",
    `${name} is ${String(value)}; it must be one of ${allowed.join(", ")}`,
    {
      name,
      value,
      allowed,
    },
  );
}
