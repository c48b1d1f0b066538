import { existsSync, readFileSync, realpathSync } from "node:fs";
import { dirname, join } from "node:path";
import { INSTALL_SCRIPTS } from "./problems.mjs";

/**
 * Walks everything that installing the package in `dir` brings, optional dependencies included.
 *
 * @returns `visited`: the names; `scripts`: a message for each package that would run something while it is installed, a
 * `binding.gyp` included, because npm builds that without being asked.
 */
export function installScripts(dir) {
  const visited = new Map();
  visit(realpathSync(dir), visited);
  return {
    visited: [...visited.values()].map(({ name }) => name),
    scripts: [...visited].flatMap(([packageDir, manifest]) => scriptsOf(packageDir, manifest)),
  };
}

function visit(packageDir, visited) {
  if (visited.has(packageDir)) return;
  const manifest = JSON.parse(readFileSync(join(packageDir, "package.json"), "utf8"));
  visited.set(packageDir, manifest);
  for (const name of Object.keys({ ...manifest.dependencies, ...manifest.optionalDependencies })) {
    const dependencyDir = find(name, packageDir);
    if (dependencyDir !== undefined) visit(dependencyDir, visited);
    else if (!(name in (manifest.optionalDependencies ?? {}))) throw new Error(`${manifest.name} misses ${name}`);
  }
}

/** As Node looks for packages: in `node_modules` of this folder, then of each one above it. */
function find(name, fromDir) {
  for (let dir = fromDir; ; dir = dirname(dir)) {
    const candidate = join(dir, "node_modules", name);
    if (existsSync(join(candidate, "package.json"))) return realpathSync(candidate);
    if (dir === dirname(dir)) return undefined;
  }
}

function scriptsOf(packageDir, { name, scripts = {} }) {
  const found = Object.keys(scripts).filter((script) => INSTALL_SCRIPTS.has(script));
  if (existsSync(join(packageDir, "binding.gyp"))) found.push("binding.gyp");
  return found.map((script) => `${name}: ${script}`);
}
