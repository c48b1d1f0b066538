import { describe, expect, test } from "vitest";
import { describeDurability } from "./conformance/describe-durability.js";
import { describeVfs } from "./conformance/describe-vfs.js";
import { InMemoryDurability } from "./in-memory-durability.js";
import { InlineSyncDriver } from "./inline-sync-driver.js";
import { LogDurability } from "./log-durability.js";
import { MemoryVfs } from "./memory-vfs.js";
import { CrashVfs } from "./testing/crash-vfs.js";
import { FaultVfs } from "./testing/fault-vfs.js";
import type { Vfs } from "./vfs.js";

const tools = { describe, test, expect };

const nothingToRemove = () => {};

describeVfs(
  "memory",
  () => {
    const vfs = new MemoryVfs();
    return { vfs, again: () => vfs, dispose: nothingToRemove };
  },
  tools,
);

describeVfs(
  "memory, every write and read cut short",
  () => {
    const vfs = new FaultVfs(new MemoryVfs(), ({ operation }) =>
      operation === "write" || operation === "read" ? { kind: "short", bytes: 1000 } : undefined,
    );
    return { vfs, again: () => vfs, dispose: nothingToRemove };
  },
  tools,
);

describeVfs(
  "crash, as long as nothing crashes",
  () => {
    const vfs = new CrashVfs();
    return { vfs, again: () => vfs, dispose: nothingToRemove };
  },
  tools,
);

const logOn = (vfs: Vfs) => ({
  open: (options: { mode: "none" | "buffered" | "strict"; readOnly?: boolean }) =>
    new LogDurability(vfs, new InlineSyncDriver(vfs), { ...options, buffered: { flushIntervalMs: 20 } }),
  dispose: nothingToRemove,
});

describeDurability(
  "log in memory",
  () => logOn(new MemoryVfs()),
  { persistent: true, countsFsyncs: true, locks: true, checkpoints: true },
  tools,
);

describeDurability(
  "in memory",
  () => ({ open: () => new InMemoryDurability(), dispose: nothingToRemove }),
  { persistent: false, countsFsyncs: false, locks: false, checkpoints: false },
  tools,
);
