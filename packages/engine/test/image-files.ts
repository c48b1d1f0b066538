import { crc32, type RunId } from "@strata/core";
import { type CrashVfs, imageOf } from "@strata/durability/testing";
import type { Database } from "../src/index.js";
import { IMAGE_PAGE_BYTES } from "../src/index.js";
import { PagesIndex } from "./pages-index.js";
import { openSimulated } from "./simulated-database.js";

export function numberOf(db: Database, run = "default"): RunId {
  return db.runs.must(run).number;
}

export function page(fill: number, length: number = IMAGE_PAGE_BYTES): Uint8Array {
  return new Uint8Array(length).fill(fill);
}

/** What pages hold, in short. */
export function shown(pages: readonly Uint8Array[] | undefined): string[] | undefined {
  return pages?.map((bytes) => `${bytes.length} bytes, ${crc32(bytes)}`);
}

export function bytesIn(vfs: CrashVfs): number {
  return vfs.list("snapshots").reduce((sum, name) => sum + (vfs.size(`snapshots/${name}`) ?? 0), 0);
}

/** Files of images, by how they begin. */
export function imageFiles(vfs: CrashVfs): string[] {
  const text = new TextDecoder("latin1");
  return [...imageOf(vfs)]
    .filter(([, bytes]) => text.decode(bytes.subarray(0, 8)) === "STRATAIX")
    .map(([path]) => path);
}

/** A database with an image of three pages, whose index is in memory. */
export async function withImage(vfs: CrashVfs): Promise<{ db: Database; index: PagesIndex; run: RunId }> {
  const { db } = openSimulated(vfs, { segments: {} });
  const index = new PagesIndex(db);
  const run = numberOf(db);
  db.put("default", "a", 1);
  for (let i = 0; i < 3; i++) index.put(run, "image", i, page(i + 1));
  await db.checkpoint();
  return { db, index, run };
}

export function textOf(vfs: CrashVfs, path: string): string {
  const bytes = new Uint8Array(vfs.size(path) ?? 0);
  const file = vfs.open(path, "read");
  file.read(bytes, 0);
  file.close();
  return new TextDecoder("latin1").decode(bytes);
}
