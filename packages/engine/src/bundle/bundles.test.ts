import { readFileSync } from "node:fs";
import { beforeEach, describe, expect, test } from "vitest";
import { BundleHost, hostWithJob, joined, tickingClock } from "../../test/bundle-host.js";
import { stateOf } from "../../test/run-state.js";
import { storesOf } from "../../test/stores.js";
import { Database, KvStore, keepLast, recorderSpaceOf } from "../index.js";

const code = (code: string, facts: object = {}) =>
  expect.objectContaining({ code, facts: expect.objectContaining(facts) });

let source: BundleHost;
let target: BundleHost;
const on = (host: BundleHost, run: string, space = "default") => storesOf(host.db.head(host.db.runs.must(run), space));
const versionOf = (host: BundleHost, run: string) => host.db.runs.must(run).version;

beforeEach(() => {
  source = hostWithJob();
  target = new BundleHost();
});

describe("a run that is imported", () => {
  test("is what it was: id, versions, timestamps, meta, and all that it held at each of its versions", async () => {
    const info = await target.bundles.import([await source.exported("job")]);
    expect(info).toEqual(source.db.runs.get("job"));
    expect(target.db.runs.get("job")).toEqual(info);
    const [before, after] = [source.db.runs.must("job"), target.db.runs.must("job")];
    expect(after.firstVersion).toBe(before.firstVersion);
    for (const { version } of source.db.history.commits(before))
      expect(stateOf(target.db, after, version)).toEqual(stateOf(source.db, before, version));
    expect(on(target, "job").kv.history("a")).toEqual(on(source, "job").kv.history("a"));
    expect(on(target, "job").kv.history("gone")).toEqual(on(source, "job").kv.history("gone"));
    expect(on(target, "job").kv.getVersioned("short")).toEqual(on(source, "job").kv.getVersioned("short"));
    expect(on(target, "job").json.getVersioned("doc")).toEqual(on(source, "job").json.getVersioned("doc"));
    expect(on(target, "job").cells.history("phase")).toEqual(on(source, "job").cells.history("phase"));
    expect(on(target, "job").events.head()).toEqual(on(source, "job").events.head());
    expect(on(target, "job").events.verify()).toEqual({ valid: true, length: 2 });
    expect(Object.is(on(target, "job", "lab").kv.get("b"), -0)).toBe(true);
  });

  test("goes on from where it was", async () => {
    await target.bundles.import([await source.exported("job")]);
    const before = versionOf(target, "job");
    const { kv, cells, events } = on(target, "job");
    expect(kv.put("a", 3)).toBeGreaterThan(before);
    expect(cells.set("dead", 2)).toBe(2);
    events.append("later", {});
    expect(events.verify()).toEqual({ valid: true, length: 3 });
    expect(target.db.at(target.db.runs.must("job"), "default", { version: before }).table("kv").get("a")).toBeDefined();
  });

  test("has no bytes that readers could change", async () => {
    await target.bundles.import([await source.exported("job")]);
    (on(target, "job").kv.get("a") as Uint8Array)[0] = 9;
    expect(on(target, "job").kv.get("a")).toEqual(new Uint8Array([1, 2]));
  });

  test("can be asked for points of its past, and for none before it", async () => {
    await target.bundles.import([await source.exported("job")]);
    const [before, after] = [source.db.runs.must("job"), target.db.runs.must("job")];
    for (const { timestamp } of source.db.history.commits(before)) {
      for (const time of [timestamp, timestamp - 1])
        expect(target.db.at(after, "default", { time }).version).toBe(
          source.db.at(before, "default", { time }).version,
        );
    }
    expect(() => target.db.at(after, "default", { time: before.createdAt - 1 })).toThrow(code("HISTORY_TRIMMED"));
    expect(() => target.db.at(after, "default", { version: before.firstVersion - 1 })).toThrow(code("HISTORY_TRIMMED"));
  });

  test("can be forked, at versions that are lower than its number too", async () => {
    for (let i = 0; i < 100; i++) target.db.put("default", "n", i);
    await target.bundles.import([await source.exported("job")]);
    const job = target.db.runs.must("job");
    const [first] = [...target.db.history.commits(job)];
    target.db.fork(job, ["early"], { version: first?.version as number });
    expect(on(target, "early").kv.get("a")).toBe(1);
    const early = target.db.runs.must("early");
    expect(early.firstVersion).toBe(job.firstVersion);
    expect(
      target.db
        .at(early, "default", { version: first?.version as number })
        .table("kv")
        .get("a"),
    ).toBe(1);
  });

  test("keeps its status, tags and messages, and stays closed when it was", async () => {
    const job = source.db.runs.must("job");
    source.db.transaction("job", (t) => new KvStore(t.scope("default")).put("m", 1), { message: "why" });
    source.db.history.tag(job, undefined, "best");
    source.db.put("job", "m", 2);
    source.db.runs.setStatus("job", "failed", "no money");
    await target.bundles.import([await source.exported("job")]);
    expect(target.db.runs.get("job")).toEqual(source.db.runs.get("job"));
    const copy = target.db.runs.must("job");
    expect(() => target.db.put("job", "a", 1)).toThrow(code("RUN_CLOSED"));
    expect(target.db.history.tags(copy)).toEqual(source.db.history.tags(job));
    expect(target.db.at(copy, "default", { tag: "best" }).table("kv").get("m")).toBe(1);
    expect([...target.db.history.commits(copy)].map(({ message }) => message)).toContain("why");
    target.db.runs.setStatus("job", "archived");
    expect(target.db.at(copy, "default", { tag: "best" }).table("kv").get("m")).toBe(1);
  });

  test("of a fork has what the fork inherited, and is no fork any more", async () => {
    const fork = source.db.fork(source.db.runs.must("job"), ["fork"])[0];
    on(source, "job").kv.put("a", "not seen");
    on(source, "fork").kv.put("c", 1);
    on(source, "fork").events.append("diverged", {});
    source.db.runs.delete("job");
    const info = await target.bundles.import([await source.exported("fork")]);
    expect(info.parent).toBeUndefined();
    expect(info.version).toBeGreaterThan(fork?.version as number);
    expect(stateOf(target.db, target.db.runs.must("fork"))).toEqual(stateOf(source.db, source.db.runs.must("fork")));
    expect(on(target, "fork").events.verify()).toEqual({ valid: true, length: 3 });
  });

  test("keeps where its events came from in a merge, and not what else the merge recorded", async () => {
    source.db.fork(source.db.runs.must("job"), ["fork"]);
    on(source, "fork").events.append("diverged", { n: 1 });
    on(source, "job").events.append("stayed", { n: 2 });
    source.db.algebra.merge("fork", "job");
    await target.bundles.import([await source.exported("job")]);
    const read = (host: BundleHost) => on(host, "job").events.range(0, 9);
    expect(read(target)).toEqual(read(source));
    expect(read(target).at(-1)?.origin).toMatchObject({ run: "fork", sequence: 2 });
    expect(target.db.runs.must("job").shard.merges).toEqual([]);
  });

  test("has the steps of its recorders, in spaces that nobody else can name", async () => {
    const steps = recorderSpaceOf("default");
    on(source, "job", steps).kv.put("step", { result: 1 });
    await target.bundles.import([await source.exported("job")]);
    expect(on(target, "job", steps).kv.get("step")).toEqual({ result: 1 });
    expect(target.db.spaces(target.db.runs.must("job")).list()).toEqual(["default", "lab"]);
  });

  test("begins anew what was dropped and made again", async () => {
    const spaces = source.db.spaces(source.db.runs.must("job"));
    spaces.delete("lab", { force: true });
    on(source, "job", "lab").events.append("second life", {});
    spaces.create("empty");
    await target.bundles.import([await source.exported("job")]);
    expect(target.db.spaces(target.db.runs.must("job")).list()).toEqual(["default", "empty", "lab"]);
    expect(on(target, "job", "lab").kv.list()).toEqual([]);
    expect(on(target, "job", "lab").events.len()).toBe(1);
  });
});

