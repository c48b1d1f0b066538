import { InvalidArgumentError } from "@strata/core";

/**
 * Steps of one query: nodes visited or compared, and threads of a pattern advanced by a character. About a second of
 * work.
 */
export const QUERY_STEPS_MAX = 50_000_000;

/**
 * What one query may still do. Nested filters, repeated `..` and patterns over long texts multiply; a query whose work
 * exceeds the budget ends with an error instead of holding up everybody else.
 */
export class QueryBudget {
  readonly #query: string;
  #left: number;

  constructor(query: string, steps: number = QUERY_STEPS_MAX) {
    this.#query = query;
    this.#left = steps;
  }

  /** @throws InvalidArgumentError `INVALID_PATH` when the steps are used up. */
  spend(steps: number): void {
    this.#left -= steps;
    if (this.#left >= 0) return;
    const query = this.#query.slice(0, 120);
    throw new InvalidArgumentError(
      "INVALID_PATH",
      `the query "${query}" takes more steps on this document than a query may`,
      { path: query, position: 0, reason: "too much work", limit: "querySteps", max: QUERY_STEPS_MAX },
      { hint: "Narrow the query: name members instead of `..`, and do not nest filters over everything." },
    );
  }
}
