import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { canonicalBytes, defaultRuntime } from "@strata/core";
import { describe, expect, test } from "vitest";
import type { EventSource, StoredEvent } from "../scope.js";
import { EMPTY_HEAD, genesisHash, type HashedEvent, hashEvent, verifyChain } from "./event-chain.js";

const runtime = defaultRuntime();

/** A log of `count` events with a sound chain. */
function chain(count: number): StoredEvent[] {
  const events: StoredEvent[] = [];
  let prevHash = genesisHash(runtime, new Uint8Array(16));
  for (let sequence = 0; sequence < count; sequence++) {
    const payload = canonicalBytes({ step: sequence });
    const event = { sequence, type: "step", timestamp: 1000 + sequence, payload, prevHash };
    const hash = hashEvent(runtime, event);
    events.push({ ...event, hash, version: sequence + 1 });
    prevHash = hash;
  }
  return events;
}

const sourceOf = (events: readonly (StoredEvent | undefined)[]) =>
  ({ length: () => events.length, read: (sequence: number) => events[sequence] }) as unknown as EventSource;

const verify = (events: readonly (StoredEvent | undefined)[], expected?: { length: number; hash: string }) =>
  verifyChain(runtime, sourceOf(events), expected);

describe("the hash of an event", () => {
  const page = readFileSync(new URL("../../../../docs/formats/event.md", import.meta.url), "utf8");
  const fences = (language: string) =>
    [...page.matchAll(new RegExp(`\`\`\`${language}\n([^]*?)\`\`\``, "g"))].map((match) => match[1] as string);
  /** Bytes of a hex fence: what stands before the comment on each line. */
  const bytesOf = (fence: string) =>
    Buffer.from(
      fence
        .split("\n")
        .map((line) => line.split(/ {2,}/)[0])
        .join("")
        .replaceAll(" ", ""),
      "hex",
    );
  const [genesisInput, eventInput, copyInput] = fences("hex").map(bytesOf);
  const [genesis, hash, copyHash] = fences("text")
    .map((text) => text.trim())
    .filter((text) => /^[0-9a-f]{64}$/.test(text));

  test("is the one that docs/formats/event.md derives byte by byte", () => {
    expect(
      createHash("sha256")
        .update(genesisInput as Buffer)
        .digest("hex"),
    ).toBe(genesis);
    expect(
      createHash("sha256")
        .update(eventInput as Buffer)
        .digest("hex"),
    ).toBe(hash);
    const chainId = Uint8Array.from({ length: 16 }, (_, i) => i);
    expect(genesisHash(runtime, chainId)).toBe(genesis);
    const payload = canonicalBytes({ tool: "search", ms: 12 });
    const event = {
      sequence: 0,
      type: "tool.called",
      timestamp: 1_700_000_000_000_000,
      payload,
      prevHash: genesis as string,
    };
    expect(hashEvent(runtime, event)).toBe(hash);
    expect(
      createHash("sha256")
        .update(copyInput as Buffer)
        .digest("hex"),
    ).toBe(copyHash);
    const copy = {
      sequence: 1,
      type: "noted",
      timestamp: event.timestamp + 60_000_000,
      payload: canonicalBytes({ note: 4 }),
      prevHash: hash as string,
      origin: {
        run: "try",
        sequence: 7,
        timestamp: event.timestamp + 30_000_000,
        hash: createHash("sha256").update("an example").digest("hex"),
      },
    };
    expect(hashEvent(runtime, copy)).toBe(copyHash);
  });

  const event: HashedEvent = {
    sequence: 1,
    type: "ab",
    timestamp: 5,
    payload: canonicalBytes({ a: 1 }),
    prevHash: "0".repeat(64),
  };
  const changes: [string, Partial<HashedEvent>][] = [
    ["sequence", { sequence: 2 }],
    ["sequence beyond 32 bits", { sequence: 2 ** 32 + 1 }],
    ["timestamp", { timestamp: 6 }],
    ["timestamp beyond 32 bits", { timestamp: 2 ** 40 + 5 }],
    ["type", { type: "ac" }],
    ["payload", { payload: canonicalBytes({ a: 2 }) }],
    ["payload by type only, float for integer", { payload: canonicalBytes({ a: 1.5 }) }],
    ["previous hash", { prevHash: `1${"0".repeat(63)}` }],
    ["border between type and payload", { type: "a" }],
  ];
  test.each(changes)("depends on the %s", (_what, change) => {
    expect(hashEvent(runtime, { ...event, ...change })).not.toBe(hashEvent(runtime, event));
  });

  const origin = { run: "try", sequence: 3, hash: "a".repeat(64), timestamp: 9 };
  test.each([
    ["that there is one", undefined],
    ["its run", { ...origin, run: "tr" }],
    ["its sequence", { ...origin, sequence: 4 }],
    ["its hash", { ...origin, hash: "b".repeat(64) }],
    ["its timestamp", { ...origin, timestamp: 10 }],
  ])("depends, of an origin, on %s", (_what, other) => {
    expect(hashEvent(runtime, { ...event, origin: other })).not.toBe(hashEvent(runtime, { ...event, origin }));
  });

  test("does not depend on the order in which the payload was written", () => {
    const other = { ...event, payload: canonicalBytes({ b: 1, a: 2 }) };
    expect(hashEvent(runtime, other)).toBe(hashEvent(runtime, { ...event, payload: canonicalBytes({ a: 2, b: 1 }) }));
  });

  test("takes any type that an event may have", () => {
    for (const type of ["x", "é".repeat(128), "\u{1f600}", "a\0b"])
      expect(hashEvent(runtime, { ...event, type })).toMatch(/^[0-9a-f]{64}$/);
  });
});

