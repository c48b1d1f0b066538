const WORKERS = 4;
const ROUNDS = 25;

/**
 * Two runs, isolated from each other. In one, four agents count words into the same document at the same time: they conflict, and retry.
 * In the other, an experiment that nobody sees.
 */
export async function collaborate({ db, terminal, costs }) {
  terminal.chapter("3. Four agents count into one document, a fifth experiments apart");
  for (const name of ["analysis", "experiment"]) if (!db.runs.exists(name)) db.runs.create(name, { purpose: "tour" });
  const analysis = db.in({ run: "analysis" });
  const library = db.in({ space: "library" });
  analysis.json.put("totals", { words: 0, files: 0, byAgent: {} });

  const paths = library.json.list();
  const before = db.metrics().totalAborted;
  const agent = async (number) => {
    for (let round = 0; round < ROUNDS; round++) {
      const path = paths[(number * ROUNDS + round) % paths.length];
      const words = library.json.get(path, "$.words");
      await costs.measureAsync("count a file under contention, retries included", () =>
        analysis.transaction(
          async (txn) => {
            const total = txn.json.get("totals", "$.words");
            await thinking();
            txn.json.set("totals", "$.words", total + words);
            txn.json.increment("totals", "$.files");
            txn.json.increment("totals", ["byAgent", `agent-${number}`]);
            txn.events.append("counted", { agent: number, path, words });
          },
          { retry: { maxRetries: 500, baseDelayMs: 0, maxDelayMs: 2 } },
        ),
      );
    }
  };
  await Promise.all(Array.from({ length: WORKERS }, (_, number) => agent(number)));

  const conflicts = db.metrics().totalAborted - before;
  const totals = analysis.json.get("totals");
  const counted = WORKERS * ROUNDS;
  terminal.line(`${counted} files counted, ${conflicts} times somebody else was first and the work was done again`);
  if (totals.files === counted && totals.words === sumOf(analysis, counted))
    terminal.good(
      `the total is ${totals.words} words, exactly what the last ${counted} events add up to: no update was lost`,
    );
  else terminal.bad(`the total is ${totals.words} words, the events say ${sumOf(analysis, counted)}`);

  const experiment = db.in({ run: "experiment" });
  experiment.json.put("totals", { words: -1, note: "what if nothing were counted?" });
  if (analysis.json.get("totals", "$.words") === totals.words && !experiment.json.exists("totals", "$.byAgent")) {
    terminal.good('run "experiment" wrote the same document; run "analysis" never noticed');
  } else terminal.bad("the two runs are not apart");
}

/** Words in the last `count` events: those of this tour, also when the database has seen others. */
function sumOf(analysis, count) {
  const length = analysis.events.len();
  return analysis.events.range(length - count, length).reduce((sum, event) => sum + event.payload.words, 0);
}

/** A moment in which other agents work, as while waiting for a model. */
function thinking() {
  return new Promise(setImmediate);
}
