import { ByteWriter, canonicalBytes, defaultRuntime, type Options, type Value, type Version } from "@strata/core";
import { Box, type EventTable, type RunShard, type Stored, type Table } from "@strata/storage";
import { decodeEventRecord } from "./event-record.js";
import { HASH_BYTES, hexToBytes } from "./hash-bytes.js";
import type { KeyedPrimitive } from "./scope.js";
import { visibleAt } from "./visibility.js";

export type DigestOptions = Options<{ history: boolean }>;

/**
 * What a digest covers. The one place where it is computed; `docs/formats/digest.md` has the same with an example.
 *
 *   content := domain text "strata.digest" | digestVersion u8 | kind u8 | item* | 0 u8      kind 0: live data, 1: history
 *   item    := tag u8 | space text | body                                                   ordered by space, tag, key or sequence
 *
 *   live:     event(1) := sequence | type text | payload bytes
 *             json(2), kv(3) := key text | value bytes
 *             state(4) := key text | counter | value bytes
 *             vector(5) := key text | value bytes                             as `vector-row.ts` has them
 *   history:  space(0xff) := nothing                                                        before the other items of the space
 *             event(1) := sequence | type text | payload bytes | version | timestamp | hash[32]
 *             json(2), kv(3), state(4), vector(5) := key text | (1 u8 | entry)* | 0 u8      newest entry first
 *             entry := version | timestamp | counter | createdAt | expiry | (0 u8 | 1 u8, value bytes)
 *             expiry := 0 u8 | 1 u8, expiresAt
 *
 * Numbers are LEB128 varints, `text` and `bytes` are preceded by their length; values are in their canonical form. Tags follow the code
 * points of the primitives' names. Whenever an item brings the content to `BLOCK_BYTES` or more, the content so far is replaced by
 * text "strata.digest.more" | its SHA-256, so that a run of any size is hashed in little memory.
 */
const DOMAIN = "strata.digest";
const MORE_DOMAIN = "strata.digest.more";
const DIGEST_VERSION = 1;
const BLOCK_BYTES = 65_536;
const Tag = { end: 0, event: 1, json: 2, kv: 3, state: 4, vector: 5, space: 0xff } as const;

/** In the order of their tags. */
const KEYED: readonly KeyedPrimitive[] = ["json", "kv", "state", "vector"];

/** One version of a run, and the time by which expiry is judged, µs since the epoch. */
export interface DigestSubject {
  readonly shard: RunShard;
  readonly version: Version;
  readonly now: number;
}

/**
 * SHA-256 of a run, all spaces, as 64 hex digits: equal for equal data, whatever the order in which it came, the machine, and the order of
 * members. With `history` also of every version, its timestamp, and what was deleted.
 */
export function digestOf(subject: DigestSubject, options: DigestOptions = {}): string {
  const content = new Content(options.history === true ? 1 : 0);
  const items = options.history === true ? new HistoryItems(subject, content) : new LiveItems(subject, content);
  const { shard, version } = subject;
  for (const space of shard.spaces(version)) {
    items.space(space);
    const events = shard.eventsAt(space, version);
    if (events !== undefined) items.events(space, events);
    for (const primitive of KEYED) {
      const table = shard.tableAt(space, primitive, version);
      if (table !== undefined) items.keys(space, primitive, table);
    }
  }
  return content.finish();
}

interface Items {
  space(space: string): void;
  events(space: string, events: EventTable): void;
  keys(space: string, primitive: KeyedPrimitive, table: Table): void;
}

class LiveItems implements Items {
  readonly #subject: DigestSubject;
  readonly #content: Content;

  constructor(subject: DigestSubject, content: Content) {
    this.#subject = subject;
    this.#content = content;
  }

  /** A space without data is no data. */
  space(): void {}

