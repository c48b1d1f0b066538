import { execFileSync } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";
import { dirname, extname, join, relative, sep } from "node:path";
import { fileURLToPath } from "node:url";

const root = dirname(dirname(dirname(dirname(fileURLToPath(import.meta.url)))));
const TEXTS = new Set([".md", ".ts", ".mjs", ".json"]);
const SKIPPED = new Set(["node_modules", "dist", "vendor", "coverage", "test-report.json"]);
const COMMITS_MAX = 5000;

/** The real input of the tour: what lies in this checkout. Without git, or in an archive without history, there are no commits. */
export function findSources() {
  return { files: [...textFiles(root)], commits: commits() };
}

function* textFiles(folder) {
  for (const entry of readdirSync(folder, { withFileTypes: true }).sort((a, b) => (a.name < b.name ? -1 : 1))) {
    if (SKIPPED.has(entry.name) || entry.name.startsWith(".")) continue;
    const path = join(folder, entry.name);
    if (entry.isDirectory()) yield* textFiles(path);
    else if (TEXTS.has(extname(entry.name)))
      yield { path: relative(root, path).split(sep).join("/"), text: readFileSync(path, "utf8") };
  }
}

/** Oldest first. */
function commits() {
  try {
    const options = { cwd: root, encoding: "utf8", maxBuffer: 64 * 1024 * 1024, stdio: ["ignore", "pipe", "ignore"] };
    const log = execFileSync("git", ["log", `--max-count=${COMMITS_MAX}`, "--format=%H%x09%ct%x09%s"], options);
    return log
      .split("\n")
      .filter((line) => line !== "")
      .map((line) => {
        const [hash, seconds, ...subject] = line.split("\t");
        return { hash, committedAt: Number(seconds), subject: subject.join("\t") };
      })
      .reverse();
  } catch {
    return [];
  }
}
