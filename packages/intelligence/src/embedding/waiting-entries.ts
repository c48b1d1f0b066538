import type { Version } from "@strata/core";
import { type Database, DEFAULT_SPACE, EMBEDDINGS_SPACE, type ReadScope, type Run, VectorReader } from "@strata/engine";
import { EVERYTHING, VersionChain } from "@strata/storage";
import { SpaceScope } from "../search/space-scope.js";
import type { CheckedEmbedder, EmbeddedPrimitive, Target } from "./checked-embedder.js";
import { collectionNameOf, embeddedText, eventIn, progressIn, sourceIn, versionOf } from "./embedding-rows.js";

/** An entry that is to be embedded, or whose embedding is to go. */
export interface WaitingEntry {
  readonly primitive: EmbeddedPrimitive;
  readonly space: string;
  /** Of an event its sequence. */
  readonly key: string;
  readonly version: Version;
  /** `undefined` when there is nothing to embed any more. */
  readonly text: string | undefined;
}

/** What of one collection is waiting. */
export interface WaitingPlace {
  readonly collection: string;
  /** Of the run, when it was looked at. */
  readonly through: Version;
  /** Its vectors are of another model. */
  readonly isForeign: boolean;
  readonly entries: readonly WaitingEntry[];
}

/** What a run has that was not embedded yet, or was written over since. */
export function* waitingIn(
  database: Database,
  run: Run,
  embedder: CheckedEmbedder,
): Generator<WaitingPlace, void, undefined> {
  const scope = database.head(run, DEFAULT_SPACE);
  const places = new Map<
    string,
    { readonly primitive: EmbeddedPrimitive; readonly space: string; readonly targets: Target[] }
  >();
  for (const target of embedder.targets) {
    for (const space of target.spaces ?? scope.spaces(false)) {
      const collection = collectionNameOf(target.primitive, space);
      const place = places.get(collection);
      if (place === undefined) places.set(collection, { primitive: target.primitive, space, targets: [target] });
      else place.targets.push(target);
    }
  }
  for (const [collection, { primitive, space, targets }] of places) {
    const progress = progressIn(scope, collection);
    const isForeign = progress !== undefined && progress.model !== embedder.model;
    const since = progress === undefined || isForeign ? undefined : progress.version;
    const through = run.version;
    if (since === through) continue;
    const known = isForeign ? undefined : new KnownEmbeddings(scope, collection);
    const entries =
      primitive === "event"
        ? [...waitingEvents(scope, space, targets, known)]
        : [...waitingKeys(run, scope, { space, primitive, targets }, known, since)];
    if (entries.length > 0 || isForeign) yield { collection, through, isForeign, entries };
  }
}

/** Which version of an entry an embedding is there of. */
class KnownEmbeddings {
  readonly #vectors: VectorReader;
  readonly #collection: string;
  readonly #isThere: boolean;

  constructor(scope: ReadScope, collection: string) {
    this.#vectors = new VectorReader(SpaceScope.of(scope, EMBEDDINGS_SPACE));
    this.#collection = collection;
    this.#isThere = progressIn(scope, collection) !== undefined;
  }

  versionOf(key: string): Version | undefined {
    return this.#isThere ? versionOf(this.#vectors.get(this.#collection, key)?.metadata) : undefined;
  }

  has(key: string): boolean {
    return this.versionOf(key) !== undefined;
  }

  keys(): string[] {
    return this.#isThere ? this.#vectors.keys(this.#collection) : [];
  }
}

function* waitingEvents(
  scope: ReadScope,
  space: string,
  targets: readonly Target[],
  known: KnownEmbeddings | undefined,
): Generator<WaitingEntry, void, undefined> {
  const length = scope.eventsIn(space).length();
  for (let sequence = 0; sequence < length; sequence++) {
    const key = String(sequence);
    const event = eventIn(scope, space, sequence);
    const target = targets.find(({ prefix }) => event?.type.startsWith(prefix));
    if (event === undefined || target === undefined || known?.versionOf(key) === event.version) continue;
    const text = embeddedText(event.value, target);
    if (text !== "") yield { primitive: "event", space, key, version: event.version, text };
  }
}

interface KeyedPlace {
  readonly space: string;
  readonly primitive: "kv" | "json";
  readonly targets: readonly Target[];
}

function* waitingKeys(
  run: Run,
  scope: ReadScope,
  { space, primitive, targets }: KeyedPlace,
  known: KnownEmbeddings | undefined,
  since: Version | undefined,
): Generator<WaitingEntry, void, undefined> {
  for (const key of changedKeys(run, scope, space, primitive, since) ?? allKeys(scope, space, primitive, known)) {
    const target = targets.find(({ prefix }) => key.startsWith(prefix));
    const source = target === undefined ? undefined : sourceIn(scope, space, primitive, key);
    const text = source === undefined ? "" : embeddedText(source.value, target as Target);
    if (source !== undefined && text !== "") {
      if (known?.versionOf(key) !== source.version) yield { primitive, space, key, version: source.version, text };
    } else if (known?.has(key) === true) yield { primitive, space, key, version: 0, text: undefined };
  }
}

/** Keys written since a version; `undefined` where that cannot be told: what a fork inherited was written by another run. */
function changedKeys(
  { shard }: Run,
  scope: ReadScope,
  space: string,
  primitive: "kv" | "json",
  since: Version | undefined,
): Iterable<string> | undefined {
  const { timeline } = shard;
  // The timeline of a fork begins where it was forked.
  if (since === undefined || since < timeline.floor) return undefined;
  const [layer] = scope.tableIn(space, primitive).view().layers;
  const keys = new Set<string>();
  timeline.changedSince(since, (target) => {
    if (target instanceof VersionChain && target.table === layer?.table) keys.add(target.key);
    return true;
  });
  return keys;
}

function allKeys(
  scope: ReadScope,
  space: string,
  primitive: "kv" | "json",
  known: KnownEmbeddings | undefined,
): Iterable<string> {
  const keys = new Set<string>(known?.keys());
  scope.tableIn(space, primitive).scan(EVERYTHING, "keys", (key) => {
    keys.add(key);
    return true;
  });
  return keys;
}
