import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { Strata } from "../src/index.js";
import { start } from "./child-process.js";
import { newDirectory } from "./directories.js";
import { expectCode, expectRejection } from "./expect-code.js";

/**
 * An agent that pays and then writes a report. What it does outside is told on its output. It says where it is and waits there for ever when
 * the place is the one it is asked to die at.
 */
const AGENT = `
  import { Strata } from "stratadb";
  const [path, dieAt] = process.argv.slice(-2);
  const db = Strata.open(path, { durability: "buffered" });
  const recorder = db.recorder("agent");
  const say = (...words) => console.log(JSON.stringify(words));
  const at = (place) => {
    if (place !== dieAt) return;
    say("at", place);
    setInterval(() => {}, 1000);
    return new Promise(() => {});
  };
  const began = recorder.now();
  const order = recorder.uuid();
  const receipt = await recorder.call("pay", { order, amount: 40 }, async ({ idempotencyKey }) => {
    say("pays", idempotencyKey);
    await at("paying");
    return { receipt: "r-" + order };
  }, { commit: (txn, result) => {
    txn.state.update("budget", (budget) => Number(budget ?? 100) - 40);
    txn.events.append("paid", result);
  } });
  await at("paid");
  const report = await recorder.call("report", receipt, async ({ idempotencyKey }) => {
    say("reports", idempotencyKey);
    await at("reporting");
    return "report of " + receipt.receipt;
  });
  say("done", began, order, report);
  await at("done");
  db.close();
`;

type Words = [string, ...unknown[]];

/** Starts the agent, lets it go on to the place, and kills it there. @returns what it said. */
async function runAndKill(path: string, place: string): Promise<Words[]> {
  const program = start(AGENT, path, place);
  const said: Words[] = [];
  for (;;) {
    const line = await program.line();
    expect(line, `the agent ended before it was ${place}`).toBeDefined();
    const words = JSON.parse(line as string) as Words;
    if (words[0] === "at") break;
    said.push(words);
  }
  program.kill();
  await program.ended;
  return said;
}

describe("a process that is killed", () => {
  test("between effect and commit repeats the effect with the same idempotency key, and nothing it had committed", async () => {
    const path = join(newDirectory(), "db");
    const first = await runAndKill(path, "paying");
    const second = await runAndKill(path, "paying");
    expect(first).toEqual(second);
    expect(first).toEqual([["pays", expect.stringMatching(/^[0-9a-f]{64}$/)]]);

    const third = await runAndKill(path, "paid");
    expect(third).toEqual(first);
    const fourth = await runAndKill(path, "reporting");
    expect(fourth.map(([what]) => what)).toEqual(["reports"]);
    const fifth = await runAndKill(path, "done");
    expect(fifth[0]).toEqual(fourth[0]);
    const [, , order, report] = fifth[1] as Words;
    expect(report).toBe(`report of r-${order}`);
    expect(await runAndKill(path, "done")).toEqual([fifth[1]]);

    using db = Strata.open(path);
    expect(db.state.readVersioned("budget")).toMatchObject({ value: 60, counter: 1 });
    expect(db.events.range(0, 9).map(({ payload }) => payload)).toEqual([{ receipt: `r-${order}` }]);
    expect(db.runs.replay("default").digest({ history: true })).toBe(db.at().digest({ history: true }));
  }, 60_000);

  test("leaves steps that another process replays, also one that only reads, and a fork", async () => {
    const path = join(newDirectory(), "db");
    const said = await runAndKill(path, "done");
    const [, began, order, report] = said.at(-1) as Words;
    const replay = async (db: Pick<Strata, "recorder">, replay: boolean) => {
      const recorder = db.recorder("agent", { replay });
      const effect = () => expect.fail("the effect ran");
      const shown = [recorder.now(), recorder.uuid()];
      const receipt = await recorder.call("pay", { order: shown[1], amount: 40 }, effect as () => object);
      return [...shown, await recorder.call("report", receipt, effect as () => string)];
    };
    const writer = Strata.open(path);
    writer.runs.fork("default", "again");
    expect(await replay(writer.in({ run: "again" }), false)).toEqual([began, order, report]);
    writer.close();
    using reader = Strata.open(path, { readOnly: true });
    for (const mode of [true, false]) expect(await replay(reader, mode)).toEqual([began, order, report]);
    const recorder = reader.recorder("agent");
    await expectRejection("READ_ONLY", () => recorder.call("new", 1, () => expect.fail("the effect ran") as string));
    expectCode("READ_ONLY", () => reader.recorder("fresh").now());
  }, 60_000);
});
