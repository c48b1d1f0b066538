import { readFileSync } from "node:fs";
import { StrataError } from "@strata/core";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { decodeManifest, encodeManifest, type Manifest, manifestName } from "./manifest.js";
import { MemoryVfs } from "./memory-vfs.js";
import { changeFile } from "./testing/disk-image.js";
import { openTestLog } from "./testing/test-log.js";
import { readWhole } from "./vfs-io.js";
import {
  decodeSegmentHeader,
  encodeSegmentHeader,
  FRAME_HEADER_SIZE,
  FrameType,
  parseSegmentName,
  SEGMENT_HEADER_SIZE,
  type SegmentHeader,
  segmentPath,
} from "./wal-format.js";
import { FrameEncoder, frameEnd } from "./wal-frame.js";
import { type SegmentBytes, walkFrames } from "./wal-reader.js";

const page = readFileSync(new URL("../../../docs/formats/log.md", import.meta.url), "utf8");

/** The bytes of the hex fences of a page: pairs of digits up to the first gap of two spaces. */
const [headerHex, framesHex, manifestHex] = [...page.matchAll(/```hex\n([\s\S]*?)```/g)].map(([, fence]) =>
  Uint8Array.from(
    fence!.split("\n").flatMap((line) =>
      line
        .split("  ")[0]!
        .split(" ")
        .filter((pair) => pair !== "")
        .map((pair) => Number.parseInt(pair, 16)),
    ),
  ),
);

const EXAMPLE: SegmentHeader = {
  databaseId: "00112233445566778899aabbccddeeff",
  epoch: 1,
  firstLsn: 0,
  versionLimit: 32769,
  sizeBytes: 1024 * 1024,
  salt: 0x5a17c0de,
};

describe("docs/formats/log.md", () => {
  test("shows a header that decodes to what it says, and is what is written", () => {
    const bytes = new Uint8Array(SEGMENT_HEADER_SIZE);
    bytes.set(headerHex!);
    expect(decodeSegmentHeader(bytes, "example")).toEqual(EXAMPLE);
    expect(encodeSegmentHeader(EXAMPLE)).toEqual(bytes);
  });

  test("shows frames that decode to what it says, and are what is written", () => {
    const bytes = new Uint8Array(SEGMENT_HEADER_SIZE + framesHex!.length);
    bytes.set(encodeSegmentHeader(EXAMPLE));
    bytes.set(framesHex!, SEGMENT_HEADER_SIZE);
    const segment: SegmentBytes = { path: "example", header: EXAMPLE, bytes, view: new DataView(bytes.buffer) };
    const frames: unknown[] = [];
    const walk = walkFrames(segment, 0, undefined, {
      frame: (type, lsn, durableThrough, version, source, start, end) =>
        frames.push({
          type,
          lsn,
          durableThrough,
          version,
          payload: new TextDecoder().decode(source.subarray(start, end)),
        }),
    });
    expect(frames).toEqual([
      { type: FrameType.commit, lsn: 0, durableThrough: 0, version: 1, payload: "hello" },
      { type: FrameType.mark, lsn: 38, durableThrough: 38, version: 1, payload: "" },
    ]);
    expect(walk).toEqual({ endLsn: 71, kind: "invalid" });
    const encoder = new FrameEncoder();
    encoder.add(EXAMPLE.salt, FrameType.commit, 0, 0, 1, new TextEncoder().encode("hello"));
    const checksum = encoder.add(EXAMPLE.salt, FrameType.mark, 38, 38, 1, new Uint8Array(0));
    expect(encoder.bytes.subarray(0, encoder.length)).toEqual(framesHex);
    expect(checksum).toBe(decodeManifest(manifestHex!, "example").clean?.checksum);
  });

  test("shows a manifest that decodes to what it says, and is what is written", () => {
    const manifest: Manifest = {
      databaseId: EXAMPLE.databaseId,
      createdAt: Date.UTC(2023, 10, 14, 22, 13, 20) * 1000,
      epoch: 1,
      number: 4,
      nextVersion: 2,
      spans: [{ epoch: 1, fromLsn: 0, durableLsn: 0 }],
      endings: [],
      clean: { endLsn: 71, checksum: 0x972eb21d, nextVersion: 2 },
      checkpoint: { version: 1, lsn: 38, previousLsn: 0, root: new TextEncoder().encode("root") },
    };
    expect(decodeManifest(manifestHex!, "example")).toEqual(manifest);
    expect(encodeManifest(manifest)).toEqual(manifestHex);
  });
});

const u53 = fc.maxSafeNat();
const databaseId = fc
  .uint8Array({ minLength: 16, maxLength: 16 })
  .map((bytes) => [...bytes].map((byte) => byte.toString(16).padStart(2, "0")).join(""));

