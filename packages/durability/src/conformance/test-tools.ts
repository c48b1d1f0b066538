/** What a test runner provides; vitest's own functions fit. The suites import no runner, so that any can run them. */
export interface TestTools {
  describe(name: string, body: () => void): unknown;
  test(name: string, body: () => void | Promise<void>): unknown;
  expect(actual: unknown): Matchers;
}

/** The matchers that the suites use. */
export interface Matchers {
  toBe(expected: unknown): unknown;
  toEqual(expected: unknown): unknown;
  toBeGreaterThan(expected: number): unknown;
  toBeLessThan(expected: number): unknown;
}
