import { describe, expect, test } from "vitest";
import type { Vfs } from "../vfs.js";
import { readWhole, writeFully } from "../vfs-io.js";
import { CrashVfs, SimulatedCrash } from "./crash-vfs.js";
import type { PowerLoss } from "./power-loss.js";

const put = (vfs: Vfs, path: string, text: string, position = 0) => {
  const file = vfs.exists(path) ? vfs.open(path, "readWrite") : vfs.open(path, "create");
  writeFully(file, new TextEncoder().encode(text), 0, text.length, position);
  return file;
};

const get = (vfs: Vfs, path: string) => (vfs.exists(path) ? new TextDecoder().decode(readWhole(vfs, path)) : undefined);

const NOTHING: PowerLoss = { model: "posix", keep: "none" };

/** A file that is safe, and one more write to it. */
function safeFile(): CrashVfs {
  const disk = new CrashVfs();
  put(disk, "f", "safe").sync();
  disk.syncDirectory("");
  return disk;
}

describe("after a power failure", () => {
  test("what was synced is there, name and contents; what was not may be gone", () => {
    const disk = safeFile();
    put(disk, "f", "LOST");
    put(disk, "g", "lost").sync();
    expect(get(disk, "f")).toBe("LOST");
    const after = disk.afterPowerLoss(NOTHING);
    expect(get(after, "f")).toBe("safe");
    expect(after.exists("g")).toBe(false);
    expect(get(disk.afterPowerLoss({ model: "posix", keep: "all" }), "g")).toBe("lost");
  });

  test("a name whose contents were not synced holds nothing", () => {
    const disk = new CrashVfs();
    put(disk, "f", "data");
    disk.syncDirectory("");
    expect(get(disk.afterPowerLoss(NOTHING), "f")).toBe("");
  });

  test("a rename that was not synced is done or not, and never half", () => {
    const disk = safeFile();
    put(disk, "new", "new").sync();
    disk.syncDirectory("");
    disk.rename("new", "f");
    expect(get(disk.afterPowerLoss(NOTHING), "f")).toBe("safe");
    expect(get(disk.afterPowerLoss(NOTHING), "new")).toBe("new");
    const kept = disk.afterPowerLoss({ model: "posix", keep: "all" });
    expect([get(kept, "f"), get(kept, "new")]).toEqual(["new", undefined]);
  });

  test("a removal that was not synced comes back", () => {
    const disk = safeFile();
    disk.unlink("f");
    expect(get(disk.afterPowerLoss(NOTHING), "f")).toBe("safe");
    disk.syncDirectory("");
    expect(get(disk.afterPowerLoss(NOTHING), "f")).toBe(undefined);
  });

  test("a file in a directory that was not synced is gone with it", () => {
    const disk = new CrashVfs();
    disk.makeDirectory("d");
    put(disk, "d/f", "data").sync();
    disk.syncDirectory("d");
    expect(disk.afterPowerLoss(NOTHING).exists("d/f")).toBe(false);
  });

  test("every single operation can be dropped, or kept alone", () => {
    const disk = safeFile();
    put(disk, "f", "AB", 0);
    put(disk, "f", "CD", 2);
    expect(get(disk.afterPowerLoss({ model: "posix", drop: 0 }), "f")).toBe("saCD");
    expect(get(disk.afterPowerLoss({ model: "posix", only: 0 }), "f")).toBe("ABfe");
  });

  test("in order, a prefix is left, and of the next write its beginning", () => {
    const disk = safeFile();
    put(disk, "f", "AB", 0);
    put(disk, "f", "CD", 2);
    expect(get(disk.afterPowerLoss({ model: "ordered", kept: 0 }), "f")).toBe("safe");
    expect(get(disk.afterPowerLoss({ model: "ordered", kept: 1 }), "f")).toBe("ABfe");
    expect(get(disk.afterPowerLoss({ model: "ordered", kept: 1, tornBytes: 1 }), "f")).toBe("ABCe");
  });

  test("per file, each keeps a prefix of its own, and all of them occur", () => {
    const disk = new CrashVfs();
    for (const name of ["f", "g"]) {
      disk.open(name, "create").sync();
      disk.syncDirectory("");
      for (let i = 0; i < 3; i++) put(disk, name, String(i), i);
    }
    const seen = new Set<string>();
    for (let seed = 0; seed < 200; seed++) {
      const after = disk.afterPowerLoss({ model: "perFile", seed });
      expect("012".startsWith(get(after, "f")!)).toBe(true);
      expect("012".startsWith(get(after, "g")!)).toBe(true);
      seen.add(`${get(after, "f")}|${get(after, "g")}`);
    }
    expect(seen.size).toBe(16);
  });

  test("the worst disk tears writes at sectors and bytes, fills gaps, and does the same for the same seed", () => {
    const disk = new CrashVfs();
    disk.open("f", "create").sync();
    disk.syncDirectory("");
    put(disk, "f", "x".repeat(3000));
    const seen = new Set<string>();
    for (let seed = 0; seed < 400; seed++) {
      const after = get(disk.afterPowerLoss({ model: "posix", seed }), "f")!;
      expect(get(disk.afterPowerLoss({ model: "posix", seed }), "f")).toBe(after);
      if (after === "") seen.add("nothing");
      else if (/^x+$/.test(after))
        seen.add(after.length === 3000 ? "all" : after.length % 512 === 0 ? "sectors" : "bytes");
      else seen.add(after.replaceAll("x", "").replaceAll("\0", "") === "" ? "zeros" : "garbage");
    }
    expect([...seen].sort()).toEqual(["all", "bytes", "garbage", "nothing", "sectors", "zeros"]);
  });

  test("what was lost to a failed fsync stays visible, and no later fsync saves it", () => {
    const disk = safeFile();
    const file = put(disk, "f", "LOST");
    disk.loseUnsynced("f");
    file.sync();
    expect(get(disk.afterKill(), "f")).toBe("LOST");
    expect(get(disk.afterPowerLoss({ model: "posix", keep: "all" }), "f")).toBe("safe");
  });
});

describe("a process that ends", () => {
  test("does so before, in or after the call, and makes no other", () => {
    for (const [phase, left] of [
      ["before", "safe"],
      ["during", "NEfe"],
      ["after", "NEW!"],
    ] as const) {
      const disk = new CrashVfs({ call: 4, phase, bytes: 2 });
      put(disk, "f", "safe").sync();
      expect(() => put(disk, "f", "NEW!")).toThrow(SimulatedCrash);
      expect(() => disk.list("")).toThrow(SimulatedCrash);
      expect(disk.crashed).toBe(true);
      expect(get(disk.afterKill(), "f")).toBe(left);
    }
  });

  test("leaves what it wrote to the next, who may still lose it", () => {
    const disk = safeFile();
    put(disk, "f", "NEW!");
    const lock = disk.lock("LOCK", "exclusive");
    const next = disk.afterKill();
    next.lock("LOCK", "exclusive");
    lock.release();
    expect(get(next, "f")).toBe("NEW!");
    expect(get(next.afterPowerLoss(NOTHING), "f")).toBe("safe");
    // Each next process has a disk of its own.
    put(next, "f", "more");
    expect(get(disk, "f")).toBe("NEW!");
    expect(get(disk.afterKill(), "f")).toBe("NEW!");
  });
});