describe("names and ids", () => {
  test("a name or id that is taken needs another name, and an id that is taken is not used twice", async () => {
    const bytes = await source.exported("job");
    const original = source.db.runs.get("job");
    await expect(source.bundles.import([bytes])).rejects.toThrow(code("RUN_EXISTS", { run: "job" }));
    await expect(source.bundles.import([bytes], { as: "default" })).rejects.toThrow(code("RUN_EXISTS"));
    const copy = await source.bundles.import([bytes], { as: "copy" });
    expect(copy).toMatchObject({ name: "copy", origin: { run: "job", id: original?.id }, version: original?.version });
    expect(copy.id).not.toBe(original?.id);
    source.db.runs.delete("job");
    const back = await source.bundles.import([bytes]);
    expect(back).toEqual(original);
    source.db.runs.delete("job");
    source.db.runs.create("job");
    await expect(source.bundles.import([bytes])).rejects.toThrow(code("RUN_EXISTS"));
    expect((await source.bundles.import([bytes], { as: "renamed" })).id).toBe(original?.id);
    await expect(source.bundles.import([bytes], { as: "no/name" })).rejects.toThrow(code("INVALID_NAME"));
  });

  test("where a copy came from goes on with it", async () => {
    await source.bundles.import([await source.exported("job")], { as: "copy" });
    const info = await target.bundles.import([await source.exported("copy")]);
    expect(info).toEqual(source.db.runs.get("copy"));
    target.db.runs.setStatus("copy", "paused");
    expect(target.db.runs.get("copy")?.origin).toEqual(info.origin);
  });
});

