export { directoryIdentity, type FileDurabilityOptions, fileDurability } from "./file-durability.js";
export { NodeVfs } from "./node-vfs.js";
export { type LockHolder, takeLock } from "./os-lock.js";
export { WorkerSyncDriver } from "./worker-sync-driver.js";
