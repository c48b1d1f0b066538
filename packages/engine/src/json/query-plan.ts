import { compareCodePoints, type Value } from "@strata/core";
import { IRegexp } from "./i-regexp.js";
import { elementOf, isArray, isObject, memberOf } from "./json-members.js";
import type { QueryBudget } from "./query-budget.js";

/** A JSONPath query (RFC 9535) in the form in which it is run: every segment maps the nodes before it to new ones. */
export interface QueryPlan {
  readonly segments: readonly QuerySegment[];
}

export interface QuerySegment {
  /** Applied to every node and everything inside it (`..`), not only to the node itself. */
  readonly descends: boolean;
  readonly selectors: readonly QuerySelector[];
}

export type QuerySelector =
  | { readonly kind: "name"; readonly name: string }
  | { readonly kind: "index"; readonly index: number }
  | {
      readonly kind: "slice";
      readonly start: number | undefined;
      readonly end: number | undefined;
      readonly step: number;
    }
  | { readonly kind: "all" }
  | { readonly kind: "filter"; readonly test: QueryTest };

/** A query inside a filter: `$…` from the document, `@…` from the node that is tested. */
export interface FilterQuery {
  readonly kind: "query";
  readonly absolute: boolean;
  readonly plan: QueryPlan;
}

export type Comparison = "==" | "!=" | "<" | "<=" | ">" | ">=";

export type QueryTest =
  | { readonly kind: "and" | "or"; readonly left: QueryTest; readonly right: QueryTest }
  | { readonly kind: "not"; readonly test: QueryTest }
  | {
      readonly kind: "compare";
      readonly operator: Comparison;
      readonly left: QueryOperand;
      readonly right: QueryOperand;
    }
  | {
      readonly kind: "match" | "search";
      readonly text: QueryOperand;
      readonly pattern: QueryOperand;
      /** Compiled where the pattern is a literal; `undefined` where it comes from the document. */
      readonly compiled: { readonly regexp: IRegexp | undefined } | undefined;
    }
  | FilterQuery;

/** Something that gives one value, or nothing. */
export type QueryOperand =
  | { readonly kind: "literal"; readonly value: Value }
  | { readonly kind: "count" | "value"; readonly query: FilterQuery }
  | { readonly kind: "length"; readonly of: QueryOperand }
  | FilterQuery;

/**
 * Runs a plan on a document. Values in the result are the document's own subtrees, in the order of RFC 9535 (members in
 * the order in which the object has them). Bytes are leaves: nothing selects inside them.
 *
 * @throws InvalidArgumentError `INVALID_PATH` when the budget is used up.
 */
export function runQuery(plan: QueryPlan, document: Value, budget: QueryBudget): Value[] {
  return new QueryRun(document, budget).nodes(plan, document);
}

/** One run of one query on one document. */
class QueryRun {
  readonly #document: Value;
  readonly #budget: QueryBudget;
  /** What absolute queries inside filters gave: the same for every node that is tested. */
  readonly #absolute = new Map<QueryPlan, readonly Value[]>();
  /** Patterns that stand in the document. */
  readonly #patterns = new Map<string, IRegexp | undefined>();

  constructor(document: Value, budget: QueryBudget) {
    this.#document = document;
    this.#budget = budget;
  }

  nodes(plan: QueryPlan, from: Value): Value[] {
    let nodes: Value[] = [from];
    for (const segment of plan.segments) {
      const selected: Value[] = [];
      for (const node of nodes) {
        if (segment.descends) this.#descend(node, segment.selectors, selected);
        else this.#select(node, segment.selectors, selected);
      }
      nodes = selected;
    }
    return nodes;
  }

