import { readFileSync } from "node:fs";
import { canonicalBytes, runId } from "@strata/core";
import type { SavedImage } from "@strata/engine";
import { expect, test } from "vitest";
import { decodeHead, encodeHead } from "./image-layout.js";
import { ImageColumns } from "./image-parts.js";
import { partsFrom } from "./saved-parts.js";

const page = readFileSync(new URL("../../../../docs/formats/index-image.md", import.meta.url), "utf8");

/** Of a hex fence: the pairs of digits of each line up to the first gap of two spaces. */
function bytesOf(fence: string): Uint8Array {
  const pairs = fence.split("\n").flatMap((line) => line.split("  ")[0]!.split(" "));
  return Uint8Array.from(pairs.filter((pair) => pair !== "").map((pair) => Number.parseInt(pair, 16)));
}

const [file, head] = [...page.matchAll(/```hex\n([\s\S]*?)```/g)].map((fence) => bytesOf(fence[1]!)) as [
  Uint8Array,
  Uint8Array,
];
/** Behind the header of the file. */
const PAGE = file.slice(16, 24);

test("the head of the page's example is what is written", () => {
  expect(encodeHead(decodeHead(head))).toEqual(head);
});

test("the example of the page holds what it says", () => {
  const saved: SavedImage = { run: runId(7), name: "demo", version: 12, head, pages: 2, page: () => PAGE };
  const parts = partsFrom(saved);
  expect(parts.head).toEqual({ watermark: 12 });
  const columns = new ImageColumns(parts.columns);
  expect([...columns.numbers("seen", Int32Array).array]).toEqual([1, 2, -300]);
  const keys = columns.text("keys");
  expect([keys.length, keys.get(0), keys.get(1)]).toEqual([2, "apple", "é!"]);
  expect([...columns.numbers("rows", Float32Array).array]).toEqual([0.5, -2]);
});

test("a page that is shorter than its column needs is damage", () => {
  const saved: SavedImage = { run: runId(7), name: "demo", version: 12, head, pages: 2, page: () => PAGE.slice(1) };
  expect(() => partsFrom(saved)).toThrow(expect.objectContaining({ code: "SNAPSHOT_CORRUPT" }));
});

test("a head that says what none says is damage", () => {
  const heads = [
    [2, null, []],
    [1, null],
    [1, null, [["a", "i64", new Uint8Array(0)]]],
    [1, null, [["a", "text", new Uint8Array(0)]]],
    [1, null, [["a", "u8", [10, 0, 2]]]],
    [1, null, [["a", "u8", [70_000, 0, 1]]]],
    [1, null, [["a", "u8", [10, 0]]]],
  ];
  for (const value of heads) {
    expect(() => decodeHead(canonicalBytes(value)), JSON.stringify(value)).toThrow(
      expect.objectContaining({ code: "SNAPSHOT_CORRUPT" }),
    );
  }
});
