import { ByteReader, decodeValue, type Primitive, type Value, type Version } from "@strata/core";
import { type EntityRef, payloadOfRecord, type ReadScope, type StoredEvent, timestampOfRecord } from "@strata/engine";
import { type EventTable, Found, type Stored } from "@strata/storage";
import type { PartitionLayer } from "../partition/partition-layer.js";
import type { InvertedIndex } from "../text/inverted-index.js";
import type { TextLayer } from "../text/text-view.js";
import { contentOf, type TextPrimitive, textsOf, textsOfEvent, valueRead } from "./entry-text.js";
import type { EventTexts } from "./event-texts.js";
import type { HitFilter } from "./hit-filter.js";
import type { PendingEventTexts, PendingTexts } from "./pending-texts.js";
import type { TextIndex } from "./text-index.js";

type KeyRef = EntityRef & { readonly primitive: TextPrimitive };
type EventRef = EntityRef & { readonly primitive: "event" };

const NO_SLOTS = new Int32Array(0);
const found = new Found();

/** An entry, as a hit shows it. */
export interface FoundEntry {
  readonly ref: EntityRef;
  readonly value: Value;
  /** µs since the epoch; 0 for an own, uncommitted write. */
  readonly timestamp: number;
  readonly texts: readonly string[];
}

/** Entries that can be scored, and read when they are hits. */
export interface EntryLayer extends TextLayer {
  readonly primitive: Primitive;
  readonly space: string;
  /** What orders entries of one place: of events the sequence, else the key. */
  placeOf(slot: number): string | number;
  refOf(slot: number): EntityRef;
  read(slot: number): FoundEntry;
}

/** What layers of one search have in common. */
export interface LayerGround {
  readonly scope: ReadScope;
  readonly space: string;
  /** `undefined` where everything that is seen may be a hit. */
  readonly filter: HitFilter | undefined;
}

/** Committed entries of one table. */
export class TableLayer implements EntryLayer {
  readonly primitive: TextPrimitive;
  readonly space: string;
  readonly index: InvertedIndex;
  readonly through: Version;
  readonly hidden: Int32Array;
  readonly #ground: LayerGround;
  readonly #filter: HitFilter | undefined;
  readonly #layer: PartitionLayer<TextIndex>;

  constructor(ground: LayerGround, primitive: TextPrimitive, layer: PartitionLayer<TextIndex>) {
    this.primitive = primitive;
    this.space = ground.space;
    this.index = layer.index.postings;
    this.through = layer.through;
    this.hidden = layer.hidden();
    this.#ground = ground;
    this.#filter = ground.filter;
    this.#layer = layer;
  }

  isVisible(slot: number): boolean {
    return this.#layer.isVisible(slot) && (this.#filter === undefined || this.#accepts(this.#filter, slot));
  }

  placeOf(slot: number): string {
    return this.#layer.slots.keyOf(slot);
  }

