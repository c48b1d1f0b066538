#!/usr/bin/env node
/**
 * Writes the JavaScript entry of cbor-x as one module, with its licence and its types, to `src/vendor/` (or, with
 * `--into dist`, copies that folder to `dist/vendor/`). cbor-x itself is no runtime dependency of ours because its
 * optional native companion has an install script.
 */
import { copyFileSync, existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";

const packageDir = dirname(dirname(fileURLToPath(import.meta.url)));
const vendorDir = join(packageDir, "src", "vendor");

const intoDist = process.argv.includes("--into");
if (intoDist) copyToDist();
else await writeVendor();

function copyToDist() {
  const target = join(packageDir, "dist", "vendor");
  mkdirSync(target, { recursive: true });
  for (const file of readdirSync(vendorDir)) copyFileSync(join(vendorDir, file), join(target, file));
}

async function writeVendor() {
  const cborDir = join(packageDir, "node_modules", "cbor-x");
  const { version } = JSON.parse(readFileSync(join(cborDir, "package.json"), "utf8"));
  const banner = `// cbor-x ${version}, bundled. MIT licence, see LICENSE-cbor-x in this folder.`;
  const bundle = join(vendorDir, "cbor-x.js");
  if (existsSync(bundle) && readFileSync(bundle, "utf8").startsWith(banner)) return;

  mkdirSync(vendorDir, { recursive: true });
  const result = await build({
    // `index.js` is the entry for browsers: encoder, decoder and iterators, without streams and the native add-on.
    entryPoints: [join(cborDir, "index.js")],
    bundle: true,
    write: false,
    format: "esm",
    platform: "neutral",
    target: "es2023",
    banner: { js: banner },
  });
  writeFileSync(join(vendorDir, "LICENSE-cbor-x"), readFileSync(join(cborDir, "LICENSE")));
  writeFileSync(join(vendorDir, "cbor-x.d.ts"), portableTypes(readFileSync(join(cborDir, "index.d.ts"), "utf8")));
  // Last: its first line says that the folder is complete.
  writeFileSync(bundle, result.outputFiles[0].contents);
}

/** The types of cbor-x without those of Node: no streams, and a plain `Uint8Array` where it says `Buffer`. */
function portableTypes(types) {
  return types
    .replace(/^import .* from 'stream'$/m, "")
    .replace(/^export class \w+Stream extends Transform \{[^}]*\}[^}]*\}$/gm, "")
    .replace(/^export as namespace .*$/m, "")
    .replaceAll("Buffer | Uint8Array", "Uint8Array")
    .replaceAll(/\bBuffer\b/g, "Uint8Array");
}
