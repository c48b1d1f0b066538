import { compareCodePoints, type ValueObject } from "@strata/core";
import type { EntityRef } from "@strata/engine";
import type { Query } from "../text/query.js";
import { type TextExplanation, TextScorer } from "../text/text-scorer.js";
import type { TextHit } from "../text/top-k.js";
import { comparePlaces } from "./entity-order.js";
import type { EntryLayer, FoundEntry } from "./entry-layer.js";
import type { SearchRequest } from "./search-request.js";

/** One query by its words, over all that is searched together: how rare a word is, and how long a text, is judged over all layers. */
export class KeywordSearch {
  readonly #layers: readonly EntryLayer[];
  readonly #places: readonly number[];
  readonly #scorer: TextScorer;

  constructor(layers: readonly EntryLayer[], query: Query, { k1, b }: SearchRequest) {
    this.#layers = layers;
    this.#places = placesOf(layers);
    this.#scorer = new TextScorer(layers, query, { k1, b });
  }

  /** The best `k`, best first; equal ones in the order of their places. */
  top(k: number): TextHit[] {
    return this.#scorer.top(k, this.#order);
  }

  refOf({ layer, slot }: TextHit): EntityRef {
    return this.#layers[layer]!.refOf(slot);
  }

  read({ layer, slot }: TextHit): FoundEntry {
    return this.#layers[layer]!.read(slot);
  }

  /** What the score of a hit is made of. */
  explain({ layer, slot }: TextHit): ValueObject {
    const explanation = this.#scorer.explain(layer, slot);
    return explanation === undefined ? {} : keywordParts(explanation);
  }

  /** Asked for every two equal scores that might be among the best: of words that many texts have once, there are many. */
  readonly #order = (layerA: number, slotA: number, layerB: number, slotB: number): number => {
    if (this.#places[layerA] !== this.#places[layerB]) return this.#places[layerA]! - this.#places[layerB]!;
    const a = this.#layers[layerA]!.placeOf(slotA);
    const b = this.#layers[layerB]!.placeOf(slotB);
    return typeof a === "string" ? compareCodePoints(a, b as string) : a - (b as number);
  };
}

/** Of each layer, where its entries come among those of other primitives and spaces: the same for layers of one place. */
function placesOf(layers: readonly EntryLayer[]): number[] {
  const sorted = [...layers].sort(compareLayers);
  const places = new Map<EntryLayer, number>();
  let place = 0;
  for (const [position, layer] of sorted.entries()) {
    if (position > 0 && compareLayers(sorted[position - 1]!, layer) !== 0) place++;
    places.set(layer, place);
  }
  return layers.map((layer) => places.get(layer)!);
}

function compareLayers(a: EntryLayer, b: EntryLayer): number {
  return comparePlaces(a.primitive, a.space, b.primitive, b.space);
}

function keywordParts(explanation: TextExplanation): ValueObject {
  const { score, clauses, length, averageLength, documents, k1, b } = explanation;
  return { score, clauses: clauses.map((clause) => ({ ...clause })), length, averageLength, documents, k1, b };
}
