// Holds what `stratadb` declares, as built, against the surface that is promised. Checked by the compiler alone.
import type * as built from "stratadb";
import type * as promised from "./expected-surface.js";

/** The same for every use: each can stand in for the other, and neither has a member that the other lacks. */
type Same<A, B> = [A] extends [B] ? ([B] extends [A] ? SameKeys<A, B> : false) : false;
type SameKeys<A, B> = [A] extends [object]
  ? [keyof A] extends [keyof B]
    ? [keyof B] extends [keyof A]
      ? true
      : false
    : false
  : true;
/** Everything promised is there; members on top are allowed. */
type AtLeast<Built, Promised> = [Built] extends [Promised] ? true : false;

function holds<_Claim extends true>(): void {}

interface User {
  readonly name: string;
  readonly age?: number;
}
interface Happenings {
  readonly seen: { readonly what: string };
  readonly done: { readonly code: number };
}

// Values, keys, versions
holds<Same<built.Value, promised.Value>>();
holds<Same<built.ValueObject, promised.ValueObject>>();
holds<Same<built.Json, promised.Json>>();
holds<Same<built.Version, promised.Version>>();
holds<Same<built.KeyPart, promised.KeyPart>>();
holds<Same<built.ScanOptions, promised.ScanOptions>>();
holds<Same<built.JsonPath, promised.JsonPath>>();
holds<Same<built.HistoryOptions, promised.HistoryOptions>>();
holds<Same<built.AsOf, promised.AsOf>>();
holds<Same<built.Options<User>, promised.Options<User>>>();
holds<Same<built.Versioned<User>, promised.Versioned<User>>>();
holds<Same<built.VersionedEntry<User>, promised.VersionedEntry<User>>>();
holds<Same<built.Storable<User>, promised.Storable<User>>>();
holds<Same<built.Storable<Date>, promised.Storable<Date>>>();
holds<Same<built.Storable<{ when: Date }>, promised.Storable<{ when: Date }>>>();
holds<Same<built.Storable<(string | undefined)[]>, promised.Storable<(string | undefined)[]>>>();
holds<Same<built.Storable<unknown>, unknown>>();
holds<Same<built.NotStorable<"hint">, promised.NotStorable<"hint">>>();
holds<AtLeast<typeof built.Value, promised.ValueFunctions>>();
holds<AtLeast<typeof built.key, promised.KeyFunction>>();

// Primitives
holds<Same<built.KvReads, promised.KvReads>>();
holds<Same<built.KvReads<User>, promised.KvReads<User>>>();
holds<Same<built.Kv, promised.Kv>>();
holds<Same<built.Kv<User, User, undefined>, promised.Kv<User, User, undefined>>>();
holds<Same<built.EventRecord, promised.EventRecord>>();
holds<Same<built.EventRecord<Happenings>, promised.EventRecord<Happenings>>>();
holds<Same<built.EventScan, promised.EventScan>>();
holds<Same<built.EventReads, promised.EventReads>>();
holds<Same<built.EventReads<Happenings>, promised.EventReads<Happenings>>>();
holds<Same<built.EventLog, promised.EventLog>>();
holds<Same<built.EventLog<Happenings, Happenings, undefined>, promised.EventLog<Happenings, Happenings, undefined>>>();
holds<Same<built.ChainReport, promised.ChainReport>>();
holds<Same<built.VersionedCell<User>, promised.VersionedCell<User>>>();
holds<Same<built.StateReads, promised.StateReads>>();
holds<Same<built.StateReads<User>, promised.StateReads<User>>>();
holds<Same<built.StateCells, promised.StateCells>>();
holds<Same<built.StateCells<User, User>, promised.StateCells<User, User>>>();
holds<Same<built.Lease, promised.Lease>>();
holds<Same<built.JsonReads, promised.JsonReads>>();
holds<Same<built.JsonFindOptions, promised.JsonFindOptions>>();
holds<Same<built.JsonExplanation, promised.JsonExplanation>>();
holds<Same<built.JsonReads<User>, promised.JsonReads<User>>>();
holds<Same<built.JsonStore, promised.JsonStore>>();
holds<Same<built.JsonStore<User, User, undefined>, promised.JsonStore<User, User, undefined>>>();
holds<Same<built.PatchOperation, promised.PatchOperation>>();
holds<Same<built.CollectionOptions, promised.CollectionOptions>>();
holds<Same<built.CollectionInfo, promised.CollectionInfo>>();
holds<Same<built.VectorEntry, promised.VectorEntry>>();
holds<Same<built.VectorMatch, promised.VectorMatch>>();
holds<Same<built.VectorReads, promised.VectorReads>>();
holds<Same<built.Vectors, promised.Vectors>>();
holds<Same<built.Vectors<undefined>, promised.Vectors<undefined>>>();
holds<Same<built.SearchOptions, promised.SearchOptions>>();
holds<Same<built.SearchHit, promised.SearchHit>>();
holds<Same<built.SearchResult, promised.SearchResult>>();
holds<Same<built.Reads, promised.Reads>>();
holds<Same<built.Primitives, promised.Primitives>>();
holds<Same<built.Primitives<undefined>, promised.Primitives<undefined>>>();

