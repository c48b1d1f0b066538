import { existsSync, readFileSync, realpathSync } from "node:fs";
import { dirname, join } from "node:path";
import { expect, test } from "vitest";

interface PackageFile {
  readonly name: string;
  readonly scripts?: Readonly<Record<string, string>>;
  readonly dependencies?: Readonly<Record<string, string>>;
  readonly optionalDependencies?: Readonly<Record<string, string>>;
  readonly peerDependencies?: Readonly<Record<string, string>>;
  readonly peerDependenciesMeta?: Readonly<Record<string, { readonly optional?: boolean }>>;
}

/** The installed package and everything that is installed because of it, by directory. */
function closure(name: string, from: string, found = new Map<string, PackageFile>()): Map<string, PackageFile> {
  let directory = from;
  while (!existsSync(join(directory, "node_modules", name, "package.json"))) {
    if (directory === dirname(directory)) throw new Error(`${name} is not installed for ${from}`);
    directory = dirname(directory);
  }
  const home = realpathSync(join(directory, "node_modules", name));
  if (found.has(home)) return found;
  const file: PackageFile = JSON.parse(readFileSync(join(home, "package.json"), "utf8"));
  found.set(home, file);
  const peers = Object.keys(file.peerDependencies ?? {}).filter((peer) => !file.peerDependenciesMeta?.[peer]?.optional);
  for (const needed of [...Object.keys({ ...file.dependencies, ...file.optionalDependencies }), ...peers]) {
    closure(needed, home, found);
  }
  return found;
}

test("installing the addon runs nothing: no package it brings has an install script or a build", () => {
  const packages = closure("fs-native-extensions", import.meta.dirname);
  expect([...packages.values()].map((file) => file.name)).toContain("require-addon");
  for (const [directory, { name, scripts = {} }] of packages) {
    for (const script of ["preinstall", "install", "postinstall", "prepare"]) {
      expect(scripts, name).not.toHaveProperty(script);
    }
    // npm builds whatever has one, without being told to.
    expect(existsSync(join(directory, "binding.gyp")), name).toBe(false);
  }
});
