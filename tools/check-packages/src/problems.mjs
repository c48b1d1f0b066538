import { posix } from "node:path";

/** Messages about a packed package; `files` are the paths in the tarball, `readMap` reads a source map among them. */
export function packageProblems(manifest, files, readMap) {
  const present = new Set(files);
  return [
    ...exportProblems(manifest.exports, present),
    ...["README.md", "LICENSE", "package.json"]
      .filter((each) => !present.has(each))
      .map((each) => `${each} is missing`),
    ...files.filter(isForeign).map((file) => `${file} is not for users`),
    ...files.filter((file) => isStale(file, present)).map((file) => `${file} has no source: build again`),
    ...files.filter((file) => file.endsWith(".map")).flatMap((file) => mapProblems(file, readMap(file), present)),
    ...Object.keys(manifest.scripts ?? {})
      .filter((script) => INSTALL_SCRIPTS.has(script))
      .map((script) => `its "${script}" script would run on the machines of users`),
  ];
}

/** What package managers run on a user's machine when they install a package. */
export const INSTALL_SCRIPTS = new Set(["preinstall", "install", "postinstall"]);

function exportProblems(exports, present) {
  return Object.entries(exports ?? {}).flatMap(([subpath, target]) => {
    if (typeof target === "string") return missing(subpath, target, present);
    const conditions = Object.keys(target);
    const isOrdered = conditions[0] === "types" && conditions.at(-1) === "default";
    return [
      ...(isOrdered ? [] : [`exports["${subpath}"] must have "types" first and "default" last`]),
      ...Object.values(target).flatMap((path) => missing(subpath, path, present)),
    ];
  });
}

function missing(subpath, path, present) {
  return present.has(posix.normalize(path)) ? [] : [`exports["${subpath}"] names ${path}, which is missing`];
}

function isForeign(file) {
  return /\.(test|test-d|bench)\.|(^|\/)(fixtures|test-report\.json)|\.tsbuildinfo$/.test(file);
}

/** Output of the compiler whose source is gone; a build removes it. */
function isStale(file, present) {
  const match = /^dist\/(.*?)(\.d\.ts|\.js)(\.map)?$/.exec(file);
  return match !== null && !present.has(`src/${match[1]}.ts`) && !present.has(`src/${match[1]}${match[2]}`);
}

function mapProblems(file, map, present) {
  return map.sources
    .map((source) => posix.normalize(posix.join(posix.dirname(file), source)))
    .filter((source) => !present.has(source))
    .map((source) => `${file} names ${source}, which is missing`);
}
