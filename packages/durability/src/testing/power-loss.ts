import { parentOf } from "../memory-vfs.js";
import type { CrashInode, PendingOperation } from "./crash-vfs.js";
import { SeededRandom } from "./seeded-random.js";

/**
 * What a power failure leaves of the operations that were not synced, numbered from 0 in the order in which they were made:
 *
 * | model | left is |
 * |---|---|
 * | `ordered` | a prefix of them all; of the next write its first `tornBytes` |
 * | `perFile` | of each file, and of each directory, a prefix of its own |
 * | `posix` | any subset: writes in sectors or bytes, each there or not; what is missing may read as it was, as zeros, as anything; names independently |
 *
 * A choice is plain data: printed with a failing test, it repeats it.
 */
export type PowerLoss =
  | { readonly model: "ordered"; readonly kept: number; readonly tornBytes?: number }
  | { readonly model: "perFile"; readonly seed: number }
  | { readonly model: "posix"; readonly keep: "all" | "none" }
  | { readonly model: "posix"; readonly drop: number }
  | { readonly model: "posix"; readonly only: number }
  | { readonly model: "posix"; readonly seed: number };

/** What becomes of one operation: done, not done, or `pieces` of a write. */
export type Fate = "kept" | "lost" | readonly WritePiece[];

/** A part of a write, in bytes of the write. */
export interface WritePiece {
  readonly start: number;
  readonly end: number;
  readonly becomes: "written" | "old" | "zeros" | "garbage";
}

/** Decides the fate of each operation. */
export function decideFates(operations: readonly PendingOperation[], choice: PowerLoss): Fate[] {
  switch (choice.model) {
    case "ordered":
      return operations.map((operation, i) => {
        if (i < choice.kept) return "kept";
        const torn = choice.tornBytes ?? 0;
        if (i > choice.kept || operation.kind !== "write" || torn === 0) return "lost";
        return [{ start: 0, end: Math.min(torn, operation.bytes.length), becomes: "written" }];
      });
    case "perFile":
      return perFile(operations, new SeededRandom(choice.seed));
    case "posix":
      if ("keep" in choice) return operations.map(() => (choice.keep === "all" ? "kept" : "lost"));
      if ("drop" in choice) return operations.map((_, i) => (i === choice.drop ? "lost" : "kept"));
      if ("only" in choice) return operations.map((_, i) => (i === choice.only ? "kept" : "lost"));
      return anySubset(operations, new SeededRandom(choice.seed));
  }
}

function perFile(operations: readonly PendingOperation[], random: SeededRandom): Fate[] {
  const left = new Map<CrashInode | string, number>();
  const owner = (operation: PendingOperation) =>
    "inode" in operation && isData(operation) ? operation.inode : parentOf(operation.path);
  for (const operation of operations) left.set(owner(operation), (left.get(owner(operation)) ?? 0) + 1);
  for (const [key, count] of left) left.set(key, random.below(count + 1));
  return operations.map((operation) => {
    const rest = left.get(owner(operation)) ?? 0;
    left.set(owner(operation), rest - 1);
    if (rest > 0) return "kept";
    if (rest < 0 || operation.kind !== "write" || random.chance(50)) return "lost";
    return [{ start: 0, end: random.below(operation.bytes.length + 1), becomes: "written" }];
  });
}

const UNITS = [512, 512, 4096, 1];

function anySubset(operations: readonly PendingOperation[], random: SeededRandom): Fate[] {
  const keepPercent = [10, 50, 50, 90, 97][random.below(5)]!;
  return operations.map((operation) => {
    if (operation.kind !== "write" || random.chance(60)) return random.chance(keepPercent) ? "kept" : "lost";
    const unit = UNITS[random.below(UNITS.length)]!;
    return pieces(operation.offset, operation.bytes.length, unit, keepPercent, random);
  });
}

function pieces(offset: number, length: number, unit: number, keepPercent: number, random: SeededRandom): WritePiece[] {
  const parts: WritePiece[] = [];
  // Bytes are torn at one place; sectors each go their own way.
  const tear = unit === 1 ? random.below(length + 1) : -1;
  for (let start = 0; start < length; ) {
    const end =
      unit === 1
        ? start < tear
          ? tear
          : length
        : Math.min(length, (Math.floor((offset + start) / unit) + 1) * unit - offset);
    const kept = unit === 1 ? start < tear : random.chance(keepPercent);
    parts.push({ start, end, becomes: kept ? "written" : missing(random) });
    start = end;
  }
  return parts;
}

function missing(random: SeededRandom): WritePiece["becomes"] {
  const roll = random.below(10);
  return roll < 7 ? "old" : roll < 9 ? "zeros" : "garbage";
}

function isData(operation: PendingOperation): boolean {
  return operation.kind === "write" || operation.kind === "truncate";
}
