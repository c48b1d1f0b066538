import { readFileSync } from "node:fs";
import { crc32, runId } from "@strata/core";
import { expect, test } from "vitest";
import { checkImageHeader, decodeDirectory, encodeDirectory, IMAGE_HEADER_SIZE, imageHeader } from "./image-file.js";

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
const NAME = "00000001-00000002.snap";
const DIRECTORY_OFFSET = IMAGE_HEADER_SIZE + 8;

test("the example of the page is what is written", () => {
  expect(file.subarray(0, IMAGE_HEADER_SIZE)).toEqual(imageHeader());
  const row = new Uint8Array(Float32Array.of(0.5, -2).buffer);
  expect(file.subarray(IMAGE_HEADER_SIZE, DIRECTORY_OFFSET)).toEqual(row);
  const directory = {
    run: runId(7),
    index: "partitions",
    name: "demo",
    version: 12,
    head,
    pages: [
      { file: NAME, offset: IMAGE_HEADER_SIZE, length: 8, crc: crc32(row) },
      { file: "00000001-00000001.snap", offset: IMAGE_HEADER_SIZE, length: 65_536, crc: 0x01020304 },
    ],
  };
  expect(file.subarray(DIRECTORY_OFFSET)).toEqual(encodeDirectory(directory));
  expect(decodeDirectory(file.slice(DIRECTORY_OFFSET), NAME, DIRECTORY_OFFSET)).toEqual(directory);
});

test("a header of a higher format version is too new, a damaged one is damage", () => {
  const header = imageHeader();
  checkImageHeader(NAME, header);
  header[8] = 2;
  expect(() => checkImageHeader(NAME, header)).toThrow(expect.objectContaining({ code: "SNAPSHOT_CORRUPT" }));
  new DataView(header.buffer).setUint32(12, crc32(header, 0, 12), true);
  expect(() => checkImageHeader(NAME, header)).toThrow(
    expect.objectContaining({ code: "FORMAT_TOO_NEW", facts: { file: NAME, found: 2, supported: 1 } }),
  );
});

test("a directory that says what none says is damage, whole as it may be", () => {
  const place = { file: NAME, offset: 16, length: 65_537, crc: 0 };
  const identity = { run: runId(7), index: "i", name: "n", version: 1, head: new Uint8Array(0) };
  const tooLong = encodeDirectory({ ...identity, pages: [place] });
  expect(() => decodeDirectory(tooLong, NAME, 0)).toThrow(expect.objectContaining({ code: "SNAPSHOT_CORRUPT" }));
  expect(() => decodeDirectory(new Uint8Array(3), NAME, 0)).toThrow(
    expect.objectContaining({ code: "SNAPSHOT_CORRUPT" }),
  );
});
