import fc from "fast-check";
import type { CollectionInfo, VectorEntry, VectorMatch, VersionedEntry } from "../src/index.js";
import { anyKey, type Operation, operation } from "./session-operations.js";

// Few collections, so that transactions meet: one of them is there and its like is made and deleted.
const collection = fc.constantFrom("v", "v", "w");
const dimension = fc.constantFrom(2, 2, 2, 1);
const vector = fc.constantFrom([1, 0], [0, 1], [1, 1], [-1, 0.5], [1]);
const metadata = fc.constantFrom(undefined, { n: 1 }, { n: 2 });
const filter = fc.constantFrom(undefined, { n: 1 }, { n: { $exists: false } });
const entries = fc.array(fc.record({ key: anyKey, vector, metadata }), { maxLength: 3 });
const scan = fc.constantFrom(undefined, "a", { start: "b", limit: 1 }, { reverse: true, limit: 2 });

const shown = ({ key, vector, metadata }: VectorEntry) => [key, [...vector], metadata];
const written = (entry: VersionedEntry<VectorEntry>) => (entry.deleted ? "deleted" : shown(entry.value));
const found = ({ key, score, metadata }: VectorMatch) => [key, score, metadata];
/** Without what depends on how it is searched. */
const known = ({ name, dimension, metric, count }: CollectionInfo) => [name, dimension, metric, count];

export const vectorOperations: fc.Arbitrary<Operation>[] = [
  operation("vectors.createCollection", [collection, dimension], ({ vectors }, name, dimension) =>
    vectors.createCollection(name, { dimension, ifExists: "keep" }),
  ),
  operation("vectors.createCollection", [collection, dimension], ({ vectors }, name, dimension) =>
    vectors.createCollection(name, { dimension }),
  ),
  operation("vectors.deleteCollection", [fc.constant("w")], ({ vectors }, name) => vectors.deleteCollection(name)),
  operation("vectors.upsert", [collection, anyKey, vector, metadata], ({ vectors }, name, key, vector, metadata) =>
    vectors.upsert(name, key, vector, metadata),
  ),
  operation("vectors.upsert", [collection, anyKey, vector, metadata], ({ vectors }, name, key, vector, metadata) =>
    vectors.upsert(name, key, vector, metadata),
  ),
  operation("vectors.upsertMany", [collection, entries], ({ vectors }, name, entries) =>
    vectors.upsertMany(name, entries),
  ),
  operation("vectors.delete", [collection, anyKey], ({ vectors }, name, key) => vectors.delete(name, key)),
  operation("vectors.get", [collection, anyKey], ({ vectors }, name, key) => {
    const entry = vectors.get(name, key);
    return entry && shown(entry);
  }),
  operation("vectors.keys", [collection, scan], ({ vectors }, name, scan) => vectors.keys(name, scan)),
  operation("vectors.count", [collection, filter], ({ vectors }, name, filter) => vectors.count(name, filter)),
  operation("vectors.history", [collection, anyKey], ({ vectors }, name, key) =>
    vectors.history(name, key).map(written),
  ),
  operation("vectors.listCollections", [], ({ vectors }) => vectors.listCollections().map(known)),
  operation("vectors.stats", [collection], ({ vectors }, name) => {
    const info = vectors.stats(name);
    return info && known(info);
  }),
  operation(
    "vectors.search",
    [collection, vector, fc.constantFrom(1, 2, 10), filter],
    ({ vectors }, name, query, k, filter) => vectors.search(name, query, { k, filter }).map(found),
  ),
  operation("vectors.search", [collection, vector, anyKey], ({ vectors }, name, query, prefix) =>
    vectors.search(name, query, { prefix }).map(found),
  ),
];
