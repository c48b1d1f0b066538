import {
  ByteReader,
  ByteWriter,
  COMMIT_MESSAGE_BYTES_MAX,
  type Limits,
  type Options,
  type RunId,
  type Runtime,
  StateError,
  type Timer,
  utf8Length,
  type Version,
  validateRunName,
} from "@strata/core";
import { RunShard } from "@strata/storage";
import { applyCommit } from "../apply.js";
import type { Gate } from "../gate.js";
import { type LongWork, Slices } from "../long-work.js";
import type { RunInfo, RunRow } from "../run.js";
import type { ImportedPast } from "../run-past.js";
import { RETENTION } from "../run-retention.js";
import type { Tag } from "../tag.js";
import { TEXT_SEARCH } from "../text-search-policy.js";
import { randomUuid } from "../uuid.js";
import { invalidBundle } from "./bundle-format.js";
import type { BundleHeader } from "./bundle-header.js";
import type { Bundle } from "./bundle-input.js";
import { areEqual, type BundleVisitor, readBundle } from "./bundle-reader.js";
import { type BundleOperation, decodeOperations, decodeRecordHead, encodeRecord } from "./bundle-record.js";
import { RecordCheck } from "./record-check.js";
import { RunContent } from "./run-content.js";

/** `as`: another name for the run, needed where its name or its id is taken. */
export type ImportOptions = LongWork & Options<{ as: string }>;

/** A run that came from elsewhere: checked, whole, and not part of the database yet. */
export interface AdoptedRun {
  readonly name: string;
  /** Its number is that of the shard. */
  readonly row: RunRow;
  /** Everything of the run, in memory. Nobody else has it. */
  readonly shard: RunShard;
  readonly tags: readonly Tag[];
  /** Later commits of the run need higher versions and timestamps: the database's counters must be above these. */
  readonly newestVersion: Version;
  readonly newestTimestamp: number;
}

/** What importing needs of the database. */
export interface AdoptionHost {
  hasName(name: string): boolean;
  hasId(id: string): boolean;
  drawNumber(): RunId;
  /**
   * Makes the run part of the database, whole or not at all.
   *
   * @throws StateError `RUN_EXISTS` when the name was taken meanwhile
   */
  adoptShard(run: AdoptedRun, signal?: AbortSignal): Promise<RunInfo>;
}

export interface ImportGround {
  readonly gate: Gate;
  readonly runtime: Runtime;
  readonly timer: Timer;
  readonly limits: Limits;
  readonly host: AdoptionHost;
}

/** How far ahead of this machine's clock a commit may be stamped, µs: every later commit of the database is stamped behind it. */
const AHEAD_MAX_US = 86_400_000_000;

/**
 * Makes a run of a bundle. It keeps id, versions, timestamps and event chains; where its id is taken, and a name is given, it gets another
 * id. Nothing of it is in the database before everything was read and checked.
 *
 * @throws InvalidArgumentError `BUNDLE_INVALID`, `INVALID_NAME`
 * @throws StateError `RUN_EXISTS` when name or id is taken and `as` names no other; `FORMAT_TOO_NEW`, `READ_ONLY`, `DATABASE_CLOSED`
 */
export async function importRun(ground: ImportGround, bundle: Bundle, options: ImportOptions): Promise<RunInfo> {
  const { gate, runtime, timer, host } = ground;
  const { signal, onProgress, as } = options;
  if (as !== undefined) validateRunName(as);
  signal?.throwIfAborted();
  gate.assertAccepting();
  gate.assertWritable();
  const slices = new Slices(runtime.clock, timer, signal);
  const incoming = new IncomingRun(ground, as, onProgress);
  await readBundle(bundle, runtime, slices, incoming);
  signal?.throwIfAborted();
  gate.assertAccepting();
  return host.adoptShard(incoming.finish(), signal);
}

/** Folds a bundle into a shard that nobody else has. */
class IncomingRun implements BundleVisitor {
  readonly #ground: ImportGround;
  readonly #as: string | undefined;
  readonly #onProgress: ((done: number, total: number) => void) | undefined;
  readonly #again = new ByteWriter();
  #header: BundleHeader | undefined;
  #row: RunRow | undefined;
  #shard: RunShard | undefined;
  #commits = 0;

