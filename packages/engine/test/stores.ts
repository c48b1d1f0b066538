import type { Value } from "@strata/core";
import {
  type Database,
  EventLogReader,
  EventLogStore,
  JsonDocumentStore,
  JsonReader,
  KvReader,
  KvStore,
  type ReadScope,
  type Scope,
  StateCellReader,
  StateCellStore,
  VectorStore,
} from "../src/index.js";
import type { RunModel, SpaceModel } from "./naive-model.js";
import { observeVectors } from "./vector-operations.js";

/** The primitives over one scope. */
export function storesOf(scope: Scope) {
  return {
    kv: new KvStore(scope),
    events: new EventLogStore(scope),
    cells: new StateCellStore(scope),
    json: new JsonDocumentStore(scope),
    vectors: new VectorStore(scope),
  };
}

export type Stores = ReturnType<typeof storesOf>;

/** What one space shows of itself, in the model's terms. Cells without a value do not show. */
export function observeSpace(scope: ReadScope): SpaceModel {
  const [kv, events, cells, json] = [
    new KvReader(scope),
    new EventLogReader(scope),
    new StateCellReader(scope),
    new JsonReader(scope),
  ];
  return {
    kv: new Map(kv.entries()),
    events: events.range(0, events.len()).map(({ type, payload }) => ({ type, payload })),
    cells: new Map(
      cells
        .list()
        .map((cell) => [
          cell,
          { value: cells.read(cell) as Value, counter: cells.readVersioned(cell)?.counter as number },
        ]),
    ),
    json: new Map(json.entries()),
    vectors: observeVectors(scope),
  };
}

/** Everything that a database shows. */
export function observe(db: Database): Map<string, RunModel> {
  return new Map(
    db.runs.list().map((name) => {
      const run = db.runs.must(name);
      return [
        name,
        new Map(
          db
            .spaces(run)
            .list()
            .map((space) => [space, observeSpace(db.head(run, space))]),
        ),
      ];
    }),
  );
}

/** The model as it would show itself. */
export function visible(runs: Map<string, RunModel>): Map<string, RunModel> {
  const shown = structuredClone(runs);
  for (const spaces of shown.values()) {
    for (const { cells } of spaces.values())
      for (const [cell, { value }] of cells) if (value === undefined) cells.delete(cell);
  }
  return shown;
}
