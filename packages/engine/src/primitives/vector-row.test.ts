import { readFileSync } from "node:fs";
import { ByteWriter, encodeValue, type Value } from "@strata/core";
import type { Box } from "@strata/storage";
import { expect, test } from "vitest";
import {
  COLLECTION_ROWS,
  collectionRowKey,
  decodeVector,
  isCollectionRow,
  metadataOf,
  rowsNamed,
  selectedName,
  shownRow,
  vectorNameOf,
  vectorRow,
  vectorRowKey,
} from "./vector-row.js";

test("a row is the one that docs/formats/vector.md shows byte by byte", () => {
  const page = readFileSync(new URL("../../../../docs/formats/vector.md", import.meta.url), "utf8");
  const lines = (page.split("```hex\n")[1]?.split("```")[0] ?? "").split("\n");
  const content = lines.map((line) => line.split(/ {2,}/)[0]?.replaceAll(" ", "")).join("");
  const stored = vectorRow(Float32Array.of(1, -2, 0.5), { lang: "en" });
  const writer = new ByteWriter();
  encodeValue(writer, (stored as Box).value as Value);
  expect(Buffer.from(writer.view()).toString("hex")).toBe(content);
  expect(vectorRowKey("docs", "a")).toBe("docs/a");
  expect(decodeVector(stored)).toEqual(Float32Array.of(1, -2, 0.5));
  expect(metadataOf(stored)).toEqual({ lang: "en" });
  expect(shownRow("docs/a", stored)).toEqual({ vector: [1, -2, 0.5], metadata: { lang: "en" } });
});

test("a row names a vector by its collection, up to the first slash, and a collection by an empty key", () => {
  expect(vectorNameOf(vectorRowKey("docs", "a/b"))).toEqual({ collection: "docs", key: "a/b" });
  expect(vectorNameOf(vectorRowKey("docs", "/"))).toEqual({ collection: "docs", key: "/" });
  expect(vectorNameOf(collectionRowKey("docs"))).toEqual({ collection: "docs", key: "" });
  expect(isCollectionRow(vectorRowKey("docs", "_collections/x"))).toBe(false);
  expect(selectedName(collectionRowKey("docs"))).toBe("docs/");
  expect(selectedName(vectorRowKey("docs", "a"))).toBe("docs/a");
});

test("what a prefix names lies in its ranges, each row in one of them, collections in the first", () => {
  const rows = ["A/x", "docs/", "docs/a", "docs/a/b", "docs-2/a", "zoo/a", "é/a"].map((name) =>
    name.endsWith("/") ? collectionRowKey(name.slice(0, -1)) : name,
  );
  for (const prefix of ["", "d", "docs", "docs/", "docs/a", "docs-", "docs//", "_", "_collections/docs", "é"]) {
    const ranges = rowsNamed(prefix);
    for (const row of rows.filter((each) => selectedName(each).startsWith(prefix))) {
      const inside = ranges.map(
        ({ start, end }) => (start === undefined || row >= start) && (end === undefined || row < end),
      );
      expect(inside.filter(Boolean), `${row} of ${prefix}`).toHaveLength(1);
      expect(inside[0], `${row} of ${prefix}`).toBe(isCollectionRow(row));
    }
  }
  expect(rowsNamed("")[0]).toBe(COLLECTION_ROWS);
});
