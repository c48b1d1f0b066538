import type { Scalar, WhereNode } from "@strata/engine";

/** Longer keys are not worth keeping. */
const KEY_LENGTH_MAX = 1000;

/** The same for filters that ask the same in the same words; `undefined` for one that is too long. */
export function filterKey(tree: WhereNode): string | undefined {
  const parts: string[] = [];
  return write(tree, parts, KEY_LENGTH_MAX) < 0 ? undefined : parts.join("");
}

/** @returns how many signs are left; less than 0 ends it. */
function write(node: WhereNode, parts: string[], left: number): number {
  if (node.kind === "field") {
    const operand: Scalar | ReadonlySet<Scalar> = node.operand;
    const scalars = operand instanceof Set ? [...(operand as ReadonlySet<Scalar>)] : [operand as Scalar];
    if (scalars.length > left) return -1;
    const text = `${JSON.stringify(node.field)}${node.operator}[${scalars.map(scalarKey).join()}]`;
    parts.push(text);
    return left - text.length;
  }
  parts.push(node.kind, "(");
  let rest = left - 4;
  for (const each of node.kind === "not" ? [node.node] : node.nodes) {
    rest = write(each, parts, rest);
    if (rest < 0) return rest;
    parts.push(";");
  }
  parts.push(")");
  return rest;
}

function scalarKey(value: Scalar): string {
  if (typeof value === "string") return JSON.stringify(value);
  return typeof value === "bigint" ? `${value}n` : String(value);
}
