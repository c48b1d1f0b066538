import type { Clock } from "@strata/core";
import type { Database } from "@strata/engine";
import { Indexes } from "../partition/indexes.js";
import { CollectionHalf } from "./collection-half.js";
import { TextIndexes } from "./text-indexes.js";
import type { QueryEmbedder, VectorHalf } from "./vector-half.js";

/** What a database searches with: one of each, for everybody who has it open. */
export class SearchParts {
  readonly clock: Clock;
  readonly texts: TextIndexes;
  /** Searched side by side. */
  readonly vectors: VectorHalf[];
  /** `undefined` where nobody was given to embed queries. */
  embedder: QueryEmbedder | undefined = undefined;

  constructor(clock: Clock, texts: TextIndexes, vectors: VectorHalf[]) {
    this.clock = clock;
    this.texts = texts;
    this.vectors = vectors;
  }

  /** @throws StateError `DATABASE_CLOSED` */
  static of(database: Database): SearchParts {
    return database.extension(SearchParts, () => {
      const collections = new CollectionHalf(Indexes.of(database));
      return new SearchParts(database.runtime.clock, TextIndexes.of(database), [collections]);
    });
  }
}
