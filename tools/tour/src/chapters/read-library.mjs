/** Every file becomes a document, a text and an event, in one transaction over two spaces. */
export async function readLibrary({ db, sources, terminal, costs }) {
  terminal.chapter("1. The agent reads its library");
  const library = db.in({ space: "library" });
  const journal = db.in({ space: "journal" });
  const begun = performance.now();
  let skipped = 0;
  for (const [position, file] of sources.files.entries()) {
    const document = describe(file);
    if (library.kv.get(`text:${file.path}`) === file.text) skipped++;
    else {
      costs.measure("read a file: document + text + event + progress", () =>
        library.transaction((txn) => {
          txn.json.put(file.path, document);
          txn.kv.put(`text:${file.path}`, file.text);
          const log = txn.in({ space: "journal" });
          log.events.append("file_read", { path: file.path, lines: document.lines, words: document.words });
          log.state.set("progress", { file: file.path, position });
        }),
      );
    }
    terminal.progress("files", position + 1, sources.files.length);
    if (position % 50 === 49) await new Promise(setImmediate);
  }
  const ms = (performance.now() - begun).toFixed(0);
  terminal.good(
    `${sources.files.length - skipped} files read in ${ms} ms${skipped > 0 ? `, ${skipped} were known from before` : ""}`,
  );
  terminal.good(
    `"library" holds ${library.json.list().length} documents, "journal" ${journal.events.len()} events; all of it in transactions across both`,
  );

  const longest = library.json.list().reduce(
    (best, path) => {
      const words = library.json.get(path, "$.words");
      return words > best.words ? { path, words } : best;
    },
    { path: "", words: -1 },
  );
  terminal.line(`longest document: ${longest.path}, ${longest.words} words`);
  const headings = library.json
    .list()
    .filter((path) => path.endsWith(".md"))
    .flatMap((path) => library.json.query(path, "$.headings[?@.level == 1].title"));
  terminal.line(
    `first-level headings, by RFC 9535 query: ${headings.slice(0, 4).join(" · ")}${headings.length > 4 ? " …" : ""}`,
  );
}

function describe({ path, text }) {
  const lines = text.split("\n");
  const headings = path.endsWith(".md")
    ? lines.flatMap((line) => {
        const match = /^(#{1,6}) (.{1,200})$/.exec(line);
        return match ? [{ level: match[1].length, title: match[2] }] : [];
      })
    : [];
  return { path, lines: lines.length, words: text.split(/\s+/).length, headings };
}
