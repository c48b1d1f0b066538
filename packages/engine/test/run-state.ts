import type { Value } from "@strata/core";
import {
  collectionsOf,
  type Database,
  EventLogReader,
  JsonReader,
  KvReader,
  type Run,
  StateCellReader,
  type VectorEntry,
  VectorReader,
} from "../src/index.js";

/** Everything that a run shows at a version, by a name for each thing: what diffs are about, without anything of how they are found. */
export type RunState = Map<string, unknown>;

export function stateOf(db: Database, run: Run, version: number = run.version): RunState {
  const state: RunState = new Map();
  for (const space of run.shard.spaces(version)) {
    const scope = db.at(run, space, { version });
    const name = (primitive: string, key: string | number) => JSON.stringify([space, primitive, key]);
    for (const [key, value] of new KvReader(scope).entries()) state.set(name("kv", key), value);
    const events = new EventLogReader(scope);
    for (const { sequence, type, payload, hash } of events.range(0, events.len())) {
      state.set(name("event", sequence), { type, payload, hash });
    }
    const cells = new StateCellReader(scope);
    for (const cell of cells.list()) state.set(name("state", cell), cells.read(cell) as Value);
    for (const [key, document] of new JsonReader(scope).entries()) state.set(name("json", key), document);
    for (const [collection, options] of collectionsOf(scope)) {
      const vectors = new VectorReader(scope);
      state.set(name("vector", `${collection}/`), options);
      for (const key of vectors.keys(collection)) {
        const { vector, metadata } = vectors.get(collection, key) as VectorEntry;
        const shown = { vector: [...vector] };
        state.set(name("vector", `${collection}/${key}`), metadata === undefined ? shown : { ...shown, metadata });
      }
    }
    scope.dispose();
  }
  return state;
}
