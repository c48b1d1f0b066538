import { readFileSync } from "node:fs";
import { runId } from "@strata/core";
import { expect, test } from "vitest";
import { openWritten, writeToMemory } from "../../test/segment-file.js";
import { RunShard } from "../shard.js";
import { Found } from "../version-chain.js";
import { BlockCache } from "./block-cache.js";
import { MemoryByteSource } from "./byte-source.js";
import { KeyBlock } from "./key-block.js";
import { KeyBytes } from "./key-bytes.js";
import { CRC_SIZE, HEADER_SIZE } from "./segment-format.js";
import { openSegments } from "./segment-reader.js";

const page = readFileSync(new URL("../../../../docs/formats/snapshot-file.md", import.meta.url), "utf8");

/** Of a hex fence: the pairs of digits of each line up to the first gap of two spaces. */
function bytesOf(fence: string): Uint8Array {
  const pairs = fence.split("\n").flatMap((line) => line.split("  ")[0]!.split(" "));
  return Uint8Array.from(pairs.filter((pair) => pair !== "").map((pair) => Number.parseInt(pair, 16)));
}

const [example, block] = [...page.matchAll(/```hex\n([\s\S]*?)```/g)].map((fence) => bytesOf(fence[1]!)) as [
  Uint8Array,
  Uint8Array,
];

test("the example of the page is what is written", () => {
  const shard = new RunShard(runId(7));
  const { timeline } = shard;
  const table = shard.table("default", "kv")!;
  timeline.append(1, 1_700_000_000_000_000, "first", 40);
  timeline.write(table.put("apple", 1, 1));
  timeline.write(table.put("apricot", "ripe", 1));
  timeline.append(2, 1_700_000_000_000_250, undefined, 20);
  timeline.write(table.put("apple", undefined, 2));
  shard.lastVersion = 2;
  const written = writeToMemory({ shard, from: 0, through: 2, merge: [] });
  expect(written.bytes).toEqual(example);
  expect(openWritten(written).through).toBe(2);
});

test("the example of the page is read as it says", () => {
  const source = new MemoryByteSource("example.snap", example);
  const run = openSegments([source], { cache: new BlockCache(1 << 20) });
  const table = run.spaces[0]!.table("kv")!;
  const found = new Found();
  expect(table.find("apple", 1, found)).toBe(true);
  expect(found.stored).toBe(1);
  expect(table.find("apple", 2, found)).toBe(true);
  expect(found.stored).toBeUndefined();
  expect(table.find("apricot", 2, found)).toBe(true);
  expect(found.stored).toBe("ripe");
  expect(table.live).toBe(1);
  expect(run.timeline.messageOf(0)).toBe("first");
  expect(run.timeline.timestampOf(1)).toBe(1_700_000_000_000_250);
});

test("the example of deltas is what is written, and read", () => {
  const shard = new RunShard(runId(7));
  const text = "It is a truth universally acknowledged, that a single man";
  const documents = [
    { text, seen: 1, tags: ["a"] },
    { text, seen: 2, tags: ["a", "b"] },
    { text, seen: 3, tags: ["a", "b"] },
  ];
  for (const [i, document] of documents.entries()) {
    shard.timeline.append(i + 1, 1000 * (i + 1), undefined, 10);
    shard.timeline.write(shard.table("default", "json")!.put("doc", document, i + 1));
    shard.lastVersion = i + 1;
  }
  const written = writeToMemory({ shard, from: 0, through: 3, merge: [] });
  expect(written.bytes.subarray(HEADER_SIZE, HEADER_SIZE + block.length)).toEqual(block);
  const keys = new KeyBlock(block.subarray(0, block.length - CRC_SIZE), HEADER_SIZE);
  const key = new KeyBytes();
  key.set("doc");
  expect(keys.seek(key, 3)).toBe(true);
  for (const document of documents.toReversed()) {
    expect(keys.entries.next()).toBe(true);
    expect(keys.entries.stored()).toEqual(document);
  }
});
