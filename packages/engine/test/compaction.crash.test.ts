import { CrashVfs } from "@strata/durability/testing";
import { beforeAll, describe, expect, test } from "vitest";
import { type Database, keepLast, type Run } from "../src/index.js";
import { COMPACTION_WORKLOAD, SECRET } from "./compaction-workload.js";
import { CrashExploration, SEEDS } from "./crash-exploration.js";
import { drive } from "./drive.js";
import { digestsOf, dump } from "./dump.js";
import { openSimulated } from "./simulated-database.js";

const LIMIT_MS = 120_000 * SEEDS;
/** What is recovered is replayed, verified and checkpointed again at each so-manieth moment. */
const THOROUGH_EVERY = 13;
/** Power failures at each moment, by turns. */
const FAILURES = SEEDS > 1 ? Number.POSITIVE_INFINITY : 1;

const isTrimmed = (run: Run) => run.row["retention"] !== undefined;

/** What it shows, and the whole history of every run that keeps it. */
function dumpWithHistory(db: Database): string {
  const histories = digestsOf(db).filter((line) => !isTrimmed(db.runs.must(line.split(" ", 1)[0] as string)));
  return [dump(db), ...histories].join("\n");
}

let exploration: CrashExploration;

beforeAll(async () => {
  exploration = await CrashExploration.of(COMPACTION_WORKLOAD, { dump: dumpWithHistory, isTrimmed });
});

function hasSecret(vfs: CrashVfs): boolean {
  return ["wal", "snapshots"].some((directory) =>
    vfs.list(directory).some((name) => textOf(vfs, `${directory}/${name}`).includes(SECRET)),
  );
}

function textOf(vfs: CrashVfs, path: string): string {
  const bytes = new Uint8Array(vfs.size(path) ?? 0);
  const file = vfs.open(path, "read");
  file.read(bytes, 0);
  file.close();
  return Buffer.from(bytes).toString("latin1");
}

describe("wherever the process or the power fails, in the middle of compactions and imports too", () => {
  test(
    "a whole prefix with every durable commit is recovered, with all of the history that is kept",
    () => {
      for (let index = 0; index < exploration.moments.length; index++)
        for (const left of exploration.leftAt(index, FAILURES)) exploration.expectPrefix(left).db.close();
      expect(exploration.moments.length).toBeGreaterThan(200);
    },
    LIMIT_MS,
  );

  test(
    "what is recovered is in order and goes on working, and the next checkpoint removes what was left over",
    async () => {
      for (let index = 3; index < exploration.moments.length; index += THOROUGH_EVERY)
        for (const left of exploration.leftAt(index, FAILURES)) await exploration.expectToGoOn(left);
    },
    LIMIT_MS,
  );

  test("what was erased does not come back", () => {
    const { moments, rests } = exploration;
    const erased = rests.find(({ step }) => step === "erase")?.moment as number;
    expect(moments.slice(0, erased).some(({ vfs }) => hasSecret(vfs))).toBe(true);
    for (let index = erased; index < moments.length; index++)
      for (const { vfs, what } of exploration.leftAt(index)) expect(hasSecret(vfs), what).toBe(false);
  });
});

test("what is erased is gone also where all of the log was one file", async () => {
  const vfs = new CrashVfs();
  const { db, time } = openSimulated(vfs, { segments: {} });
  db.put("default", "secret", SECRET);
  db.runs.setRetention("default", keepLast(1));
  db.delete("default", "secret");
  expect(hasSecret(vfs)).toBe(true);
  await drive(time, db.compact({ erase: true }));
  expect(hasSecret(vfs)).toBe(false);
});
