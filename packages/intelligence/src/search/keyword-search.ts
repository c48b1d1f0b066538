import { compareCodePoints, type ValueObject } from "@strata/core";
import type { Query } from "../text/query.js";
import { type TextExplanation, TextScorer } from "../text/text-scorer.js";
import type { TextHit } from "../text/top-k.js";
import { comparePlaces } from "./entity-order.js";
import type { EntryLayer, FoundEntry } from "./entry-layer.js";
import type { SearchRequest } from "./search-request.js";

/** An entry that the words of the query find. */
export interface KeywordHit {
  readonly layer: EntryLayer;
  readonly slot: number;
  /** BM25. */
  readonly score: number;
}

/** One query by its words, over all that is searched together: how rare a word is, and how long a text, is judged over all layers. */
export class KeywordSearch {
  readonly #layers: readonly EntryLayer[];
  readonly #scorer: TextScorer;

  constructor(layers: readonly EntryLayer[], query: Query, { k1, b }: SearchRequest) {
    this.#layers = layers;
    this.#scorer = new TextScorer(layers, query, { k1, b });
  }

  /** The best `k`, best first; equal ones in the order of their places. */
  top(k: number): TextHit[] {
    return this.#scorer.top(k, this.#order);
  }

  read({ layer, slot }: TextHit): FoundEntry {
    return this.#layers[layer]!.read(slot);
  }

  /** What the score of a hit is made of. */
  explain({ layer, slot }: TextHit): ValueObject {
    const explanation = this.#scorer.explain(layer, slot);
    return explanation === undefined ? {} : keywordParts(explanation);
  }

  readonly #order = (layerA: number, slotA: number, layerB: number, slotB: number): number => {
    const a = this.#layers[layerA]!;
    const b = this.#layers[layerB]!;
    const place = comparePlaces(a.primitive, a.space, b.primitive, b.space);
    if (place !== 0) return place;
    const placeA = a.placeOf(slotA);
    const placeB = b.placeOf(slotB);
    if (typeof placeA === "string") return compareCodePoints(placeA, placeB as string);
    return placeA - (placeB as number);
  };
}

function keywordParts(explanation: TextExplanation): ValueObject {
  const { score, clauses, length, averageLength, documents, k1, b } = explanation;
  return { score, clauses: clauses.map((clause) => ({ ...clause })), length, averageLength, documents, k1, b };
}