describe("a segment header", () => {
  const headers = fc.record({
    databaseId,
    epoch: u53,
    firstLsn: u53,
    versionLimit: u53,
    sizeBytes: u53,
    salt: fc.nat(2 ** 32 - 1),
  });

  test("comes back as it was", () => {
    fc.assert(
      fc.property(
        headers,
        (header) => void expect(decodeSegmentHeader(encodeSegmentHeader(header), "f")).toEqual(header),
      ),
    );
  });

  test("with any bit of its fields changed is refused", () => {
    const bytes = encodeSegmentHeader(EXAMPLE);
    for (let bit = 0; bit < 72 * 8; bit++) {
      const changed = bytes.slice();
      changed[bit >> 3] = changed[bit >> 3]! ^ (1 << (bit & 7));
      expect(codeOf(() => decodeSegmentHeader(changed, "f"))).toBe("WAL_CORRUPT");
    }
  });

  test("of a newer format is told from a damaged one", () => {
    const bytes = encodeSegmentHeader(EXAMPLE);
    bytes[8] = 2;
    bytes[100] = 1;
    // As it stands only the version differs: that is damage. A newer one has another checksum.
    expect(codeOf(() => decodeSegmentHeader(bytes, "f"))).toBe("WAL_CORRUPT");
    bytes[68] = bytes[68]! ^ 1;
    expect(codeOf(() => decodeSegmentHeader(bytes, "f"))).toBe("FORMAT_TOO_NEW");
  });

  test("has a name that parses back, and nothing else does", () => {
    fc.assert(
      fc.property(fc.nat(2 ** 32 - 1), u53, (epoch, firstLsn) => {
        expect(parseSegmentName(segmentPath(epoch, firstLsn).slice("wal/".length))).toEqual({ epoch, firstLsn });
      }),
    );
    for (const name of [
      "",
      "1-2.wal",
      "00000001-00000000000000AA.wal",
      "00000001-ffffffffffffffff.wal",
      "00000001-0000000000000000.wal.lost",
    ]) {
      expect(parseSegmentName(name)).toBe(undefined);
    }
  });
});

describe("a frame", () => {
  test("comes back as it was, wherever it stands, and only there and under its salt", () => {
    fc.assert(
      fc.property(
        fc.uint8Array({ maxLength: 300 }),
        fc.nat(2 ** 32 - 1),
        fc.tuple(u53, u53).map(([a, b]) => [Math.min(a, b), Math.max(a, b)] as const),
        u53,
        (payload, salt, [durable, lsn], version) => {
          const encoder = new FrameEncoder();
          encoder.add(salt, FrameType.commit, lsn, durable, version, payload);
          const bytes = encoder.bytes.slice(0, encoder.length);
          const view = new DataView(bytes.buffer);
          expect(frameEnd(bytes, view, 0, bytes.length, lsn, salt)).toBe(FRAME_HEADER_SIZE + payload.length);
          expect(frameEnd(bytes, view, 0, bytes.length - 1, lsn, salt)).toBe(-1);
          expect(frameEnd(bytes, view, 0, bytes.length, lsn === 0 ? 1 : lsn - 1, salt)).toBe(-1);
          expect(frameEnd(bytes, view, 0, bytes.length, lsn, (salt ^ 1) >>> 0)).toBe(-1);
        },
      ),
    );
  });

  test("with any bit changed is none", () => {
    const encoder = new FrameEncoder();
    encoder.add(7, FrameType.commit, 1000, 900, 5, new Uint8Array(20).fill(3));
    const bytes = encoder.bytes.slice(0, encoder.length);
    const view = new DataView(bytes.buffer);
    for (let bit = 0; bit < bytes.length * 8; bit++) {
      bytes[bit >> 3] = bytes[bit >> 3]! ^ (1 << (bit & 7));
      expect(frameEnd(bytes, view, 0, bytes.length, 1000, 7)).toBe(-1);
      bytes[bit >> 3] = bytes[bit >> 3]! ^ (1 << (bit & 7));
    }
    expect(frameEnd(bytes, view, 0, bytes.length, 1000, 7)).toBe(bytes.length);
  });

  test("of no type, or whose mark is ahead of itself, is none, whatever its checksum", () => {
    for (const [type, lsn, durable] of [
      [0, 100, 50],
      [FrameType.mark, 100, 101],
    ] as const) {
      const encoder = new FrameEncoder();
      encoder.add(7, type, lsn, durable, 5, new Uint8Array(0));
      const bytes = encoder.bytes.slice(0, encoder.length);
      expect(frameEnd(bytes, new DataView(bytes.buffer), 0, bytes.length, lsn, 7)).toBe(-1);
    }
  });

  test("of a type that nobody has defined is damage, not a torn tail", () => {
    const vfs = new MemoryVfs();
    const { log } = openTestLog(vfs);
    log.abandon();
    const path = `wal/${vfs.list("wal")[0]}`;
    const encoder = new FrameEncoder();
    encoder.add(decodeSegmentHeader(readWhole(vfs, path), path).salt, 9, 0, 0, 1, new Uint8Array(5));
    changeFile(vfs, path, (bytes) => void bytes.set(encoder.bytes.subarray(0, encoder.length), SEGMENT_HEADER_SIZE));
    expect(codeOf(() => openTestLog(vfs))).toBe("WAL_CORRUPT");
  });

  test("of several megabytes does not keep its buffer", () => {
    const encoder = new FrameEncoder();
    encoder.add(1, FrameType.commit, 0, 0, 1, new Uint8Array(10_000_000));
    expect(encoder.bytes.length).toBeGreaterThan(10_000_000);
    encoder.reset();
    expect(encoder.bytes.length).toBeLessThan(1_000_000);
  });
});

