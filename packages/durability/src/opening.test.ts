import { StrataError } from "@strata/core";
import { describe, expect, test } from "vitest";
import { decodeManifest, encodeManifest } from "./manifest.js";
import { MemoryVfs } from "./memory-vfs.js";
import { changeFile, imageOf, pathsOn, putFile } from "./testing/disk-image.js";
import { openTestLog, TINY_SEGMENTS } from "./testing/test-log.js";
import { readWhole } from "./vfs-io.js";

const PAYLOAD = new Uint8Array(30).fill(5);

function database(): MemoryVfs {
  const vfs = new MemoryVfs();
  const { log } = openTestLog(vfs, { segments: TINY_SEGMENTS });
  for (let version = 1; version <= 20; version++) log.persist(version, PAYLOAD, "strict");
  log.shutdown();
  return vfs;
}

/** Tries to open it, for writing and reading; nothing but the lock may have changed. @returns the codes. */
function refusals(vfs: MemoryVfs): string[] {
  const before = imageOf(vfs);
  const codes = [true, false].map((readOnly) => codeOf(() => openTestLog(vfs, { readOnly })));
  expect(imageOf(vfs)).toEqual(before);
  return [...new Set(codes)];
}

describe("where no database may be made", () => {
  test("a log without its manifest is an error, never an empty database", () => {
    const vfs = database();
    for (const path of pathsOn(vfs)) if (path.startsWith("MANIFEST")) vfs.unlink(path);
    const before = imageOf(vfs);
    expect(codeOf(() => openTestLog(vfs))).toBe("MANIFEST_MISSING");
    expect(codeOf(() => openTestLog(vfs, { readOnly: true }))).toBe("MANIFEST_MISSING");
    expect(imageOf(vfs)).toEqual(before);
  });

  test("manifests that do not parse are an error, and stay as they are", () => {
    const vfs = database();
    for (const path of pathsOn(vfs)) if (path.startsWith("MANIFEST")) putFile(vfs, path, new Uint8Array(100).fill(1));
    expect(refusals(vfs)).toEqual(["MANIFEST_CORRUPT"]);
  });

  test("a directory of something else is left alone", () => {
    for (const name of ["notes.txt", "MANIFEST", "MANIFEST-1-1", "CURRENT", "runs"]) {
      const vfs = new MemoryVfs();
      putFile(vfs, name, PAYLOAD);
      expect(codeOf(() => openTestLog(vfs))).toBe("NOT_A_DATABASE");
      expect(pathsOn(vfs)).toEqual([name]);
    }
  });

  test("an empty directory is not something else, nor are hidden files and the remains of a first opening that was interrupted", () => {
    const vfs = new MemoryVfs();
    for (const name of [".DS_Store", "LOCK", "LOCK-journal", "EPOCH-00000001", "MANIFEST-00000001-00000001.tmp"])
      putFile(vfs, name, PAYLOAD);
    vfs.makeDirectory("wal");
    putFile(vfs, "wal/00000001-0.prepared", PAYLOAD);
    const { summary, log } = openTestLog(vfs);
    expect(summary).toMatchObject({ created: true, epoch: 2 });
    log.shutdown();
    expect(vfs.list("").filter((name) => name.endsWith(".tmp") || name === "EPOCH-00000001")).toEqual([]);
    expect(vfs.list("wal").filter((name) => name.endsWith(".prepared"))).toEqual([]);
  });
});

describe("a newer format", () => {
  test("of the manifest is refused, and no byte changes", () => {
    const vfs = database();
    const path = pathsOn(vfs)
      .filter((name) => name.startsWith("MANIFEST"))
      .at(-1)!;
    changeFile(vfs, path, (bytes) => {
      bytes[8] = 2;
      bytes[20] = bytes[20]! ^ 1;
      return undefined;
    });
    expect(refusals(vfs)).toEqual(["FORMAT_TOO_NEW"]);
  });

  test("of any segment is refused, and no byte changes", () => {
    for (const path of pathsOn(database()).filter((name) => name.endsWith(".wal"))) {
      const vfs = database();
      changeFile(vfs, path, (bytes) => {
        bytes[8] = 2;
        bytes[20] = bytes[20]! ^ 1;
        return undefined;
      });
      expect(codeOf(() => openTestLog(vfs))).toBe("FORMAT_TOO_NEW");
      expect(refusals(vfs)).toEqual(["FORMAT_TOO_NEW"]);
    }
  });
});

