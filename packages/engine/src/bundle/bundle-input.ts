import { InvalidArgumentError, StrataError } from "@strata/core";
import { invalidBundle } from "./bundle-format.js";

/** The bytes of a bundle, in chunks of any size. One that gzip made of a bundle is one too. */
export type Bundle = AsyncIterable<Uint8Array> | Iterable<Uint8Array>;

/** What compressed bytes may become, as a multiple: beyond it a few of them could fill any memory. Real runs stay far below. */
const INFLATION_MAX = 100;
/** What a bundle of any size may become. */
const INFLATION_FREE_BYTES = 1 << 20;

/**
 * Reads a bundle piece by piece. Invariants:
 *
 * 1. `#buffer` has, in [#start, #end), what was received and not read yet; it grows with what arrives, never by what a length claims.
 * 2. Chunks are copied: whoever hands them over may use them again.
 */
export class BundleInput {
  readonly #chunks: AsyncGenerator<Uint8Array, void, undefined>;
  #buffer = new Uint8Array(1 << 16);
  #start = 0;
  #end = 0;
  #offset = 0;

  /** @throws InvalidArgumentError `INVALID_ARGUMENT` for what cannot be iterated */
  constructor(bundle: Bundle) {
    this.#chunks = inflated(chunksOf(bundle));
  }

  /** Uncompressed bytes that were read. */
  get offset(): number {
    return this.#offset;
  }

  /**
   * The next `count` bytes, valid until the next call.
   *
   * @throws InvalidArgumentError `BUNDLE_INVALID` when it ends before
   */
  async read(count: number): Promise<Uint8Array> {
    await this.#fill(count);
    if (this.#end - this.#start < count)
      throw invalidBundle("it ends too soon", { offset: this.#offset + this.#end - this.#start });
    const bytes = this.#buffer.subarray(this.#start, this.#start + count);
    this.#start += count;
    this.#offset += count;
    return bytes;
  }

  /** @throws InvalidArgumentError `BUNDLE_INVALID` when something follows */
  async expectEnd(): Promise<void> {
    await this.#fill(1);
    if (this.#end > this.#start) throw invalidBundle("something follows its end", { offset: this.#offset });
  }

  /** Tells the sender that nothing more is wanted. */
  async close(): Promise<void> {
    await this.#chunks.return();
  }

  async #fill(count: number): Promise<void> {
    while (this.#end - this.#start < count) {
      const next = await this.#chunks.next();
      if (next.done === true) return;
      this.#append(next.value);
    }
  }

  #append(chunk: Uint8Array): void {
    const held = this.#end - this.#start;
    const needed = held + chunk.length;
    if (this.#end + chunk.length > this.#buffer.length) {
      const target = needed > this.#buffer.length / 2 ? new Uint8Array(needed * 2) : this.#buffer;
      target.set(this.#buffer.subarray(this.#start, this.#end));
      this.#buffer = target;
      this.#start = 0;
      this.#end = held;
    }
    this.#buffer.set(chunk, this.#end);
    this.#end += chunk.length;
  }
}

function chunksOf(bundle: unknown): AsyncIterable<unknown> | Iterable<unknown> {
  const isObject = typeof bundle === "object" && bundle !== null;
  if (isObject && !(bundle instanceof Uint8Array) && (Symbol.asyncIterator in bundle || Symbol.iterator in bundle))
    return bundle as AsyncIterable<unknown>;
  const what = bundle instanceof Uint8Array ? "bytes alone: give them as [bytes]" : typeof bundle;
  throw new InvalidArgumentError("INVALID_ARGUMENT", `a bundle is an iterable of Uint8Array, not ${what}`, {});
}

async function* checked(
  chunks: AsyncIterable<unknown> | Iterable<unknown>,
): AsyncGenerator<Uint8Array, void, undefined> {
  for await (const chunk of chunks) {
    if (!(chunk instanceof Uint8Array))
      throw new InvalidArgumentError("INVALID_ARGUMENT", "a bundle is an iterable of Uint8Array", {});
    if (chunk.length > 0) yield chunk;
  }
}

/** As they are, or what gzip made them of. */
async function* inflated(
  source: AsyncIterable<unknown> | Iterable<unknown>,
): AsyncGenerator<Uint8Array, void, undefined> {
  const chunks = checked(source);
  let start = new Uint8Array(0);
  while (start.length < 2) {
    const next = await chunks.next();
    if (next.done === true) break;
    const joined = new Uint8Array(start.length + next.value.length);
    joined.set(start);
    joined.set(next.value, start.length);
    start = joined;
  }
  const isGzip = start[0] === 0x1f && start[1] === 0x8b;
  const whole = (async function* () {
    try {
      if (start.length > 0) yield start;
      yield* chunks;
    } finally {
      await chunks.return();
    }
  })();
  yield* isGzip ? gunzip(whole) : whole;
}

/** Both ways at once: what goes in only when what comes out was taken. */
async function* gunzip(
  chunks: AsyncGenerator<Uint8Array, void, undefined>,
): AsyncGenerator<Uint8Array, void, undefined> {
  const { writable, readable } = new DecompressionStream("gzip");
  const writer = writable.getWriter();
  const reader = readable.getReader();
  let compressed = 0;
  let sendersFailure: { readonly error: unknown } | undefined;
  const pump = (async () => {
    for (;;) {
      let chunk: Uint8Array | undefined;
      try {
        chunk = (await chunks.next()).value as Uint8Array | undefined;
      } catch (error) {
        sendersFailure = { error };
        return writer.abort(error);
      }
      if (chunk === undefined) return writer.close();
      compressed += chunk.length;
      await writer.write(chunk.slice());
    }
  })().catch(() => {
    // What the decompressor refuses, the reader is told too.
  });
  let inflated = 0;
  try {
    for (;;) {
      const next = await reader.read();
      if (next.done) return;
      inflated += next.value.length;
      if (inflated > INFLATION_FREE_BYTES + INFLATION_MAX * compressed) throw exploding();
      yield next.value;
    }
  } catch (error) {
    if (sendersFailure !== undefined) throw sendersFailure.error;
    if (StrataError.is(error)) throw error;
    throw invalidBundle("its compressed bytes are damaged, or end too soon", {}, error);
  } finally {
    await reader.cancel().catch(() => {});
    await chunks.return();
    await pump;
  }
}

function exploding(): Error {
  return invalidBundle(
    `its compressed bytes become more than ${INFLATION_MAX} times as many; gunzip it first if you trust it`,
  );
}
