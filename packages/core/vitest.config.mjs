import shared from "../../vitest.shared.mjs";

// Property tests run thousands of cases: seconds each on a busy machine.
export default { ...shared, test: { ...shared.test, testTimeout: 120_000 } };
