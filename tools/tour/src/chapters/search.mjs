/** What the agent wants to know. Few of its words stand in the sections that answer it. */
const QUESTION = "what happens when the machine loses power";
const WAYS = [
  ["keyword", "by words"],
  ["vector", "by meaning"],
  ["hybrid", "by both"],
];
const NOTE = "note/power";
/** Hits shown of each way. */
const SHOWN = 2;
/** Times that each way is measured. */
const REPEATS = 40;

/**
 * What it has read is found by its words, by its meaning, and by both; before a commit in its transaction, afterwards by everybody, but not
 * one version earlier.
 *
 * @param db opened with the tour's embedder, whose target is the space "sections".
 */
export async function search({ db, sources, terminal, costs }) {
  terminal.chapter("5. It searches what it has read");
  searchLibrary(db, sources, terminal, costs);
  const sections = db.in({ space: "sections" });
  await keepSections(db, sections, sectionsOf(sources), terminal);

  terminal.line(`"${QUESTION}":`);
  const count = sections.json.list().length;
  const firsts = WAYS.map(([mode, name]) => {
    const { hits } = sections.search(QUESTION, { mode, k: SHOWN, highlight: true });
    for (const hit of hits) terminal.hit(hit.rank === 1 ? name : "", placeOf(hit), hit.snippet, hit.highlights);
    for (let time = 0; time < REPEATS; time++)
      costs.measure(`search ${count} sections ${name}`, () => sections.search(QUESTION, { mode }));
    return hits[0];
  });
  if (firsts.includes(undefined)) terminal.bad("a way of searching found nothing");
  lookEarlier(db, sections, terminal, costs);
}

/** The whole library, which the first chapter wrote and nobody has indexed. */
function searchLibrary(db, sources, terminal, costs) {
  const library = db.in({ space: "library" });
  const megabytes = sources.files.reduce((sum, { text }) => sum + text.length, 0) / 1e6;
  const query = '"lock file" +crash* -windows';
  const options = { primitives: ["kv"] };
  const { hits } = costs.measure(`first search of ${megabytes.toFixed(1)} MB, which indexes them`, () =>
    library.search(query, { ...options, k: sources.files.length }),
  );
  for (let time = 0; time < REPEATS; time++)
    costs.measure("the same search again, top 10", () => library.search(query, options));
  terminal.good(`${query} is in ${hits.length} of ${sources.files.length} files`);
}

/** Sections of the documents; their vectors come in the background. */
async function keepSections(db, sections, wanted, terminal) {
  const begun = performance.now();
  sections.transaction((txn) => {
    for (const key of txn.json.list()) if (!wanted.has(key)) txn.json.delete(key);
    for (const [key, section] of wanted) {
      if (txn.json.get(key, "$.text") !== section.text) txn.json.put(key, section);
    }
  });
  for (;;) {
    const { pending, failed, lastError } = db.info().embedding;
    if (failed > 0 || lastError !== undefined) terminal.bad(`the embedder failed: ${lastError}`);
    terminal.progress("vectors", wanted.size - Math.min(pending, wanted.size), wanted.size);
    if (pending === 0 || failed > 0 || lastError !== undefined) break;
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
  terminal.good(`${wanted.size} sections with vectors, ${(performance.now() - begun).toFixed(0)} ms`);
  terminal.line("meaning is what the tour's own embedder sees: which words stand near which, no language model");
}

/** The agent answers the question itself: found at once, but not before. */
function lookEarlier(db, sections, terminal, costs) {
  const firstIn = (reader) => reader.search(QUESTION, { mode: "keyword", k: 1 }).hits[0];
  const measured = (step, reader) => {
    for (let time = 0; time < REPEATS; time++) costs.measure(step, () => reader.search(QUESTION, { mode: "keyword" }));
    return firstIn(reader);
  };
  const before = db.version;
  const former = firstIn(sections);
  const text =
    "What happens when the machine loses power: strict commits are there, buffered ones of the last moments may not be.";
  let inside;
  sections.transaction((txn) => {
    txn.json.put(NOTE, { path: NOTE, heading: "Answer", text });
    inside = firstIn(txn);
  });
  const after = firstIn(sections);

  const view = db.at({ version: before });
  const earlier = measured("the same by words one version earlier", view.in({ space: "sections" }));
  view[Symbol.dispose]?.();

  costs.measure("fork a run that is indexed", () => db.runs.fork("default", "forgetful"));
  const fork = db.in({ run: "forgetful", space: "sections" });
  fork.json.delete(NOTE);
  const forked = measured("the same by words in a fork", fork);

  const isNote = (hit) => hit?.ref.key === NOTE;
  const isFormer = (hit) => hit?.ref.key === former?.ref.key && hit?.score === former?.score;
  if (isNote(inside) && isNote(after))
    terminal.good(
      "it notes the answer: its transaction finds the note first, before the commit, and then everybody does",
    );
  else terminal.bad("the note was not found");
  if (isFormer(earlier) && isFormer(forked) && isNote(firstIn(sections)))
    terminal.good(
      `one version earlier it is still ${placeOf(earlier)}, to the last digit of its score; so it is in a fork that forgot the note`,
    );
  else terminal.bad("the past or the fork found something else");
  db.runs.delete("forgetful");
  sections.json.delete(NOTE);
}

/** By key. Documents are cut at their headings, so that a vector is of one thing. */
function sectionsOf({ files }) {
  const sections = new Map();
  for (const { path, text } of files) {
    if (!path.endsWith(".md")) continue;
    for (const [number, part] of text.split(/^(?=#{1,3} )/m).entries()) {
      const heading = /^#{1,3} (.*)/.exec(part)?.[1] ?? path;
      if (part.trim() !== "") sections.set(`${path}#${number}`, { path, heading, text: part });
    }
  }
  return sections;
}

function placeOf(hit) {
  return `${hit.value.path} › ${hit.value.heading}`;
}
