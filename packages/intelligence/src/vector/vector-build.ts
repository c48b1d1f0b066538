import { invalid, kindOf, type LongWork, optionsOf, type TableReader } from "@strata/engine";
import type { Indexes } from "../partition/indexes.js";
import type { CollectionKind } from "./collection-kind.js";

const WHERE = "vectors.build";
/** Steps from one word about progress to the next. */
const STEPS_PER_WORD = 64;

/** @throws InvalidArgumentError `INVALID_ARGUMENT` */
export function checkBuild(options: unknown): LongWork {
  const { signal, onProgress } = optionsOf(options, ["signal", "onProgress"], WHERE);
  if (onProgress !== undefined && typeof onProgress !== "function") {
    throw invalid(WHERE, `takes onProgress as a function, not ${kindOf(onProgress)}`, { option: "onProgress" });
  }
  const isSignal = typeof (signal as { throwIfAborted?: unknown } | null | undefined)?.throwIfAborted === "function";
  if (signal !== undefined && !isSignal) {
    throw invalid(WHERE, `takes signal as an AbortSignal, not ${kindOf(signal)}`, { option: "signal" });
  }
  return { signal: signal as AbortSignal | undefined, onProgress: onProgress as LongWork["onProgress"] };
}

/**
 * Lets the graphs that the reader of `table` uses grow until they cover what it sees. Done and total are vectors, dead ones included.
 *
 * @throws the signal's reason, once it is aborted: what was linked stays linked.
 */
export async function buildGraphs(
  indexes: Indexes,
  kind: CollectionKind,
  table: TableReader,
  { signal, onProgress }: LongWork,
): Promise<void> {
  signal?.throwIfAborted();
  const view = table.view();
  const tell = () => {
    let done = 0;
    let total = 0;
    for (const { index } of indexes.layersOf(kind, view)) {
      if (!index.wantsGraph) continue;
      done += index.graph?.length ?? 0;
      total += index.rows.length;
    }
    onProgress?.(done, total);
  };
  let steps = 0;
  await indexes.complete(kind, view, { signal }, () => {
    if (onProgress !== undefined && ++steps % STEPS_PER_WORD === 0) tell();
  });
  if (onProgress !== undefined) tell();
}
