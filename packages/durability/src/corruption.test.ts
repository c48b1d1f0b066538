import { StrataError } from "@strata/core";
import { beforeAll, describe, expect, test } from "vitest";
import type { LogOptions } from "./log-options.js";
import { MemoryVfs } from "./memory-vfs.js";
import { payloadOf } from "./testing/crash-script.js";
import { changeFile, imageOf, pathsOn, putFile } from "./testing/disk-image.js";
import { openTestLog, type TestLog, TINY_SEGMENTS } from "./testing/test-log.js";
import { readWhole } from "./vfs-io.js";
import { decodeSegmentHeader, encodeSegmentHeader, FrameType, SEGMENT_HEADER_SIZE } from "./wal-format.js";
import { FrameEncoder } from "./wal-frame.js";

const OPTIONS: LogOptions = { segments: TINY_SEGMENTS, mode: "strict" };

/** A database as a test finds it: what is on disk, and what must be said of it. */
interface Reference {
  readonly vfs: MemoryVfs;
  /** Commits 1 … `made` were made; those up to `durable` lie below the last mark. */
  readonly made: number;
  readonly durable: number;
}

/** Three sessions, several segments, a mark, and behind it three commits that nobody synced. */
function killed(seed = 1): Reference {
  const vfs = new MemoryVfs();
  let log = openTestLog(vfs, OPTIONS, seed);
  // Versions go on where the one before ended: an orderly end knows them exactly.
  commit(log, 1, 12);
  log.log.shutdown();
  log = openTestLog(vfs, OPTIONS, seed + 1);
  commit(log, 13, 20);
  log.log.shutdown();
  log = openTestLog(vfs, OPTIONS, seed + 2);
  commit(log, 21, 45);
  log.time.advance(1000);
  commit(log, 46, 48, "none");
  log.log.abandon();
  return { vfs, made: 48, durable: 45 };
}

function closed(): Reference {
  const { vfs } = killed();
  const log = openTestLog(vfs, OPTIONS, 9);
  const { nextVersion } = log.summary;
  log.log.persist(nextVersion, payloadOf(nextVersion, 60));
  log.log.shutdown();
  return { vfs, made: 49, durable: 49 };
}

function commit({ log }: TestLog, from: number, to: number, mode?: "none"): void {
  for (let version = from; version <= to; version++)
    log.persist(version, payloadOf(version, 20 + (version % 5) * 40), mode);
}

/**
 * Opens a damaged disk. Fine is: the error of one of ours, or exactly what was there, but for commits above the last mark.
 *
 * @returns the code, or `"whole"`, or `"cut"`.
 */
function verdict(vfs: MemoryVfs, { made, durable }: Reference, readOnly: boolean): string {
  let opened: TestLog;
  try {
    opened = openTestLog(vfs, { ...OPTIONS, readOnly }, 77);
  } catch (error) {
    if (!StrataError.is(error)) throw error;
    return error.code;
  }
  opened.log.abandon();
  const { commits } = opened;
  for (const [i, { payload, version }] of commits.entries()) {
    if (i < 48 && version !== i + 1) throw new Error(`commit ${version} stands where commit ${i + 1} was`);
    if (payload.join() !== payloadOf(version, payload.length).join())
      throw new Error(`commit ${version} has other contents`);
  }
  if (commits.length < durable)
    throw new Error(`only ${commits.length} of ${durable} durable commits are left, and nothing was said`);
  if (commits.length > made) throw new Error("there are more commits than were made");
  return commits.length === made ? "whole" : "cut";
}

/** Counts verdicts over many damaged copies. A damage that takes everything behind it takes the marks too: it returns true. */
function tally(reference: Reference, damages: Iterable<(vfs: MemoryVfs) => unknown>): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const damage of damages) {
    for (const readOnly of [true, false]) {
      const vfs = reference.vfs.clone();
      const takesMarks = damage(vfs) === true;
      const code = verdict(vfs, takesMarks ? { ...reference, durable: 0 } : reference, readOnly);
      counts[code] = (counts[code] ?? 0) + 1;
    }
  }
  return counts;
}

/** Every offset that means something, and some of the padding between header and frames. */
function* offsets(path: string, size: number): Generator<number> {
  for (let offset = 0; offset < size; offset++) {
    const padding = path.startsWith("wal/") && offset >= 64 && offset < SEGMENT_HEADER_SIZE;
    if (!padding || offset % 389 === 0) yield offset;
  }
}

const references: { readonly name: string; readonly make: () => Reference }[] = [
  { name: "after a kill", make: killed },
  { name: "after an orderly end", make: closed },
];