  events(space: string, events: EventTable): void {
    const length = events.length(this.#subject.version);
    for (let sequence = 0; sequence < length; sequence++) {
      const { type, payload } = eventAt(events, sequence);
      const writer = this.#content.begin(Tag.event, space);
      writer.varint(sequence);
      writer.text(type);
      writer.bytes(payload);
      this.#content.end();
    }
  }

  keys(space: string, primitive: KeyedPrimitive, table: Table): void {
    const { version, now } = this.#subject;
    table.scan({ start: undefined, end: undefined, reverse: false }, version, (key, stored) => {
      if (visibleAt(stored, now) === undefined) return true;
      const writer = this.#content.begin(Tag[primitive], space);
      writer.text(key);
      if (primitive === "state") writer.varint(stored instanceof Box ? stored.counter : 0);
      writer.bytes(canonicalBytes((stored instanceof Box ? stored.value : stored) as Value));
      this.#content.end();
      return true;
    });
  }
}

class HistoryItems implements Items {
  readonly #subject: DigestSubject;
  readonly #content: Content;

  constructor(subject: DigestSubject, content: Content) {
    this.#subject = subject;
    this.#content = content;
  }

  space(space: string): void {
    this.#content.begin(Tag.space, space);
    this.#content.end();
  }

  events(space: string, events: EventTable): void {
    const length = events.length(this.#subject.version);
    const hash = new Uint8Array(HASH_BYTES);
    for (let sequence = 0; sequence < length; sequence++) {
      const event = eventAt(events, sequence);
      const writer = this.#content.begin(Tag.event, space);
      writer.varint(sequence);
      writer.text(event.type);
      writer.bytes(event.payload);
      writer.varint(event.version);
      writer.varint(event.timestamp);
      hexToBytes(event.hash, hash, 0);
      writer.raw(hash);
      this.#content.end();
    }
  }

  keys(space: string, primitive: KeyedPrimitive, table: Table): void {
    const { shard, version } = this.#subject;
    for (const key of table.everyKey(version)) {
      const writer = this.#content.begin(Tag[primitive], space);
      writer.text(key);
      table.versions(key, version + 1, (written, stored) => {
        writer.u8(1);
        writer.varint(written);
        writer.varint(shard.timestampOf(written));
        writeEntry(writer, stored);
        return true;
      });
      writer.u8(0);
      this.#content.end();
    }
  }
}

function writeEntry(writer: ByteWriter, stored: Stored | undefined): void {
  const box = stored instanceof Box ? stored : undefined;
  const value = stored instanceof Box ? stored.value : stored;
  writer.varint(box?.counter ?? 0);
  writer.varint(box?.createdAt ?? 0);
  if (box === undefined || box.expiresAt === Number.POSITIVE_INFINITY) writer.u8(0);
  else {
    writer.u8(1);
    writer.varint(box.expiresAt);
  }
  writer.u8(value === undefined ? 0 : 1);
  if (value !== undefined) writer.bytes(canonicalBytes(value));
}

function eventAt(events: EventTable, sequence: number) {
  return decodeEventRecord(events.record(sequence), sequence, events.typeOf(sequence), events.versionOf(sequence));
}

/** What is hashed, a block at a time. */
class Content {
  readonly #writer = new ByteWriter();
  readonly #hash = new Uint8Array(HASH_BYTES);

  constructor(kind: number) {
    this.#writer.text(DOMAIN);
    this.#writer.u8(DIGEST_VERSION);
    this.#writer.u8(kind);
  }

  /** Begins an item; its body goes to the writer, then `end`. */
  begin(tag: number, space: string): ByteWriter {
    this.#writer.u8(tag);
    this.#writer.text(space);
    return this.#writer;
  }

  end(): void {
    const writer = this.#writer;
    if (writer.length < BLOCK_BYTES) return;
    hexToBytes(sha256Hex(writer.view()), this.#hash, 0);
    writer.reset();
    writer.text(MORE_DOMAIN);
    writer.raw(this.#hash);
  }

  finish(): string {
    this.#writer.u8(Tag.end);
    return sha256Hex(this.#writer.view());
  }
}

const { sha256Hex } = defaultRuntime();
