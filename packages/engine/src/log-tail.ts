import { ByteReader, type Version } from "@strata/core";
import type { PendingCommits, RunShard } from "@strata/storage";
import { applyCommit } from "./apply.js";
import { decodeCommit } from "./operation.js";

/** Chunks double from the first to the last of these, in bytes: ten thousand runs of a few commits cost little, and one of a million no long copy. */
const FIRST_CHUNK_BYTES = 256;
const CHUNK_BYTES = 1 << 20;
/** Before each payload: its length. */
const LENGTH_BYTES = 4;
/** Up to here a loop copies faster than a call into the runtime. */
const SHORT = 64;

/** Commits of one run that were read from the log, in order, as bytes, until the run is first touched. */
export class LogTail implements PendingCommits {
  readonly #shard: RunShard;
  readonly #chunks: Chunk[] = [];
  /** Where the next one to be applied lies. */
  #applied = 0;
  #position = 0;

  constructor(shard: RunShard) {
    this.#shard = shard;
  }

  /** @param payload is copied. */
  add(payload: Uint8Array, version: Version, timestamp: number): void {
    const size = payload.length;
    let chunk = this.#chunks.at(-1);
    if (chunk === undefined || chunk.length + LENGTH_BYTES + size > chunk.bytes.length) {
      chunk = new Chunk(Math.max(LENGTH_BYTES + size, chunk === undefined ? FIRST_CHUNK_BYTES : chunk.nextSize));
      this.#chunks.push(chunk);
    }
    chunk.add(payload);
    this.#shard.defer(this, version, timestamp);
  }

  apply(shard: RunShard, limit: number): boolean {
    for (let left = limit; left > 0; left--) {
      const chunk = this.#chunks[this.#applied];
      if (chunk === undefined) return false;
      const payload = chunk.payloadAt(this.#position);
      const size = payload.remaining;
      applyCommit(shard, decodeCommit(payload), size);
      this.#position = payload.end;
      if (this.#position < chunk.length) continue;
      this.#chunks[this.#applied++] = EMPTY;
      this.#position = 0;
    }
    return this.#applied < this.#chunks.length;
  }
}

/** The tails of all runs that have one, while the log is being read. */
export class LogTails {
  readonly #tails = new Map<RunShard, LogTail>();
  #last: { readonly shard: RunShard; readonly tail: LogTail } | undefined;

  /** That of a run which may have been touched since: then what is added comes behind what it is now. */
  of(shard: RunShard): LogTail {
    if (this.#last?.shard === shard && !shard.isLoaded) return this.#last.tail;
    let tail = shard.isLoaded ? undefined : this.#tails.get(shard);
    if (tail === undefined) {
      tail = new LogTail(shard);
      this.#tails.set(shard, tail);
    }
    this.#last = { shard, tail };
    return tail;
  }
}

class Chunk {
  readonly bytes: Uint8Array;
  length = 0;

  constructor(size: number) {
    this.bytes = new Uint8Array(size);
  }

  get nextSize(): number {
    return Math.min(this.bytes.length * 2, CHUNK_BYTES);
  }

  add(payload: Uint8Array): void {
    const { bytes } = this;
    const size = payload.length;
    let at = this.length;
    bytes[at] = size;
    bytes[at + 1] = size >>> 8;
    bytes[at + 2] = size >>> 16;
    bytes[at + 3] = size >>> 24;
    at += LENGTH_BYTES;
    if (size > SHORT) bytes.set(payload, at);
    else for (let i = 0; i < size; i++) bytes[at + i] = payload[i] as number;
    this.length = at + size;
  }

  payloadAt(position: number): ByteReader {
    const size = new ByteReader(this.bytes, position, this.length).u32();
    const start = position + LENGTH_BYTES;
    return new ByteReader(this.bytes, start, start + size);
  }
}

/** In place of a chunk that was applied. */
const EMPTY = new Chunk(0);