describe.each(references)("a database $name", ({ make }) => {
  let reference: Reference;
  beforeAll(() => {
    reference = make();
  });

  test("is whole as it is", () => {
    expect(tally(reference, [() => {}])).toEqual({ whole: 2 });
    expect(segmentsOn(reference.vfs).length).toBeGreaterThan(3);
  });

  test("with any byte changed is whole, or refused, or cut above the mark", { timeout: 120_000 }, () => {
    function* flips() {
      for (const path of pathsOn(reference.vfs)) {
        for (const offset of offsets(path, reference.vfs.size(path)!)) {
          yield (vfs: MemoryVfs) => flip(vfs, path, offset, offset % 8);
        }
      }
    }
    const counts = tally(reference, flips());
    expect(counts).toMatchObject({ WAL_CORRUPT: expect.any(Number), whole: expect.any(Number) });
    expect(
      Object.keys(counts).filter((code) => !["WAL_CORRUPT", "MANIFEST_CORRUPT", "whole", "cut"].includes(code)),
    ).toEqual([]);
  });

  test("with any file cut at any length is whole, or refused, or cut above the mark", { timeout: 120_000 }, () => {
    function* truncations() {
      for (const path of pathsOn(reference.vfs)) {
        for (const offset of offsets(path, reference.vfs.size(path)!)) {
          yield (vfs: MemoryVfs) => changeFile(vfs, path, (bytes) => bytes.slice(0, offset));
        }
      }
    }
    const counts = tally(reference, truncations());
    expect(counts).toMatchObject({ WAL_CORRUPT: expect.any(Number) });
  });

  test("with any sector zeroed, doubled, swapped or shifted is whole, or refused, or cut above the mark", {
    timeout: 120_000,
  }, () => {
    const last = segmentsOn(reference.vfs).at(-1)!;
    const dataEnd = readWhole(reference.vfs, last).findLastIndex((byte) => byte !== 0) + 1;
    const damaged =
      (path: string, at: number, unit: number, change: (bytes: Uint8Array, next: number) => void) =>
      (vfs: MemoryVfs) => {
        changeFile(vfs, path, (bytes) => void change(bytes, Math.min(at + unit, bytes.length)));
        // Behind the next sector no whole frame is left that could tell.
        return path === last && at + 2 * unit >= dataEnd - 200;
      };
    function* sectors() {
      for (const path of pathsOn(reference.vfs)) {
        for (const unit of [512, 4096]) {
          for (let at = 0; at < reference.vfs.size(path)!; at += unit) {
            yield damaged(path, at, unit, (bytes, next) => bytes.fill(0, at, next));
            yield damaged(path, at, unit, (bytes, next) => bytes.copyWithin(next, at, next));
            yield (vfs: MemoryVfs) => {
              changeFile(vfs, path, (bytes) => void bytes.copyWithin(at, Math.min(at + unit, bytes.length)));
              // Every frame behind is off its position, the marks with it.
              return path === last;
            };
            yield damaged(path, at, unit, (bytes, next) => {
              const first = bytes.slice(at, next);
              bytes.copyWithin(at, next, next + unit);
              bytes.set(first.subarray(0, Math.max(0, bytes.length - next)), next);
            });
          }
        }
      }
    }
    tally(reference, sectors());
  });

  test("with any file missing is whole or refused", () => {
    const counts = tally(
      reference,
      pathsOn(reference.vfs).map((path) => (vfs: MemoryVfs) => vfs.unlink(path)),
    );
    expect(Object.keys(counts).filter((code) => !["WAL_CORRUPT", "MANIFEST_MISSING", "whole"].includes(code))).toEqual(
      [],
    );
  });

  test("with a segment in another's place is refused", () => {
    const segments = segmentsOn(reference.vfs);
    const image = imageOf(reference.vfs);
    const swaps = segments.flatMap((to) =>
      segments.filter((from) => from !== to).map((from) => (vfs: MemoryVfs) => putFile(vfs, to, image.get(from)!)),
    );
    expect(Object.keys(tally(reference, swaps))).toEqual(["WAL_CORRUPT"]);
  });

  test("with a copy of a segment under a name between others is refused", () => {
    const segments = segmentsOn(reference.vfs);
    const image = imageOf(reference.vfs);
    const copies = segments.slice(0, -1).map((path) => (vfs: MemoryVfs) => {
      const inside = path.replace(
        /([0-9a-f]{16})\.wal$/,
        (_, lsn: string) => `${(Number.parseInt(lsn, 16) + 7).toString(16).padStart(16, "0")}.wal`,
      );
      putFile(vfs, inside, image.get(path)!);
    });
    expect(Object.keys(tally(reference, copies))).toEqual(["WAL_CORRUPT"]);
  });

  test("with a segment of another database is refused, also one of the same place and epoch", () => {
    const other = killed(1000);
    const segments = segmentsOn(reference.vfs);
    const image = imageOf(other.vfs);
    const foreign = segments
      .filter((path) => image.has(path))
      .map((path) => (vfs: MemoryVfs) => putFile(vfs, path, image.get(path)!));
    expect(foreign.length).toBeGreaterThan(1);
    expect(Object.keys(tally(reference, foreign))).toEqual(["WAL_CORRUPT"]);
  });
});

