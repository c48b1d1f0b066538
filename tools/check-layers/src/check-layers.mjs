import { existsSync, readdirSync, readFileSync } from "node:fs";
import { builtinModules } from "node:module";
import { join, relative, resolve, sep } from "node:path";
import { readSourceFile } from "./source-file.mjs";

const NODE_GLOBALS = new Set(["Buffer", "process", "require", "module", "__dirname", "__filename", "global"]);

/** What the runtime port stands for: a test cannot own a moment, a number or a timer that comes from these. */
const PORT_GLOBALS = new Set([
  "Date.now",
  "new Date()",
  "Math.random",
  "performance.now",
  "performance.timeOrigin",
  "crypto.randomUUID",
  "crypto.getRandomValues",
  "setTimeout",
  "setInterval",
  "setImmediate",
]);

/**
 * Holds the packages under `rootDir/packages` against `layers` (the shape is told in layers.mjs).
 *
 * @returns one `{ file, line, message }` per violation, in the order of files; the paths are relative to `rootDir`.
 */
export function checkLayers(rootDir, layers) {
  const packagesDir = join(rootDir, "packages");
  return readdirSync(packagesDir, { withFileTypes: true })
    .filter((entry) => entry.isDirectory() && existsSync(join(packagesDir, entry.name, "package.json")))
    .map((entry) => entry.name)
    .sort()
    .flatMap((name) => checkPackage(join(packagesDir, name), name, layers))
    .map(({ file, ...rest }) => ({ file: relative(rootDir, file).split(sep).join("/"), ...rest }));
}

function checkPackage(packageDir, name, layers) {
  const manifestPath = join(packageDir, "package.json");
  const layer = layers[name];
  if (layer === undefined) {
    return [{ file: manifestPath, line: 1, message: `packages/${name} has no place in the map of layers` }];
  }
  const manifest = JSON.parse(readFileSync(manifestPath, "utf8"));
  const context = { packageDir, name, layer, manifest };
  return [
    ...checkDependencies(context, manifestPath),
    ...sourceFiles(packageDir).flatMap((file) => checkFile(context, file)),
  ];
}

function checkDependencies({ name, layer, manifest }, manifestPath) {
  const allowed = new Set([...layer.imports, ...(layer.types ?? [])]);
  return Object.keys({ ...manifest.dependencies, ...manifest.optionalDependencies, ...manifest.peerDependencies })
    .map(layerOf)
    .filter((target) => target !== undefined && !allowed.has(target))
    .map((target) => ({ file: manifestPath, line: 1, message: `${name} must not depend on ${target}` }));
}

function sourceFiles(packageDir) {
  return readdirSync(packageDir, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && /\.(ts|mts|mjs)$/.test(entry.name) && !entry.name.endsWith(".d.ts"))
    .map((entry) => join(entry.parentPath, entry.name))
    .filter((file) => ["src", "test"].includes(relative(packageDir, file).split(sep)[0]))
    .filter((file) => !/[\\/](node_modules|vendor)[\\/]/.test(file))
    .sort();
}

function checkFile(context, file) {
  const path = relative(context.packageDir, file).split(sep).join("/");
  const { imports, globals } = readSourceFile(file, readFileSync(file, "utf8"));
  const rules = rulesFor(context, path);
  return [
    ...imports.flatMap((each) => reasons(rules.importReason(each, file), each.line)),
    ...globals.flatMap((each) => reasons(rules.globalReason(each), each.line)),
  ]
    .sort((a, b) => a.line - b.line)
    .map((violation) => ({ file, ...violation }));
}

function reasons(message, line) {
  return message === undefined ? [] : [{ line, message }];
}

/** The two questions that are asked of a file: may it import this, and may it use this global? `undefined` means yes. */
function rulesFor({ packageDir, name, layer, manifest }, path) {
  const isTest = /\.(test|test-d|bench)\.m?ts$/.test(path) || path.startsWith("test/");
  const isSuite = /^src\/(testing|conformance)\//.test(path);
  const mayUseNode = !layer.portable || isTest;
  const isPortFile = layer.portFiles === "all" || (layer.portFiles ?? []).includes(path);
  const mayUseTimeAndChance = isTest || isSuite || isPortFile;
  const declared = declaredDependencies(manifest, isTest);

  return {
    importReason({ specifier, isType }, file) {
      if (specifier.startsWith(".")) {
        const isInside = resolve(file, "..", specifier).startsWith(packageDir + sep);
        return isInside ? undefined : `"${specifier}" leaves the package: import packages by name`;
      }
      if (isNodeModule(specifier)) {
        return mayUseNode ? undefined : `${name} runs in browsers too and must not import "${specifier}"`;
      }
      const target = layerOf(specifier);
      if (target === name) return isTest ? undefined : `${name} imports itself by name: use a relative path`;
      const mayTest = isTest && layer.testImports?.includes(target);
      if (target !== undefined && !layer.imports.includes(target) && !mayTest) {
        if (!layer.types?.includes(target)) return `${name} must not import ${target}`;
        if (!isType && !isTest) return `${name} may import only types of ${target}: write import type`;
      }
      const dependency = packageOf(specifier);
      return declared.has(dependency) ? undefined : `"${dependency}" is not a dependency in ${name}'s package.json`;
    },

    globalReason({ name: global }) {
      const [head] = global.split(".");
      if (NODE_GLOBALS.has(head) && !mayUseNode && !isPortFile)
        return `${head} is Node's: ${name} runs in browsers too`;
      if (mayUseTimeAndChance) return undefined;
      const port = [...PORT_GLOBALS].find((each) => global === each || global.startsWith(`${each}.`));
      return port === undefined ? undefined : `${port} is not for tests to own: take it from the injected runtime`;
    },
  };
}

function declaredDependencies(manifest, isTest) {
  const shipped = { ...manifest.dependencies, ...manifest.optionalDependencies, ...manifest.peerDependencies };
  // The workspace root brings vitest to every package.
  return new Set(Object.keys(isTest ? { ...shipped, ...manifest.devDependencies, vitest: "" } : shipped));
}

function isNodeModule(specifier) {
  return specifier.startsWith("node:") || builtinModules.includes(specifier);
}

/** `storage` for `@strata/storage/testing`, `stratadb` for `stratadb`, `undefined` for packages that are not ours. */
function layerOf(specifier) {
  const dependency = packageOf(specifier);
  return dependency === "stratadb" ? dependency : /^@strata\/(.+)$/.exec(dependency)?.[1];
}

function packageOf(specifier) {
  return specifier
    .split("/")
    .slice(0, specifier.startsWith("@") ? 2 : 1)
    .join("/");
}
