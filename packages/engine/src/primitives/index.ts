export type { JsonPath, PatchOperation as JsonPatchOperation } from "../json/index.js";
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
export { JsonDocumentStore, JsonReader, type JsonReads, type JsonStore, type VersionedDocument } from "./json-store.js";
export { type Kv, type KvPutOptions, KvReader, type KvReads, KvStore } from "./kv.js";
export type { Lease, LeaseIdentity } from "./lease.js";
export type { StandInScope } from "./open-transaction.js";
export type { StandardSchemaV1 } from "./standard-schema.js";
export { StateCellReader, StateCellStore, type StateCells, type StateReads, type VersionedCell } from "./state-cell.js";