describe("a damaged manifest", () => {
  test("that only told of the orderly end is made up for by the one before it, and put aside", () => {
    const vfs = database();
    const path = pathsOn(vfs)
      .filter((name) => name.startsWith("MANIFEST"))
      .at(-1)!;
    const damaged = new Uint8Array(59).fill(9);
    putFile(vfs, path, damaged);
    const { summary, commits, log } = openTestLog(vfs, { segments: TINY_SEGMENTS });
    expect(commits).toHaveLength(20);
    expect(summary).toMatchObject({ clean: false, lost: [] });
    expect(summary.nextVersion).toBeGreaterThan(20);
    log.shutdown();
    expect(readWhole(vfs, `${path}.damaged`)).toEqual(damaged);
    expect(openTestLog(vfs).summary).toMatchObject({ clean: true, commits: 20 });
  });

  test("is not made up for by one that knows nothing of later segments", () => {
    const vfs = database();
    const names = () => pathsOn(vfs).filter((name) => name.startsWith("MANIFEST"));
    const old = readWhole(vfs, names().at(-1)!);
    const oldName = names().at(-1)!;
    const { log, summary } = openTestLog(vfs);
    log.persist(summary.nextVersion, PAYLOAD, "strict");
    log.abandon();
    for (const name of names()) putFile(vfs, name, PAYLOAD);
    // A removal that the power failure took back.
    putFile(vfs, oldName, old);
    expect(codeOf(() => openTestLog(vfs))).toBe("MANIFEST_CORRUPT");
  });

  test("under another's name is one", () => {
    const vfs = database();
    const path = pathsOn(vfs)
      .filter((name) => name.startsWith("MANIFEST"))
      .at(-1)!;
    const bytes = readWhole(vfs, path);
    for (const name of pathsOn(vfs)) if (name.startsWith("MANIFEST")) vfs.unlink(name);
    putFile(vfs, "MANIFEST-00000009-00000001", bytes);
    expect(refusals(vfs)).toEqual(["MANIFEST_CORRUPT"]);
  });
});

describe("an orderly end", () => {
  test("is insisted on: a log that ends elsewhere is refused", () => {
    for (const change of [{ endLsn: 5000 }, { checksum: 1 }]) {
      const vfs = database();
      const path = pathsOn(vfs)
        .filter((name) => name.startsWith("MANIFEST"))
        .at(-1)!;
      const manifest = decodeManifest(readWhole(vfs, path), path);
      putFile(vfs, path, encodeManifest({ ...manifest, clean: { ...manifest.clean!, ...change } }));
      for (const readOnly of [true, false]) expect(codeOf(() => openTestLog(vfs, { readOnly }))).toBe("WAL_CORRUPT");
    }
  });

  test("gives back the room that was not used", () => {
    const vfs = new MemoryVfs();
    const { log } = openTestLog(vfs);
    log.persist(1, PAYLOAD);
    const [path] = pathsOn(vfs).filter((name) => name.endsWith(".wal"));
    expect(vfs.size(path!)).toBe(1024 * 1024);
    log.shutdown();
    expect(vfs.size(path!)).toBeLessThan(5000);
  });

  test("removes the segment that was laid out and not needed", () => {
    const vfs = new MemoryVfs();
    const { log, time } = openTestLog(vfs, { segments: TINY_SEGMENTS });
    const prepared = () => vfs.list("wal").filter((name) => name.endsWith(".prepared"));
    for (let version = 1; prepared().length === 0; version++) {
      log.persist(version, PAYLOAD);
      time.advance(0);
    }
    log.shutdown();
    expect(prepared()).toEqual([]);
  });

  test("leaves nothing but the lock, the claim, two manifests and the log", () => {
    expect(pathsOn(database()).filter((path) => !path.endsWith(".wal"))).toEqual([
      "EPOCH-00000001",
      "MANIFEST-00000001-00000002",
      "MANIFEST-00000001-00000003",
    ]);
  });
});