describe("verifyChain", () => {
  test("accepts a sound chain of any length, and one that has grown since the expected head", () => {
    for (const length of [0, 1, 2, 50]) {
      const events = chain(length);
      expect(verify(events)).toEqual({ valid: true, length });
      for (let at = 0; at <= length; at++) {
        expect(
          verify(events, { length: at, hash: at === 0 ? EMPTY_HEAD : (events[at - 1] as StoredEvent).hash }),
        ).toEqual({ valid: true, length });
      }
    }
  });

  const tampering: [string, (event: StoredEvent) => StoredEvent][] = [
    ["payload", (event) => ({ ...event, payload: canonicalBytes({ step: -1 }) })],
    ["type", (event) => ({ ...event, type: "stop" })],
    ["timestamp", (event) => ({ ...event, timestamp: 1 })],
    ["hash", (event) => ({ ...event, hash: "f".repeat(64) })],
    ["sequence", (event) => ({ ...event, sequence: 40 })],
    ["previous hash", (event) => ({ ...event, prevHash: "f".repeat(64) })],
  ];
  test.each(tampering)("names the event whose %s was changed", (_what, tamper) => {
    for (const at of [0, 3, 9]) {
      const events = chain(10);
      events[at] = tamper(events[at] as StoredEvent);
      expect(verify(events)).toMatchObject({ valid: false, length: 10, firstInvalid: at, reason: expect.any(String) });
    }
  });

  test("finds an event that was forged with a fitting hash, at the one that follows it", () => {
    const events = chain(5);
    const forged = { ...(events[2] as StoredEvent), payload: canonicalBytes({ step: "forged" }) };
    events[2] = { ...forged, hash: hashEvent(runtime, forged) };
    expect(verify(events)).toMatchObject({ valid: false, firstInvalid: 3 });
  });

  test("finds events that were removed, swapped or are missing", () => {
    const events = chain(5);
    expect(verify([...events.slice(0, 2), ...events.slice(3)])).toMatchObject({ valid: false, firstInvalid: 2 });
    expect(verify([events[1], events[0], ...events.slice(2)] as StoredEvent[])).toMatchObject({
      valid: false,
      firstInvalid: 0,
    });
    expect(verify([...events.slice(0, 2), undefined, ...events.slice(3)])).toMatchObject({
      valid: false,
      firstInvalid: 2,
    });
  });

  test("finds a cut end, and another history, by the expected head only", () => {
    const events = chain(5);
    const head = { length: 5, hash: (events[4] as StoredEvent).hash };
    const cut = events.slice(0, 3);
    expect(verify(cut).valid).toBe(true);
    expect(verify(cut, head)).toMatchObject({ valid: false, length: 3, firstInvalid: 3 });
    expect(verify([], head)).toMatchObject({ valid: false, firstInvalid: 0 });
    expect(verify(events, { length: 3, hash: "a".repeat(64) })).toMatchObject({ valid: false, firstInvalid: 2 });
    expect(verify(events, { length: 0, hash: "a".repeat(64) })).toMatchObject({ valid: false, firstInvalid: 0 });
  });

  test("leaves a transaction's own, uncommitted events out", () => {
    const events = chain(3);
    const own = { ...(events[2] as StoredEvent), hash: "", prevHash: "" };
    expect(verify([...events.slice(0, 2), own])).toEqual({ valid: true, length: 2 });
  });
});
