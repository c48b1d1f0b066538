#!/usr/bin/env node
/**
 * Prints what this package does on this disk, beside what the bare system calls do: node scripts/measure.mjs [directory]
 * The numbers of a virtual disk say little about a real one.
 */
import { fdatasyncSync, fsyncSync, mkdtempSync, openSync, rmSync, writeSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileDurability } from "../dist/index.js";

const directory = mkdtempSync(join(process.argv[2] ?? tmpdir(), "strata-measure-"));
const payload = new Uint8Array(170).fill(7);
let databases = 0;

function open(mode) {
  const durability = fileDurability(join(directory, String(databases++)), { mode });
  durability.recover(() => {});
  return durability;
}

function median(times, action) {
  const elapsed = Array.from({ length: times }, () => {
    const start = performance.now();
    const after = action();
    const milliseconds = performance.now() - start;
    after();
    return milliseconds;
  });
  return elapsed.sort((a, b) => a - b)[times >> 1];
}

function report(name, value, unit, note = "") {
  console.log(`${name.padEnd(42)}${value.toFixed(value < 100 ? 2 : 0).padStart(10)} ${unit} ${note}`);
}

function perSecond(count, milliseconds) {
  return (count / milliseconds) * 1000;
}

function measureDisk() {
  const size = 64 * 1024 * 1024;
  const file = openSync(join(directory, "bare"), "wx+");
  for (let at = 0; at < size; at += 16_384) writeSync(file, new Uint8Array(16_384), 0, 16_384, at);
  fsyncSync(file);
  let at = 0;
  const write = () => {
    writeSync(file, payload, 0, payload.length, at);
    at = (at + payload.length) % (size - 1000);
  };
  const writes = 500_000;
  let start = performance.now();
  for (let i = 0; i < writes; i++) write();
  report("bare write of 170 B", perSecond(writes, performance.now() - start), "/s");
  fsyncSync(file);
  const syncs = 2000;
  start = performance.now();
  for (let i = 0; i < syncs; i++) {
    write();
    fdatasyncSync(file);
  }
  report("bare write + fdatasync", perSecond(syncs, performance.now() - start), "/s");
}

function measureOpening() {
  const close = (durability) => () => durability.shutdown();
  report(
    "open, new",
    median(30, () => close(open("buffered"))),
    "ms",
  );
  const kept = join(directory, "kept");
  const reopen = () => {
    const durability = fileDurability(kept);
    durability.recover(() => {});
    return durability;
  };
  const first = reopen();
  for (let version = 1; version <= 1000; version++) first.persist(version, payload);
  first.shutdown();
  report(
    "open, 1000 commits",
    median(30, () => close(reopen())),
    "ms",
  );
}

function measureBlocking(mode, commits) {
  const durability = open(mode);
  let version = 0;
  for (let i = 0; i < commits / 50; i++) durability.persist(++version, payload);
  const { fsyncs } = durability.counters;
  const start = performance.now();
  for (let i = 0; i < commits; i++) durability.persist(++version, payload);
  const elapsed = performance.now() - start;
  const note = `${durability.counters.fsyncs - fsyncs} fsyncs, ${durability.stalls} stalls`;
  report(`${mode}, one after the other`, perSecond(commits, elapsed), "/s", note);
  durability.shutdown();
}

async function measurePromised(writers, commits) {
  const durability = open("strict");
  let version = 0;
  const write = async (count) => {
    for (let i = 0; i < count; i++) await durability.settled(durability.append(++version, payload));
  };
  await write(200);
  const { fsyncs } = durability.counters;
  const start = performance.now();
  await Promise.all(Array.from({ length: writers }, () => write(commits / writers)));
  const elapsed = performance.now() - start;
  const note = `${(commits / (durability.counters.fsyncs - fsyncs)).toFixed(1)} commits an fsync`;
  report(`strict, ${writers} that await`, perSecond(commits, elapsed), "/s", note);
  durability.shutdown();
}

try {
  measureDisk();
  measureOpening();
  measureBlocking("none", 1_000_000);
  measureBlocking("buffered", 1_000_000);
  measureBlocking("strict", 3000);
  for (const [writers, commits] of [
    [1, 3000],
    [16, 32_000],
    [64, 64_000],
  ]) {
    await measurePromised(writers, commits);
  }
} finally {
  rmSync(directory, { recursive: true, force: true });
}
