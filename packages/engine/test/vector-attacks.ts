import type { Value } from "@strata/core";
import { Box, type Stored } from "@strata/storage";
import type { BundleOperation } from "../src/bundle/bundle-record.js";
import { type Attack, adding, forged, put } from "./forgeries.js";

const OPTIONS = {
  dimension: 2,
  metric: "cosine",
  index: "auto",
  quantization: "none",
  m: 16,
  efConstruction: 200,
  efSearch: 50,
} as const;

/** A write of a row of vectors. */
export const row = (key: string, stored: Stored | undefined): BundleOperation =>
  put({ primitive: "vector", key, stored });
export const collection = (name: string, options: object = {}): BundleOperation =>
  row(`_collections/${name}`, { ...OPTIONS, ...options } as Value);
const floats = (...numbers: number[]) => new Uint8Array(Float32Array.from(numbers).buffer);
export const box = (value: unknown, rest: { expiresAt?: number; counter?: number; createdAt?: number } = {}): Box =>
  new Box(value as Value, rest.expiresAt ?? Number.POSITIVE_INFINITY, rest.counter ?? 0, rest.createdAt ?? 0, true);
export const vector = (...numbers: number[]): Box => box([floats(...numbers), null]);

const docs = collection("docs");

/** On what a bundle says of vectors. */
export const VECTOR_ATTACKS: readonly Attack[] = [
  ["a vector without its collection", adding(row("docs/a", vector(1, 2)))],
  ["a vector of another dimension", adding(docs, row("docs/a", vector(1, 2, 3)))],
  [
    "a vector that outlives its collection",
    () =>
      forged((bundle) =>
        bundle.addCommit([docs, row("docs/a", vector(1, 2))]).addCommit([row("_collections/docs", undefined)]),
      ),
  ],
  [
    "a collection that changes below its vectors",
    () =>
      forged((bundle) =>
        bundle.addCommit([docs, row("docs/a", vector(1, 2))]).addCommit([collection("docs", { dimension: 3 })]),
      ),
  ],
  [
    "a vector that comes as its collection goes",
    () =>
      forged((bundle) =>
        bundle.addCommit([docs]).addCommit([row("_collections/docs", undefined), row("docs/a", vector(1, 2))]),
      ),
  ],
  [
    "a vector of a collection that its space took along",
    adding(docs, put({ space: "lab", primitive: "vector", key: "docs/a", stored: vector(1, 2) })),
  ],
  ["a name without a collection", adding(docs, row("a", vector(1, 2)))],
  ["an empty name of a collection", adding(row("_collections/", { ...OPTIONS }))],
  ["a collection with a name that is reserved", adding(collection("_docs"))],
  ["a collection with a slash", adding(collection("a/b"))],
  ["a vector with an empty key", adding(docs, row("docs/", vector(1, 2)))],
  ["a vector with a key that is too long", adding(docs, row(`docs/${"x".repeat(1025)}`, vector(1, 2)))],
  ["a vector with a reserved key", adding(docs, row("docs/_strata/a", vector(1, 2)))],
  ["a collection of no dimension", adding(collection("docs", { dimension: 0 }))],
  ["a collection of too many", adding(collection("docs", { dimension: 8193 }))],
  ["a collection with another metric", adding(collection("docs", { metric: "l1" }))],
  ["a collection with more options than there are", adding(collection("docs", { more: 1 }))],
  ["a collection that is to be kept", adding(collection("docs", { ifExists: "keep" }))],
  ["a collection without all options", adding(row("_collections/docs", { dimension: 2 }))],
  ["a collection that is a number", adding(row("_collections/docs", 2))],
  ["a collection that is null", adding(row("_collections/docs", null))],
  ["a collection in a box", adding(row("_collections/docs", new Box({ ...OPTIONS }, 2e15)))],
  ["a deleted collection in a box", adding(row("_collections/docs", new Box(undefined, undefined, 1)))],
  ["a deleted vector in a box", adding(docs, row("docs/a", new Box(undefined, undefined, 1)))],
  ["a vector that is NaN", adding(docs, row("docs/a", vector(1, Number.NaN)))],
  ["a vector that is infinite", adding(docs, row("docs/a", vector(1, Number.POSITIVE_INFINITY)))],
  ["a vector of half a number", adding(docs, row("docs/a", box([new Uint8Array(7), null])))],
  ["a vector without components", adding(docs, row("docs/a", box([new Uint8Array(0), null])))],
  ["a vector that is a list of numbers", adding(docs, row("docs/a", box([[1, 2], null])))],
  ["a vector without metadata's place", adding(docs, row("docs/a", box([floats(1, 2)])))],
  ["a vector with more than metadata", adding(docs, row("docs/a", box([floats(1, 2), null, null])))],
  ["metadata that is no object", adding(docs, row("docs/a", box([floats(1, 2), "x"])))],
  ["metadata that is a list", adding(docs, row("docs/a", box([floats(1, 2), []])))],
  ["metadata that is bytes", adding(docs, row("docs/a", box([floats(1, 2), new Uint8Array(1)])))],
  ["metadata with bytes in it", adding(docs, row("docs/a", box([floats(1, 2), { a: [new Uint8Array(1)] }])))],
  ["a vector that is bytes alone", adding(docs, row("docs/a", box(floats(1, 2))))],
  ["a vector that expires", adding(docs, row("docs/a", box([floats(1, 2), null], { expiresAt: 2e15 })))],
  ["a vector that is counted", adding(docs, row("docs/a", box([floats(1, 2), null], { counter: 1 })))],
  ["a vector with a birthday", adding(docs, row("docs/a", box([floats(1, 2), null], { createdAt: 1 })))],
  ["a vector twice in one commit", adding(docs, row("docs/a", vector(1, 2)), row("docs/a", vector(1, 2)))],
];