describe("damage", () => {
  test("names the file, the place and the first version that is lost", () => {
    const { vfs } = killed();
    const [path] = segmentsOn(vfs);
    flip(vfs, path!, SEGMENT_HEADER_SIZE + 33 + 60 + 40);
    const error = errorOf(() => openTestLog(vfs, OPTIONS));
    expect(error).toMatchObject({
      code: "WAL_CORRUPT",
      facts: { file: path, offset: SEGMENT_HEADER_SIZE + 33 + 60, firstVersion: 2 },
    });
  });

  test("changes nothing but the epoch, and is told again", () => {
    const { vfs } = killed();
    const [path] = segmentsOn(vfs);
    flip(vfs, path!, SEGMENT_HEADER_SIZE + 40);
    const segments = (disk: MemoryVfs) => [...imageOf(disk)].filter(([name]) => name.endsWith(".wal"));
    const before = segments(vfs);
    for (let i = 0; i < 3; i++) expect(errorOf(() => openTestLog(vfs, OPTIONS))).toMatchObject({ code: "WAL_CORRUPT" });
    expect(segments(vfs)).toEqual(before);
  });

  test("is given up only when asked, with a report, and put aside", () => {
    const { vfs } = killed();
    const paths = segmentsOn(vfs);
    const damaged = paths[1]!;
    const before = imageOf(vfs);
    flip(vfs, damaged, SEGMENT_HEADER_SIZE + 40);
    const { summary, commits, log } = openTestLog(vfs, { ...OPTIONS, recovery: "salvage" });
    expect(commits.length).toBeGreaterThan(0);
    expect(commits.length).toBeLessThan(45);
    expect(commits.map(({ version }) => version)).toEqual(commits.map((_, i) => i + 1));
    expect(summary.lost[0]).toMatchObject({
      file: damaged,
      offset: SEGMENT_HEADER_SIZE,
      firstVersion: commits.length + 1,
    });
    expect(summary.lost.length).toBe(paths.length - 1);
    expect(summary.nextVersion).toBeGreaterThan(48);
    // Nothing was destroyed: what lies behind the damage is there under another name.
    for (const lost of summary.lost.slice(1))
      expect(imageOf(vfs).get(`${lost.file}.lost`)).toEqual(before.get(lost.file));
    log.persist(summary.nextVersion, payloadOf(summary.nextVersion, 10));
    log.shutdown();
    const again = openTestLog(vfs, OPTIONS);
    expect(again.commits).toHaveLength(commits.length + 1);
    expect(again.summary).toMatchObject({ lost: [], clean: true });
  });

  test("of a missing segment is salvaged up to it", () => {
    const { vfs } = killed();
    const paths = segmentsOn(vfs);
    vfs.unlink(paths[2]!);
    const { commits, summary } = openTestLog(vfs, { ...OPTIONS, recovery: "salvage" });
    expect(commits.length).toBeGreaterThan(0);
    expect(summary.lost[0]).toMatchObject({ file: paths[2], reason: "the segment is missing" });
    expect(summary.nextVersion).toBeGreaterThan(48);
  });

  test("of a segment that stands between others is put aside, and the log is whole", () => {
    const { vfs } = killed();
    const [path] = segmentsOn(vfs);
    const stray = path!.replace(/([0-9a-f]{16})\.wal$/, "0000000000000007.wal");
    putFile(vfs, stray, imageOf(vfs).get(path!)!);
    expect(errorOf(() => openTestLog(vfs, OPTIONS))).toMatchObject({ code: "WAL_CORRUPT", facts: { file: stray } });
    const { commits, summary, log } = openTestLog(vfs, { ...OPTIONS, recovery: "salvage" });
    expect(commits).toHaveLength(48);
    expect(summary.lost).toMatchObject([{ file: stray }]);
    log.shutdown();
    expect(openTestLog(vfs, OPTIONS).commits).toHaveLength(48);
  });

  test("read-only, salvage shows the same and changes no byte", () => {
    const { vfs } = killed();
    const path = segmentsOn(vfs)[1]!;
    flip(vfs, path, SEGMENT_HEADER_SIZE + 40);
    const before = imageOf(vfs);
    const { summary } = openTestLog(vfs, { ...OPTIONS, recovery: "salvage", readOnly: true });
    expect(summary.lost.length).toBeGreaterThan(0);
    expect(imageOf(vfs)).toEqual(before);
  });
});

