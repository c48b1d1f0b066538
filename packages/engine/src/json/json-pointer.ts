import { PATH_SEGMENTS_MAX, type Value } from "@strata/core";
import { elementOf, isArray, isObject, memberOf } from "./json-members.js";
import { findLoneSurrogate, invalidPath } from "./json-path.js";
import type { ResolvedPath } from "./json-tree.js";

/**
 * The reference tokens of a JSON pointer (RFC 6901), unescaped. What a token means, member or index, only the document
 * tells.
 *
 * @throws InvalidArgumentError `INVALID_PATH`
 */
export function parsePointer(pointer: string): readonly string[] {
  if (pointer === "") return [];
  if (!pointer.startsWith("/")) throw invalidPath(pointer, 0, 'a pointer is "" or begins with "/"');
  const surrogate = findLoneSurrogate(pointer);
  if (surrogate >= 0) throw invalidPath(pointer, surrogate, "a lone surrogate, which no member name can hold");
  const tokens = pointer.slice(1).split("/");
  if (tokens.length > PATH_SEGMENTS_MAX)
    throw invalidPath(pointer, 0, `a path has at most ${PATH_SEGMENTS_MAX} segments`);
  return tokens.map((token) => (token.includes("~") ? unescapeToken(token, pointer) : token));
}

/**
 * The path that a pointer means in a document, `undefined` when one of the containers on its way does not exist. The
 * last token may name a member that does not exist yet, the index behind the last element, or `-` for that index.
 */
export function locate(root: Value | undefined, tokens: readonly string[]): ResolvedPath | undefined {
  const path: (string | number)[] = [];
  let container = root;
  for (let i = 0; i < tokens.length; i++) {
    const token = tokens[i] as string;
    if (container === undefined) return undefined;
    if (isArray(container)) {
      const index = token === "-" ? container.length : indexOf(token);
      if (index < 0 || index > container.length) return undefined;
      path.push(index);
      container = elementOf(container, index);
    } else if (isObject(container)) {
      path.push(token);
      container = memberOf(container, token);
    } else {
      return undefined;
    }
  }
  return path;
}

/** An array index as RFC 6901 writes it: digits without leading zeros; −1 for anything else. */
function indexOf(token: string): number {
  if (token.length === 0 || token.length > 15 || (token.length > 1 && token.startsWith("0"))) return -1;
  let index = 0;
  for (let i = 0; i < token.length; i++) {
    const digit = token.charCodeAt(i) - 0x30;
    if (digit < 0 || digit > 9) return -1;
    index = index * 10 + digit;
  }
  return index;
}

function unescapeToken(token: string, pointer: string): string {
  let text = "";
  for (let i = 0; i < token.length; i++) {
    const letter = token.charAt(i);
    if (letter !== "~") {
      text += letter;
      continue;
    }
    const escaped = token.charAt(++i);
    if (escaped !== "0" && escaped !== "1")
      throw invalidPath(pointer, pointer.indexOf(token) + i - 1, '"~" is written "~0", "/" is written "~1"');
    text += escaped === "0" ? "~" : "/";
  }
  return text;
}
