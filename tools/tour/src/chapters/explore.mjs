import { formatDiff } from "stratadb";

/** Ways to choose the document that a newcomer should read first. Each gets a fork of the run to try itself in. */
const STRATEGIES = [
  ["shortest", (document) => -document.words],
  ["longest", (document) => document.words],
  ["most-headings", (document) => document.headings.length],
  ["densest", (document) => document.headings.length / Math.max(1, document.lines)],
  ["middling", (document) => -Math.abs(document.words - 600)],
];

/** The run is forked five ways, each fork writes its proposal, the best one is merged back, and the run is replayed from its log. */
export function explore({ db, terminal, costs }) {
  terminal.chapter("6. Five forks try five ideas, and the best one is merged");
  const library = db.in({ space: "library" });
  const documents = library.json.list().filter((path) => path.endsWith(".md"));
  const names = STRATEGIES.map(([name]) => `idea-${name}`);
  for (const name of names) if (db.runs.exists(name)) db.runs.delete(name);
  costs.measure("fork a run five ways", () => db.runs.forkMany("analysis", names));

  for (const [name, rank] of STRATEGIES) {
    const fork = db.in({ run: `idea-${name}` });
    const choice = best(documents.map((path) => ({ path, rank: rank(library.json.get(path)) })));
    fork.transaction((txn) => {
      txn.json.set("advice", "$.readFirst", choice.path);
      txn.json.set("advice", "$.because", name);
      txn.events.append("proposed", { strategy: name, path: choice.path });
    });
  }

  const winner = best(
    STRATEGIES.map(([name]) => ({ name, rank: worth(library, db.in({ run: `idea-${name}` })) })),
  ).name;
  const before = db.in({ run: "analysis" }).version;
  const merged = costs.measure("merge a fork", () =>
    db.runs.merge(`idea-${winner}`, "analysis", { strategy: "theirs" }),
  );
  const again = db.runs.merge(`idea-${winner}`, "analysis");
  terminal.line(`"${winner}" won: read ${db.in({ run: "analysis" }).json.get("advice", "$.readFirst")} first`);
  terminal.good(`its ${merged.applied} changes were merged in one commit; merging it again changed ${again.applied}`);

  const diff = costs.measure("diff a run before and after", () =>
    db.runs.diff({ run: "analysis", at: { version: before } }, "analysis"),
  );
  for (const line of formatDiff(diff, { maxLines: 4 }).split("\n")) terminal.line(`  ${line}`);
  for (const name of names) db.runs.delete(name);

  const live = db.in({ run: "analysis" }).at();
  const replayed = costs.measure("replay a run from its log", () => db.runs.replay("analysis"));
  if (replayed.digest() === live.digest()) {
    terminal.good(
      `replaying ${replayed.operationCount} operations from the log gives the same digest, ${live.digest().slice(0, 16)}…`,
    );
  } else terminal.bad("the replay of the log differs from the database");
}

/** How good a first read is: a few hundred words, in sections. */
function worth(library, fork) {
  const document = library.json.get(fork.json.get("advice", "$.readFirst"));
  return Math.min(document.headings.length, 12) * 50 - Math.abs(document.words - 700);
}

function best(candidates) {
  return candidates.reduce((first, second) => (second.rank > first.rank ? second : first));
}
