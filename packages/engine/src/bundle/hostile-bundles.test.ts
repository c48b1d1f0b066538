import { ByteWriter, canonicalBytes, type Value, type ValueObject } from "@strata/core";
import { Box, TRIMMED } from "@strata/storage";
import fc from "fast-check";
import { beforeAll, beforeEach, describe, expect, test } from "vitest";
import { BundleHost, joined } from "../../test/bundle-host.js";
import { type Block, blocksOf, encoded, ForgedBundle, sealed } from "../../test/forged-bundle.js";
import { storesOf } from "../../test/stores.js";
import type { AppendOperation, PutOperation } from "../operation.js";
import { BLOCK_BYTES, BlockKind, PRELUDE_SIZE } from "./bundle-format.js";
import type { BundleOperation } from "./bundle-record.js";

let good: Uint8Array;
let latest: Uint8Array;
let target: BundleHost;

beforeAll(async () => {
  const source = new BundleHost();
  source.db.runs.create("job", { by: "me" });
  const { kv, events, cells, json } = storesOf(source.db.head(source.db.runs.must("job")));
  kv.put("a", 1);
  kv.put("bytes", new Uint8Array([1]));
  cells.set("phase", "one");
  json.put("doc", { n: 1 });
  events.append("began", { n: 0 });
  events.append("went on", { n: 1 });
  source.db.spaces(source.db.runs.must("job")).create("lab");
  storesOf(source.db.head(source.db.runs.must("job"), "lab")).kv.put("b", 2);
  source.db.history.tag(source.db.runs.must("job"), undefined, "best");
  good = await source.exported("job");
  latest = await source.exported("job", { history: false });
});

beforeEach(() => {
  target = new BundleHost();
});

const forged = (change: (bundle: ForgedBundle) => unknown): Uint8Array => {
  const bundle = new ForgedBundle(good);
  change(bundle);
  return bundle.bytes();
};
const header = (members: object) => () => forged(({ header }) => Object.assign(header, members));
const without = (member: string) => () => forged(({ header }) => delete header[member]);
const adding =
  (...operations: BundleOperation[]) =>
  () =>
    forged((bundle) => bundle.addCommit(operations));
const put = (rest: Partial<PutOperation>): PutOperation => ({
  kind: "put",
  space: "default",
  primitive: "kv",
  key: "key",
  stored: 1,
  ...rest,
});
const space = (kind: "registerSpace" | "dropSpace", space: string): BundleOperation => ({ kind, space });
const eventsOf = (bundle: ForgedBundle): { at: number; event: AppendOperation }[] =>
  bundle.commits.flatMap((_, at) => {
    const [event] = bundle.commit(at).operations;
    return event?.kind === "append" ? [{ at, event }] : [];
  });
const event = (n: number, change: Partial<AppendOperation>) => () =>
  forged((bundle) => {
    const { at, event } = eventsOf(bundle)[n] as { at: number; event: AppendOperation };
    bundle.replaceCommit(at, (record) => ({ ...record, operations: [{ ...event, ...change }] }));
  });
const reblocked = (change: (blocks: Block[]) => Block[]) => () => sealed(change(new ForgedBundle(good).blocks()));
const record = (write: (writer: ByteWriter) => void) => () =>
  forged((bundle) => {
    const writer = new ByteWriter();
    const last = bundle.commit(bundle.commits.length - 1);
    writer.varint(last.version + 1);
    writer.varint(last.timestamp + 1);
    write(writer);
    bundle.commits.push(writer.take());
    bundle.header["commits"] = bundle.commits.length;
    bundle.header["version"] = last.version + 1;
  });
const patched =
  (at: number, ...bytes: number[]) =>
  () => {
    const copy = good.slice();
    copy.set(bytes, at);
    return copy;
  };
const concat = (...parts: Uint8Array[]) => Uint8Array.from(parts.flatMap((part) => [...part]));
const nested = (depth: number): Value => {
  let value: Value = 1;
  for (let i = 0; i < depth; i++) value = [value];
  return value;
};
const many = (length: number) => "x".repeat(length);
const hex = "ab".repeat(32);

