import { type ErrorFacts, InvalidArgumentError, nearest, type Options, type Value } from "@strata/core";
import { type Comparison, comparisonTest, type Test } from "./comparison.js";
import { type JsonField, jsonField } from "./json-field.js";
import { formatJsonPath, parseJsonPath } from "./json-path.js";
import { getAt } from "./json-tree.js";
import { canonicalScalar, isScalar, type Scalar } from "./scalar.js";

/**
 * A question about a value. Several fields: all hold. A field is a path as in `json.get`. What is missing satisfies only `$exists: false`
 * and `$not`; values of different types are neither equal nor in any order, and numbers compare exactly whether number or bigint.
 */
export type Where =
  | { readonly [field: string]: Scalar | FieldCondition }
  | { readonly $and: readonly Where[] }
  | { readonly $or: readonly Where[] }
  | { readonly $not: Where };

/** What must hold of one field; several operators: all hold. `$ne` and `$nin` hold of what is there and not equal. */
export type FieldCondition = Options<{
  $eq: Scalar;
  $ne: Scalar;
  $gt: Scalar;
  $gte: Scalar;
  $lt: Scalar;
  $lte: Scalar;
  $in: readonly Scalar[];
  $nin: readonly Scalar[];
  $exists: boolean;
  /** A substring of a string, or an element of an array. */
  $contains: Scalar;
  $prefix: string;
}>;

/** A `Where` as a tree, for those who plan how to answer it. An empty "and" holds of everything, an empty "or" of nothing. */
export type WhereNode =
  | { readonly kind: "and" | "or"; readonly nodes: readonly WhereNode[] }
  | { readonly kind: "not"; readonly node: WhereNode }
  | FieldTest;

/** One operator on one field. */
export type FieldTest = { readonly kind: "field" } & JsonField & Comparison;

/** A checked `Where`. */
export interface Predicate {
  readonly tree: WhereNode;
  /** Whether it holds of `value`; of `undefined`, every field is missing. */
  matches(value: Value | undefined): boolean;
}

/** How deep `$and`, `$or` and `$not` nest. */
export const WHERE_DEPTH_MAX = 64;
/** Fields, operators and combinations of one `Where`, each counted where it is used. */
export const WHERE_NODES_MAX = 10_000;

/**
 * Checks and copies `where`: what the caller does with the object afterwards changes nothing.
 *
 * @param call for messages: `json.find`.
 * @throws InvalidArgumentError `INVALID_ARGUMENT` for what is no `Where`, with the place in `facts.at`, or `INVALID_PATH` for a field that is
 * no path.
 */
export function compileWhere(where: unknown, call: string): Predicate {
  const tree = new WhereCompiler(call).compile(where, "where", 1);
  return { tree, matches: testOf(tree) };
}

function testOf(node: WhereNode): Test {
  switch (node.kind) {
    case "and":
      return allOf(node.nodes.map(testOf));
    case "or":
      return anyOf(node.nodes.map(testOf));
    case "not": {
      const test = testOf(node.node);
      return (value) => !test(value);
    }
    case "field": {
      const { path } = node;
      const holds = comparisonTest(node);
      return (value) => holds(getAt(value, path));
    }
  }
}

function allOf(tests: readonly Test[]): Test {
  if (tests.length === 1) return tests[0] as Test;
  return (value) => {
    for (const test of tests) if (!test(value)) return false;
    return true;
  };
}

function anyOf(tests: readonly Test[]): Test {
  return (value) => {
    for (const test of tests) if (test(value)) return true;
    return false;
  };
}

const COMBINATIONS = ["$and", "$or", "$not"] as const;
const OPERATORS = [
  "$eq",
  "$ne",
  "$gt",
  "$gte",
  "$lt",
  "$lte",
  "$in",
  "$nin",
  "$exists",
  "$contains",
  "$prefix",
] as const satisfies readonly (keyof FieldCondition)[];

class WhereCompiler {
  readonly #call: string;
  #left = WHERE_NODES_MAX;