describe("the last state alone", () => {
  const imported = async () => {
    await target.bundles.import([await source.exported("job", { history: false })]);
    return target.db.runs.must("job");
  };

  test("has every live key with its version and time, the counters of deleted cells, and all events", async () => {
    const copy = await imported();
    const job = source.db.runs.must("job");
    expect(stateOf(target.db, copy)).toEqual(stateOf(source.db, job));
    for (const key of ["a", "short"])
      expect(on(target, "job").kv.getVersioned(key)).toEqual(on(source, "job").kv.getVersioned(key));
    expect(on(target, "job").kv.history("a")).toHaveLength(1);
    expect(on(target, "job").kv.history("gone")).toEqual([]);
    expect(on(target, "job").cells.set("dead", 2)).toBe(2);
    expect(on(target, "job").json.getVersioned("doc")).toEqual(on(source, "job").json.getVersioned("doc"));
    expect(on(target, "job").events.range(0, 9)).toEqual(on(source, "job").events.range(0, 9));
  });

  test("is refused for what lay before it, whoever asks", async () => {
    const copy = await imported();
    const version = versionOf(source, "job");
    const { timestamp } = source.db.at(source.db.runs.must("job"), "default", { version });
    expect(copy.firstVersion).toBe(version);
    const refused = code("HISTORY_TRIMMED");
    expect(() => target.db.at(copy, "default", { version: version - 1 })).toThrow(refused);
    expect(() => target.db.at(copy, "default", { time: timestamp - 1 })).toThrow(refused);
    expect(target.db.at(copy, "default", { time: timestamp }).version).toBe(version);
    expect(target.db.at(copy, "default", { version }).version).toBe(version);
    expect([...target.db.history.commits(copy)]).toEqual([]);
    expect([...target.db.history.commits(copy, { reverse: true })]).toEqual([]);
    expect(() => target.db.history.watch(copy, "default", { since: version - 1 })).toThrow(refused);
    const later = target.db.put("job", "a", 5);
    expect([...target.db.history.commits(copy)]).toMatchObject([{ version: later, previous: version }]);
    expect(() => target.db.fork(copy, ["early"], { version: version - 1 })).toThrow(refused);
    target.db.fork(copy, ["fork"]);
    const fork = target.db.runs.must("fork");
    expect(() => target.db.at(fork, "default", { version: version - 1 })).toThrow(refused);
    expect([...target.db.history.commits(fork)].map((commit) => commit.version)).toEqual([later]);
  });

  test("is what a run begins with whose older history retention dropped", async () => {
    source.db.runs.setRetention("job", keepLast(5));
    const { kv } = on(source, "job");
    for (let i = 0; i < 40; i++) kv.put("hot", i);
    kv.put("cold", 1);
    const job = source.db.runs.must("job");
    const history = kv.history("hot");
    expect(history.length).toBeLessThan(20);
    await target.bundles.import([await source.exported("job")]);
    const copy = target.db.runs.must("job");
    expect(copy.firstVersion).toBe(history.at(-1)?.version);
    expect(on(target, "job").kv.history("hot")).toEqual(history);
    for (const { version } of history)
      expect(stateOf(target.db, copy, version)).toEqual(stateOf(source.db, job, version));
    expect(() => target.db.at(copy, "default", { version: copy.firstVersion - 1 })).toThrow(code("HISTORY_TRIMMED"));
    expect(await target.exported("job")).toEqual(await source.exported("job"));
    // Its own rules came along.
    for (let i = 0; i < 40; i++) on(target, "job").kv.put("hot", i);
    expect(on(target, "job").kv.history("hot").length).toBeLessThan(20);
  });

  test("is complete however much is written, and dropped, while it is exported", async () => {
    source.db.runs.setRetention("job", keepLast(1));
    const { kv } = on(source, "job");
    for (let i = 0; i < 30; i++) for (const key of ["h0", "h1", "h2"]) kv.put(key, "x".repeat(10_000) + i);
    const kept = kv.history("h0").length;
    const chunks: Uint8Array[] = [];
    for await (const chunk of source.bundles.export(source.db.runs.must("job"))) {
      chunks.push(chunk);
      for (let i = 0; i < 30; i++) kv.put("h0", i);
    }
    await target.bundles.import(chunks);
    expect(on(target, "job").kv.history("h0").length).toBe(kept);
    const held = kv.history("h0").length;
    expect(held).toBeGreaterThan(30);
    for (let i = 0; i < 2 * held; i++) kv.put("h0", i);
    expect(kv.history("h0").length).toBeLessThan(held);
  });
});

