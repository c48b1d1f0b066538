import type { Options, Runtime, Timer, Version } from "@strata/core";
import { ReadView } from "@strata/storage";
import type { Gate } from "../gate.js";
import { type LongWork, Slices } from "../long-work.js";
import type { Run } from "../run.js";
import { RETENTION } from "../run-retention.js";
import { searchedIn } from "../text-search-policy.js";
import type { BundleHeader } from "./bundle-header.js";
import type { BundleRecord } from "./bundle-record.js";
import { BundleWriter } from "./bundle-writer.js";
import { LineWriter } from "./line-writer.js";
import { RunContent } from "./run-content.js";

/** `history`: every commit, true by default; else the last state alone. `format`: `"bundle"` by default; `"jsonl"` is for people. */
export type ExportOptions = LongWork & Options<{ history: boolean; format: "bundle" | "jsonl" }>;

export interface ExportGround {
  readonly gate: Gate;
  readonly runtime: Runtime;
  readonly timer: Timer;
}

/** What turns the header and records of a run into bytes. */
interface RunWriter {
  begin(header: BundleHeader): Uint8Array;
  base(record: BundleRecord): Uint8Array | undefined;
  commit(record: BundleRecord): readonly Uint8Array[];
  end(): readonly Uint8Array[];
}

/**
 * The run as it is at the first `next()`, in chunks. Commits that come later are not in it; the version stays readable until the iterator
 * ends, or is given up with `return()`, as `break` does in a `for await`.
 *
 * @throws NotFoundError `RUN_NOT_FOUND` also when the run is deleted meanwhile
 * @throws StateError `DATABASE_CLOSED`, `HISTORY_TRIMMED`
 */
export async function* exportRun(
  ground: ExportGround,
  run: Run,
  options: ExportOptions,
): AsyncGenerator<Uint8Array, void, undefined> {
  const { gate, runtime, timer } = ground;
  const { signal, onProgress, history = true, format = "bundle" } = options;
  const assertUsable = () => {
    signal?.throwIfAborted();
    gate.assertOpen();
    run.assertAlive();
  };
  assertUsable();
  const slices = new Slices(runtime.clock, timer, signal);
  const { version } = run;
  const view = new ReadView(run.shard, version);
  const content = new RunContent(run.shard, version);
  let release = content.hold(0);
  try {
    const base = history ? await slices.run(content.completeFrom(run.past?.base ?? 0)) : version;
    assertUsable();
    const holdsAll = release;
    release = content.hold(base);
    holdsAll();
    const commits = await slices.run(content.countCommits(base));
    assertUsable();
    const writer: RunWriter = format === "bundle" ? new BundleWriter(runtime) : new LineWriter();
    yield writer.begin(headerOf(run, content, { base, commits }));
    let done = 0;
    const total = () => Math.max(done, commits);
    if (base > 0) {
      for (const record of content.base(base)) {
        await slices.pause();
        assertUsable();
        const chunk = record === undefined ? undefined : writer.base(record);
        if (chunk !== undefined) yield chunk;
      }
    }
    for (const record of content.commits(base)) {
      await slices.pause();
      assertUsable();
      done++;
      for (const chunk of writer.commit(record)) {
        onProgress?.(done, total());
        yield chunk;
      }
    }
    yield* writer.end();
    onProgress?.(done, total());
  } finally {
    release();
    view.dispose();
  }
}

function headerOf(
  run: Run,
  content: RunContent,
  counted: { readonly base: Version; readonly commits: number },
): BundleHeader {
  const { base, commits } = counted;
  const { version } = content;
  const first = beginningOf(run, content, base);
  return {
    name: run.name,
    id: run.id,
    status: run.status,
    createdAt: run.createdAt,
    endedAt: run.endedAt,
    meta: run.meta,
    origin: run.importedFrom,
    retention: run.row[RETENTION] as string | undefined,
    textSearch: searchedIn(run.row),
    version,
    first: first.version,
    firstTime: first.time,
    base,
    commits,
    chains: content.chains(),
    tags: [...run.tags.values()]
      .filter((tag) => tag.version >= first.version && tag.version <= version)
      .sort((a, b) => (a.name < b.name ? -1 : 1))
      .map(({ name, version: at, timestamp }) => ({ name, version: at, timestamp })),
  };
}

/** Where the history begins that is here, and when; before its oldest commit above `base` the run was what it is at `base`. */
function beginningOf(
  run: Run,
  content: RunContent,
  base: Version,
): { readonly version: Version; readonly time: number } {
  const { past } = run;
  const isTrimmedHere = base > 0 && past?.base !== base;
  const known = past?.firstTime ?? run.createdAt;
  const time = isTrimmedHere ? content.shard.timestampAt(base) || known : known;
  return {
    version: base > 0 ? base : run.firstVersion,
    time: Math.min(time, content.firstTimestampAbove(base) ?? time),
  };
}
