import { ByteReader } from "@strata/core";
import { Slices } from "../long-work.js";
import type { Run, RunInfo } from "../run.js";
import type { Bundle } from "./bundle-input.js";
import { readBundle } from "./bundle-reader.js";
import { decodeRecordHead } from "./bundle-record.js";
import { type ExportOptions, exportRun } from "./export-run.js";
import { type ImportGround, type ImportOptions, importRun } from "./import-run.js";

/** What a bundle says of itself, once all of it was read and its hashes were right. */
export interface BundleInfo {
  /** Name of the run. */
  readonly run: string;
  readonly formatVersion: number;
  /** Commits that it has whole; those of which only the last state is left are not counted. */
  readonly commits: number;
  /** Uncompressed. */
  readonly bytes: number;
  /** SHA-256, 64 hex digits: the same for the same run, whoever exports it. */
  readonly checksum: string;
}

/** Runs as streams of bytes, from one database to another. */
export class RunBundles {
  readonly #ground: ImportGround;

  constructor(ground: ImportGround) {
    this.#ground = ground;
  }

  /** See `exportRun`. */
  export(run: Run, options: ExportOptions = {}): AsyncGenerator<Uint8Array, void, undefined> {
    return exportRun(this.#ground, run, options);
  }

  /** See `importRun`. */
  import(bundle: Bundle, options: ImportOptions = {}): Promise<RunInfo> {
    return importRun(this.#ground, bundle, options);
  }

  /**
   * Reads a bundle without importing it.
   *
   * @throws InvalidArgumentError `BUNDLE_INVALID`
   * @throws StateError `FORMAT_TOO_NEW`
   */
  async inspect(bundle: Bundle): Promise<BundleInfo> {
    const { gate, runtime, timer } = this.#ground;
    gate.assertOpen();
    const slices = new Slices(runtime.clock, timer, undefined);
    const visitor = { header() {}, record: countOperations };
    const { header, formatVersion, bytes, checksum } = await readBundle(bundle, runtime, slices, visitor);
    return Object.freeze({ run: header.name, formatVersion, commits: header.commits, bytes, checksum });
  }
}

function countOperations(_kind: string, bytes: Uint8Array): number {
  return decodeRecordHead(new ByteReader(bytes)).operationCount;
}