test("the bundle that docs/formats/bundle.md shows byte by byte is imported, and exported again as it is", async () => {
  const page = readFileSync(new URL("../../../../docs/formats/bundle.md", import.meta.url), "utf8");
  const lines = (page.split("```hex\n")[1]?.split("```")[0] ?? "").split("\n");
  const bytes = Uint8Array.from(
    lines.flatMap((line) => (line.split(/ {2,}/)[0] ?? "").split(" ").filter(Boolean)),
    (byte) => Number.parseInt(byte, 16),
  );
  const info = await target.bundles.import([bytes]);
  expect(info).toMatchObject({
    name: "trial",
    id: "07070707-0707-4707-8707-070707070707",
    version: 5,
    meta: { seed: 7 },
  });
  const { kv, events } = on(target, "trial");
  expect(kv.getVersioned("greeting")).toEqual({ value: "hello", version: 5, timestamp: 1_700_000_000_000_002 });
  expect(events.read(0)).toMatchObject({ type: "note", payload: { n: 1 } });
  const [commit] = [...target.db.history.commits(target.db.runs.must("trial"))];
  expect(commit).toMatchObject({ version: 5, message: "first", operations: 2 });
  expect(await target.exported("trial")).toEqual(bytes);
  expect((await target.bundles.inspect([bytes])).checksum).toBe(Buffer.from(bytes.slice(-32)).toString("hex"));
});

test("inspecting tells what is in a bundle, and imports nothing", async () => {
  const bytes = await source.exported("job");
  const info = await target.bundles.inspect([bytes]);
  expect(info).toEqual({
    run: "job",
    formatVersion: 1,
    commits: 14,
    bytes: bytes.length,
    checksum: expect.stringMatching(/^[0-9a-f]{64}$/),
  });
  expect(target.db.runs.list()).toEqual(["default"]);
  expect((await target.bundles.inspect([await source.exported("job", { history: false })])).commits).toBe(0);
});

test("records fill blocks, and one that is larger than a block has one of its own", async () => {
  const host = new BundleHost(Database.ephemeral({ clock: tickingClock() }));
  host.db.runs.create("big");
  const { kv, json } = on(host, "big");
  kv.put("huge", "x".repeat(300_000));
  for (let i = 0; i < 300; i++) kv.put(`k${i}`, "y".repeat(1000));
  json.put("doc", { text: "z".repeat(65_536) });
  for (const options of [{}, { history: false }]) {
    const bytes = await host.exported("big", options);
    const other = new BundleHost();
    await other.bundles.import([bytes]);
    expect(await other.exported("big", options)).toEqual(bytes);
  }
});

