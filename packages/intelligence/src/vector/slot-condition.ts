import type { Neighbors } from "./scan.js";

/** Something that slots of one partition are asked for to have. */
export interface SlotCondition {
  /** About how many slots satisfy it, among them maybe dead ones; `undefined` where that is not known. */
  readonly estimate: number | undefined;
  /** All slots that the reader sees and that satisfy it, and maybe others, ascending. Only where there is an estimate. */
  slots(): Int32Array;
  /** Whether a slot that the reader sees satisfies it. */
  holds(slot: number): boolean;
  /** Makes `mayHold` quick, for who is going to ask of many slots. The estimate may be a better one afterwards. */
  prepare(): void;
  /** Whether a slot that the reader sees may satisfy it. */
  mayHold(slot: number): boolean;
  /** Whether all that was found by `mayHold` satisfies it. If not, `mayHold` is a test from now on. */
  confirms(found: Neighbors): boolean;
}

type Accept = (slot: number) => boolean;

/** `undefined` for a test that every slot passes. */
export function allOf(tests: readonly (Accept | undefined)[]): Accept | undefined {
  const [first, second, third] = tests.filter((test) => test !== undefined);
  if (first === undefined || second === undefined) return first;
  if (third === undefined) return (slot) => first(slot) && second(slot);
  return (slot) => first(slot) && second(slot) && third(slot);
}
