export type { CommitRecord, DerivedIndex, Operation, Run } from "@strata/engine";
export type { Embedder, EmbedTarget } from "./embedding/embedder.js";
export { Embedding } from "./embedding/embedding.js";
export type { EmbeddingStatus } from "./embedding/embedding-queue.js";
export { IndexedDocuments } from "./fields/indexed-documents.js";
export { Indexes } from "./partition/indexes.js";
export type { SearchMode, SearchOptions } from "./search/search-options.js";
export { SearchParts } from "./search/search-parts.js";
export type { SearchHit, SearchResult } from "./search/search-result.js";
export { Searcher } from "./search/searcher.js";
export { type TextSearchOptions, TextSettings } from "./search/text-settings.js";
export type { QueryEmbedder, VectorHalf, VectorHit, VectorQuestion } from "./search/vector-half.js";
export {
  SearchableVectorReader,
  type SearchableVectorReads,
  SearchableVectorStore,
  type SearchableVectors,
} from "./vector/searchable-vectors.js";
export type { VectorMatch, VectorSearchOptions } from "./vector/vector-match.js";
