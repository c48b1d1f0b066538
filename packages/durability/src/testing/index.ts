export { type Exploration, type ExplorationDepth, exploreCrashes } from "./crash-explorer.js";
export { type Journal, randomScript, runScript, type Script, type Step } from "./crash-script.js";
export { type CrashInode, type CrashPoint, CrashVfs, type PendingOperation, SimulatedCrash } from "./crash-vfs.js";
export { changeFile, imageOf, pathsOn, putFile } from "./disk-image.js";
export { type Fault, FaultVfs, type VfsCall, type VfsOperation } from "./fault-vfs.js";
export { ManualTime } from "./manual-time.js";
export type { PowerLoss } from "./power-loss.js";
export { SeededRandom } from "./seeded-random.js";
export { openTestLog, type RecoveredCommit, type TestLog, TINY_SEGMENTS } from "./test-log.js";
