import { Value } from "@strata/core";
import { type Database, EventLogStore, JsonDocumentStore, KvStore, StateCellStore } from "../src/index.js";
import { observeVectors } from "./vector-operations.js";

/** Everything a database shows, as one string: equal strings, equal databases. Versions are left out, for they depend on the incarnation. */
export function dump(db: Database): string {
  const runs = db.runs.list().map((name) => {
    const run = db.runs.must(name);
    const spaces = db
      .spaces(run)
      .list()
      .map((space) => {
        const scope = db.head(run, space);
        const [kv, events, cells, json] = [
          new KvStore(scope),
          new EventLogStore(scope),
          new StateCellStore(scope),
          new JsonDocumentStore(scope),
        ];
        return {
          space,
          kv: [...kv.entries()].map(([key, value]) => [key, Value.toJson(value)]),
          events: events
            .range(0, events.len())
            .map(({ type, payload, hash }) => [type, Value.toJson(payload as Value), hash]),
          chain: events.verify().valid,
          cells: cells
            .list()
            .map((cell) => [cell, Value.toJson(cells.read(cell) ?? null), cells.readVersioned(cell)?.counter]),
          json: [...json.entries()].map(([key, document]) => [key, Value.toJson(document)]),
          vectors: [...observeVectors(scope)].map(([name, { dimension, rows }]) => [
            name,
            dimension,
            [...rows].map(([key, { vector, metadata }]) => [key, vector, Value.toJson(metadata ?? null)]),
          ]),
        };
      });
    const tags = db.history
      .tags(run)
      .map((tag) => [tag.name, db.at(run, "default", { tag: tag.name }).table("kv").get("a")]);
    return { name, status: run.status, tags, spaces };
  });
  return JSON.stringify(runs, null, 1);
}

/** Digests of every run, history included: what no copy and no checkpoint may change. */
export function digestsOf(db: Database): string[] {
  return db.runs.list().map((name) => {
    const run = db.runs.must(name);
    const view = db.at(run, "default", { version: run.version });
    const digest = `${name} ${view.digest()} ${view.digest({ history: true })}`;
    view.dispose();
    return digest;
  });
}
