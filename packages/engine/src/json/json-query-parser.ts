import { JSONPathEnvironment, JSONPathError, type JSONPathQuery, jsonpath, TokenKind } from "json-p3";
import { IRegexp } from "./i-regexp.js";
import { invalidPath } from "./json-path.js";
import type {
  Comparison,
  FilterQuery,
  QueryOperand,
  QueryPlan,
  QuerySegment,
  QuerySelector,
  QueryTest,
} from "./query-plan.js";

/** Longest JSONPath query, in UTF-16 units. */
export const QUERY_LENGTH_MAX = 4096;
/** Brackets, parentheses and negations of a query that may be open at once. */
export const QUERY_NESTING_MAX = 64;

const { expressions, selectors } = jsonpath;
const environment = new JSONPathEnvironment();

/**
 * The plan of a JSONPath query (RFC 9535). `json-p3` scans it, parses it and checks its types, as the standard asks;
 * running it is ours (`query-plan.ts`), because its evaluator hands patterns to a backtracking engine, overflows the
 * stack on long arrays, takes `{}` and `[]` for equal, matches arrays as if they were text, stops 50 levels deep and
 * looks inside bytes.
 *
 * @throws InvalidArgumentError `INVALID_PATH` with facts `{ path, position, reason }`.
 */
export function parseQuery(query: string): QueryPlan {
  if (query.length > QUERY_LENGTH_MAX)
    throw invalidPath(query, 0, `a query has at most ${QUERY_LENGTH_MAX} characters`);
  const tooDeep = findDeepNesting(query);
  if (tooDeep >= 0) throw invalidPath(query, tooDeep, `a query nests at most ${QUERY_NESTING_MAX} deep`);
  return planOf(compile(query));
}

function compile(query: string): JSONPathQuery {
  try {
    return environment.compile(query);
  } catch (error) {
    // Nothing of ours runs in there: whatever it throws, the query is at fault.
    const position = error instanceof JSONPathError ? error.token.index : 0;
    throw invalidPath(query, position, error instanceof Error ? error.message : String(error));
  }
}

/**
 * Position of the bracket, parenthesis or negation that opens one level too many, or −1. The parser recurses on each.
 */
function findDeepNesting(query: string): number {
  let open = 0;
  let negations = 0;
  let quote = "";
  for (let i = 0; i < query.length; i++) {
    const letter = query.charAt(i);
    if (quote !== "") {
      if (letter === "\\") i++;
      else if (letter === quote) quote = "";
      continue;
    }
    if (letter === "'" || letter === '"') quote = letter;
    else if (letter === "(" || letter === "[") open++;
    else if (letter === ")" || letter === "]") open--;
    if (letter === "!") negations++;
    else if (letter.trim() !== "" && letter !== "(") negations = 0;
    if (open + negations > QUERY_NESTING_MAX) return i;
  }
  return -1;
}

function planOf(query: JSONPathQuery): QueryPlan {
  return { segments: query.segments.map(segmentOf) };
}

function segmentOf(segment: JSONPathQuery["segments"][number]): QuerySegment {
  return { descends: segment.token.kind === TokenKind.DDOT, selectors: segment.selectors.map(selectorOf) };
}

function selectorOf(selector: jsonpath.JSONPathSelector): QuerySelector {
  if (selector instanceof selectors.NameSelector) return { kind: "name", name: selector.name };
  if (selector instanceof selectors.IndexSelector) return { kind: "index", index: selector.index };
  if (selector instanceof selectors.WildcardSelector) return { kind: "all" };
  if (selector instanceof selectors.FilterSelector) return { kind: "filter", test: testOf(selector.expression) };
  if (selector instanceof selectors.SliceSelector) {
    return { kind: "slice", start: selector.start, end: selector.stop, step: selector.step ?? 1 };
  }
  throw notStandard(selector);
}

type Expression = jsonpath.expressions.FilterExpression;

function testOf(expression: Expression): QueryTest {
  if (expression instanceof expressions.LogicalExpression) return testOf(expression.expression);
  if (expression instanceof expressions.FilterQuery) return filterQueryOf(expression);
  if (expression instanceof expressions.PrefixExpression) return { kind: "not", test: testOf(expression.right) };
  if (expression instanceof expressions.InfixExpression) {
    const { left, operator, right } = expression;
    if (operator === "&&" || operator === "||") {
      return { kind: operator === "&&" ? "and" : "or", left: testOf(left), right: testOf(right) };
    }
    return { kind: "compare", operator: operator as Comparison, left: operandOf(left), right: operandOf(right) };
  }
  if (expression instanceof expressions.FunctionExtension) {
    const [text, pattern] = expression.args;
    if ((expression.name === "match" || expression.name === "search") && text !== undefined && pattern !== undefined) {
      const compiled =
        pattern instanceof expressions.StringLiteral ? { regexp: IRegexp.compile(pattern.value) } : undefined;
      return { kind: expression.name, text: operandOf(text), pattern: operandOf(pattern), compiled };
    }
  }
  throw notStandard(expression);
}

function operandOf(expression: Expression): QueryOperand {
  if (expression instanceof expressions.FilterQuery) return filterQueryOf(expression);
  if (expression instanceof expressions.NullLiteral) return { kind: "literal", value: null };
  if (expression instanceof expressions.NumberLiteral) return { kind: "literal", value: numberOf(expression) };
  if (expression instanceof expressions.StringLiteral || expression instanceof expressions.BooleanLiteral) {
    return { kind: "literal", value: expression.value };
  }
  if (expression instanceof expressions.FunctionExtension) {
    const [of] = expression.args;
    if (expression.name === "length" && of !== undefined) return { kind: "length", of: operandOf(of) };
    if ((expression.name === "count" || expression.name === "value") && of instanceof expressions.FilterQuery) {
      return { kind: expression.name, query: filterQueryOf(of) };
    }
  }
  throw notStandard(expression);
}

function filterQueryOf(expression: jsonpath.expressions.FilterQuery): FilterQuery {
  return { kind: "query", absolute: expression instanceof expressions.RootQuery, plan: planOf(expression.path) };
}

/** A whole number beyond the safe range stays exact, so that it can equal a bigint. */
function numberOf(literal: jsonpath.expressions.NumberLiteral): number | bigint {
  const { value } = literal;
  const text = literal.token.value;
  return Number.isSafeInteger(value) || !/^-?\d+$/.test(text) ? value : BigInt(text);
}

function notStandard(part: { readonly token: jsonpath.Token }): Error {
  return invalidPath(part.token.input, part.token.index, "this is not part of RFC 9535");
}
