import type { Value } from "@strata/core";
import { invalidPath } from "./json-path.js";
import { parseQuery } from "./json-query-parser.js";
import { QueryBudget } from "./query-budget.js";
import { type QueryPlan, runQuery } from "./query-plan.js";
import { RecentMap } from "./recent-map.js";

const CACHED_QUERIES = 200;
const cache = new RecentMap<QueryPlan>(CACHED_QUERIES);

/**
 * Everything in a document that a JSONPath query (RFC 9535) selects, as the document's own subtrees; empty for a
 * document that does not exist. Numbers compare by value, bigints included; bytes are leaves that equal only the same
 * bytes.
 *
 * `match` and `search` take I-Regexp patterns (RFC 9485) and run in time linear in text × pattern. A query does at most
 * `QUERY_STEPS_MAX` steps on a document.
 *
 * @throws InvalidArgumentError `INVALID_PATH` for a query that does not parse (`facts.position`, `facts.reason`) or
 * takes too many steps.
 */
export function queryDocument(root: Value | undefined, query: string): Value[] {
  const plan = compileQuery(query);
  return root === undefined ? [] : runQuery(plan, root, new QueryBudget(query));
}

/** The plan of a query, cached. @throws InvalidArgumentError `INVALID_PATH` */
export function compileQuery(query: string): QueryPlan {
  if (typeof query !== "string") throw invalidPath("…", 0, "a query is text");
  const known = cache.get(query);
  if (known !== undefined) return known;
  const plan = parseQuery(query);
  cache.set(query, plan);
  return plan;
}