  #descend(node: Value, selectors: readonly QuerySelector[], selected: Value[]): void {
    if (!isContainer(node)) {
      this.#budget.spend(1);
      return;
    }
    this.#select(node, selectors, selected);
    for (const child of childrenOf(node)) this.#descend(child, selectors, selected);
  }

  #select(node: Value, selectors: readonly QuerySelector[], selected: Value[]): void {
    for (const selector of selectors) {
      this.#budget.spend(1);
      switch (selector.kind) {
        case "name":
          pushDefined(selected, memberOf(node, selector.name));
          break;
        case "index":
          pushDefined(selected, elementOf(node, selector.index));
          break;
        case "slice":
          if (isArray(node)) this.#slice(node, selector, selected);
          break;
        case "all":
          for (const child of childrenOf(node)) {
            this.#budget.spend(1);
            selected.push(child);
          }
          break;
        case "filter":
          for (const child of childrenOf(node)) {
            this.#budget.spend(1);
            if (this.#passes(selector.test, child)) selected.push(child);
          }
          break;
      }
    }
  }

  #slice(array: readonly Value[], slice: QuerySelector & { readonly kind: "slice" }, selected: Value[]): void {
    const { length } = array;
    const { step } = slice;
    if (step === 0) return;
    const at = (given: number | undefined, otherwise: number): number =>
      given === undefined ? otherwise : given < 0 ? length + given : given;
    if (step > 0) {
      const end = Math.min(Math.max(at(slice.end, length), 0), length);
      for (let i = Math.min(Math.max(at(slice.start, 0), 0), length); i < end; i += step) {
        this.#budget.spend(1);
        selected.push(array[i] as Value);
      }
      return;
    }
    const end = Math.min(Math.max(at(slice.end, -length - 1), -1), length - 1);
    for (let i = Math.min(Math.max(at(slice.start, length - 1), -1), length - 1); i > end; i += step) {
      this.#budget.spend(1);
      selected.push(array[i] as Value);
    }
  }

  #passes(test: QueryTest, node: Value): boolean {
    this.#budget.spend(1);
    switch (test.kind) {
      case "and":
        return this.#passes(test.left, node) && this.#passes(test.right, node);
      case "or":
        return this.#passes(test.left, node) || this.#passes(test.right, node);
      case "not":
        return !this.#passes(test.test, node);
      case "compare":
        return this.#compares(this.#operand(test.left, node), test.operator, this.#operand(test.right, node));
      case "match":
      case "search":
        return this.#matches(test, node);
      case "query":
        return this.#filterNodes(test, node).length > 0;
    }
  }

  #filterNodes(query: FilterQuery, node: Value): readonly Value[] {
    if (!query.absolute) return this.nodes(query.plan, node);
    let nodes = this.#absolute.get(query.plan);
    if (nodes === undefined) {
      nodes = this.nodes(query.plan, this.#document);
      this.#absolute.set(query.plan, nodes);
    }
    return nodes;
  }

  /** `undefined` is what RFC 9535 calls Nothing. */
  #operand(operand: QueryOperand, node: Value): Value | undefined {
    switch (operand.kind) {
      case "literal":
        return operand.value;
      case "query":
        return this.#filterNodes(operand, node)[0];
      case "count":
        return this.#filterNodes(operand.query, node).length;
      case "value": {
        const nodes = this.#filterNodes(operand.query, node);
        return nodes.length === 1 ? nodes[0] : undefined;
      }
      case "length":
        return this.#length(this.#operand(operand.of, node));
    }
  }

  /** Characters (not UTF-16 units) of a text, elements of an array, members of an object. */
  #length(value: Value | undefined): number | undefined {
    if (typeof value === "string") {
      this.#budget.spend(value.length);
      let length = 0;
      for (const _character of value) length++;
      return length;
    }
    if (value === undefined || !isContainer(value)) return undefined;
    return isArray(value) ? value.length : Object.keys(value).length;
  }

  #matches(test: QueryTest & { readonly kind: "match" | "search" }, node: Value): boolean {
    const text = this.#operand(test.text, node);
    if (typeof text !== "string") return false;
    const regexp =
      test.compiled === undefined ? this.#patternOf(this.#operand(test.pattern, node)) : test.compiled.regexp;
    if (regexp === undefined) return false;
    return test.kind === "match" ? regexp.matches(text, this.#budget) : regexp.finds(text, this.#budget);
  }

  #patternOf(pattern: Value | undefined): IRegexp | undefined {
    if (typeof pattern !== "string") return undefined;
    if (!this.#patterns.has(pattern)) {
      this.#budget.spend(pattern.length);
      this.#patterns.set(pattern, IRegexp.compile(pattern));
    }
    return this.#patterns.get(pattern);
  }

  #compares(left: Value | undefined, operator: Comparison, right: Value | undefined): boolean {
    switch (operator) {
      case "==":
        return this.#equal(left, right);
      case "!=":
        return !this.#equal(left, right);
      case "<":
        return isLess(left, right);
      case "<=":
        return isLess(left, right) || this.#equal(left, right);
      case ">":
        return isLess(right, left);
      case ">=":
        return isLess(right, left) || this.#equal(left, right);
    }
  }

  /**
   * JSON equality: numbers by value, whichever type holds them; objects without regard to order; nothing equals only
   * nothing.
   */
  #equal(a: Value | undefined, b: Value | undefined): boolean {
    if (a === b) return true;
    if (a === undefined || b === undefined) return false;
    this.#budget.spend(1);
    if (isNumeric(a) && isNumeric(b)) return a <= b && a >= b; // exactly, a number with a bigint too
    if (isArray(a)) {
      return isArray(b) && a.length === b.length && a.every((element, i) => this.#equal(element, b[i]));
    }
    if (isObject(a)) {
      if (!isObject(b)) return false;
      const names = Object.keys(a);
      return (
        names.length === Object.keys(b).length &&
        names.every((name) => this.#equal(memberOf(a, name), memberOf(b, name)))
      );
    }
    return a instanceof Uint8Array && b instanceof Uint8Array && equalBytes(a, b);
  }
}

/** Numbers by value, texts by code point; anything else has no order. */
function isLess(a: Value | undefined, b: Value | undefined): boolean {
  if (typeof a === "string" && typeof b === "string") return compareCodePoints(a, b) < 0;
  return isNumeric(a) && isNumeric(b) && a < b;
}

function isNumeric(value: Value | undefined): value is number | bigint {
  return typeof value === "number" || typeof value === "bigint";
}

function equalBytes(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && a.every((byte, i) => byte === b[i]);
}

function isContainer(value: Value): value is readonly Value[] | { readonly [name: string]: Value } {
  return isArray(value) || isObject(value);
}

function childrenOf(node: Value): readonly Value[] {
  if (isArray(node)) return node;
  return isObject(node) ? Object.values(node) : [];
}

function pushDefined(selected: Value[], value: Value | undefined): void {
  if (value !== undefined) selected.push(value);
}