/** What a stranger may send, each with hashes that are right unless it is about them. */
const ATTACKS: readonly (readonly [what: string, bundle: () => Uint8Array])[] = [
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

function tag(name: string): ValueObject {
  return { name, version: 9, timestamp: 1 };
}

function chainWith(members: object): Uint8Array {
  return forged(({ header }) => {
    header["chains"] = (header["chains"] as object[]).map((chain) => ({ ...chain, ...members }));
  });
}

async function outcome(...chunks: Uint8Array[]): Promise<string> {
  try {
    await target.bundles.import(chunks);
    return "imported";
  } catch (error) {
    const { code, facts } = error as { code?: string; facts?: { reason?: string } };
    if (code === undefined) throw error;
    if (code === "BUNDLE_INVALID") expect(facts?.reason).toBeTypeOf("string");
    return code;
  }
}

const nothingHappened = () => {
  expect(target.db.runs.list()).toEqual(["default"]);
  expect(({} as { polluted?: unknown }).polluted).toBeUndefined();
};

test("what they are made from is imported", async () => {
  expect(await outcome(forged(() => {}))).toBe("imported");
  expect(await outcome(forged((bundle) => bundle.addCommit([put({})])))).toBe("RUN_EXISTS");
  expect(ATTACKS.length).toBeGreaterThan(120);
});

describe("nothing is imported of", () => {
  test.each(ATTACKS)("%s", async (_what, bundle) => {
    expect(await outcome(bundle())).toBe("BUNDLE_INVALID");
    nothingHappened();
  });

  test("a format that is newer than this software, which says so", async () => {
    const bytes = good.slice();
    bytes[8] = 2;
    expect(await outcome(bytes)).toBe("FORMAT_TOO_NEW");
    await expect(target.bundles.inspect([bytes])).rejects.toThrow("format version 2");
    nothingHappened();
  });

  test.each([
    ["bytes alone", new Uint8Array(3)],
    ["text", "STRATABN"],
    ["nothing at all", undefined],
    ["a number", 7],
    ["an object", {}],
    ["chunks that are text", ["STRATABN"]],
    ["chunks that are numbers", [1, 2]],
  ])("%s, which is a mistake of the call", async (_what, bundle) => {
    await expect(target.bundles.import(bundle as never)).rejects.toThrow(
      expect.objectContaining({ code: "INVALID_ARGUMENT" }),
    );
    nothingHappened();
  });
});

describe("compressed", () => {
  const gzip = (bytes: Uint8Array) =>
    joined(new Blob([bytes.slice()]).stream().pipeThrough(new CompressionStream("gzip")) as never);

  test("bytes that are damaged, or end too soon, are refused", async () => {
    const zipped = await gzip(good);
    expect(await outcome(zipped)).toBe("imported");
    target = new BundleHost();
    expect(await outcome(zipped.slice(0, zipped.length / 2))).toBe("BUNDLE_INVALID");
    const damaged = zipped.slice();
    damaged[zipped.length >> 1] = (damaged[zipped.length >> 1] as number) ^ 0xff;
    expect(await outcome(damaged)).toBe("BUNDLE_INVALID");
    expect(await outcome(Uint8Array.of(0x1f, 0x8b, 1, 2, 3))).toBe("BUNDLE_INVALID");
    expect(await outcome(await gzip(zipped))).toBe("BUNDLE_INVALID");
    const broken = (async function* () {
      yield zipped.slice(0, 100);
      throw new Error("the line was cut");
    })();
    await expect(target.bundles.import(broken)).rejects.toThrow("the line was cut");
    nothingHappened();
  });

  test("a bomb is refused before it goes off", async () => {
    const bomb = forged((bundle) => bundle.addCommit([put({ stored: many(12 << 20) })]));
    const zipped = await gzip(bomb);
    expect(bomb.length / zipped.length).toBeGreaterThan(500);
    await expect(target.bundles.import([zipped])).rejects.toThrow("gunzip it first");
    nothingHappened();
    expect(await outcome(bomb)).toBe("imported");
  });
});

test("every byte of a bundle counts: one that is changed, or missing, or cut off is found", async () => {
  for (const bundle of [good, latest]) {
    for (let at = 0; at < bundle.length; at++) {
      const flipped = bundle.slice();
      flipped[at] = (flipped[at] as number) ^ (1 << (at % 8));
      expect(["BUNDLE_INVALID", "FORMAT_TOO_NEW"], `byte ${at}`).toContain(await outcome(flipped));
      expect(await outcome(bundle.slice(0, at)), `cut at ${at}`).toBe("BUNDLE_INVALID");
      expect(await outcome(bundle.slice(0, at), bundle.slice(at + 1)), `without byte ${at}`).not.toBe("imported");
    }
  }
  nothingHappened();
}, 120_000);

test("whatever is changed below the hashes is refused with a typed error, or is a bundle in the one form that its content has", async () => {
  const change = fc.record({
    block: fc.nat(),
    at: fc.nat(),
    cut: fc.nat(3),
    bytes: fc.uint8Array({ maxLength: 4 }),
  });
  let imported = 0;
  await fc.assert(
    fc.asyncProperty(
      fc.constantFrom(0, 1),
      fc.array(change, { minLength: 1, maxLength: 3 }),
      async (which, changes) => {
        const original = [good, latest][which] as Uint8Array;
        const blocks = blocksOf(original);
        for (const { block, at, cut, bytes } of changes) {
          const target = blocks[block % blocks.length] as Block;
          const from = at % (target.payload.length + 1);
          target.payload = concat(target.payload.subarray(0, from), bytes, target.payload.subarray(from + cut));
        }
        const bundle = sealed(blocks);
        target = new BundleHost();
        const came = await outcome(bundle);
        if (came !== "imported") {
          expect(["BUNDLE_INVALID", "LIMIT_VALUE"]).toContain(came);
          nothingHappened();
          return;
        }
        imported++;
        const name = target.db.runs.list().find((each) => each !== "default") as string;
        expect(await target.exported(name)).toEqual(bundle);
      },
    ),
    { numRuns: Number(process.env["STRATA_FUZZ_RUNS"] ?? 1000) },
  );
  expect(imported).toBeGreaterThan(0);
}, 300_000);