  refOf(slot: number): KeyRef {
    return { run: this.#ground.scope.run, space: this.space, primitive: this.primitive, key: this.placeOf(slot) };
  }

  read(slot: number): FoundEntry {
    return foundKey(this.refOf(slot), this.#storedIn(slot), this.#timestampOf(slot));
  }

  #accepts(filter: HitFilter, slot: number): boolean {
    return (
      filter.acceptsKey(this.placeOf(slot)) &&
      (!filter.hasTimes || filter.acceptsTime(this.#timestampOf(slot))) &&
      (!filter.hasCondition || filter.acceptsValue(contentOf(this.#storedIn(slot))))
    );
  }

  /** A slot that is seen holds what its table has there. */
  #storedIn(slot: number): Stored {
    this.#layer.partition.table.find(this.placeOf(slot), this.through, found);
    return found.stored as Stored;
  }

  #timestampOf(slot: number): number {
    return this.#ground.scope.timestampOf(this.#layer.slots.bornAt(slot));
  }
}

/** What the transaction has written to one table. */
export class PendingLayer implements EntryLayer {
  readonly primitive: TextPrimitive;
  readonly space: string;
  readonly index: InvertedIndex;
  readonly through: number;
  readonly hidden: Int32Array = NO_SLOTS;
  readonly #ground: LayerGround;
  readonly #texts: PendingTexts;

  constructor(ground: LayerGround, primitive: TextPrimitive, texts: PendingTexts) {
    this.primitive = primitive;
    this.space = ground.space;
    this.index = texts.postings;
    this.through = texts.version;
    this.#ground = ground;
    this.#texts = texts;
  }

  isVisible(slot: number): boolean {
    const { filter, scope } = this.#ground;
    if (!this.#texts.isAlive(slot)) return false;
    return (
      filter === undefined ||
      (filter.acceptsKey(this.#texts.keyOf(slot)) &&
        filter.acceptsTime(scope.now()) &&
        filter.acceptsValue(contentOf(this.#texts.storedIn(slot))))
    );
  }

  placeOf(slot: number): string {
    return this.#texts.keyOf(slot);
  }

  refOf(slot: number): KeyRef {
    return { run: this.#ground.scope.run, space: this.space, primitive: this.primitive, key: this.placeOf(slot) };
  }

  read(slot: number): FoundEntry {
    return foundKey(this.refOf(slot), this.#texts.storedIn(slot), 0);
  }
}

/** Committed events of one table. */
export class EventLayer implements EntryLayer {
  readonly primitive = "event";
  readonly space: string;
  readonly index: InvertedIndex;
  /** How many of the table's own events are seen. */
  readonly through: number;
  readonly hidden: Int32Array = NO_SLOTS;
  readonly #ground: LayerGround;
  readonly #filter: HitFilter | undefined;
  readonly #table: EventTable;

  constructor(ground: LayerGround, texts: EventTexts, end: number) {
    this.space = ground.space;
    this.index = texts.postings;
    this.through = end - texts.table.firstSequence;
    this.#ground = ground;
    this.#filter = ground.filter;
    this.#table = texts.table;
  }

  isVisible(slot: number): boolean {
    return slot < this.through && (this.#filter === undefined || this.#accepts(this.#filter, this.placeOf(slot)));
  }

  placeOf(slot: number): number {
    return this.#table.firstSequence + slot;
  }

  refOf(slot: number): EventRef {
    const sequence = this.placeOf(slot);
    return eventRef(this.#ground, this.#table.typeOf(sequence), sequence);
  }

  read(slot: number): FoundEntry {
    const record = this.#table.record(this.placeOf(slot));
    return foundEvent(this.refOf(slot), payloadIn(record), timestampOfRecord(record));
  }

  #accepts(filter: HitFilter, sequence: number): boolean {
    const type = this.#table.typeOf(sequence);
    if (!filter.acceptsKey(type) || !filter.acceptsType(type)) return false;
    const record = this.#table.record(sequence);
    if (filter.hasTimes && !filter.acceptsTime(timestampOfRecord(record))) return false;
    return !filter.hasCondition || filter.acceptsValue(payloadIn(record));
  }
}

/** What the transaction has appended. */
export class PendingEventLayer implements EntryLayer {
  readonly primitive = "event";
  readonly space: string;
  readonly index: InvertedIndex;
  readonly through: number;
  readonly hidden: Int32Array = NO_SLOTS;
  readonly #ground: LayerGround;
  readonly #events: readonly StoredEvent[];

  constructor(ground: LayerGround, texts: PendingEventTexts, events: readonly StoredEvent[]) {
    this.space = ground.space;
    this.index = texts.postings;
    this.through = events.length;
    this.#ground = ground;
    this.#events = events;
  }

  isVisible(slot: number): boolean {
    const { filter, scope } = this.#ground;
    if (filter === undefined) return true;
    const { type, payload } = this.#events[slot]!;
    if (!filter.acceptsKey(type) || !filter.acceptsType(type) || !filter.acceptsTime(scope.now())) return false;
    return !filter.hasCondition || filter.acceptsValue(decodeValue(new ByteReader(payload)));
  }

  placeOf(slot: number): number {
    return this.#events[slot]!.sequence;
  }

  refOf(slot: number): EventRef {
    const { type, sequence } = this.#events[slot]!;
    return eventRef(this.#ground, type, sequence);
  }

  read(slot: number): FoundEntry {
    return foundEvent(this.refOf(slot), decodeValue(new ByteReader(this.#events[slot]!.payload)), 0);
  }
}

function foundKey(ref: KeyRef, stored: Stored, timestamp: number): FoundEntry {
  return { ref, value: valueRead(stored), timestamp, texts: textsOf(ref.primitive, ref.key, stored) };
}

function eventRef({ scope, space }: LayerGround, type: string, sequence: number): EventRef {
  return { run: scope.run, space, primitive: "event", type, sequence };
}

function foundEvent(ref: EventRef, payload: Value, timestamp: number): FoundEntry {
  return { ref, value: payload, timestamp, texts: textsOfEvent(ref.type, payload) };
}

function payloadIn(record: Uint8Array): Value {
  return decodeValue(new ByteReader(payloadOfRecord(record)));
}
