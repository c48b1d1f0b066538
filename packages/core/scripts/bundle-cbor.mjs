#!/usr/bin/env node
/**
 * Writes the JavaScript of cbor-x's encoder as one module, with its licence and types, to `src/vendor/` (or, with
 * `--into dist`, copies that folder to `dist/vendor/`). cbor-x itself is no runtime dependency of ours because its
 * optional native companion has an install script.
 */
import { copyFileSync, existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";

const packageDir = dirname(dirname(fileURLToPath(import.meta.url)));
const vendorDir = join(packageDir, "src", "vendor");

// What we use of it. cbor-x's own declarations need the types of Node.
const DECLARATIONS = `/** Encodings begin at \`start\` and end at \`end\` of the encoder's own buffer. */
export interface ReusedBuffer extends Uint8Array {
  readonly start: number;
  readonly end: number;
}
export declare class Encoder {
  constructor(options: { useRecords: boolean; variableMapSize: boolean; tagUint8Array: boolean });
  /** \`mode\` has \`REUSE_BUFFER_MODE\`. */
  encode(value: unknown, mode: number): ReusedBuffer;
}
/** The result is the encoder's own buffer. */
export declare const REUSE_BUFFER_MODE: number;
/** The next encoding begins where this one began. */
export declare const RESET_BUFFER_MODE: number;
`;

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
  const banner = `// The encoder of cbor-x ${version}, bundled. MIT licence, see LICENSE-cbor-x in this folder.`;
  const bundle = join(vendorDir, "cbor-x.js");
  if (existsSync(bundle) && readFileSync(bundle, "utf8").startsWith(banner)) return;

  mkdirSync(vendorDir, { recursive: true });
  const result = await build({
    // Not the package's entries: they bring streams and the native add-on.
    stdin: {
      contents: 'export { Encoder, RESET_BUFFER_MODE, REUSE_BUFFER_MODE } from "./encode.js";',
      resolveDir: cborDir,
    },
    bundle: true,
    write: false,
    format: "esm",
    platform: "neutral",
    target: "es2023",
    banner: { js: banner },
  });
  writeFileSync(join(vendorDir, "LICENSE-cbor-x"), readFileSync(join(cborDir, "LICENSE")));
  writeFileSync(join(vendorDir, "cbor-x.d.ts"), DECLARATIONS);
  // Last: its first line says that the folder is complete.
  writeFileSync(bundle, result.outputFiles[0].contents);
}
