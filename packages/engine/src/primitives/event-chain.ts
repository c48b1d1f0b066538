import type { EventOrigin } from "@strata/concurrency";
import { ByteWriter, type Runtime } from "@strata/core";
import { encodeOrigin } from "../event-origin.js";
import { HASH_BYTES, hexToBytes } from "../hash-bytes.js";
import type { EventSource } from "../scope.js";

/**
 * What an event's hash covers. The one place where it is computed; `docs/formats/event.md` has the same with an example.
 *
 *   event    := domain text "strata.event" | hashVersion u8 | sequence u64 | timestamp u64 | type text | payload bytes | prevHash[32]
 *   copy     := the same with hashVersion 2, | origin          of an event that was copied from another run; see `encodeOrigin`
 *   genesis  := domain text "strata.chain" | hashVersion u8 | chainId bytes
 *
 * Little-endian; `text` and `bytes` are preceded by their length in bytes (LEB128), so that no two events give the same input. `payload` is
 * the canonical encoding, `timestamp` µs since the epoch. Run and space are left out: a fork continues its parent's chain.
 */
const EVENT_DOMAIN = "strata.event";
const CHAIN_DOMAIN = "strata.chain";
const HASH_VERSION = 1;
/** Of copies: their hash covers where they came from. */
const COPY_HASH_VERSION = 2;

/** Hash of the last event of a log that has none. */
export const EMPTY_HEAD: string = "0".repeat(HASH_BYTES * 2);

export interface HashedEvent {
  readonly sequence: number;
  readonly type: string;
  /** µs since the epoch, an integer. */
  readonly timestamp: number;
  /** Canonical bytes. */
  readonly payload: Uint8Array;
  /** 64 hex digits: the hash of the event before, for the first one `genesisHash`. */
  readonly prevHash: string;
  /** Of a copied event. */
  readonly origin?: EventOrigin | undefined;
}

const writer = new ByteWriter();
const prevHashBytes = new Uint8Array(HASH_BYTES);

/** SHA-256 of the event, 64 hex digits. */
export function hashEvent(runtime: Pick<Runtime, "sha256Hex">, event: HashedEvent): string {
  writer.reset();
  writer.text(EVENT_DOMAIN);
  writer.u8(event.origin === undefined ? HASH_VERSION : COPY_HASH_VERSION);
  writer.u64(event.sequence);
  writer.u64(event.timestamp);
  writer.text(event.type);
  writer.bytes(event.payload);
  hexToBytes(event.prevHash, prevHashBytes, 0);
  writer.raw(prevHashBytes);
  if (event.origin !== undefined) encodeOrigin(writer, event.origin);
  return runtime.sha256Hex(writer.view());
}

/** The hash that a log's first event follows: no two logs share one, so that an event cannot be moved between them unseen. */
export function genesisHash(runtime: Pick<Runtime, "sha256Hex">, chainId: Uint8Array): string {
  writer.reset();
  writer.text(CHAIN_DOMAIN);
  writer.u8(HASH_VERSION);
  writer.bytes(chainId);
  return runtime.sha256Hex(writer.view());
}

export interface ChainReport {
  readonly valid: boolean;
  /** Events that were looked at: all that are committed. */
  readonly length: number;
  /** Sequence of the first event that is not what it should be; where the log was cut, the first that is missing. */
  readonly firstInvalid?: number;
  readonly reason?: string;
}

/** Where a log ended once: `events.head()`, kept elsewhere. */
export interface ChainHead {
  readonly length: number;
  readonly hash: string;
}

/**
 * Recomputes every hash and link, and holds the chain against `expected`: the chain alone cannot tell that its end was cut off. A log that
 * has grown since `expected` is valid. A transaction's own, uncommitted events have no hash yet and are left out.
 */
export function verifyChain(
  runtime: Pick<Runtime, "sha256Hex">,
  events: EventSource,
  expected: ChainHead | undefined,
): ChainReport {
  const length = events.length();
  let prevHash: string | undefined;
  for (let sequence = 0; sequence < length; sequence++) {
    const event = events.read(sequence);
    if (event === undefined) return broken(length, sequence, "the event is missing");
    if (event.hash === "") return checkHead(sequence, expected);
    if (event.sequence !== sequence) return broken(length, sequence, `the event says it is number ${event.sequence}`);
    if (prevHash !== undefined && event.prevHash !== prevHash)
      return broken(length, sequence, "it does not follow the event before it");
    if (hashEvent(runtime, event) !== event.hash) return broken(length, sequence, "its content does not give its hash");
    prevHash = event.hash;
    if (expected !== undefined && expected.length === sequence + 1 && event.hash !== expected.hash) {
      return broken(length, sequence, "its hash is not the one that was expected: this is another history");
    }
  }
  return checkHead(length, expected);
}

function checkHead(length: number, expected: ChainHead | undefined): ChainReport {
  if (expected !== undefined && length < expected.length) {
    return broken(length, length, `the log ends after ${length} events; there were ${expected.length}`);
  }
  if (expected !== undefined && expected.length === 0 && expected.hash !== EMPTY_HEAD) {
    return broken(length, 0, "the head that was expected has no events, and yet a hash");
  }
  return { valid: true, length };
}

function broken(length: number, firstInvalid: number, reason: string): ChainReport {
  return { valid: false, length, firstInvalid, reason };
}
