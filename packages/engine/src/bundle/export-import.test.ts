import { InlineSyncDriver, LogDurability, MemoryVfs } from "@strata/durability";
import { beforeEach, describe, expect, test } from "vitest";
import { BundleHost, hostWithJob, joined, tickingClock } from "../../test/bundle-host.js";
import { storesOf } from "../../test/stores.js";
import { Database } from "../index.js";

const code = (code: string, facts: object = {}) =>
  expect.objectContaining({ code, facts: expect.objectContaining(facts) });

let source: BundleHost;
let target: BundleHost;
const on = (host: BundleHost, run: string, space = "default") => storesOf(host.db.head(host.db.runs.must(run), space));

beforeEach(() => {
  source = hostWithJob();
  target = new BundleHost();
});

describe("an export", () => {
  test("is of the version at its first next(), and keeps that readable until it ends", async () => {
    const job = source.db.runs.must("job");
    const chunks = source.bundles.export(job);
    source.db.put("job", "late", 1);
    const begun = job.version;
    const first = await chunks.next();
    expect(first.done).toBe(false);
    expect(job.shard.watermark.pins).toBe(1);
    source.db.put("job", "later", 1);
    const rest = await joined(chunks);
    expect(job.shard.watermark.pins).toBe(0);
    const info = await target.bundles.import([first.value as Uint8Array, rest]);
    expect(info.version).toBe(begun);
    expect(on(target, "job").kv.list("late")).toEqual(["late"]);
    const givenUp = source.bundles.export(job);
    await givenUp.next();
    await givenUp.return();
    expect(job.shard.watermark.pins).toBe(0);
  });

  test("ends when it is aborted, the run is deleted or the database closed", async () => {
    const job = source.db.runs.must("job");
    for (let i = 0; i < 5; i++) source.db.put("job", `big-${i}`, "x".repeat(70_000));
    const aborted = new AbortController();
    const chunks = source.bundles.export(job, { signal: aborted.signal });
    await chunks.next();
    aborted.abort(new Error("enough"));
    await expect(joined(chunks)).rejects.toThrow("enough");
    expect(job.shard.watermark.pins).toBe(0);
    await expect(source.bundles.export(job, { signal: aborted.signal }).next()).rejects.toThrow("enough");
    const whole = source.bundles.export(job);
    await whole.next();
    source.db.runs.delete("job");
    await expect(joined(whole)).rejects.toThrow(code("RUN_NOT_FOUND"));
    const other = source.bundles.export(source.db.runs.must("default"));
    source.db.close();
    await expect(other.next()).rejects.toThrow(code("DATABASE_CLOSED"));
  });

  test("tells how far it is", async () => {
    const told: [number, number][] = [];
    for (let i = 0; i < 50; i++) source.db.put("job", `k${i}`, "x".repeat(10_000));
    await joined(
      source.bundles.export(source.db.runs.must("job"), { onProgress: (done, total) => told.push([done, total]) }),
    );
    expect(told.length).toBeGreaterThan(3);
    expect(told.at(-1)).toEqual([64, 64]);
    expect(told.every(([done, total], i) => total === 64 && done >= (told[i - 1]?.[0] ?? 0))).toBe(true);
  });

  test("is the same bytes whatever the order in which the same came to be known, and in whatever chunks it is read", async () => {
    const bytes = await source.exported("job");
    expect(await source.exported("job")).toEqual(bytes);
    const bytewise = Array.from(bytes, (byte) => Uint8Array.of(byte));
    const info = await target.bundles.import(bytewise);
    expect(info.name).toBe("job");
    expect(await target.exported("job")).toEqual(bytes);
  });
});

describe("an import", () => {
  test("takes what gzip made of a bundle", async () => {
    const bytes = await source.exported("job");
    const zipped = await joined(
      new Blob([bytes.slice()])
        .stream()
        .pipeThrough(new CompressionStream("gzip")) as unknown as AsyncIterable<Uint8Array>,
    );
    expect(await target.bundles.inspect([zipped])).toEqual(await target.bundles.inspect([bytes]));
    await target.bundles.import([zipped]);
    expect(await target.exported("job")).toEqual(bytes);
  });

  test("tells how far it is, and leaves nothing when it is aborted", async () => {
    const bytes = await source.exported("job");
    const aborted = new AbortController();
    const told: number[] = [];
    const onProgress = (done: number, total: number) => {
      told.push(done, total);
      if (done === 5) aborted.abort(new Error("enough"));
    };
    await expect(target.bundles.import([bytes], { signal: aborted.signal, onProgress })).rejects.toThrow("enough");
    expect(told.slice(0, 4)).toEqual([1, 14, 2, 14]);
    expect(target.db.runs.list()).toEqual(["default"]);
    await target.bundles.import([bytes]);
  });

  test("leaves later commits of the database above its versions and behind its times", async () => {
    for (let i = 0; i < 200; i++) source.db.put("job", "n", i);
    await target.bundles.import([await source.exported("job")]);
    const { version } = source.db.runs.must("job");
    expect(target.db.put("job", "n", "later")).toBeGreaterThan(version);
    const [after, before] = [...target.db.history.commits(target.db.runs.must("job"), { reverse: true, limit: 2 })];
    expect(before?.version).toBe(version);
    expect(after?.timestamp).toBeGreaterThan(before?.timestamp as number);
  });

  test("lets its sender know when it wants no more", async () => {
    let isEnded = false;
    const bytes = await source.exported("job");
    bytes[40] = 7;
    const chunks = (function* () {
      try {
        yield bytes;
        yield bytes;
      } finally {
        isEnded = true;
      }
    })();
    await expect(target.bundles.import(chunks)).rejects.toThrow(code("BUNDLE_INVALID"));
    expect(isEnded).toBe(true);
    const broken = (async function* () {
      yield bytes.subarray(0, 5);
      throw new Error("the line was cut");
    })();
    await expect(target.bundles.import(broken)).rejects.toThrow("the line was cut");
  });

  test("is refused by a database that is closed or only read, before it is asked for anything", async () => {
    const bytes = await source.exported("job");
    const never = { [Symbol.iterator]: () => expect.fail("asked") } as never;
    const disk = new MemoryVfs();
    const open = (readOnly: boolean) =>
      Database.open({
        clock: tickingClock(),
        readOnly,
        durability: new LogDurability(disk, new InlineSyncDriver(disk), { readOnly }),
      });
    open(false).close();
    const reader = open(true);
    await expect(reader.bundles.import(never)).rejects.toThrow(code("READ_ONLY"));
    expect(await reader.bundles.inspect([bytes])).toMatchObject({ run: "job" });
    reader.close();
    await expect(reader.bundles.import(never)).rejects.toThrow(code("DATABASE_CLOSED"));
    await expect(reader.bundles.inspect(never)).rejects.toThrow(code("DATABASE_CLOSED"));
  });
});
