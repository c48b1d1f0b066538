import { describe, expect, test } from "vitest";
import { FUSION_RANK, fuse } from "./fusion.js";

const identity = (entry: string) => entry;
const compare = (a: string, b: string) => (a < b ? -1 : 1);

describe("reciprocal rank fusion", () => {
  test("adds up what each list says of an entry", () => {
    const fused = fuse(
      [
        { weight: 1, entries: ["a", "b", "c"] },
        { weight: 2, entries: ["c", "d"] },
      ],
      identity,
      compare,
    );
    expect(fused).toEqual([
      { entry: "c", score: 1 / (FUSION_RANK + 3) + 2 / (FUSION_RANK + 1), ranks: [3, 1] },
      { entry: "d", score: 2 / (FUSION_RANK + 2), ranks: [0, 2] },
      { entry: "a", score: 1 / (FUSION_RANK + 1), ranks: [1, 0] },
      { entry: "b", score: 1 / (FUSION_RANK + 2), ranks: [2, 0] },
    ]);
  });

  test("orders equal scores as it is told", () => {
    const lists = [
      { weight: 1, entries: ["b"] },
      { weight: 1, entries: ["a"] },
    ];
    expect(fuse(lists, identity, compare).map(({ entry }) => entry)).toEqual(["a", "b"]);
  });

  test("leaves out a list without weight", () => {
    const lists = [
      { weight: 0, entries: ["b", "c"] },
      { weight: 1, entries: ["a", "c"] },
    ];
    expect(fuse(lists, identity, compare).map(({ entry }) => entry)).toEqual(["a", "c"]);
  });
});
