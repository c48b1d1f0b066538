export type { JsonPath, PatchOperation as JsonPatchOperation } from "../json/index.js";
export { DeclaredIndexes } from "./declared-indexes.js";
export { Entries } from "./entries.js";
export {
  type ChainHead,
  type ChainReport,
  EMPTY_HEAD,
  genesisHash,
  type HashedEvent,
  hashEvent,
  verifyChain,
} from "./event-chain.js";
export {
  type AnyEvents,
  type EventLog,
  EventLogReader,
  EventLogStore,
  type EventReads,
  type EventRecord,
} from "./event-log.js";
export type { EventScan } from "./event-scan.js";
export {
  type FoundDocument,
  isInRange,
  type JsonAnswer,
  type JsonExplanation,
  type JsonFinder,
  type JsonFindOptions,
  type JsonMatch,
  type JsonOrder,
  type JsonQuery,
  jsonQuery,
  MatchList,
  rootOf,
  scanDocuments,
  seenRange,
} from "./json-find.js";
export { JsonDocumentStore, JsonReader, type JsonReads, type JsonStore, type VersionedDocument } from "./json-store.js";
export { type Kv, type KvPutOptions, KvReader, type KvReads, KvStore } from "./kv.js";
export type { Lease, LeaseIdentity } from "./lease.js";
export type { StandInScope } from "./open-transaction.js";
export {
  invalid,
  kindOf,
  mustInteger,
  mustString,
  optionalBoolean,
  optionalInteger,
  optionalString,
  optionsOf,
} from "./options.js";
export type { StandardSchemaV1 } from "./standard-schema.js";
export { StateCellReader, StateCellStore, type StateCells, type StateReads, type VersionedCell } from "./state-cell.js";
export {
  type Collection,
  type CollectionOptions,
  collectionAt,
  collectionMissing,
  collectionOf,
  collectionsOf,
  type Metric,
} from "./vector-collection.js";
export { vectorFrom } from "./vector-input.js";
export {
  COLLECTION_ROWS,
  collectionRowKey,
  decodeVector,
  metadataOf,
  rowsOf,
  scanOfRows,
  type VectorName,
  vectorBytes,
  vectorNameOf,
  vectorRowKey,
} from "./vector-row.js";
export {
  type CollectionInfo,
  type VectorEntry,
  type VectorInput,
  VectorReader,
  type VectorReads,
  VectorStore,
  type Vectors,
} from "./vector-store.js";