describe("salvage without a manifest", () => {
  /** Five sessions, the last two killed. */
  function sessions(): MemoryVfs {
    const vfs = new MemoryVfs();
    for (let session = 1; session <= 5; session++) {
      const { log, summary } = openTestLog(vfs, { segments: TINY_SEGMENTS }, session);
      for (let i = 0; i < 20; i++) log.persist(summary.nextVersion + i, PAYLOAD, "strict");
      if (session > 3) log.abandon();
      else log.shutdown();
    }
    return vfs;
  }

  const damages: Record<string, (vfs: MemoryVfs, path: string) => void> = {
    missing: (vfs, path) => vfs.unlink(path),
    damaged: (vfs, path) => putFile(vfs, path, PAYLOAD),
  };

  for (const [name, damage] of Object.entries(damages)) {
    test(`(${name}) finds out from the segments what the log consists of, and says so`, () => {
      const vfs = sessions();
      const { databaseId, nextVersion } = openTestLog(vfs.clone(), { segments: TINY_SEGMENTS }).summary;
      for (const path of pathsOn(vfs)) if (path.startsWith("MANIFEST")) damage(vfs, path);
      const before = imageOf(vfs);
      const reader = openTestLog(vfs, { segments: TINY_SEGMENTS, recovery: "salvage", readOnly: true });
      expect(imageOf(vfs)).toEqual(before);
      reader.log.shutdown();
      const { summary, commits, log } = openTestLog(vfs, { segments: TINY_SEGMENTS, recovery: "salvage" });
      expect(commits).toEqual(reader.commits);
      expect(commits).toHaveLength(100);
      expect(summary.databaseId).toBe(databaseId);
      expect(summary.nextVersion).toBeGreaterThanOrEqual(nextVersion);
      expect(summary.lost).toMatchObject([
        {
          file: expect.stringMatching(/^MANIFEST/),
          reason: expect.stringMatching(name === "missing" ? /missing/ : /parse/),
        },
      ]);
      log.shutdown();
      expect(openTestLog(vfs, { segments: TINY_SEGMENTS }).summary).toMatchObject({
        commits: 100,
        clean: true,
        lost: [],
      });
    });
  }

  test("gives up where no segment can be read either", () => {
    const vfs = sessions();
    for (const path of pathsOn(vfs)) putFile(vfs, path, PAYLOAD);
    expect(codeOf(() => openTestLog(vfs, { recovery: "salvage" }))).toBe("MANIFEST_CORRUPT");
  });

  test("is not fooled by what an interrupted recovery left, nor by an old manifest that came back", () => {
    const vfs = sessions();
    const old = pathsOn(vfs).filter((path) => path.startsWith("MANIFEST"));
    const image = imageOf(vfs);
    const { log, summary } = openTestLog(vfs, { segments: TINY_SEGMENTS }, 9);
    log.persist(summary.nextVersion, PAYLOAD, "strict");
    log.abandon();
    for (const path of pathsOn(vfs)) if (path.startsWith("MANIFEST")) putFile(vfs, path, PAYLOAD);
    for (const path of old) putFile(vfs, path, image.get(path)!);
    expect(codeOf(() => openTestLog(vfs, { segments: TINY_SEGMENTS }))).toBe("MANIFEST_CORRUPT");
    expect(openTestLog(vfs, { segments: TINY_SEGMENTS, recovery: "salvage" }).commits).toHaveLength(101);
  });
});

test("options that make no sense are refused by name", () => {
  const vfs = new MemoryVfs();
  for (const options of [
    { mode: "batched" as never },
    { recovery: "loose" as never },
    { buffered: { flushIntervalMs: 0 } },
    { buffered: { flushIntervalMs: Number.NaN } },
    { buffered: { maxPendingWrites: 1.5 } },
    { segments: { firstBytes: 100 } },
    { segments: { firstBytes: 10_000, maxBytes: 9_000 } },
  ]) {
    expect(codeOf(() => openTestLog(vfs, options))).toBe("INVALID_ARGUMENT");
  }
});

function codeOf(action: () => unknown): string {
  try {
    action();
  } catch (error) {
    return StrataError.is(error) ? error.code : String(error);
  }
  return "done";
}
