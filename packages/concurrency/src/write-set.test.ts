import { describe, expect, test } from "vitest";
import { WriteSet } from "./write-set.js";

const fresh = () => new WriteSet<"kv" | "json", string>();

describe("WriteSet", () => {
  test("the last write of a key wins, and counts once", () => {
    const writes = fresh();
    writes.put("default", "kv", "a", 1);
    writes.put("default", "kv", "a", 2);
    expect(writes.keyCount).toBe(1);
    expect(writes.partition("default", "kv")?.stored).toEqual([2]);
  });

  test("the same key in another space or primitive is another write", () => {
    const writes = fresh();
    writes.put("default", "kv", "a", 1);
    writes.put("other", "kv", "a", 2);
    writes.put("default", "json", "a", 3);
    expect(writes.keyCount).toBe(3);
    expect(writes.partition("other", "kv")?.stored).toEqual([2]);
  });

  test("keys are found alike below and above the size where an index is built", () => {
    const writes = fresh();
    for (let i = 0; i < 100; i++) {
      writes.put("default", "kv", `key-${i}`, i);
      const partition = writes.partition("default", "kv");
      for (let j = 0; j <= i; j++) expect(partition?.stored[partition.find(`key-${j}`)]).toBe(j);
      expect(partition?.find("absent")).toBe(-1);
    }
  });

  test("patches of one key accumulate in order", () => {
    const writes = fresh();
    writes.patch("default", "json", "doc", "after-1", ["p1"]);
    writes.patch("default", "json", "doc", "after-2", ["p2", "p3"]);
    const partition = writes.partition("default", "json");
    expect(partition?.stored).toEqual(["after-2"]);
    expect(partition?.patches).toEqual([["p1", "p2", "p3"]]);
  });

  test("patches accumulate without being copied each time, and what was handed in stays as it is", () => {
    const writes = new WriteSet<string, string>();
    const first = Object.freeze(["p1"]);
    writes.patch("default", "json", "doc", "after 1", first);
    const pending = writes.partition("default", "json")?.patches[0];
    writes.patch("default", "json", "doc", "after 2", ["p2"]);
    expect(writes.partition("default", "json")?.patches[0]).toBe(pending);
    expect([first, pending]).toEqual([["p1"], ["p1", "p2"]]);
  });

  test("a patch after a whole value stays a whole value; a whole value after patches forgets them", () => {
    const writes = fresh();
    writes.put("default", "json", "doc", "whole");
    writes.patch("default", "json", "doc", "patched", ["p"]);
    expect(writes.partition("default", "json")?.patches).toEqual([undefined]);
    writes.patch("default", "json", "other", "patched", ["p"]);
    writes.put("default", "json", "other", "whole");
    expect(writes.partition("default", "json")?.patches).toEqual([undefined, undefined]);
  });

  test("sorted keys follow code points, not UTF-16 units, and see later writes", () => {
    const writes = fresh();
    writes.put("default", "kv", "\u{1f600}", 1);
    writes.put("default", "kv", "\uffee", 1);
    const partition = writes.partition("default", "kv");
    expect(partition?.sortedKeys()).toEqual(["\uffee", "\u{1f600}"]);
    writes.put("default", "kv", "a", 1);
    expect(partition?.sortedKeys()).toEqual(["a", "\uffee", "\u{1f600}"]);
  });

  test("a cleared set carries nothing over into its next life", () => {
    const writes = fresh();
    for (let i = 0; i < 20; i++) writes.put("default", "kv", `key-${i}`, i);
    writes.events.push({ space: "default", type: "t", payload: new Uint8Array() });
    writes.registered.push("x");
    writes.dropped.push("y");
    writes.casCount = 1;
    writes.clear();
    expect(writes.isEmpty).toBe(true);
    expect(writes.keyCount).toBe(0);
    expect(writes.casCount).toBe(0);
    expect(writes.partition("default", "kv")).toBeUndefined();
    writes.put("second", "json", "new", 1);
    const partition = writes.partition("second", "json");
    expect(partition?.keys).toEqual(["new"]);
    expect(partition?.find("key-3")).toBe(-1);
    expect(partition?.sortedKeys()).toEqual(["new"]);
  });
});
