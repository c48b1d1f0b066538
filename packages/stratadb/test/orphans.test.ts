import { join } from "node:path";
import { expect, test } from "vitest";
import { Strata } from "../src/index.js";
import { start } from "./child-process.js";
import { newDirectory } from "./directories.js";
import { expectCode } from "./expect-code.js";

const WORKER = `
  import { Strata } from "stratadb";
  const db = Strata.open(process.argv.at(-1), { durability: "strict" });
  db.createRun("archive");
  db.runs.begin("done");
  db.runs.setStatus("done", "completed");
  db.runs.begin("rests");
  db.runs.setStatus("rests", "paused");
  db.runs.begin("works", { worker: "a" });
  db.in({ run: "works" }).kv.put("step", 3);
  console.log("works");
  setInterval(() => {}, 1000);
`;

test("a process that is killed leaves as orphans the runs that it had begun and not ended, and no others", async () => {
  const path = join(newDirectory(), "db");
  const worker = start(WORKER, path);
  expect(await worker.line()).toBe("works");
  worker.kill();
  await worker.ended;

  {
    using reader = Strata.open(path, { readOnly: true });
    expect(reader.runs.list({ status: "orphaned" })).toEqual(["works"]);
  }
  using db = Strata.open(path);
  expect(Object.fromEntries(db.listRuns().map((name) => [name, db.runs.get(name)?.status]))).toEqual({
    archive: "active",
    default: "active",
    done: "completed",
    rests: "paused",
    works: "orphaned",
  });
  const works = db.in({ run: "works" });
  expect(works.kv.get("step")).toBe(3);
  expectCode("RUN_CLOSED", () => works.kv.put("step", 4));
  expect(db.runs.setStatus("works", "active")).toMatchObject({ status: "active", meta: { worker: "a" } });
  works.kv.put("step", 4);
}, 60_000);