describe("a manifest", () => {
  const ascending = fc.uniqueArray(u53, { maxLength: 20 }).map((numbers) => numbers.sort((a, b) => a - b));
  const manifests: fc.Arbitrary<Manifest> = fc
    .record({
      databaseId,
      createdAt: u53,
      epoch: u53,
      number: u53,
      nextVersion: u53,
      lsns: ascending,
      last: ascending,
      checksum: fc.nat(2 ** 32 - 1),
      isClean: fc.boolean(),
      root: fc.option(fc.uint8Array({ maxLength: 300 }), { nil: undefined }),
      places: fc.tuple(u53, u53, u53),
    })
    .map(({ lsns, last, checksum, isClean, root, places: [version, a, b], ...rest }) => ({
      ...rest,
      checkpoint:
        root === undefined || lsns.length === 0 || rest.nextVersion === 0
          ? undefined
          : {
              version: version % rest.nextVersion,
              lsn: Math.max(a, b, lsns[0]!),
              previousLsn: Math.min(a, b),
              root,
            },
      spans: lsns.map((fromLsn, i) => ({ epoch: i + 1, fromLsn, durableLsn: fromLsn })),
      endings: last.map((lastVersion, i) => ({ epoch: i + 1, lastVersion })),
      clean: isClean ? { endLsn: Number.MAX_SAFE_INTEGER, checksum, nextVersion: rest.nextVersion } : undefined,
    }));

  test("comes back as it was", () => {
    fc.assert(
      fc.property(
        manifests,
        (manifest) => void expect(decodeManifest(encodeManifest(manifest), "f")).toEqual(manifest),
      ),
    );
  });

  test("with any bit changed, or any length, is refused", () => {
    const bytes = manifestHex!;
    for (let bit = 0; bit < bytes.length * 8; bit++) {
      const changed = bytes.slice();
      changed[bit >> 3] = changed[bit >> 3]! ^ (1 << (bit & 7));
      expect(codeOf(() => decodeManifest(changed, "f"))).toBe("MANIFEST_CORRUPT");
    }
    for (let length = 0; length < bytes.length; length++) {
      expect(codeOf(() => decodeManifest(bytes.slice(0, length), "f"))).toBe("MANIFEST_CORRUPT");
    }
  });

  test("of any bytes at all is refused as one of ours", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (tail) => {
        const bytes = new Uint8Array(12 + tail.length);
        bytes.set(manifestHex!.subarray(0, 12));
        bytes.set(tail, 12);
        expect(codeOf(() => decodeManifest(bytes, "f"))).toBe("MANIFEST_CORRUPT");
      }),
    );
  });

  test("of a newer format is told from a damaged one", () => {
    const bytes = manifestHex!.slice();
    bytes[8] = 9;
    bytes[30] = bytes[30]! ^ 1;
    expect(codeOf(() => decodeManifest(bytes, "f"))).toBe("FORMAT_TOO_NEW");
  });

  test("whose spans or endings are out of order is refused", () => {
    const base = decodeManifest(manifestHex!, "f");
    const span = (epoch: number, fromLsn: number) => ({ epoch, fromLsn, durableLsn: 0 });
    for (const changes of [
      { spans: [span(1, 10), span(2, 5)], clean: undefined },
      { spans: [span(2, 5), span(1, 10)], clean: undefined },
      {
        endings: [
          { epoch: 2, lastVersion: 1 },
          { epoch: 2, lastVersion: 3 },
        ],
      },
      { spans: [span(1, 100)] },
    ]) {
      expect(codeOf(() => decodeManifest(encodeManifest({ ...base, ...changes }), "f"))).toBe("MANIFEST_CORRUPT");
    }
  });

  test("has a name that sorts as it counts", () => {
    const names = [
      manifestName(1, 1),
      manifestName(1, 2),
      manifestName(1, 300),
      manifestName(2, 1),
      manifestName(300, 1),
    ];
    expect([...names].sort()).toEqual(names);
  });
});

function codeOf(action: () => unknown): string {
  try {
    action();
  } catch (error) {
    return StrataError.is(error) ? error.code : String(error);
  }
  return "done";
}
