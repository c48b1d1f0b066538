// What is exported here is what `src/vector/kernel.ts` calls. Sources are AssemblyScript, in a form that tools for TypeScript read, too: see `build.mjs`.

export { encodeRow } from "./encode";
export { gatherDistances, gatherProducts, scanDistances, scanProducts } from "./float32";
export { insertIntoGraph, searchGraph } from "./hnsw";
export {
  gatherCodeDistances,
  gatherCodeProducts,
  gatherRowCodeDistances,
  gatherRowCodeProducts,
  scanCodeDistances,
  scanCodeProducts,
} from "./int8";
export { select } from "./select";
