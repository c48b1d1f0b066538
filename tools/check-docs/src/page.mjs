/** Languages that a reader takes for runnable. Only `ts` is run, so the others would be promises nobody keeps. */
const NEVER_RUN = new Set(["typescript", "tsx", "js", "javascript", "mjs", "jsx", "mts"]);

/**
 * Reads one Markdown page.
 *
 * @param path of the page, for messages: relative to the root.
 * @returns `programs`: `{ path, line, text }`, where `line` is that of the first fence and `text` has every line of code on
 * the line where the page has it, so that errors point into the page; `links`: `{ line, target }`; `anchors`: the slugs of
 * its headings; `problems`: messages about fences that break the rules (README.md of this tool).
 */
export function readPage(path, markdown) {
  const lines = markdown.split(/\r?\n/);
  const fences = [];
  const links = [];
  const anchors = new Set();
  let open;

  lines.forEach((content, position) => {
    const line = position + 1;
    const marker = /^(\s*)(`{3,}|~{3,})(.*)$/.exec(content);
    if (open !== undefined) {
      const isClosing = marker?.[2].startsWith(open.marker) && marker[3].trim() === "";
      if (isClosing) open = undefined;
      else open.code.push({ line, content: withoutIndent(content, open.indent) });
    } else if (marker) {
      const [language = "", ...words] = marker[3].trim().split(/\s+/);
      open = { line, indent: marker[1].length, marker: marker[2], language, words, code: [] };
      fences.push(open);
    } else {
      addAnchor(anchors, content);
      links.push(...linksIn(content).map((target) => ({ line, target })));
    }
  });

  return { programs: programsOf(path, fences, lines.length), links, anchors, problems: problemsOf(path, fences) };
}

function programsOf(path, fences, lineCount) {
  const programs = [];
  for (const fence of fences.filter(({ language }) => language === "ts")) {
    const continues = fence.words.includes("continues") || !fence.code.some(({ content }) => /^import\b/.test(content));
    if (!continues || programs.length === 0) programs.push({ line: fence.line, code: [] });
    programs.at(-1).code.push(...fence.code);
  }
  return programs.map(({ line, code }) => {
    const padded = new Array(lineCount).fill("");
    for (const each of code) padded[each.line - 1] = each.content;
    return { path, line, text: `${padded.join("\n").trimEnd()}\n` };
  });
}

function problemsOf(path, fences) {
  return fences.flatMap(({ line, language, words }) => {
    if (NEVER_RUN.has(language)) return [`${path}:${line} "${language}" fences are not run: write ts`];
    const unknown = words.filter((word) => word !== "continues");
    return language === "ts" && unknown.length > 0
      ? [`${path}:${line} a ts fence may say "continues" and nothing else, not "${unknown.join(" ")}"`]
      : [];
  });
}

function withoutIndent(content, indent) {
  return content.slice(0, indent).trim() === "" ? content.slice(indent) : content;
}

function linksIn(content) {
  const prose = content.replaceAll(/`[^`]*`/g, "");
  const inline = [...prose.matchAll(/\]\(\s*<?([^)\s>]+)>?[^)]*\)/g)];
  const definition = /^\s*\[[^\]]+\]:\s*<?([^\s>]+)>?/.exec(prose);
  return (definition ? [...inline, definition] : inline).map((match) => match[1]);
}

/** As repository hosts do it: lower case, punctuation dropped, spaces to hyphens, a number where it repeats. */
function addAnchor(anchors, content) {
  const heading = /^#{1,6}\s+(.*?)\s*#*$/.exec(content);
  if (!heading) return;
  const text = heading[1].replaceAll(/\[([^\]]*)\]\([^)]*\)/g, "$1");
  const slug = text
    .toLowerCase()
    .replaceAll(/[^\p{L}\p{N}\s_-]/gu, "")
    .replaceAll(/\s/g, "-");
  let unique = slug;
  for (let count = 1; anchors.has(unique); count++) unique = `${slug}-${count}`;
  anchors.add(unique);
}
