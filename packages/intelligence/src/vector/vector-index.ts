import { CorruptionError, type Value } from "@strata/core";
import { type Collection, metadataOf, vectorBytes } from "@strata/engine";
import type { Stored } from "@strata/storage";
import { FieldSet } from "../fields/field-set.js";
import { Column, ImageColumns, type ImageParts } from "../image/index.js";
import type { SlotIndex } from "../partition/slot-index.js";
import type { Slots } from "../partition/slots.js";
import { HnswIndex, type HnswOptions } from "./hnsw-index.js";
import { KnownFilters } from "./known-filters.js";
import { VectorRows } from "./row-store.js";

/** From so many live vectors on an "auto" collection gets a graph: fewer are compared one by one as fast as a graph is walked. */
export const AUTO_GRAPH_ROWS = 10_000;
/** The same where small copies of the vectors are compared. */
export const AUTO_GRAPH_ROWS_INT8 = 20_000;

/** Levels are drawn with it. Graphs are the same on every machine, so it is the same in every database. */
const GRAPH_SEED = 0x5743;

/**
 * The vectors of one collection in one table: a row for every slot, and over a prefix of the rows a graph, which grows in idle moments. What
 * the graph has not reached is compared with one by one, so that a search never waits for it.
 */
export class VectorIndex implements SlotIndex {
  readonly collection: Collection;
  readonly rows: VectorRows;
  /** Of the metadata: those that filters ask for. */
  readonly fields: FieldSet;
  readonly filters: KnownFilters = new KnownFilters();
  readonly #slots: Slots;
  /** For each slot 1 where something is kept beside the vector. */
  readonly #metadata: Column<Uint8Array>;
  #graph: HnswIndex | undefined;
  #isDisposed = false;

  constructor(
    collection: Collection,
    slots: Slots,
    fields: FieldSet = new FieldSet(),
    metadata: Column<Uint8Array> = new Column(Uint8Array),
  ) {
    const { dimension, metric, quantization } = collection;
    this.collection = collection;
    this.rows = new VectorRows(dimension, metric, { int8: quantization === "int8" });
    this.fields = fields;
    this.#slots = slots;
    this.#metadata = metadata;
    this.#graph = undefined;
  }

  /** As it was when it was saved. What it throws means that the image is none of these vectors. */
  static restored(collection: Collection, slots: Slots, parts: ImageParts): VectorIndex {
    const { fields, graph } = savedHead(parts.head);
    const { columns } = parts;
    const named = new ImageColumns(columns);
    const metadata = named.numbers("metadata", Uint8Array);
    if (metadata.length !== slots.length) throw damaged(`${metadata.length} marks for ${slots.length} slots`);
    const restored = FieldSet.restored({ head: fields, columns }, slots.length);
    const index = new VectorIndex(collection, slots, restored, metadata);
    const { rows } = index;
    const vectors = named.bytes("vectors");
    rows.expect(slots.length);
    vectors.restore((bytes) => rows.restore(bytes));
    if (rows.length !== slots.length) throw damaged(`${rows.length} vectors for ${slots.length} slots`);
    vectors.continueIn(rows.pages);
    if (graph !== null) index.#graph = HnswIndex.load(rows, index.#graphOptions, { head: graph, columns });
    return index;
  }

  /** Over the rows below its `length`; `undefined` while there is none. */
  get graph(): HnswIndex | undefined {
    return this.#graph;
  }

  /** Whether rows are to have a graph. Once there is one it goes on growing. */
  get wantsGraph(): boolean {
    const { index, quantization } = this.collection;
    if (index !== "auto") return index === "hnsw";
    const from = quantization === "int8" ? AUTO_GRAPH_ROWS_INT8 : AUTO_GRAPH_ROWS;
    return this.#graph !== undefined || this.#slots.live >= from;
  }

  get memoryBytes(): number {
    return (
      this.rows.memoryBytes +
      this.fields.memoryBytes +
      this.filters.memoryBytes +
      this.#metadata.memoryBytes +
      (this.#graph?.memoryBytes ?? 0)
    );
  }

  add(slot: number, _key: string, stored: Stored): void {
    const metadata = metadataOf(stored);
    this.rows.append(vectorBytes(stored));
    this.#metadata.push(metadata === undefined ? 0 : 1);
    this.fields.add(slot, metadata);
  }

  /** Whether something is kept beside the vector of a slot. */
  hasMetadata(slot: number): boolean {
    return this.#metadata.array[slot] === 1;
  }

  /** A dead row stays where it is: views of the past find it, and ways through the graph lead over it. */
  remove(): void {}

  *work(): Generator<void, void, undefined> {
    if (!this.wantsGraph || this.rows.length === 0) return;
    this.#graph ??= new HnswIndex(this.rows, this.#graphOptions);
    while (!this.#isDisposed && this.#graph.length < this.rows.length) {
      this.#graph.insert(this.#graph.length);
      yield;
    }
  }

  save(): ImageParts {
    const fields = this.fields.save();
    const graph = this.#graph?.save();
    return {
      head: [fields.head, graph?.head ?? null],
      columns: { vectors: this.rows.pages, metadata: this.#metadata, ...fields.columns, ...graph?.columns },
    };
  }

  dispose(): void {
    if (this.#isDisposed) return;
    this.#isDisposed = true;
    this.#graph?.dispose();
    this.rows.dispose();
  }

  get #graphOptions(): HnswOptions {
    const { m, efConstruction } = this.collection;
    return { m, efConstruction, seed: GRAPH_SEED };
  }
}

function savedHead(head: Value): { readonly fields: Value; readonly graph: Value } {
  const [fields, graph] = Array.isArray(head) ? (head as readonly Value[]) : [];
  if (!Array.isArray(fields) || graph === undefined) throw damaged("no head");
  return { fields: fields as readonly Value[], graph };
}

function damaged(what: string): CorruptionError {
  return new CorruptionError("SNAPSHOT_CORRUPT", `the image of a vector index has ${what}`, {});
}
