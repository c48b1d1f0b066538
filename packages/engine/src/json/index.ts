/**
 * JSON documents as pure functions on immutable trees: paths, changes, what a transaction observes, patches, queries
 * and conditions.
 */
export { type Comparison, comparisonTest } from "./comparison.js";
export {
  changeByDelete,
  changeByIncrement,
  changeByMerge,
  changeByPush,
  changeBySet,
  type JsonChange,
} from "./json-change.js";
export { type JsonField, jsonField } from "./json-field.js";
export { checkDocument, checkWritten, documentLimits } from "./json-limits.js";
export type { ContainerKind } from "./json-members.js";
export {
  holds,
  type JsonObservation,
  observeMerge,
  observePatch,
  observePathPresence,
  observePathRead,
  observePathWrite,
} from "./json-observation.js";
export {
  applyOperation,
  type DeleteOperation,
  decodeOperation,
  encodeOperation,
  type InsertOperation,
  type JsonOperation,
  JsonOperationKind,
  type MergeOperation,
  type SetOperation,
  valuesOf,
} from "./json-operation.js";
export { applyPatch, type JsonPatchResult, type JsonPatchStep, type PatchOperation } from "./json-patch.js";
export { APPEND, formatJsonPath, type JsonPath, type JsonSegment, parseJsonPath } from "./json-path.js";
export { compileQuery, queryDocument } from "./json-query.js";
export { deleteAt, getAt, insertAt, type ResolvedPath, resolvePath, setAt } from "./json-tree.js";
export { mergePatch } from "./merge-patch.js";
export { QUERY_STEPS_MAX } from "./query-budget.js";
export type { QueryPlan } from "./query-plan.js";
export { canonicalScalar, isScalar, type Scalar } from "./scalar.js";
export {
  compileWhere,
  type FieldCondition,
  type FieldTest,
  type Predicate,
  WHERE_DEPTH_MAX,
  WHERE_NODES_MAX,
  type Where,
  type WhereNode,
} from "./where.js";
