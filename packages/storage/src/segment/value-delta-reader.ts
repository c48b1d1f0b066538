/**
 * Older values, made of the next newer one and a delta. What both have in common is the same frozen object. Layout: `value-delta.ts`.
 */
import {
  ARRAY_LENGTH_MAX,
  type ByteReader,
  CorruptionError,
  decodeValue,
  NESTING_MAX,
  OBJECT_MEMBERS_MAX,
  type Value,
  type ValueObject,
} from "@strata/core";
import { isArray, isObject } from "./same-value.js";
import { setMember } from "./set-member.js";
import { DeltaTag, STEP_RANGE, Step } from "./value-delta.js";

type Members = Record<string, Value>;

/**
 * Makes values step by step, from one delta to the next. What it has copied it changes in place, so that many deltas cost one copy; until `finish`
 * none of it is frozen, and nobody else may have it.
 */
export class DeltaReader {
  /** Copies, with the names of their members where they are known. Whatever is not among them is frozen, and of others. */
  readonly #own: Map<object, readonly string[] | undefined> = new Map();

  /**
   * The value before `newer`. The reader then stands behind the delta.
   *
   * @param newer frozen, or what was read last; that is of no use any more.
   * @throws CorruptionError `CORRUPT_RECORD` or `CORRUPT_VALUE` for bytes that are no delta of `newer`
   */
  read(reader: ByteReader, newer: Value): Value {
    return this.#read(reader, reader.u8(), newer, 0);
  }

  /** Freezes what was made. */
  finish(): void {
    for (const copy of this.#own.keys()) Object.freeze(copy);
    this.#own.clear();
  }

  /** @param depth containers around the value. */
  #read(reader: ByteReader, tag: number, newer: Value, depth: number): Value {
    if (tag === DeltaTag.value) return readPlain(reader, depth);
    if (depth >= NESTING_MAX) throw damaged(`nesting of more than ${NESTING_MAX}`);
    if (tag === DeltaTag.object && isObject(newer)) return this.#readMembers(reader, newer, depth + 1);
    if (tag === DeltaTag.array && isArray(newer)) return this.#readElements(reader, newer, depth + 1);
    throw damaged(`the tag ${tag} where there is none`);
  }

  #readMembers(reader: ByteReader, newer: ValueObject, depth: number): Value {
    const names = this.#own.get(newer) ?? Object.keys(newer);
    let older: Members = this.#own.has(newer) ? (newer as Members) : { ...newer };
    let next = 0;
    /** Members of `older`, once they are others than those of `newer`. */
    let count = -1;
    for (;;) {
      const { kind, kept } = readStep(reader, names.length - next);
      if (count < 0 && kind !== Step.end && kind !== Step.change) {
        const changed = older;
        older = {};
        for (let i = 0; i < next; i++) setMember(older, names[i]!, changed[names[i]!]!);
        count = next;
      }
      if (count >= 0) {
        for (let i = next; i < next + kept; i++) setMember(older, names[i]!, newer[names[i]!]!);
        count += kept;
      }
      next += kept;
      if (kind === Step.end) break;
      if (kind === Step.skip) {
        next += readSkip(reader, names.length - next);
        continue;
      }
      if (count >= 0) count++;
      if (kind === Step.change) {
        const name = nameAt(names, next++);
        const value = this.#read(reader, reader.u8(), newer[name]!, depth);
        // It has the member already, even one called `__proto__`.
        if (count < 0) older[name] = value;
        else setMember(older, name, value);
      } else if (kind === Step.add) {
        setMember(older, reader.text(), readPlain(reader, depth));
      } else {
        const name = nameAt(names, reader.varint());
        const tag = reader.u8();
        const value = newer[name]!;
        setMember(older, name, tag === DeltaTag.same ? value : this.#read(reader, tag, value, depth));
      }
    }
    if (count > OBJECT_MEMBERS_MAX) throw damaged(`${count} members`);
    if (count >= 0 && Object.keys(older).length !== count) throw damaged("two members of one name");
    this.#own.set(older, count < 0 ? names : undefined);
    return older;
  }

  #readElements(reader: ByteReader, newer: readonly Value[], depth: number): Value {
    const isOwn = this.#own.has(newer);
    // Frozen arrays are slow to read one by one.
    const elements = isOwn ? (newer as Value[]) : newer.slice();
    let older = elements;
    let next = 0;
    for (;;) {
      const { kind, kept } = readStep(reader, elements.length - next);
      if (older === elements && kind !== Step.end && kind !== Step.change) older = elements.slice(0, next);
      if (older !== elements) for (let i = next; i < next + kept; i++) older.push(elements[i]!);
      next += kept;
      if (kind === Step.end) break;
      if (kind === Step.skip) next += readSkip(reader, elements.length - next);
      else if (kind === Step.add) older.push(readPlain(reader, depth));
      else if (kind === Step.change) {
        if (next >= elements.length) throw damaged("a change of what is not there");
        const value = this.#read(reader, reader.u8(), elements[next]!, depth);
        if (older === elements) older[next] = value;
        else older.push(value);
        next++;
      } else throw damaged("an array has no names");
    }
    if (older.length > ARRAY_LENGTH_MAX) throw damaged(`${older.length} elements`);
    this.#own.set(older, undefined);
    return older;
  }
}

/** @param left members or elements that can still be kept. */
function readStep(reader: ByteReader, left: number): { readonly kind: number; readonly kept: number } {
  const step = reader.varint();
  if (step === Step.end) return { kind: Step.end, kept: left };
  const kind = step % STEP_RANGE;
  const kept = Math.floor(step / STEP_RANGE);
  if (kind === Step.end || kind > Step.take) throw damaged(`the step ${step}`);
  if (kept > left) throw damaged(`${kept} kept out of ${left}`);
  return { kind, kept };
}

function readSkip(reader: ByteReader, left: number): number {
  const count = reader.varint();
  if (count === 0 || count > left) throw damaged(`${count} left out of ${left}`);
  return count;
}

function nameAt(names: readonly string[], position: number): string {
  const name = names[position];
  if (name === undefined) throw damaged("a member that is not there");
  return name;
}

/** A value that is written out. */
function readPlain(reader: ByteReader, depth: number): Value {
  const value = decodeValue(reader);
  if (depth > 0) checkNesting(value, depth);
  return value;
}

function checkNesting(value: Value, depth: number): void {
  if (typeof value !== "object" || value === null || value instanceof Uint8Array) return;
  if (depth >= NESTING_MAX) throw damaged(`nesting of more than ${NESTING_MAX}`);
  if (isArray(value)) for (const element of value) checkNesting(element, depth + 1);
  else for (const name in value) checkNesting((value as ValueObject)[name]!, depth + 1);
}

function damaged(what: string): CorruptionError {
  return new CorruptionError("CORRUPT_RECORD", `a delta makes no sense: ${what}`);
}