// Transactions, handles
holds<Same<built.TransactionOptions, promised.TransactionOptions>>();
holds<Same<built.CommitInfo, promised.CommitInfo>>();
holds<Same<built.Transaction, promised.Transaction>>();
holds<Same<built.Session, promised.Session>>();
holds<Same<built.Handle, promised.Handle>>();
holds<Same<built.ReadView, promised.ReadView>>();
holds<Same<built.Recorder, promised.Recorder>>();
holds<Same<built.ReadOnlyView, promised.ReadOnlyView>>();
holds<Same<built.Primitive, promised.Primitive>>();
holds<Same<built.OpenOptions, promised.OpenOptions>>();
holds<Same<built.Embedder, promised.Embedder>>();
holds<Same<built.TextSearchOptions, promised.TextSearchOptions>>();
holds<Same<built.Health, promised.Health>>();
holds<Same<keyof built.Strata, keyof promised.Strata>>();
holds<AtLeast<built.Strata, promised.Strata>>();
holds<AtLeast<typeof built.Strata, promised.StrataStatics>>();

// Runs, spaces
holds<Same<built.RunStatus, promised.RunStatus>>();
holds<Same<built.RunInfo, promised.RunInfo>>();
holds<Same<built.Feed<User>, promised.Feed<User>>>();
holds<Same<built.WatchFilter, promised.WatchFilter>>();
holds<Same<built.CommitChanges, promised.CommitChanges>>();
holds<Same<built.Change, promised.Change>>();
holds<Same<built.EntityRef, promised.EntityRef>>();
holds<Same<built.CommitRecord, promised.CommitRecord>>();
holds<Same<built.RunFilter, promised.RunFilter>>();
holds<Same<built.RunDiff, promised.RunDiff>>();
holds<Same<built.DiffEntry, promised.DiffEntry>>();
holds<Same<built.MergeOptions, promised.MergeOptions>>();
holds<Same<built.MergeResult, promised.MergeResult>>();
holds<Same<built.Conflict, promised.Conflict>>();
holds<Same<built.ConflictResolver, promised.ConflictResolver>>();
holds<Same<typeof built.formatDiff, promised.FormatDiff>>();
holds<Same<built.Runs, promised.Runs>>();
holds<Same<built.Retention, promised.Retention>>();
holds<Same<built.RunStats, promised.RunStats>>();
holds<Same<typeof built.keepLast, (versions: number) => promised.Retention>>();
holds<Same<typeof built.keepFor, (ms: number) => promised.Retention>>();
holds<Same<typeof built.keepAll, () => promised.Retention>>();
holds<Same<built.Bundle, promised.Bundle>>();
holds<Same<built.BundleInfo, promised.BundleInfo>>();
holds<Same<built.Spaces, promised.Spaces>>();

// Errors
holds<AtLeast<promised.ErrorCode, built.ErrorCode>>();
holds<Same<keyof built.StrataError, keyof promised.StrataError>>();
holds<AtLeast<built.StrataError["facts"], promised.StrataError["facts"]>>();
holds<Same<built.StrataError["outcome"], promised.StrataError["outcome"]>>();
holds<AtLeast<built.ConflictError, built.StrataError>>();
holds<AtLeast<built.InvalidArgumentError, built.StrataError>>();
holds<AtLeast<built.LimitError, built.StrataError>>();
holds<AtLeast<built.NotFoundError, built.StrataError>>();
holds<AtLeast<built.StateError, built.StrataError>>();
holds<AtLeast<built.IoError, built.StrataError>>();
holds<AtLeast<built.CorruptionError, built.StrataError>>();

// Commands
type Put = { key: string; value: built.Value };
holds<Same<built.CommandSchema, promised.CommandSchema>>();
holds<Same<built.CommandSpec, promised.CommandSpec<built.CommandName>>>();
holds<AtLeast<typeof built.commands, readonly promised.CommandSpec<string>[]>>();
holds<AtLeast<Put, built.CommandMap["kv.put"]["input"]>>();
holds<AtLeast<built.CommandMap["kv.put"]["input"], Put>>();
holds<Same<built.CommandMap["kv.put"]["output"], built.Version | undefined>>();
holds<AtLeast<{ key: string }, built.CommandMap["kv.get"]["input"]>>();
holds<AtLeast<built.CommandMap["kv.get"]["input"], { key: string }>>();
holds<Same<built.CommandOutput<"kv.get">, built.Value | undefined>>();
holds<Same<built.CommandName, keyof built.CommandMap>>();
holds<AtLeast<{ readonly name: "kv.get"; readonly run: string; readonly space: string; key: string }, built.Command>>();
holds<AtLeast<built.Command["name"], built.CommandName>>();
// A field that the command does not have, and a name that there is not.
// @ts-expect-error
const _unknownField: built.Command = { name: "kv.get", key: "a", prefix: "b" };
// @ts-expect-error
const _unknownName: built.Command = { name: "kv.gte", key: "a" };
declare const session: built.Session;
holds<Same<ReturnType<typeof session.execute<{ name: "kv.exists"; key: string }>>, boolean>>();

// Ports, reports
holds<Same<built.Clock, promised.Clock>>();
holds<Same<built.Random, promised.Random>>();
holds<Same<built.Logger, promised.Logger>>();
holds<AtLeast<built.Limits, promised.Limits>>();
holds<AtLeast<built.DatabaseInfo, promised.DatabaseInfo>>();
holds<AtLeast<built.RecoveryReport, promised.RecoveryReport>>();
holds<Same<built.VerifyReport, promised.VerifyReport>>();
holds<AtLeast<built.TransactionMetrics, promised.TransactionMetrics>>();
