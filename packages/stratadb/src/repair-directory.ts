import { realpathSync } from "node:fs";
import { resolve, sep } from "node:path";
import { defaultRuntime, InvalidArgumentError, silentLogger, systemTimer } from "@strata/core";
import { LogSalvage } from "@strata/durability";
import { NodeVfs } from "@strata/durability-file";
import { type LongWork, type RecoveryReport, repairInto } from "@strata/engine";
import { makeDatabase } from "./new-directory.js";

/** See `Strata.repair`. */
export async function repairDirectory(path: string, into: string, work: LongWork): Promise<RecoveryReport> {
  const damaged = realPath(path);
  const target = realPath(into);
  if (`${target}${sep}`.startsWith(`${damaged}${sep}`)) {
    throw new InvalidArgumentError("INVALID_ARGUMENT", "a database is not repaired into its own directory", {
      path: damaged,
      into: target,
    });
  }
  const source = new LogSalvage(new NodeVfs(damaged));
  try {
    const { clock, random } = defaultRuntime();
    const parts = { clock, random, timer: systemTimer, logger: silentLogger };
    const { made, report } = await makeDatabase(into, (backend) => repairInto(source, backend, parts, work), work);
    const known = new Set(made.lost.map(({ what }) => what));
    const found = report.problems.filter(({ what }) => !known.has(what));
    const more = found.map(({ what, offset }) => ({ file: "", offset: offset ?? 0, bytes: 0, what }));
    return more.length === 0 ? made : Object.freeze({ ...made, lost: Object.freeze([...made.lost, ...more]) });
  } finally {
    source.close();
  }
}

/** Where a path leads, as far as it exists. */
function realPath(path: string): string {
  const absolute = resolve(path);
  try {
    return realpathSync(absolute);
  } catch {
    return absolute;
  }
}
