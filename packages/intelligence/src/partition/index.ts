export { Indexes, type IndexGround } from "./indexes.js";
export { Partition, PartitionStale } from "./partition.js";
export { layersFrom, PartitionLayer, type Place, type Standpoint } from "./partition-layer.js";
export type { IndexKind, SlotIndex } from "./slot-index.js";
export { byKey, Slots } from "./slots.js";
