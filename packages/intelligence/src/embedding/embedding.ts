import type { Database } from "@strata/engine";
import { Indexes } from "../partition/indexes.js";
import { SearchParts } from "../search/search-parts.js";
import { CheckedEmbedder } from "./checked-embedder.js";
import { EmbeddedHalf } from "./embedded-half.js";
import type { Embedder } from "./embedder.js";
import { EmbeddingQueue, type EmbeddingStatus } from "./embedding-queue.js";

/** What a database with an embedder has besides: searches by nearness, and embeds what its targets name. */
export class Embedding {
  #queue: EmbeddingQueue | undefined = undefined;

  /** @throws InvalidArgumentError `INVALID_ARGUMENT`, `INVALID_NAME`, `INVALID_PATH` for what is no embedder */
  static check(embedder: Embedder): CheckedEmbedder {
    return new CheckedEmbedder(embedder);
  }

  /** Once for a database, right after it was opened. */
  static begin(database: Database, embedder: CheckedEmbedder): void {
    const parts = SearchParts.of(database);
    parts.embedder = embedder;
    if (embedder.targets.length === 0) return;
    const queue = new EmbeddingQueue(database, embedder);
    const touched = (name: string) => {
      const run = database.runs.get(name) === undefined ? undefined : database.runs.must(name);
      if (run !== undefined && !database.isReadOnly) queue.touched(run);
    };
    parts.vectors.push(new EmbeddedHalf(embedder, Indexes.of(database), touched));
    if (database.isReadOnly) return;
    database.extension(Embedding).#queue = queue;
    database.registerIndex(queue);
    touched("default");
  }

  /** `undefined` where nothing is embedded in the background. */
  static statusOf(database: Database): EmbeddingStatus | undefined {
    return database.extension(Embedding).#queue?.status;
  }
}
