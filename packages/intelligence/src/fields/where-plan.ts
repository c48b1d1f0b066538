import type { FieldTest, JsonField, WhereNode } from "@strata/engine";
import type { FieldIndex } from "./field-index.js";
import { intersection, union } from "./slot-set.js";

/** How the indexes of one layer narrow a `Where` down. */
export interface WherePlan {
  /** Candidates, about. */
  readonly estimate: number;
  /** Canonical paths of the fields whose indexes serve. */
  readonly fields: readonly string[];
  /** All slots of which the `Where` holds, ascending, and maybe others: they are tested. */
  slots(): Int32Array;
}

/** Candidates of a second condition are only worth listing if there are not many times as many. */
const WORTH_LISTING = 8;

/**
 * The plan with the fewest candidates.
 *
 * @param indexOf of fields that are indexed; asked for those that an index can serve.
 * @returns `undefined` when the indexes say nothing about it: then any slot may satisfy it.
 */
export function planWhere(
  tree: WhereNode,
  indexOf: (field: JsonField) => FieldIndex | undefined,
): WherePlan | undefined {
  switch (tree.kind) {
    case "field":
      return fieldPlan([tree], indexOf);
    case "and":
      return andPlan(tree.nodes, indexOf);
    case "or":
      return orPlan(tree.nodes, indexOf);
    case "not":
      // What is behind an index's candidates for the opposite cannot be told from them: they may be too many.
      return undefined;
  }
}

/** Of one field: all must hold. */
function fieldPlan(
  tests: readonly FieldTest[],
  indexOf: (field: JsonField) => FieldIndex | undefined,
): WherePlan | undefined {
  const [first] = tests;
  if (first === undefined || tests.every(({ operator }) => operator === "$ne" || operator === "$nin")) return undefined;
  const selection = indexOf(first)?.select(tests);
  return selection === undefined ? undefined : { ...selection, fields: [first.field] };
}

function andPlan(
  nodes: readonly WhereNode[],
  indexOf: (field: JsonField) => FieldIndex | undefined,
): WherePlan | undefined {
  const byField = new Map<string, FieldTest[]>();
  const plans: WherePlan[] = [];
  for (const node of nodes) {
    if (node.kind !== "field") {
      const plan = planWhere(node, indexOf);
      if (plan !== undefined) plans.push(plan);
      continue;
    }
    const tests = byField.get(node.field);
    if (tests === undefined) byField.set(node.field, [node]);
    else tests.push(node);
  }
  for (const tests of byField.values()) {
    const plan = fieldPlan(tests, indexOf);
    if (plan !== undefined) plans.push(plan);
  }
  plans.sort((a, b) => a.estimate - b.estimate);
  const [best] = plans;
  if (best === undefined) return undefined;
  const listed = plans.filter(({ estimate }) => estimate <= best.estimate * WORTH_LISTING);
  return {
    estimate: best.estimate,
    fields: fieldsOf(listed),
    slots: () => listed.map((plan) => plan.slots()).reduce(intersection),
  };
}

function orPlan(
  nodes: readonly WhereNode[],
  indexOf: (field: JsonField) => FieldIndex | undefined,
): WherePlan | undefined {
  const plans: WherePlan[] = [];
  for (const node of nodes) {
    const plan = planWhere(node, indexOf);
    if (plan === undefined) return undefined;
    plans.push(plan);
  }
  return {
    estimate: plans.reduce((sum, plan) => sum + plan.estimate, 0),
    fields: fieldsOf(plans),
    slots: () => union(plans.map((plan) => plan.slots())),
  };
}

function fieldsOf(plans: readonly WherePlan[]): readonly string[] {
  return [...new Set(plans.flatMap(({ fields }) => fields))];
}
