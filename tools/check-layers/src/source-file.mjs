import { parseSync } from "oxc-parser";

/**
 * What one source file takes from outside itself.
 *
 * @returns `imports`: `{ specifier, line, isType }` of each import, re-export, `import()` and `import("x").T`; `globals`:
 * `{ name, line }` of each global it mentions, dotted as far as it is spelled out: `process`, `Math.random`, `Date.now`.
 * `globalThis.` is left off, and a call of `new Date()` without arguments is named `new Date()`.
 */
export function readSourceFile(path, text) {
  const { program, errors } = parseSync(path, text, { lang: path.endsWith(".mjs") ? "js" : "ts" });
  if (errors.length > 0) throw new SyntaxError(`${path}: ${errors[0].message}`);
  const declared = declaredNames(program);
  const lineOf = lineFinder(text);
  const imports = [];
  const globals = [];

  walk(program, (node) => {
    const line = lineOf(node.start);
    const specifier = importedSpecifier(node);
    if (specifier !== undefined) imports.push({ specifier, line, isType: isTypeOnly(node) });

    if (isCurrentDate(node) && !declared.has("Date")) globals.push({ name: "new Date()", line });
    const path = dottedPath(node);
    if (path === undefined) return true;
    const [head, ...rest] = path;
    if (!declared.has(head)) globals.push({ name: path.join("."), line });
    // The whole chain has been told: its parts would only repeat it.
    return rest.length === 0;
  });
  return { imports, globals };
}

/** Visits `node` and, where `visit` returns true, the nodes inside it that are expressions, types or statements. */
function walk(node, visit) {
  if (!visit(node)) return;
  for (const child of children(node)) walk(child, visit);
}

/** The child nodes in which a name refers to something; property names and the like are left out. */
function children(node) {
  const isPlainName = !node.computed;
  return Object.entries(node)
    .filter(([slot]) => !(isPlainName && (slot === "key" || (slot === "property" && node.type === "MemberExpression"))))
    .filter(([slot]) => !(node.type === "TSQualifiedName" && slot === "right"))
    .filter(
      ([slot]) => !(node.type === "MetaProperty" || slot === "imported" || slot === "exported" || slot === "label"),
    )
    .flatMap(([, value]) => (Array.isArray(value) ? value : [value]))
    .filter((value) => typeof value?.type === "string");
}

function importedSpecifier(node) {
  switch (node.type) {
    case "ImportDeclaration":
    case "ExportAllDeclaration":
    case "ExportNamedDeclaration":
    case "ImportExpression":
    case "TSImportType":
      return node.source?.value;
    case "TSExternalModuleReference":
      return node.expression.value;
    default:
      return undefined;
  }
}

function isTypeOnly(node) {
  if (node.type === "TSImportType" || node.importKind === "type" || node.exportKind === "type") return true;
  const specifiers = node.specifiers ?? [];
  return specifiers.length > 0 && specifiers.every((each) => each.importKind === "type" || each.exportKind === "type");
}

function isCurrentDate(node) {
  return (
    (node.type === "NewExpression" || node.type === "CallExpression") &&
    node.arguments.length === 0 &&
    dottedPath(node.callee)?.join(".") === "Date"
  );
}

/** `["Math", "random"]` for `Math.random`, `globalThis.Math?.random` and the like; `undefined` for what is no such chain. */
function dottedPath(node) {
  const path = chain(unwrap(node));
  const isGlobalObject = path?.[0] === "globalThis" || path?.[0] === "self";
  return isGlobalObject && path.length > 1 ? path.slice(1) : path;
}

function chain(node) {
  if (node.type === "Identifier") return [node.name];
  if (node.type !== "MemberExpression") return undefined;
  const name = memberName(node);
  const object = chain(unwrap(node.object));
  return name === undefined || object === undefined ? undefined : [...object, name];
}

function memberName({ computed, property }) {
  if (!computed) return property.name;
  return property.type === "Literal" && typeof property.value === "string" ? property.value : undefined;
}

/** Takes parentheses, casts, `!` and `?.` off an expression. */
function unwrap(node) {
  let inner = node;
  while (WRAPPERS.has(inner.type)) inner = inner.expression;
  return inner;
}

const WRAPPERS = new Set([
  "ParenthesizedExpression",
  "ChainExpression",
  "TSAsExpression",
  "TSSatisfiesExpression",
  "TSNonNullExpression",
  "TSTypeAssertion",
]);

/** Every name that the file declares anywhere. One of its own that is named like a global is taken for its own throughout. */
function declaredNames(program) {
  const names = new Set();
  walk(program, (node) => {
    for (const slot of ["id", "local", "param"]) addBindings(node[slot], names);
    if (Array.isArray(node.params)) for (const param of node.params) addBindings(param, names);
    return true;
  });
  return names;
}

function addBindings(pattern, names) {
  if (typeof pattern?.type !== "string") return;
  if (pattern.type === "Identifier") names.add(pattern.name);
  else if (pattern.type === "Property") addBindings(pattern.value, names);
  else if (pattern.type === "AssignmentPattern") addBindings(pattern.left, names);
  else if (pattern.type === "RestElement") addBindings(pattern.argument, names);
  else if (pattern.type === "ArrayPattern") for (const each of pattern.elements) addBindings(each, names);
  else if (pattern.type === "ObjectPattern") for (const each of pattern.properties) addBindings(each, names);
}

function lineFinder(text) {
  const starts = [0];
  for (let at = text.indexOf("\n"); at >= 0; at = text.indexOf("\n", at + 1)) starts.push(at + 1);
  return (offset) => starts.findLastIndex((start) => start <= offset) + 1;
}
