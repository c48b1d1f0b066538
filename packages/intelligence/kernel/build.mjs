// Compiles the kernel and writes its bytes to src/vector/kernel-bytes.ts: `node kernel/build.mjs` in packages/intelligence, after every change of a
// source in this folder. Users and the package's own build take the written bytes; a test compiles again and compares.

import { readFile, writeFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import asc from "assemblyscript/asc";

const FOLDER = new URL("./", import.meta.url);
const OUTPUT = new URL("../src/vector/kernel-bytes.ts", import.meta.url);

/**
 * What the compiler reads: a line `// @inline` above a function stands for AssemblyScript's decorator, which linters of TypeScript do not parse.
 */
async function readSource(name) {
  const text = await readFile(new URL(name, FOLDER), "utf8").catch(() => null);
  return text?.replaceAll(/^\/\/ @inline$/gm, "@inline") ?? null;
}

/** The compiled module. With relaxed SIMD it needs instructions that older engines do not have. */
export async function compileKernel(isRelaxed) {
  let bytes;
  const messages = [];
  const options = ["--runtime", "stub", "--importMemory", "--noAssert", "-O3", "--enable", "simd"];
  if (isRelaxed) options.push("--enable", "relaxed-simd");
  const { error } = await asc.main(["index.ts", "--outFile", "kernel.wasm", ...options], {
    stdout: { write: () => {} },
    stderr: { write: (text) => messages.push(String(text)) },
    readFile: readSource,
    writeFile: (name, contents) => {
      if (name.endsWith(".wasm")) bytes = contents;
    },
    listFiles: () => [],
  });
  if (error || bytes === undefined) throw new Error(`the kernel does not compile\n${messages.join("")}`);
  return bytes;
}

/** The generated source file. */
export async function kernelBytesSource() {
  const plain = Buffer.from(await compileKernel(false)).toString("base64");
  const relaxed = Buffer.from(await compileKernel(true)).toString("base64");
  return `// Written by kernel/build.mjs from the sources in kernel/. Do not edit.

/** WebAssembly with SIMD, in base64. */
export const PLAIN_KERNEL =
  "${plain}";

/** The same with relaxed SIMD. */
export const RELAXED_KERNEL =
  "${relaxed}";
`;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) await writeFile(OUTPUT, await kernelBytesSource());