  constructor(call: string) {
    this.#call = call;
  }

  /** @param at where it stands, for messages: `where.$and[0]`. */
  compile(where: unknown, at: string, depth: number): WhereNode {
    if (depth > WHERE_DEPTH_MAX) {
      throw this.#invalid(at, `nests $and, $or and $not at most ${WHERE_DEPTH_MAX} deep`, {
        limit: "whereDepth",
        max: WHERE_DEPTH_MAX,
      });
    }
    if (!isPlainObject(where)) throw this.#invalid(at, `takes a condition as an object, not ${describe(where)}`);
    const nodes: WhereNode[] = [];
    for (const name of Object.keys(where)) {
      const given = where[name];
      this.#count(at);
      if (isOperatorName(name)) nodes.push(this.#combination(name, given, `${at}.${name}`, depth));
      else this.#field(name, given, `${at}[${JSON.stringify(name)}]`, nodes);
    }
    return nodes.length === 1 ? (nodes[0] as WhereNode) : { kind: "and", nodes };
  }

  #combination(name: string, given: unknown, at: string, depth: number): WhereNode {
    if (name === "$not") return { kind: "not", node: this.compile(given, at, depth + 1) };
    if (name !== "$and" && name !== "$or") throw this.#unknownOperator(name, at, COMBINATIONS);
    if (!Array.isArray(given)) throw this.#invalid(at, `takes a list of conditions, not ${describe(given)}`);
    const nodes: WhereNode[] = [];
    // By index: a hole is refused like any other value that is no condition.
    for (let i = 0; i < given.length; i++) {
      this.#count(at);
      nodes.push(this.compile(given[i], `${at}[${i}]`, depth + 1));
    }
    return { kind: name === "$and" ? "and" : "or", nodes };
  }

  #field(name: string, given: unknown, at: string, nodes: WhereNode[]): void {
    const { field, path } = jsonField(name);
    if (isScalar(given)) {
      nodes.push({ kind: "field", field, path, operator: "$eq", operand: this.#scalar(given, at) });
      return;
    }
    if (Array.isArray(given)) {
      throw this.#invalid(at, "compares a field with single values, not with an array", {
        hint: "Use $in for one of several values, and $contains for an array that holds a value.",
      });
    }
    if (!isPlainObject(given)) {
      const hint = given === undefined ? "Leave the field out, or ask { $exists: false }." : undefined;
      throw this.#invalid(at, `takes a scalar or operators, not ${describe(given)}`, { hint });
    }
    const before = nodes.length;
    for (const operator of Object.keys(given)) {
      const operand = given[operator];
      if (!(OPERATORS as readonly string[]).includes(operator)) throw this.#noOperator(name, operator, at);
      if (operand === undefined) continue;
      this.#count(at);
      const comparison = this.#comparison(operator as keyof FieldCondition, operand, `${at}.${operator}`);
      nodes.push({ kind: "field", field, path, ...comparison });
    }
    if (nodes.length === before) {
      throw this.#invalid(at, "has a field without any operator", {
        hint: "An empty condition would hold of everything: leave the field out. Objects are compared member by member.",
      });
    }
  }

  #comparison(operator: keyof FieldCondition, operand: unknown, at: string): Comparison {
    switch (operator) {
      case "$in":
      case "$nin":
        return { operator, operand: this.#scalars(operand, at) };
      case "$exists":
        if (typeof operand !== "boolean") throw this.#invalid(at, `takes true or false, not ${describe(operand)}`);
        return { operator, operand };
      case "$prefix":
        if (typeof operand !== "string") throw this.#invalid(at, `takes a string, not ${describe(operand)}`);
        return { operator, operand };
      default:
        return { operator, operand: this.#scalar(operand, at) };
    }
  }

  #scalars(given: unknown, at: string): ReadonlySet<Scalar> {
    if (!Array.isArray(given)) throw this.#invalid(at, `takes a list of values, not ${describe(given)}`);
    const values = new Set<Scalar>();
    for (let i = 0; i < given.length; i++) {
      const value: unknown = given[i];
      // Its place is only put into words when something is wrong with it.
      values.add(isComparable(value) ? canonicalScalar(value) : this.#scalar(value, `${at}[${i}]`));
    }
    return values;
  }

  #scalar(given: unknown, at: string): Scalar {
    if (isComparable(given)) return canonicalScalar(given);
    throw isScalar(given)
      ? this.#invalid(at, "compares with NaN, which equals nothing and is in no order")
      : this.#invalid(at, `compares with null, a boolean, a number or a string, not with ${describe(given)}`);
  }

  /** A part that is used many times counts each time: shared parts could multiply without end. */
  #count(at: string): void {
    if (--this.#left >= 0) return;
    throw this.#invalid(at, `has at most ${WHERE_NODES_MAX} conditions`, {
      limit: "whereNodes",
      max: WHERE_NODES_MAX,
      hint: "Use $in for many values of one field.",
    });
  }

  #noOperator(field: string, name: string, at: string): InvalidArgumentError {
    if (isOperatorName(name)) return this.#unknownOperator(name, at, OPERATORS);
    const nested = formatJsonPath([...parseJsonPath(field), name]).replace(/^\$\./, "");
    return this.#invalid(at, `has "${shorten(name)}" where an operator is expected`, {
      hint: `A nested field is named by its path: ${JSON.stringify(shorten(nested))}.`,
    });
  }

  #unknownOperator(name: string, at: string, known: readonly string[]): InvalidArgumentError {
    const isMisplaced = ([...COMBINATIONS, ...OPERATORS] as readonly string[]).includes(name);
    const place =
      known === OPERATORS ? "stands around conditions: { $not: { field: … } }" : "stands in a field's condition";
    const meant = nearest(name, known);
    const said = isMisplaced ? `; it ${place}` : meant === undefined ? "" : `; did you mean "${meant}"?`;
    return this.#invalid(at, `has no operator "${shorten(name)}" here${said}`, {
      operator: shorten(name),
      operators: known,
      nearest: isMisplaced ? undefined : meant,
      hint: `A member that begins with "$" is named by a path: ${JSON.stringify(`$[${JSON.stringify(shorten(name))}]`)}.`,
    });
  }

  #invalid(
    at: string,
    message: string,
    more: ErrorFacts & { readonly hint?: string | undefined } = {},
  ): InvalidArgumentError {
    const { hint, ...facts } = more;
    const place = at.length <= SHOWN_LENGTH ? at : `…${at.slice(-SHOWN_LENGTH)}`;
    return new InvalidArgumentError(
      "INVALID_ARGUMENT",
      `${this.#call}: ${place} ${message}`,
      { where: this.#call, at: place, ...facts },
      { hint },
    );
  }
}

const SHOWN_LENGTH = 80;

function isComparable(input: unknown): input is Scalar {
  return isScalar(input) && !Number.isNaN(input);
}

/** `$.a`, `$[0]` and `$` are paths; any other name that begins so is an operator. */
function isOperatorName(name: string): boolean {
  return name.length > 1 && name.startsWith("$") && name[1] !== "." && name[1] !== "[";
}

/** Of any realm. An object that inherits from another plain one, as `{ __proto__: {…} }` does, is none: its conditions would be lost. */
function isPlainObject(input: unknown): input is { readonly [name: string]: unknown } {
  if (typeof input !== "object" || input === null || Array.isArray(input)) return false;
  const prototype: unknown = Object.getPrototypeOf(input);
  return prototype === null || Object.getPrototypeOf(prototype) === null;
}

function describe(input: unknown): string {
  if (input === null || input === undefined) return String(input);
  if (Array.isArray(input)) return "an array";
  const type = typeof input;
  return type === "object" ? "such an object" : `a ${type}`;
}

function shorten(text: string): string {
  return text.length <= SHOWN_LENGTH ? text : `${text.slice(0, SHOWN_LENGTH)}…`;
}
