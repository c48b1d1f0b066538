import type { ValueObject } from "@strata/core";
import type { Query } from "../text/query.js";
import type { FoundEntry } from "./entry-layer.js";
import { QueryWords } from "./query-words.js";
import type { SearchRequest } from "./search-request.js";
import type { SearchHit } from "./search-result.js";
import { snippetOf } from "./snippet.js";

/** Writes the hits of one search, best first. */
export class HitWriter {
  readonly hits: SearchHit[] = [];
  readonly #query: Query;
  readonly #highlight: boolean;
  readonly #stem: boolean;
  #words: QueryWords | undefined;

  /** @param stem whether texts are searched by stems. */
  constructor(query: Query, { highlight }: SearchRequest, stem: boolean) {
    this.#query = query;
    this.#stem = stem;
    this.#highlight = highlight;
    this.#words = undefined;
  }

  add({ ref, value, timestamp, texts }: FoundEntry, score: number, explain: ValueObject | undefined): void {
    this.#words ??= new QueryWords(this.#query, this.#stem);
    const snippet = snippetOf(texts, this.#words, this.#highlight);
    const hit = { ref, value, score, rank: this.hits.length + 1, timestamp, snippet: snippet.text };
    this.hits.push({
      ...hit,
      ...(this.#highlight ? { highlights: snippet.highlights } : {}),
      ...(explain === undefined ? {} : { explain }),
    });
  }
}