test("vectors travel in bundles, with their collections and their history", async () => {
  const { vectors } = on(source, "job");
  vectors.createCollection("docs", { dimension: 2, metric: "dot" });
  vectors.createCollection("gone", { dimension: 1 });
  vectors.upsert("gone", "a", [1]);
  vectors.deleteCollection("gone");
  vectors.upsertMany("docs", [
    { key: "a/b", vector: [0.1, -0], metadata: { tags: ["x"], n: 2n ** 60n } },
    { key: "c", vector: [1, 2] },
  ]);
  vectors.upsert("docs", "c", [3, 4]);
  vectors.delete("docs", "c");
  for (const options of [{}, { history: false }]) {
    const target = new BundleHost();
    const bytes = await source.exported("job", options);
    await target.bundles.import([bytes]);
    const there = on(target, "job").vectors;
    expect(there.listCollections()).toEqual(vectors.listCollections());
    expect(there.get("docs", "a/b")).toEqual(vectors.get("docs", "a/b"));
    expect(there.keys("docs")).toEqual(["a/b"]);
    expect(target.db.at(target.db.runs.must("job")).digest()).toBe(source.db.at(source.db.runs.must("job")).digest());
    expect(await target.exported("job", options)).toEqual(bytes);
    if (options.history === undefined) expect(there.history("docs", "c")).toEqual(vectors.history("docs", "c"));
  }
  const text = new TextDecoder().decode(
    await joined(source.bundles.export(source.db.runs.must("job"), { format: "jsonl" })),
  );
  const written = text
    .trimEnd()
    .split("\n")
    .flatMap((line) => JSON.parse(line).operations ?? [])
    .filter(({ primitive }) => primitive === "vector")
    .map(({ kind, collection, key, value }) => [kind, collection, key, value]);
  expect(written).toEqual([
    ["put", "docs", undefined, expect.objectContaining({ dimension: 2, metric: "dot", m: 16 })],
    ["put", "gone", undefined, expect.objectContaining({ dimension: 1 })],
    ["put", "gone", "a", { vector: [1] }],
    ["delete", "gone", "a", undefined],
    ["delete", "gone", undefined, undefined],
    [
      "put",
      "docs",
      "a/b",
      {
        vector: [Math.fround(0.1), { $float: "-0" }],
        metadata: { tags: ["x"], n: { $int: "1152921504606846976" } },
      },
    ],
    ["put", "docs", "c", { vector: [1, 2] }],
    ["put", "docs", "c", { vector: [3, 4] }],
    ["delete", "docs", "c", undefined],
  ]);
});

test("JSON Lines have the same for people, without loss", async () => {
  const text = new TextDecoder().decode(
    await joined(source.bundles.export(source.db.runs.must("job"), { format: "jsonl" })),
  );
  const lines = text
    .trimEnd()
    .split("\n")
    .map((line) => JSON.parse(line));
  expect(lines[0]).toMatchObject({
    kind: "run",
    formatVersion: 1,
    name: "job",
    status: "active",
    commits: 14,
    meta: { by: "me", depth: { $int: "1152921504606846976" } },
    chains: [{ space: "default", length: 2 }],
  });
  expect(lines[2]).toMatchObject({
    kind: "commit",
    operations: [{ kind: "put", space: "default", primitive: "kv", key: "a", value: { $bytes: "AQI=" } }],
  });
  expect(lines[5].operations).toEqual([{ kind: "delete", space: "default", primitive: "kv", key: "gone" }]);
  const appended = lines.flatMap((line) => line.operations ?? []).filter(({ kind }) => kind === "append");
  expect(appended).toMatchObject([
    { type: "began", sequence: 0, payload: { n: 0 }, prevHash: expect.any(String) },
    { type: "went on", sequence: 1, payload: { n: 1 }, hash: on(source, "job").events.head().hash },
  ]);
  expect(appended[1].prevHash).toBeUndefined();
  expect(lines.at(-1)).toEqual({ kind: "end", base: 0, commits: 14, operations: 15 });
  expect(lines).toHaveLength(16);
});
