import { canonicalBytes, type ValueObject } from "@strata/core";
import { BLOCK_BYTES, BlockKind, PRELUDE_SIZE } from "../src/bundle/bundle-format.js";
import type { Block } from "./forged-bundle.js";
import {
  type Attack,
  concat,
  forged,
  header,
  hex,
  many,
  nested,
  patched,
  put,
  reblocked,
  without,
} from "./forgeries.js";
import { good, latest } from "./sample-bundles.js";

/** On the form of a bundle, and on its header. */
export const BUNDLE_ATTACKS: readonly Attack[] = [
  ["nothing", () => new Uint8Array(0)],
  ["one byte", () => good.slice(0, 1)],
  ["a wrong magic", patched(0, 0x50, 0x4b)],
  ["format version 0", patched(8, 0, 0)],
  ["a prelude with something in its gap", patched(10, 1)],
  ["a prelude alone", () => good.slice(0, PRELUDE_SIZE)],
  ["a block of kind 0", reblocked(([header, ...rest]) => [{ ...(header as Block), kind: 0 }, ...rest])],
  [
    "a block of an unknown kind",
    reblocked((blocks) => [...blocks.slice(0, 2), { kind: 9, payload: new Uint8Array(9) }]),
  ],
  ["a block that claims 4 GiB", patched(PRELUDE_SIZE + 1, 0xff, 0xff, 0xff, 0xff)],
  ["a block that claims 512 MiB and has them not", patched(PRELUDE_SIZE + 1, 0, 0, 0, 0x20)],
  ["a hash that is wrong", patched(PRELUDE_SIZE + 12, 0xff)],
  ["the hash of another bundle at its end", () => concat(good.slice(0, -32), latest.slice(-32))],
  ["no header", reblocked((blocks) => blocks.slice(1))],
  ["two headers", reblocked(([header, ...rest]) => [header as Block, header as Block, ...rest])],
  ["an end alone", reblocked((blocks) => blocks.slice(-1))],
  ["no end", reblocked((blocks) => blocks.slice(0, -1))],
  ["an end before the commits", reblocked(([a, b, c]) => [a, c, b] as Block[])],
  [
    "base records behind commits",
    reblocked(([a, b, c]) => [a, b, { ...(b as Block), kind: BlockKind.base }, c] as Block[]),
  ],
  ["a byte behind the end", () => concat(good, new Uint8Array(1))],
  ["a bundle behind the end", () => concat(good, good)],
  ["two ends", reblocked((blocks) => [...blocks, blocks.at(-1) as Block])],
  [
    "a block without records",
    reblocked(([a, , c]) => [a, { kind: BlockKind.commits, payload: new Uint8Array(0) }, c] as Block[]),
  ],
  ["a block that is there twice", reblocked(([a, b, c]) => [a, b, b, c] as Block[])],
  [
    "a block that goes on behind where it should end",
    () =>
      forged((bundle) => {
        bundle.addCommit([put({ stored: many(BLOCK_BYTES) })]);
        bundle.addCommit([put({ stored: 2 })]);
      }),
  ],
  [
    "an end that counts too much",
    () =>
      forged((bundle) => {
        bundle.end = Uint8Array.of(0, 99, 99);
      }),
  ],
  [
    "an end without counts",
    () =>
      forged((bundle) => {
        bundle.end = new Uint8Array(0);
      }),
  ],
  [
    "an end with more than counts",
    () =>
      forged((bundle) => {
        bundle.end = new Uint8Array([0, 8, 9, 1]);
      }),
  ],
  ["a header that counts too many commits", header({ commits: 1_000_000 })],
  [
    "a header that is no value",
    reblocked(([, b, c]) => [{ kind: 1, payload: Uint8Array.of(0xff, 0xff) }, b, c] as Block[]),
  ],
  ["a header that is a list", reblocked(([, b, c]) => [{ kind: 1, payload: canonicalBytes([1]) }, b, c] as Block[])],
  ["a header that is text", reblocked(([, b, c]) => [{ kind: 1, payload: canonicalBytes("run") }, b, c] as Block[])],
  [
    "a header with something behind it",
    reblocked(([a, b, c]) => [{ kind: 1, payload: concat((a as Block).payload, Uint8Array.of(0)) }, b, c] as Block[]),
  ],
  [
    "a header with a member twice",
    reblocked(
      ([, b, c]) =>
        [{ kind: 1, payload: Uint8Array.of(0xa2, 0x62, 0x69, 0x64, 1, 0x62, 0x69, 0x64, 2) }, b, c] as Block[],
    ),
  ],
  ["a header with an unknown member", header({ evil: true })],
  [
    "a header with __proto__",
    () =>
      forged((bundle) => {
        const header = { ...bundle.header };
        Object.defineProperty(header, "__proto__", { value: { polluted: true }, enumerable: true });
        bundle.header = header;
      }),
  ],
  ...[
    "name",
    "id",
    "status",
    "createdAt",
    "meta",
    "version",
    "first",
    "firstTime",
    "base",
    "commits",
    "chains",
    "tags",
  ].map((member) => [`a header without ${member}`, without(member)] as const),
  ["a name that climbs", header({ name: "../../etc/passwd" })],
  ["a name with a slash", header({ name: "a/b" })],
  ["a name with NUL", header({ name: "job\0" })],
  ["a reserved name", header({ name: "_system" })],
  ["a name without end", header({ name: many(300) })],
  ["a name that is a number", header({ name: 7 })],
  ["an id that climbs", header({ id: "../x" })],
  ["no id", header({ id: "" })],
  ["an id without end", header({ id: many(1000) })],
  ["a status of its own", header({ status: "king" })],
  ["a status from the prototype", header({ status: "constructor" })],
  ["a version below zero", header({ version: -1 })],
  ["a version that leaves no others", header({ version: Number.MAX_SAFE_INTEGER })],
  ["half a version", header({ version: 8.5 })],
  ["a beginning behind the end", header({ first: 4_000 })],
  ["a beginning later than the first commit", header({ firstTime: 2 ** 51 })],
  ["a base that is not the beginning", header({ base: 1, first: 2 })],
  ["a time that is none", header({ createdAt: "yesterday" })],
  ["meta that is no object", header({ meta: [1] })],
  ["meta that is nested without end", header({ meta: { deep: nested(127) } })],
  ["an origin that climbs", header({ origin: { run: "../x", id: "y" } })],
  ["an origin with more in it", header({ origin: { run: "x", id: "y", z: 1 } })],
  ["a retention that keeps nothing", header({ retention: "last 0" })],
  ["a retention in other words", header({ retention: "last 010" })],
  ["a tag twice", header({ tags: [tag("best"), tag("best")] })],
  ["tags out of order", header({ tags: [tag("b"), tag("a")] })],
  ["a tag that climbs", header({ tags: [tag("../x")] })],
  ["a tag of a version to come", header({ tags: [{ ...tag("best"), version: 2 ** 50 }] })],
  [
    "an event log twice",
    () =>
      forged(({ header }) => {
        header["chains"] = [...(header["chains"] as []), ...(header["chains"] as [])];
      }),
  ],
  [
    "an event log that is not there",
    header({
      chains: [
        { space: "default", length: 2, genesis: hex, head: hex },
        { space: "lab", length: 1, genesis: hex, head: hex },
      ],
    }),
  ],
  ["no event log, though there is one", header({ chains: [] })],
  ["an event log of another origin", () => chainWith({ genesis: hex })],
  ["an event log with another end", () => chainWith({ head: hex })],
  ["an event log of another length", () => chainWith({ length: 3 })],
  ["a hash that is none", () => chainWith({ head: hex.toUpperCase() })],
];

function tag(name: string): ValueObject {
  return { name, version: 9, timestamp: 1 };
}

function chainWith(members: object): Uint8Array {
  return forged(({ header }) => {
    header["chains"] = (header["chains"] as object[]).map((chain) => ({ ...chain, ...members }));
  });
}
