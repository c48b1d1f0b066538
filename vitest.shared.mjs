import { readdirSync } from "node:fs";
import { defineConfig } from "vitest/config";

// Every package runs its tests with this configuration. The report is what `npm test` counts, from the cache too.
const hasTypeTests = readdirSync("src", { recursive: true }).some((file) => String(file).endsWith(".test-d.ts"));

export default defineConfig({
  test: {
    include: ["src/**/*.test.{ts,mjs}", "test/**/*.test.{ts,mjs}"],
    typecheck: { enabled: hasTypeTests, include: ["src/**/*.test-d.ts"], tsconfig: "./tsconfig.json" },
    passWithNoTests: true,
    // Machines are shared and slow at times; what a test expects it counts, so no time limit is part of it.
    testTimeout: 120_000,
    hookTimeout: 120_000,
    reporters: ["default", ["json", { outputFile: "test-report.json" }]],
  },
});
