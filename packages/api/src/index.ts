/// <reference lib="esnext.disposable" preserve="true" />

export {
  type Command,
  type CommandMap,
  type CommandName,
  type CommandOutput,
  type CommandSchema,
  type CommandSpec,
  commands,
} from "./command.js";
export { makeAsyncDisposable, makeDisposable } from "./disposable.js";
export { type CommandHandle, execute } from "./executor.js";
export type { Change, CommitChanges, EntityRef, Feed, WatchFilter } from "./feed.js";
export { DEFAULT_NAME, type Handle, RunHandle } from "./handle.js";
export { LoadedRuns } from "./loaded-runs.js";
export {
  checkOptions,
  hasMethods,
  isBoolean,
  isFunction,
  isGroup,
  isOneOf,
  isString,
  isWholeNumber,
  type OptionCheck,
} from "./option-check.js";
export type { JsonPath, PatchOperation, Primitives, Reads, VectorReads, Vectors } from "./primitives.js";
export type { ReadOnlyView, ReadView } from "./read-view.js";
export type { EffectContext, Recorder, RecorderOptions } from "./recorder.js";
export type { RunListOptions, Runs } from "./runs.js";
export type { Session, SessionOptions } from "./session.js";
export type { Spaces } from "./spaces.js";
export type { Transaction } from "./transaction.js";
