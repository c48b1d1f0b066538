/** The commits of this checkout become an event log whose hashes chain. */
export async function readHistory({ db, sources, terminal, costs }) {
  terminal.chapter("2. It reads the project's history");
  if (sources.commits.length === 0) {
    terminal.line("this checkout has no git history; skipped");
    return;
  }
  const history = db.in({ space: "history" });
  const known = history.events.len();
  const fresh = sources.commits.slice(known);
  for (let start = 0; start < fresh.length; start += 100) {
    const batch = fresh.slice(start, start + 100).map((commit) => ({ type: "commit", payload: commit }));
    costs.measure("append up to 100 events in one commit", () => history.events.appendMany(batch));
    terminal.progress("commits", Math.min(start + 100, fresh.length), fresh.length);
  }
  const report = costs.measure("verify an event chain", () => history.events.verify());
  const head = history.events.head();
  if (report.valid)
    terminal.good(`${report.length} commits as events; the chain verifies, head ${head.hash.slice(0, 16)}…`);
  else terminal.bad(`the chain breaks at ${report.firstInvalid}: ${report.reason}`);
}
