import { existsSync, readFileSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { readPage } from "./page.mjs";

/** Messages about the links of `page` (from `readPage`) that lead nowhere; links to other sites are not followed. */
export function brokenLinks(rootDir, path, page) {
  return page.links.flatMap(({ line, target }) => {
    const reason = brokenBecause(rootDir, path, page, target);
    return reason === undefined ? [] : [`${path}:${line} (${target}) ${reason}`];
  });
}

function brokenBecause(rootDir, path, page, target) {
  if (/^[a-z][a-z0-9+.-]*:/i.test(target)) return undefined;
  if (target.startsWith("/")) return "is absolute: write it relative to the page";
  const [file, fragment] = target.split("#").map(decodeURIComponent);
  const wanted = resolve(rootDir, dirname(path), file);
  if (!wanted.startsWith(resolve(rootDir))) return "leads out of the repository";
  if (file !== "" && !existsSync(wanted)) return "does not exist";
  if (fragment === undefined || (file !== "" && !file.endsWith(".md"))) return undefined;
  const anchors = file === "" ? page.anchors : readPage(file, readFileSync(join(wanted), "utf8")).anchors;
  return anchors.has(fragment.toLowerCase()) ? undefined : "names a heading that is not there";
}
