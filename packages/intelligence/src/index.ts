export type { CommitRecord, DerivedIndex, Operation, Run } from "@strata/engine";
export {
  SearchableVectorReader,
  type SearchableVectorReads,
  SearchableVectorStore,
  type SearchableVectors,
} from "./vector/searchable-vectors.js";
export type { VectorMatch, VectorSearchOptions } from "./vector/vector-match.js";