  constructor(ground: ImportGround, as: string | undefined, onProgress: ImportOptions["onProgress"]) {
    this.#ground = ground;
    this.#as = as;
    this.#onProgress = onProgress;
  }

  header(header: BundleHeader): void {
    const { host, runtime } = this.#ground;
    const name = this.#as ?? header.name;
    if (host.hasName(name)) throw taken(`there is a run "${name}" already`, { run: name });
    const isKnown = host.hasId(header.id);
    if (isKnown && this.#as === undefined)
      throw taken(`there is a run with the id of "${name}" already`, { run: name, id: header.id });
    const shard = new RunShard(host.drawNumber());
    const { first, firstTime, base, version, status, createdAt, endedAt, meta, retention, textSearch } = header;
    const origin = isKnown ? { run: header.name, id: header.id } : header.origin;
    this.#header = header;
    this.#shard = shard;
    this.#row = {
      id: isKnown ? randomUuid(runtime.random) : header.id,
      number: shard.id,
      status,
      createdAt,
      meta,
      version,
      past: { first, firstTime, base } satisfies ImportedPast,
      ...(endedAt === undefined ? {} : { endedAt }),
      ...(origin === undefined ? {} : { origin }),
      ...(retention === undefined ? {} : { [RETENTION]: retention }),
      ...(textSearch === undefined ? {} : { [TEXT_SEARCH]: textSearch }),
    };
  }

  record(kind: "base" | "commit", bytes: Uint8Array): number {
    const header = this.#header as BundleHeader;
    const shard = this.#shard as RunShard;
    const { runtime, limits } = this.#ground;
    const reader = new ByteReader(bytes);
    const head = decodeRecordHead(reader);
    const { version, timestamp, message, operationCount } = head;
    const isInRange = kind === "base" ? version <= header.base : version > header.first && version <= header.version;
    if (!isInRange || version <= shard.lastVersion) throw invalidBundle(`commit ${version} is not in its place`);
    if (timestamp < shard.lastTimestamp || (kind === "commit" && timestamp < header.firstTime))
      throw invalidBundle(`commit ${version} was made before the one before it`);
    if (timestamp > runtime.clock.now() + AHEAD_MAX_US)
      throw invalidBundle(`commit ${version} is stamped more than a day ahead of this machine's clock`);
    if (message !== undefined && (kind === "base" || utf8Length(message) > COMMIT_MESSAGE_BYTES_MAX))
      throw invalidBundle(`commit ${version} has a message that it cannot have`);
    const check = new RecordCheck(shard, head, runtime, limits);
    const operations: BundleOperation[] = [];
    for (const operation of decodeOperations(reader, operationCount)) {
      check.accept(operation);
      operations.push(operation);
    }
    reader.expectEnd();
    check.finish();
    this.#again.reset();
    encodeRecord(this.#again, { version, timestamp, message, operations });
    if (!areEqual(this.#again.view(), bytes)) throw invalidBundle(`commit ${version} is not in canonical form`);
    applyCommit(shard, { run: shard.id, version, timestamp, message, operations }, bytes.length);
    if (kind === "commit") this.#onProgress?.(++this.#commits, header.commits);
    return operations.length;
  }

  /** Once the bundle was read to its end. */
  finish(): AdoptedRun {
    const header = this.#header as BundleHeader;
    const shard = this.#shard as RunShard;
    if (!areAlike(new RunContent(shard, header.version).chains(), header.chains))
      throw invalidBundle("its event logs are not those that its header names");
    return {
      name: this.#as ?? header.name,
      row: this.#row as RunRow,
      shard,
      tags: header.tags,
      newestVersion: header.version,
      newestTimestamp: shard.lastTimestamp,
    };
  }
}

function areAlike(a: BundleHeader["chains"], b: BundleHeader["chains"]): boolean {
  return (
    a.length === b.length &&
    a.every((chain, i) => {
      const other = b[i];
      const { space, length, genesis, head } = chain;
      return other?.space === space && other.length === length && other.genesis === genesis && other.head === head;
    })
  );
}

function taken(what: string, facts: { readonly run: string; readonly id?: string }): StateError {
  return new StateError("RUN_EXISTS", `${what}; import the bundle under another name with { as }`, facts);
}
