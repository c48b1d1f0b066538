/**
 * The syntax of RFC 9485:
 *
 *   pattern   := branch ("|" branch)*
 *   branch    := (atom quantifier?)*
 *   quantifier := "*" | "+" | "?" | "{" n "}" | "{" n ",}" | "{" n "," m "}"
 *   atom      := character | "." | "\" escaped | "\p{" category "}" | "\P{" category "}" | class | "(" pattern ")"
 *   class     := "[" "^"? "-"? (character | character "-" character | "\p{…}" | "\P{…}")* "-"? "]"
 */
export type PatternNode =
  | { readonly kind: "character"; readonly set: CharacterSet }
  | { readonly kind: "begin" | "end" }
  | { readonly kind: "sequence" | "choice"; readonly parts: readonly PatternNode[] }
  | { readonly kind: "repeat"; readonly part: PatternNode; readonly min: number; readonly max: number };

/** A set of code points: those in a range or in a Unicode category, or all others. */
export interface CharacterSet {
  readonly negated: boolean;
  /** First and last code point of each range, in turn. */
  readonly ranges: readonly number[];
  readonly categories: readonly { readonly members: RegExp; readonly negated: boolean }[];
}

export function holdsCharacter(set: CharacterSet, character: number): boolean {
  const { ranges } = set;
  for (let i = 0; i < ranges.length; i += 2) {
    if (character >= (ranges[i] as number) && character <= (ranges[i + 1] as number)) return !set.negated;
  }
  for (const category of set.categories) {
    if (category.members.test(String.fromCodePoint(character)) !== category.negated) return !set.negated;
  }
  return set.negated;
}

/** The parsed pattern, `undefined` when it is no I-Regexp. */
export function parsePattern(pattern: string): PatternNode | undefined {
  try {
    return new PatternParser(pattern).parse();
  } catch (error) {
    if (error instanceof PatternSyntaxError) return undefined;
    throw error;
  }
}

class PatternSyntaxError extends Error {}

const ANY: CharacterSet = { negated: true, ranges: [0x0a, 0x0a, 0x0d, 0x0d], categories: [] };
const NOT_PLAIN = new Set("()*+.?[\\]{|}");
const NOT_PLAIN_IN_CLASS = new Set("-[\\]");
const ESCAPED = new Set("()*+-.?[\\]^{|}");
const ESCAPED_CONTROL: ReadonlyMap<string, string> = new Map([
  ["n", "\n"],
  ["r", "\r"],
  ["t", "\t"],
]);
/** Second letters of the general categories, by their first; the first alone is a category too. */
const CATEGORIES: { readonly [first: string]: string } = {
  L: "lmotu",
  M: "cen",
  N: "dlo",
  P: "cdefios",
  Z: "lps",
  S: "ckmo",
  C: "cfno",
};

class PatternParser {
  readonly #characters: readonly string[];
  #at = 0;

  constructor(pattern: string) {
    this.#characters = [...pattern];
  }

