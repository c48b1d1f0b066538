import { ByteReader, ByteWriter, type RunId } from "@strata/core";
import { describe, expect, test } from "vitest";
import { type CommitRecord, decodeCommit, encodeCommit } from "./operation.js";

function bytesOf(commit: CommitRecord): Uint8Array {
  const writer = new ByteWriter();
  encodeCommit(writer, commit);
  return writer.take();
}

const commit: CommitRecord = { run: 1 as RunId, version: 9, timestamp: 5, message: undefined, operations: [] };
const append = {
  kind: "append" as const,
  space: "lab",
  type: "note",
  sequence: 0,
  payload: new Uint8Array([0xa0]),
  hash: "a".repeat(64),
  prevHash: "b".repeat(64),
};
const origin = { run: "try", sequence: 2 ** 40, hash: "c".repeat(64), timestamp: 2 ** 51 };

describe("a commit in the log", () => {
  const records: [string, CommitRecord][] = [
    ["nothing but itself", commit],
    ["a message", { ...commit, message: "why" }],
    ["what it contains of other runs", { ...commit, contained: [{ run: 7 as RunId, version: 2 ** 40 }] }],
    ["a message, and that it picked changes", { ...commit, message: "why", contained: [] }],
    ["an event", { ...commit, operations: [append] }],
    [
      "events that were copied, among others",
      {
        ...commit,
        operations: [
          { ...append, origin },
          { ...append, sequence: 1, prevHash: undefined },
          { ...append, sequence: 2, prevHash: undefined, origin },
        ],
      },
    ],
  ];
  test.each(records)("with %s is read back as it was written", (_what, record) => {
    expect(decodeCommit(new ByteReader(bytesOf(record)))).toEqual(record);
  });

  test("without a merge spends no byte on one", () => {
    expect([...bytesOf(commit)]).toEqual([1, 9, 5, 0, 0]);
    expect([...bytesOf({ ...commit, message: "w" })]).toEqual([1, 9, 5, 1, 1, 0x77, 0]);
  });

  test("with flags of another format is refused", () => {
    expect(() => decodeCommit(new ByteReader(new Uint8Array([1, 9, 5, 4, 0])))).toThrow(
      expect.objectContaining({ code: "CORRUPT_RECORD" }),
    );
  });

  test.each(records)("with %s is refused when it is cut or has more behind it", (_what, record) => {
    const bytes = bytesOf(record);
    for (let length = 0; length < bytes.length; length++) {
      expect(() => decodeCommit(new ByteReader(bytes.slice(0, length)))).toThrow(
        expect.objectContaining({ code: "CORRUPT_RECORD" }),
      );
    }
    expect(() => decodeCommit(new ByteReader(new Uint8Array([...bytes, 0])))).toThrow(
      expect.objectContaining({ code: "CORRUPT_RECORD" }),
    );
  });
});
