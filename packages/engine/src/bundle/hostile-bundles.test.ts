import fc from "fast-check";
import { beforeEach, describe, expect, test } from "vitest";
import { BUNDLE_ATTACKS } from "../../test/bundle-attacks.js";
import { BundleHost, joined, tickingClock } from "../../test/bundle-host.js";
import { type Block, blocksOf, sealed } from "../../test/forged-bundle.js";
import { concat, forged, many, put } from "../../test/forgeries.js";
import { RECORD_ATTACKS } from "../../test/record-attacks.js";
import { good, latest } from "../../test/sample-bundles.js";
import { collection, row, VECTOR_ATTACKS, vector } from "../../test/vector-attacks.js";
import { Database } from "../index.js";
import { PRELUDE_SIZE } from "./bundle-format.js";

let target: BundleHost;

beforeEach(() => {
  target = new BundleHost();
});

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
  target = new BundleHost();
  // Collections come and go with all their vectors, in any order within a commit.
  const vectors = forged((bundle) =>
    bundle
      .addCommit([row("docs/a", vector(1, 2)), row("docs/b", vector(-0, 2)), collection("docs")])
      .addCommit([row("_collections/docs", undefined), row("docs/b", undefined), row("docs/a", undefined)])
      .addCommit([collection("docs", { dimension: 1 }), row("docs/a", vector(1))])
      .addCommit([collection("docs", { dimension: 2 }), row("docs/a", vector(1, 2))]),
  );
  expect(await outcome(vectors)).toBe("imported");
  expect(BUNDLE_ATTACKS.length + RECORD_ATTACKS.length).toBeGreaterThan(120);
});

describe("nothing is imported of", () => {
  test.each([...BUNDLE_ATTACKS, ...RECORD_ATTACKS, ...VECTOR_ATTACKS])("%s", async (_what, bundle) => {
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

test("a sender who claims more than there can be is asked for nothing more", async () => {
  let asked = 0;
  const endless = (function* () {
    const start = good.slice(0, PRELUDE_SIZE + 5);
    start.fill(0xff, PRELUDE_SIZE + 1);
    yield start;
    for (; asked < 5; asked++) yield new Uint8Array(1 << 16);
  })();
  await expect(target.bundles.import(endless)).rejects.toThrow("claims 4294967295 bytes");
  expect(asked).toBe(0);
  nothingHappened();
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
          expect(came).toBe("BUNDLE_INVALID");
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

test("what is too large for the database that it comes to is refused as such", async () => {
  target = new BundleHost(Database.ephemeral({ clock: tickingClock(), limits: { keyBytes: 4 } }));
  await expect(target.bundles.import([good])).rejects.toMatchObject({
    code: "BUNDLE_INVALID",
    facts: { offset: expect.any(Number), reason: expect.stringContaining("bytes") },
    cause: { code: "INVALID_KEY" },
  });
  nothingHappened();
});
