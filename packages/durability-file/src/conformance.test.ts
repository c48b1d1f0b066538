import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describeDurability, describeVfs } from "@strata/durability/conformance";
import { describe, expect, test } from "vitest";
import { fileDurability } from "./file-durability.js";
import { NodeVfs } from "./node-vfs.js";

function temporary(): { readonly directory: string; dispose(): void } {
  const directory = mkdtempSync(join(tmpdir(), "strata-conformance-"));
  return { directory, dispose: () => rmSync(directory, { recursive: true, force: true }) };
}

describeVfs(
  "node",
  () => {
    const { directory, dispose } = temporary();
    return { vfs: new NodeVfs(directory), again: () => new NodeVfs(directory), dispose };
  },
  { describe, test, expect },
);

describeDurability(
  "file",
  () => {
    const { directory, dispose } = temporary();
    return { open: (options) => fileDurability(join(directory, "database"), options), dispose };
  },
  { persistent: true, countsFsyncs: true, locks: true, checkpoints: true },
  { describe, test, expect },
);