  parse(): PatternNode {
    const node = this.#choice();
    if (this.#at < this.#characters.length) throw new PatternSyntaxError();
    return node;
  }

  #choice(): PatternNode {
    const parts = [this.#sequence()];
    while (this.#accept("|")) parts.push(this.#sequence());
    return parts.length === 1 ? (parts[0] as PatternNode) : { kind: "choice", parts };
  }

  #sequence(): PatternNode {
    const parts: PatternNode[] = [];
    for (let next = this.#peek(); next !== undefined && next !== "|" && next !== ")"; next = this.#peek()) {
      parts.push(this.#quantified(this.#atom()));
    }
    return parts.length === 1 ? (parts[0] as PatternNode) : { kind: "sequence", parts };
  }

  #quantified(part: PatternNode): PatternNode {
    if (this.#accept("*")) return { kind: "repeat", part, min: 0, max: Number.POSITIVE_INFINITY };
    if (this.#accept("+")) return { kind: "repeat", part, min: 1, max: Number.POSITIVE_INFINITY };
    if (this.#accept("?")) return { kind: "repeat", part, min: 0, max: 1 };
    if (!this.#accept("{")) return part;
    const min = this.#count();
    const max = !this.#accept(",") ? min : this.#peek() === "}" ? Number.POSITIVE_INFINITY : this.#count();
    this.#expect("}");
    if (max < min) throw new PatternSyntaxError();
    return { kind: "repeat", part, min, max };
  }

  #count(): number {
    let digits = "";
    for (let next = this.#peek(); next !== undefined && next >= "0" && next <= "9"; next = this.#peek())
      digits += this.#take();
    if (digits === "") throw new PatternSyntaxError();
    return Number(digits);
  }

  #atom(): PatternNode {
    const character = this.#take();
    switch (character) {
      case "(": {
        const inner = this.#choice();
        this.#expect(")");
        return inner;
      }
      case "[":
        return { kind: "character", set: this.#class() };
      case ".":
        return { kind: "character", set: ANY };
      case "^":
        return { kind: "begin" };
      case "$":
        return { kind: "end" };
      case "\\":
        return { kind: "character", set: this.#escape() };
      default:
        if (NOT_PLAIN.has(character)) throw new PatternSyntaxError();
        return { kind: "character", set: setOf(character) };
    }
  }

  #class(): CharacterSet {
    const negated = this.#accept("^");
    const ranges: number[] = [];
    const categories: CharacterSet["categories"][number][] = [];
    if (this.#accept("-")) ranges.push(MINUS, MINUS);
    while (!this.#accept("]")) {
      if (this.#accept("-")) {
        if (ranges.length + categories.length === 0 || this.#peek() !== "]") throw new PatternSyntaxError();
        ranges.push(MINUS, MINUS);
        continue;
      }
      const item = this.#accept("\\") ? this.#escape() : setOf(this.#plainInClass());
      categories.push(...item.categories);
      const first = item.ranges[0];
      if (first === undefined) continue;
      let last = first;
      if (this.#peek() === "-" && this.#characters[this.#at + 1] !== "]") {
        this.#at++;
        const end = this.#accept("\\") ? this.#escape() : setOf(this.#plainInClass());
        last = end.ranges[0] ?? -1;
      }
      if (last < first) throw new PatternSyntaxError();
      ranges.push(first, last);
    }
    if (ranges.length + categories.length === 0) throw new PatternSyntaxError();
    return { negated, ranges, categories };
  }

  #plainInClass(): string {
    const character = this.#take();
    if (NOT_PLAIN_IN_CLASS.has(character)) throw new PatternSyntaxError();
    return character;
  }

  /** What follows a backslash. */
  #escape(): CharacterSet {
    const character = this.#take();
    if (character === "p" || character === "P")
      return { negated: false, ranges: [], categories: [this.#category(character === "P")] };
    const control = ESCAPED_CONTROL.get(character);
    if (control !== undefined) return setOf(control);
    if (!ESCAPED.has(character)) throw new PatternSyntaxError();
    return setOf(character);
  }

  #category(negated: boolean): CharacterSet["categories"][number] {
    this.#expect("{");
    let name = "";
    for (let next = this.#take(); next !== "}"; next = this.#take()) name += next;
    const seconds = Object.hasOwn(CATEGORIES, name.charAt(0)) ? (CATEGORIES[name.charAt(0)] as string) : undefined;
    const known =
      seconds !== undefined && (name.length === 1 || (name.length === 2 && seconds.includes(name.charAt(1))));
    if (!known) throw new PatternSyntaxError();
    return { members: new RegExp(`^\\p{${name}}$`, "u"), negated };
  }

  #peek(): string | undefined {
    return this.#characters[this.#at];
  }

  #take(): string {
    const character = this.#characters[this.#at++];
    if (character === undefined) throw new PatternSyntaxError();
    return character;
  }

  #accept(character: string): boolean {
    if (this.#characters[this.#at] !== character) return false;
    this.#at++;
    return true;
  }

  #expect(character: string): void {
    if (!this.#accept(character)) throw new PatternSyntaxError();
  }
}

const MINUS = 0x2d;

function setOf(character: string): CharacterSet {
  const code = character.codePointAt(0) as number;
  return { negated: false, ranges: [code, code], categories: [] };
}
