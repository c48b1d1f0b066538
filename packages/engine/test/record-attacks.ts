import { canonicalBytes, type Value } from "@strata/core";
import { Box, TRIMMED } from "@strata/storage";
import type { AppendOperation } from "../src/operation.js";
import { type Block, encoded, ForgedBundle } from "./forged-bundle.js";
import {
  type Attack,
  adding,
  concat,
  event,
  eventsOf,
  forged,
  hex,
  many,
  put,
  reblocked,
  record,
  space,
} from "./forgeries.js";
import { latest } from "./sample-bundles.js";

/** On what a bundle says of the run's commits. */
export const RECORD_ATTACKS: readonly Attack[] = [
  [
    "a record that is longer than its block",
    reblocked(([a, , c]) => [a, { kind: 3, payload: Uint8Array.of(0x7f, 1, 2) }, c] as Block[]),
  ],
  ["a record without a byte", () => forged((bundle) => bundle.commits.push(new Uint8Array(0)))],
  [
    "a length in more bytes than it needs",
    reblocked(([a, , c]) => [a, { kind: 3, payload: Uint8Array.of(0x81, 0x00, 1) }, c] as Block[]),
  ],
  [
    "a length beyond all numbers",
    reblocked(([a, , c]) => [a, { kind: 3, payload: new Uint8Array(12).fill(0xff) }, c] as Block[]),
  ],
  ["version 0", () => forged((bundle) => bundle.replaceCommit(0, (r) => ({ ...r, version: 0 })))],
  [
    "a version twice",
    () => forged((bundle) => bundle.replaceCommit(1, (r) => ({ ...r, version: bundle.commit(0).version }))),
  ],
  ["versions that fall", () => forged((bundle) => bundle.commits.reverse())],
  [
    "a commit above the run's version",
    () =>
      forged((bundle) => {
        bundle.addCommit([put({})]);
        bundle.header["version"] = bundle.commit(0).version;
      }),
  ],
  [
    "a commit at the run's beginning",
    () => forged((bundle) => bundle.replaceCommit(0, (r) => ({ ...r, version: bundle.header["first"] as number }))),
  ],
  ["base records where there is no base", () => forged((bundle) => bundle.base.push(...bundle.commits.splice(0, 1)))],
  [
    "a base record above the base",
    () => {
      const bundle = new ForgedBundle(latest);
      bundle.base.push(encoded({ version: 2 ** 40, timestamp: 2e15, message: undefined, operations: [] }));
      return bundle.bytes();
    },
  ],
  [
    "a base record with a message",
    () => {
      const bundle = new ForgedBundle(latest);
      bundle.base[0] = encoded({ version: 3, timestamp: 1, message: "x", operations: [] });
      return bundle.bytes();
    },
  ],
  ["times that fall", () => forged((bundle) => bundle.addCommit([put({})], { timestamp: 1 }))],
  ["a time in the far future", () => forged((bundle) => bundle.addCommit([put({})], { timestamp: 2 ** 52 }))],
  ["a message without end", () => forged((bundle) => bundle.addCommit([put({})], { message: many(2000) }))],
  [
    "a message in broken UTF-8",
    record((w) => {
      w.u8(1);
      w.raw(Uint8Array.of(1, 0xff));
      w.varint(0);
    }),
  ],
  [
    "unknown flags of a record",
    record((w) => {
      w.u8(2);
      w.varint(0);
    }),
  ],
  [
    "a billion operations",
    record((w) => {
      w.u8(0);
      w.varint(1_000_000_000);
      w.raw(new Uint8Array(100).fill(0x86));
    }),
  ],
  [
    "more bytes than operations",
    record((w) => {
      w.u8(0);
      w.varint(0);
      w.u8(1);
    }),
  ],
  [
    "an operation of an unknown kind",
    record((w) => {
      w.u8(0);
      w.varint(1);
      w.u8(0x84);
    }),
  ],
  [
    "an operation of kind 0",
    record((w) => {
      w.u8(0);
      w.varint(1);
      w.u8(0x80);
    }),
  ],
  [
    "a space named though it is the same",
    record((w) => {
      w.u8(0);
      w.varint(1);
      w.u8(1);
      w.text("default");
      w.text("k");
      w.u8(0);
    }),
  ],
  [
    "an entry with unknown flags",
    record((w) => {
      w.u8(0);
      w.varint(1);
      w.u8(0x81);
      w.text("k");
      w.u8(0x80);
    }),
  ],
  ["an entry that is none", adding(put({ stored: TRIMMED }))],
  [
    "a value that is none",
    record((w) => {
      w.u8(0);
      w.varint(1);
      w.u8(0x81);
      w.text("k");
      w.u8(1);
      w.u8(0xff);
    }),
  ],
  [
    "a value nested without end",
    record((w) => {
      w.u8(0);
      w.varint(1);
      w.u8(0x81);
      w.text("k");
      w.u8(1);
      w.raw(new Uint8Array(100_000).fill(0x81));
    }),
  ],
  [
    "a list that claims a billion elements",
    record((w) => {
      w.u8(0);
      w.varint(1);
      w.u8(0x81);
      w.text("k");
      w.u8(1);
      w.raw(Uint8Array.of(0x9a, 0x3b, 0x9a, 0xca, 0));
    }),
  ],
  [
    "a value with a member twice",
    record((w) => {
      w.u8(0);
      w.varint(1);
      w.u8(0x81);
      w.text("k");
      w.u8(1);
      w.raw(Uint8Array.of(0xa2, 0x61, 0x61, 1, 0x61, 0x61, 2));
    }),
  ],
  ["a space that climbs", adding(space("registerSpace", "../x"))],
  ["a space in capitals", adding(space("registerSpace", "LAB2"))],
  ["a space without a name", adding(space("registerSpace", ""))],
  ["a reserved space that climbs", adding(space("registerSpace", "_system_../x"))],
  ["a space twice", adding(space("registerSpace", "lab"))],
  ["a space twice in one commit", adding(space("registerSpace", "x"), space("registerSpace", "x"))],
  ["spaces out of order", adding(space("registerSpace", "y"), space("registerSpace", "x"))],
  ["a beginning before an end", adding(space("registerSpace", "x"), space("dropSpace", "lab"))],
  ["a space that comes behind a write", adding(put({}), space("registerSpace", "x"))],
  ["the end of a space that is not there", adding(space("dropSpace", "x"))],
  ["the end of the default space", adding(space("dropSpace", "default"))],
  ["the beginning of the default space", adding(space("registerSpace", "default"))],
  ["a write to a space that is not there", adding(put({ space: "x" }))],
  ["a write to a space that has just ended", adding(space("dropSpace", "lab"), put({ space: "lab" }))],
  ["an empty key", adding(put({ key: "" }))],
  ["a key with NUL", adding(put({ key: "a\0b" }))],
  ["a key without end", adding(put({ key: many(2000) }))],
  ["a reserved key", adding(put({ key: "_strata/x" }))],
  [
    "a key that is half a character",
    record((w) => {
      w.u8(0);
      w.varint(1);
      w.u8(0x81);
      w.raw(Uint8Array.of(3, 0xed, 0xa0, 0x80));
      w.u8(0);
    }),
  ],
  ["a key twice", adding(put({ stored: 1 }), put({ stored: 2 }))],
  ["bytes that say they are none", adding(put({ stored: new Uint8Array([1]) as Value }))],
  ["bytes in a box that says it has none", adding(put({ stored: new Box({ b: new Uint8Array(1) }, 2e15) }))],
  ["a key with a counter", adding(put({ stored: new Box(1, Number.POSITIVE_INFINITY, 3) }))],
  ["a deleted key in a box", adding(put({ stored: new Box(undefined) }))],
  ["a cell without a counter", adding(put({ primitive: "state", stored: 1 }))],
  ["a cell with counter 0", adding(put({ primitive: "state", stored: new Box(1) }))],
  ["a cell that is deleted, counter and all", adding(put({ primitive: "state", stored: undefined }))],
  ["a document without a counter", adding(put({ primitive: "json", stored: { n: 1 } }))],
  [
    "a document that holds bytes and does not say so",
    adding(put({ primitive: "json", stored: new Box(new Uint8Array(1), Number.POSITIVE_INFINITY, 1, 1) })),
  ],

  ["an event out of its turn", event(1, { sequence: 5 })],
  [
    "an event twice",
    () =>
      forged((bundle) => {
        const { event } = eventsOf(bundle)[1] as { event: AppendOperation };
        bundle.addCommit([event]);
      }),
  ],
  ["an event with another payload", event(1, { payload: canonicalBytes({ n: 9 }) })],
  ["an event with another type", event(1, { type: "other" })],
  ["an event with another hash", event(1, { hash: hex })],
  ["an event behind another log", event(0, { prevHash: hex })],
  [
    "an event with an origin that it never had",
    event(1, { origin: { run: "x", sequence: 0, hash: hex, timestamp: 1 } }),
  ],
  [
    "an event at another time",
    () =>
      forged((bundle) =>
        bundle.replaceCommit((eventsOf(bundle)[0] as { at: number }).at, (r) => ({ ...r, timestamp: r.timestamp + 1 })),
      ),
  ],
  ["an event without a type", event(1, { type: "" })],
  ["an event whose type has no end", event(1, { type: many(500) })],
  ["a payload that is no object", event(1, { payload: canonicalBytes([1]) })],
  ["a payload that is no value", event(1, { payload: Uint8Array.of(0xff) })],
  ["a payload with something behind it", event(1, { payload: concat(canonicalBytes({ n: 1 }), Uint8Array.of(0)) })],
  ["a payload with infinity", event(1, { payload: canonicalBytes({ n: Number.POSITIVE_INFINITY }) })],
  ["a payload that is not canonical", event(1, { payload: Uint8Array.of(0xa2, 0x61, 0x62, 1, 0x61, 0x61, 2) })],
  [
    "the events of another run",
    () =>
      forged((bundle) => {
        const events = eventsOf(bundle);
        const [a, b] = events as [(typeof events)[0], (typeof events)[0]];
        bundle.replaceCommit(a.at, (r) => ({ ...r, operations: [{ ...b.event, sequence: 0, prevHash: hex }] }));
      }),
  ],
];
