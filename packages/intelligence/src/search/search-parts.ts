import type { Clock, Logger } from "@strata/core";
import type { Database } from "@strata/engine";
import { Indexes } from "../partition/indexes.js";
import { CollectionHalf } from "./collection-half.js";
import { EventIndexes } from "./event-indexes.js";
import { TextIndexes } from "./text-indexes.js";
import { TextSettings } from "./text-settings.js";
import type { QueryEmbedder, VectorHalf } from "./vector-half.js";

/** What a database searches with: one of each, for everybody who has it open. */
export class SearchParts {
  readonly clock: Clock;
  readonly settings: TextSettings;
  readonly texts: TextIndexes;
  /** Searched side by side. */
  readonly vectors: VectorHalf[];
  /** `undefined` where nobody was given to embed queries. */
  embedder: QueryEmbedder | undefined = undefined;
  readonly #logger: Logger;

  constructor(
    ground: { readonly clock: Clock; readonly logger: Logger },
    settings: TextSettings,
    indexes: Indexes,
    events: EventIndexes,
  ) {
    this.clock = ground.clock;
    this.#logger = ground.logger;
    this.settings = settings;
    this.texts = new TextIndexes(indexes, events, settings.stem);
    this.vectors = [new CollectionHalf(indexes)];
  }

  /** @throws StateError `DATABASE_CLOSED` */
  static of(database: Database): SearchParts {
    return database.extension(SearchParts, () => {
      const settings = TextSettings.of(database);
      const events = EventIndexes.of(database, settings.stem);
      const { logger, runtime } = database;
      return new SearchParts({ logger, clock: runtime.clock }, settings, Indexes.of(database), events);
    });
  }

  /** A query is answered by its words alone. */
  embeddingFailed(cause: unknown): void {
    this.#logger.log("warn", "strata.search", "a query could not be embedded and was searched by its words", { cause });
  }
}
