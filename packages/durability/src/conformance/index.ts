export { type BackendTraits, type BackendUnderTest, describeDurability } from "./describe-durability.js";
export { describeVfs, type VfsUnderTest } from "./describe-vfs.js";
export type { Matchers, TestTools } from "./test-tools.js";
