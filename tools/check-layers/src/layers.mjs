/**
 * The architecture as data. A package is named by its folder in `packages/`.
 *
 * - `imports`: the packages it may import. `types`: those of which it may import types only.
 * - `testImports`: what its tests may import besides.
 * - `portable`: it runs in a browser and so uses nothing of Node.
 * - `portFiles`: where the real clock, chance and timers are bound to the port; `"all"` for packages whose business they are.
 */
export const layers = {
  core: { imports: [], portable: true, portFiles: ["src/clock.ts", "src/random.ts", "src/runtime.ts", "src/timer.ts"] },
  storage: { imports: ["core"], portable: true },
  concurrency: { imports: ["core", "storage"], portable: true },
  durability: { imports: ["core"], portable: true, portFiles: ["src/timer.ts"] },
  "durability-file": { imports: ["core", "durability"], portFiles: "all" },
  engine: { imports: ["core", "storage", "concurrency", "durability"], portable: true },
  intelligence: { imports: ["core", "storage", "engine"], testImports: ["durability"], portable: true },
  api: { imports: ["core", "engine", "intelligence"], portable: true },
  stratadb: {
    imports: ["core", "storage", "concurrency", "durability", "durability-file", "engine", "intelligence", "api"],
    portFiles: "all",
  },
};
