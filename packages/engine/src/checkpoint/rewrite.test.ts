import { CrashVfs, imageOf } from "@strata/durability/testing";
import { describe, expect, test } from "vitest";
import { checkpointerOf } from "../../test/checkpointer-of.js";
import { digestsOf, dump } from "../../test/dump.js";
import { openSimulated } from "../../test/simulated-database.js";
import {
  type Database,
  EventLogStore,
  JsonDocumentStore,
  KvStore,
  keepAll,
  keepLast,
  StateCellStore,
} from "../index.js";
import type { WritingPolicy } from "./checkpoint-work.js";

const SECRET = "my-secret-value";

/** Nothing is dropped. */
const KEEP_EVERYTHING: WritingPolicy = { isRewritten: () => false, keep: () => undefined, isHeld: () => false };

/** Nothing but the newest state; what is deleted goes where nothing older can show through. */
const NEWEST_ONLY: WritingPolicy = {
  isRewritten: () => false,
  keep: () => (_primitive, _key, versions, isDead) => {
    const newest = versions.length - 1;
    return versions.map((_version, i) => i === newest && !isDead(i));
  },
  isHeld: () => false,
};

/** Databases in which every primitive has had a secret that was deleted or overwritten, in files and in the log, also by a run nobody asks for. */
async function withSecrets(vfs: CrashVfs, retention = keepLast(1)): Promise<Database> {
  let { db } = openSimulated(vfs, { retention });
  db.runs.create("resting");
  db.put("resting", "key", `${SECRET} of a run that nobody asks for`);
  db.put("resting", "key", "harmless");
  for (let round = 0; round < 3; round++) {
    const scope = db.head(db.runs.must("default"));
    const [kv, cells, json] = [new KvStore(scope), new StateCellStore(scope), new JsonDocumentStore(scope)];
    kv.put(`gone-${round}`, `${SECRET} ${round}`);
    kv.put("kept", `${SECRET} ${round}`);
    cells.set("cell", `${SECRET} ${round}`);
    json.put("doc", { deep: { secret: `${SECRET} ${round}` } });
    new EventLogStore(scope).append("kept", { round });
    if (round < 2) await db.checkpoint();
    kv.delete(`gone-${round}`);
    kv.put("kept", "harmless");
    cells.set("cell", "harmless");
    json.delete("doc", "$.deep.secret");
  }
  await db.shutdown();
  ({ db } = openSimulated(vfs, { seed: 2, retention }));
  db.put("default", "last", `${SECRET} in the log`);
  db.delete("default", "last");
  return db;
}

function filesWithSecrets(vfs: CrashVfs): string[] {
  const text = new TextDecoder("latin1");
  return [...imageOf(vfs)].filter(([, bytes]) => text.decode(bytes).includes(SECRET)).map(([path]) => path);
}

describe("rewriting everything", () => {
  test("leaves no bytes on disk of what was deleted or overwritten, and everything else as it was", async () => {
    const vfs = new CrashVfs();
    const db = await withSecrets(vfs);
    expect(filesWithSecrets(vfs).length).toBeGreaterThan(2);
    const before = dump(db);
    const info = await checkpointerOf(db).rewriteAll(NEWEST_ONLY);
    expect(info.runs).toBeGreaterThanOrEqual(3); // both runs, and `_system`
    expect(info.logBytesRetired).toBeGreaterThan(0);
    expect(filesWithSecrets(vfs)).toEqual([]);
    expect(dump(db)).toBe(before);
    expect(await db.verify()).toEqual({ ok: true, problems: [] });
    db.put("default", "goes on", 1);
    const expected = dump(db);
    db.close();
    const again = openSimulated(vfs, { seed: 3 }).db;
    expect(dump(again)).toBe(expected);
    expect(filesWithSecrets(vfs)).toEqual([]);
  });

  test("changes nothing of what is kept", async () => {
    const vfs = new CrashVfs();
    const db = await withSecrets(vfs, keepAll());
    await db.checkpoint();
    const before = [dump(db), ...digestsOf(db)];
    await checkpointerOf(db).rewriteAll(KEEP_EVERYTHING);
    expect([dump(db), ...digestsOf(db)]).toEqual(before);
    db.close();
    const again = openSimulated(vfs, { seed: 3 }).db;
    expect([dump(again), ...digestsOf(again)]).toEqual(before);
  });

  test("lets go of what readers held once they are through", async () => {
    const vfs = new CrashVfs();
    const db = await withSecrets(vfs);
    const replayed = db.replayRun("default");
    await checkpointerOf(db).rewriteAll(NEWEST_ONLY);
    expect(filesWithSecrets(vfs)).not.toEqual([]);
    replayed.dispose();
    expect(filesWithSecrets(vfs)).toEqual([]);
  });

  test("aborted at any pause leaves a database that says the same", async () => {
    for (let at = 1; ; at += 3) {
      const vfs = new CrashVfs();
      const db = await withSecrets(vfs);
      const before = dump(db);
      let pauses = 0;
      const reason = new Error("enough");
      const signal = {
        throwIfAborted() {
          if (++pauses >= at) throw reason;
        },
      } as unknown as AbortSignal;
      const ended = await checkpointerOf(db)
        .rewriteAll(NEWEST_ONLY, { signal })
        .then(
          () => true,
          (error: unknown) => {
            expect(error).toBe(reason);
            return false;
          },
        );
      expect(dump(db)).toBe(before);
      expect((await db.verify()).ok).toBe(true);
      db.close();
      expect(dump(openSimulated(vfs, { seed: 3 }).db)).toBe(before);
      if (ended) break;
    }
  });
});