describe("what passes its checksum and cannot be", () => {
  /** One segment with these frames, and nothing else in it. */
  function withFrames(frames: readonly { readonly type: number; readonly version: number }[], epochOff = 0): MemoryVfs {
    const vfs = new MemoryVfs();
    openTestLog(vfs).log.abandon();
    const [path] = segmentsOn(vfs);
    changeFile(vfs, path!, (bytes) => {
      const header = decodeSegmentHeader(bytes, path!);
      bytes.set(encodeSegmentHeader({ ...header, epoch: header.epoch + epochOff }));
      const encoder = new FrameEncoder();
      for (const { type, version } of frames)
        encoder.add(header.salt, type, encoder.length, 0, version, payloadOf(version, 10));
      bytes.set(encoder.bytes.subarray(0, encoder.length), SEGMENT_HEADER_SIZE);
      return undefined;
    });
    return vfs;
  }

  test("is refused: versions that do not rise", () => {
    const { commit: type } = FrameType;
    expect(
      openTestLog(
        withFrames([
          { type, version: 1 },
          { type, version: 2 },
        ]),
      ).commits,
    ).toHaveLength(2);
    for (const version of [1, 2]) {
      const error = errorOf(() =>
        openTestLog(
          withFrames([
            { type, version: 2 },
            { type, version },
          ]),
        ),
      );
      expect(error).toMatchObject({
        code: "WAL_CORRUPT",
        facts: { offset: SEGMENT_HEADER_SIZE + 43, firstVersion: 3 },
      });
    }
  });

  test("is refused: a segment of another epoch in this one's place", () => {
    expect(errorOf(() => openTestLog(withFrames([], 1)))).toMatchObject({ code: "WAL_CORRUPT" });
  });
});

describe("a torn tail", () => {
  test("is cut and reported, with file, place, length and first version", () => {
    const { vfs } = killed();
    const path = segmentsOn(vfs).at(-1)!;
    const length = 33 + 20 + (48 % 5) * 40;
    let end = 0;
    changeFile(vfs, path, (bytes) => {
      end = bytes.findLastIndex((byte) => byte !== 0) + 1;
      bytes.fill(0, end - 30, end);
    });
    const reader = openTestLog(vfs, { ...OPTIONS, readOnly: true });
    expect(reader.summary.cut).toEqual([
      { file: path, offset: end - length, bytes: expect.any(Number), firstVersion: 48 },
    ]);
    reader.log.shutdown();
    const { summary, commits, log } = openTestLog(vfs, OPTIONS);
    expect(commits).toHaveLength(47);
    expect(summary.cut).toEqual(reader.summary.cut);
    expect(summary.tornBytes).toBe(summary.cut[0]!.bytes);
    expect(summary.tornBytes).toBeLessThanOrEqual(length - 30);
    expect(log.commitStatus({ epoch: 3, version: 47 })).toBe("committed");
    expect(log.commitStatus({ epoch: 3, version: 48 })).toBe("lost");
    log.abandon();
    expect(openTestLog(vfs, OPTIONS).summary.cut).toEqual([]);
  });

  test("of nothing but zeros is no tail at all", () => {
    const { vfs } = killed();
    expect(openTestLog(vfs, OPTIONS).summary).toMatchObject({ cut: [], tornBytes: 0, clean: false });
  });

  test("of garbage is cut", () => {
    const { vfs } = killed();
    const path = segmentsOn(vfs).at(-1)!;
    changeFile(vfs, path, (bytes) => {
      const end = bytes.findLastIndex((byte) => byte !== 0) + 1;
      bytes.set(payloadOf(5, bytes.length - end), end);
      return undefined;
    });
    const { summary, commits } = openTestLog(vfs, OPTIONS);
    expect(commits).toHaveLength(48);
    expect(summary.tornBytes).toBeGreaterThan(10);
  });
});

function segmentsOn(vfs: MemoryVfs): string[] {
  return pathsOn(vfs).filter((path) => path.endsWith(".wal"));
}

/** Changes one bit. */
function flip(vfs: MemoryVfs, path: string, offset: number, bit = 0): void {
  changeFile(vfs, path, (bytes) => {
    bytes[offset] = bytes[offset]! ^ (1 << bit);
    return undefined;
  });
}

function errorOf(action: () => unknown): unknown {
  try {
    action();
  } catch (error) {
    return error;
  }
  return undefined;
}
