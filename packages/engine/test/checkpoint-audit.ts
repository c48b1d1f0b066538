import { InlineSyncDriver, LogDurability } from "@strata/durability";
import { type CrashVfs, ManualTime, SeededRandom, TINY_SEGMENTS } from "@strata/durability/testing";
import { expect } from "vitest";
import { Catalogue } from "../src/checkpoint/catalogue.js";
import { SnapshotLibrary } from "../src/checkpoint/snapshot-library.js";

/**
 * Reads the last checkpoint on a disk and does its sums anew: what it says of files is what its runs say, no run reads through one that it
 * does not know, none is kept for nobody. The disk stays as it is.
 *
 * @param names of the runs that there are.
 * @param hasAllToItself whether nothing but what the checkpoint names should be there: true behind one that was not interrupted, of a
 *   process that has not been interrupted either since its first.
 */
export function auditCheckpoint(disk: CrashVfs, names: readonly string[], hasAllToItself: boolean): void {
  const vfs = disk.afterKill();
  const time = new ManualTime();
  const log = new LogDurability(vfs, new InlineSyncDriver(vfs, time), {
    clock: time,
    timer: time,
    random: new SeededRandom(77),
    segments: TINY_SEGMENTS,
  });
  let root: Uint8Array | undefined;
  log.recover(
    () => {},
    (checkpoint) => {
      root = checkpoint.root;
    },
  );
  if (root === undefined || log.snapshots === undefined) throw new Error("there is no checkpoint");
  const library = new SnapshotLibrary(log.snapshots, 1_000_000);
  const catalogue = Catalogue.open(library, root);
  const live = new Map<string, number>();
  const named: string[] = [];
  const forks = new Map<number, number[]>();
  const rows = new Map(numbersIn(catalogue).map((number) => [number, catalogue.run(number)!]));
  for (const [number, { name, base, places }] of rows) {
    if (name === undefined)
      expect(catalogue.forksOf(number), `a deleted run ${number} is kept for forks`).not.toEqual([]);
    else named.push(name);
    if (base !== undefined) {
      expect(rows.has(base), `run ${base}, which ${name ?? number} reads through, is known`).toBe(true);
      forks.set(base, [...(forks.get(base) ?? []), number]);
    }
    for (const { file, length } of places) live.set(file, (live.get(file) ?? 0) + length);
  }
  for (const identity of catalogue.images()) {
    const row = catalogue.image(identity);
    expect(rows.has(identity.run), `the run of ${JSON.stringify(identity)} is known`).toBe(true);
    for (const [file, bytes] of row?.usage ?? []) live.set(file, (live.get(file) ?? 0) + bytes);
  }
  expect(named.sort()).toEqual([...names, "_system"].sort());
  for (const number of rows.keys()) expect(catalogue.forksOf(number as never)).toEqual(forks.get(number) ?? []);
  for (const [number, { places }] of rows)
    expect(catalogue.isMergeTarget(number as never)).toBe(places.length > 0 && library.open(places).merges.length > 0);
  expect(catalogue.mergeTargets().filter((number) => !rows.has(number))).toEqual([]);
  const files = catalogue.files();
  expect(files.sort()).toEqual([...live.keys()].sort());
  for (const name of files)
    expect(catalogue.file(name)).toEqual({ bytes: vfs.size(`snapshots/${name}`), live: live.get(name) });
  const dead = catalogue.deadFiles().map(({ name }) => name);
  const needed = new Set([...files, ...dead, ...catalogue.places.map(({ file }) => file)]);
  expect(needed.size).toBe(files.length + dead.length + catalogue.places.length);
  const there = vfs.list("snapshots");
  expect([...needed].filter((name) => !there.includes(name))).toEqual([]);
  if (hasAllToItself) expect(there.filter((name) => !needed.has(name))).toEqual([]);
  log.abandon();
}

function numbersIn(catalogue: Catalogue): ReturnType<Catalogue["forksOf"]>[number][] {
  const numbers: ReturnType<typeof numbersIn> = [];
  const range = { start: "run/", end: "run0", reverse: false };
  catalogue.shard.table("default", "kv")?.scan(range, Number.POSITIVE_INFINITY, (key) => {
    numbers.push(Number.parseInt(key.slice("run/".length), 16) as (typeof numbers)[number]);
    return true;
  });
  return numbers;
}
