import { Box, type Stored } from "@strata/storage";

/** `stored` as a reader at `now` sees it: `undefined` when it is deleted or expired. */
export function visibleAt(stored: Stored | undefined, now: number): Stored | undefined {
  if (!(stored instanceof Box)) return stored;
  return stored.value === undefined || stored.expiresAt <= now ? undefined : stored;
}

/** Whether judging `stored` needs a clock at all. */
export function expires(stored: Stored | undefined): boolean {
  return stored instanceof Box && stored.expiresAt !== Number.POSITIVE_INFINITY;
}
