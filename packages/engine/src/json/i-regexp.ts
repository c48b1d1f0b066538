import { InvalidArgumentError } from "@strata/core";
import { type CharacterSet, holdsCharacter, type PatternNode, parsePattern } from "./i-regexp-pattern.js";
import type { QueryBudget } from "./query-budget.js";

/** Longest pattern, in UTF-16 units. */
export const PATTERN_LENGTH_MAX = 1000;
/** Most instructions of a compiled pattern: `a{500}` has 500. */
export const PATTERN_INSTRUCTIONS_MAX = 2000;

/**
 * A regular expression as RFC 9485 (I-Regexp) defines them for JSONPath, run in time proportional to pattern × text:
 * patterns come from outside, and a backtracking engine can be made to run for years. All alternatives advance
 * together, character by character. Pike's virtual machine: R. Cox, "Regular Expression Matching: the Virtual Machine
 * Approach" (2009).
 *
 * As in the JavaScript mapping of RFC 9485, `^` and `$` assert the begin and the end of the text.
 */
export class IRegexp {
  readonly #program: readonly Instruction[];
  /** Position (plus one) at which an instruction was added last, so that none is added twice. */
  readonly #added: Int32Array;
  readonly #pending: number[] = [];
  #threads: number[] = [];
  #spare: number[] = [];

  private constructor(program: readonly Instruction[]) {
    this.#program = program;
    this.#added = new Int32Array(program.length);
  }

  /**
   * `undefined` for a pattern that is no I-Regexp: it matches nothing (RFC 9535, 2.4.6).
   *
   * @throws InvalidArgumentError `INVALID_PATH` for one beyond the limits.
   */
  static compile(pattern: string): IRegexp | undefined {
    if (pattern.length > PATTERN_LENGTH_MAX) throw tooLarge(pattern);
    const node = parsePattern(pattern);
    if (node === undefined) return undefined;
    const program: Instruction[] = [];
    emit(node, program, pattern);
    add(program, { kind: "match" }, pattern);
    return new IRegexp(program);
  }

  /** Whether the whole text matches. */
  matches(text: string, budget: QueryBudget): boolean {
    return this.#run(text, true, budget);
  }

  /** Whether a part of the text matches. */
  finds(text: string, budget: QueryBudget): boolean {
    return this.#run(text, false, budget);
  }

  #run(text: string, whole: boolean, budget: QueryBudget): boolean {
    this.#added.fill(0);
    this.#threads.length = 0;
    let at = 0;
    // Whether an alternative has come to its end at this position.
    let matched = this.#start(this.#threads, 0, text.length, at);
    for (;;) {
      if (matched && (!whole || at === text.length)) return true;
      if (at === text.length || (whole && this.#threads.length === 0)) return false;
      budget.spend(1 + this.#threads.length);
      const character = text.codePointAt(at) as number;
      at += character > 0xffff ? 2 : 1;
      const next = this.#spare;
      next.length = 0;
      matched = false;
      for (const thread of this.#threads) {
        const instruction = this.#program[thread] as Instruction;
        if (instruction.kind === "character" && holdsCharacter(instruction.set, character)) {
          matched = this.#start(next, thread + 1, text.length, at) || matched;
        }
      }
      if (!whole) matched = this.#start(next, 0, text.length, at) || matched;
      this.#spare = this.#threads;
      this.#threads = next;
    }
  }

  /**
   * Adds to `threads` every instruction that waits for a character and is reached from `first`; true when the end is
   * reached too.
   */
  #start(threads: number[], first: number, length: number, at: number): boolean {
    let matched = false;
    const pending = this.#pending;
    pending.push(first);
    for (let thread = pending.pop(); thread !== undefined; thread = pending.pop()) {
      if (this.#added[thread] === at + 1) continue;
      this.#added[thread] = at + 1;
      const instruction = this.#program[thread] as Instruction;
      switch (instruction.kind) {
        case "character":
          threads.push(thread);
          break;
        case "match":
          matched = true;
          break;
        case "jump":
          pending.push(instruction.to);
          break;
        case "split":
          pending.push(thread + 1, instruction.to);
          break;
        case "begin":
          if (at === 0) pending.push(thread + 1);
          break;
        case "end":
          if (at === length) pending.push(thread + 1);
          break;
      }
    }
    return matched;
  }
}

/** One step of a program; execution goes on with the next one unless the step says otherwise. `split` does both. */
type Instruction =
  | { readonly kind: "character"; readonly set: CharacterSet }
  | { readonly kind: "split" | "jump"; readonly to: number }
  | { readonly kind: "begin" | "end" | "match" };

function emit(node: PatternNode, program: Instruction[], pattern: string): void {
  switch (node.kind) {
    case "character":
    case "begin":
    case "end":
      add(program, node, pattern);
      return;
    case "sequence":
      for (const part of node.parts) emit(part, program, pattern);
      return;
    case "choice":
      emitChoice(node.parts, program, pattern);
      return;
    case "repeat":
      emitRepeat(node, program, pattern);
      return;
  }
}

function emitChoice(parts: readonly PatternNode[], program: Instruction[], pattern: string): void {
  const exits: number[] = [];
  for (const [i, part] of parts.entries()) {
    const isLast = i === parts.length - 1;
    const split = isLast ? -1 : add(program, { kind: "split", to: 0 }, pattern);
    emit(part, program, pattern);
    if (isLast) break;
    exits.push(add(program, { kind: "jump", to: 0 }, pattern));
    program[split] = { kind: "split", to: program.length };
  }
  for (const exit of exits) program[exit] = { kind: "jump", to: program.length };
}

function emitRepeat(node: PatternNode & { readonly kind: "repeat" }, program: Instruction[], pattern: string): void {
  const before = program.length;
  for (let i = 0; i < node.min; i++) {
    emit(node.part, program, pattern);
    // Nothing, however often: `(((){999}){999}){999}` must not be written out.
    if (program.length === before) return;
  }
  if (node.max === Number.POSITIVE_INFINITY) {
    const split = add(program, { kind: "split", to: 0 }, pattern);
    emit(node.part, program, pattern);
    add(program, { kind: "jump", to: split }, pattern);
    program[split] = { kind: "split", to: program.length };
    return;
  }
  const splits: number[] = [];
  for (let i = node.min; i < node.max; i++) {
    splits.push(add(program, { kind: "split", to: 0 }, pattern));
    emit(node.part, program, pattern);
  }
  for (const split of splits) program[split] = { kind: "split", to: program.length };
}

function add(program: Instruction[], instruction: Instruction, pattern: string): number {
  if (program.length >= PATTERN_INSTRUCTIONS_MAX) throw tooLarge(pattern);
  return program.push(instruction) - 1;
}

function tooLarge(pattern: string): InvalidArgumentError {
  const shown = pattern.slice(0, 120);
  return new InvalidArgumentError(
    "INVALID_PATH",
    `the pattern "${shown}" of a query is too large`,
    { path: shown, position: 0, reason: "pattern too large", limit: "pattern", max: PATTERN_INSTRUCTIONS_MAX },
    { hint: `A pattern has up to ${PATTERN_LENGTH_MAX} characters; {n} counts n times what it repeats.` },
  );
}
