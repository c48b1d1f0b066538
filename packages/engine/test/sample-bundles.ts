import { BundleHost } from "./bundle-host.js";
import { storesOf } from "./stores.js";

async function samples(): Promise<{ readonly good: Uint8Array; readonly latest: Uint8Array }> {
  const source = new BundleHost();
  source.db.runs.create("job", { by: "me" });
  const { kv, events, cells, json } = storesOf(source.db.head(source.db.runs.must("job")));
  kv.put("a", 1);
  kv.put("bytes", new Uint8Array([1]));
  cells.set("phase", "one");
  json.put("doc", { n: 1 });
  events.append("began", { n: 0 });
  events.append("went on", { n: 1 });
  source.db.spaces(source.db.runs.must("job")).create("lab");
  storesOf(source.db.head(source.db.runs.must("job"), "lab")).kv.put("b", 2);
  source.db.history.tag(source.db.runs.must("job"), undefined, "best");
  return { good: await source.exported("job"), latest: await source.exported("job", { history: false }) };
}

/** A small run of every primitive with its history, and its last state alone. */
export const { good, latest }: { readonly good: Uint8Array; readonly latest: Uint8Array } = await samples();
