/** The past stays readable. */
export function lookBack({ db, terminal }) {
  terminal.chapter("4. It looks back");
  const journal = db.in({ space: "journal" });
  const versions = journal.state.history("progress");
  const middle = versions[Math.floor(versions.length / 2)];
  if (middle === undefined) return;
  withView(db.at({ version: middle.version }), (view) => {
    const then = view.in({ space: "journal" });
    const documents = view.in({ space: "library" }).json.list().length;
    terminal.good(
      `at version ${middle.version} it had read ${then.events.len()} files into ${documents} documents and stood at ${then.state.read("progress").file}`,
    );
    terminal.line(`the progress cell has ${versions.length} versions, and each of them can be read`);
  });
}

/** Gives a view to `work` and lets it go afterwards: what `using` does where the language has it. */
function withView(view, work) {
  try {
    work(view);
  } finally {
    view[Symbol.dispose]?.();
  }
}
