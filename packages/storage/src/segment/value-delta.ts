/**
 * What makes an older value of the next newer one. Subtrees that both share are told by being the same object: writing costs what differs.
 *
 *   delta := 1 | value                  in the place of the newer one
 *          | 2 | step* | 0              of the members of the newer object, in their order
 *          | 3 | step* | 0              of the elements of the newer array
 *   step  := 8 * kept + kind varint     so many of the newer one come first, as they are; what is left at the end does, too
 *            kind 1, skip:   count varint                             the older one does not have the next so many
 *                 2, change: delta                                    of the next one
 *                 3, add:    [name text, in an object] | value        the newer one does not have it
 *                 4, take:   position varint | delta, or 0 for none   in an object: the member at this position comes here
 *
 * Tags are bytes; values are as in `docs/formats/value.md`. Both values decide the bytes, not what they share in memory.
 */
import { ByteWriter, encodeValue, type Value, type ValueObject } from "@strata/core";
import { isArray, isObject, sameScalar, sameValue } from "./same-value.js";

/** Stored on users' disks: add, never renumber. */
export const DeltaTag = { same: 0, value: 1, object: 2, array: 3 } as const;
export const Step = { end: 0, skip: 1, change: 2, add: 3, take: 4 } as const;
/** What `kept` is multiplied by to make room for a kind. */
export const STEP_RANGE = 8;

/** For measuring what is not written. */
const scratch = new ByteWriter(256);

/** Writes deltas one after the other, in memory that is used again. */
export class DeltaWriter {
  /** Bytes that the older value has more than the newer one when both are written whole; negative when it has less. */
  sizeChange = 0;
  /** Members and elements that were compared, and bytes that were measured: what the last delta cost. */
  work = 0;
  readonly #bytes = new ByteWriter(1024);
  /** Tags and steps that lead to what is being compared: written once there is a difference. */
  readonly #pending: number[] = [];

  /**
   * @param newer an array or an object, and `older` the same.
   * @returns the delta, good until the next one is written.
   */
  write(newer: Value, older: Value): Uint8Array {
    this.sizeChange = 0;
    this.work = 0;
    this.#bytes.reset();
    this.#pending.length = 0;
    if (!this.#differs(newer, older)) {
      this.#bytes.u8(isArray(newer) ? DeltaTag.array : DeltaTag.object);
      this.#bytes.u8(Step.end);
    }
    return this.#bytes.view();
  }

  /** Writes the delta, unless there is no difference. */
  #differs(newer: Value, older: Value): boolean {
    if (Object.is(newer, older)) return false;
    if (isArray(newer) && isArray(older)) return this.#elementsDiffer(newer, older);
    if (isObject(newer) && isObject(older)) return this.#membersDiffer(newer, older);
    if (sameScalar(newer, older)) return false;
    this.#flush();
    this.#bytes.u8(DeltaTag.value);
    this.#add(older);
    this.#lose(newer);
    return true;
  }

  #elementsDiffer(newerElements: readonly Value[], olderElements: readonly Value[]): boolean {
    // Frozen arrays are slow to read one by one.
    const newer = newerElements.slice();
    const older = olderElements.slice();
    this.work += newer.length + older.length;
    const shorter = Math.min(newer.length, older.length);
    let start = 0;
    let end = shorter;
    if (newer.length !== older.length) {
      const fromNewer = newer.length - shorter;
      const fromOlder = older.length - shorter;
      while (start < shorter && sameValue(newer[start]!, older[start]!)) start++;
      while (end > start && sameValue(newer[fromNewer + end - 1]!, older[fromOlder + end - 1]!)) end--;
    }
    this.#pending.push(DeltaTag.array);
    let kept = start;
    let differs = false;
    for (let i = start; i < end; i++) {
      if (this.#changes(kept, newer[i]!, older[i]!)) {
        kept = 0;
        differs = true;
      } else kept++;
    }
    if (newer.length > shorter) {
      this.#step(kept, Step.skip);
      this.#bytes.varint(newer.length - shorter);
      for (let i = end; i < end + newer.length - shorter; i++) this.#lose(newer[i]!);
      differs = true;
    }
    for (let i = end; i < end + older.length - shorter; i++) {
      this.#step(kept, Step.add);
      this.#add(older[i]!);
      kept = 0;
      differs = true;
    }
    return this.#finish(differs, newer.length, older.length);
  }

  /** Members that are in both in another order are taken from where they are: those that seem to have been moved, not all others. */
  #membersDiffer(newer: ValueObject, older: ValueObject): boolean {
    const names = Object.keys(newer);
    const wanted = Object.keys(older);
    this.work += names.length + wanted.length;
    this.#pending.push(DeltaTag.object);
    let order: MemberOrder | undefined;
    let kept = 0;
    let differs = false;
    let i = 0;
    let j = 0;
    while (i < names.length || j < wanted.length) {
      const name = names[i];
      const want = wanted[j];
      if (name !== undefined && name === want) {
        if (this.#changes(kept, newer[name]!, older[name]!)) {
          kept = 0;
          differs = true;
        } else kept++;
        i++;
        j++;
        continue;
      }
      differs = true;
      // Where one of them has come to its end and all was alike before, there is nothing to look up.
      if (name !== undefined && want !== undefined) order ??= new MemberOrder(names, wanted);
      const later = name === undefined ? undefined : order?.wantedAt.get(name);
      const from = want === undefined ? undefined : order?.namesAt.get(want);
      if (name !== undefined && (later === undefined || later < j)) {
        this.#step(kept, Step.skip);
        const begin = i;
        for (; i < names.length; i++) {
          const at = order?.wantedAt.get(names[i]!);
          if (at !== undefined && at >= j) break;
          if (at === undefined) this.#loseMember(names[i]!, newer[names[i]!]!);
        }
        this.#bytes.varint(i - begin);
      } else if (want !== undefined && from === undefined) {
        this.#step(kept, Step.add);
        this.#bytes.text(want);
        this.sizeChange += sizeOf(want);
        this.#add(older[want]!);
        j++;
      } else if (from! < i || later! - j <= from! - i) {
        this.#step(kept, Step.take);
        this.#bytes.varint(from!);
        if (!this.#differs(newer[want!]!, older[want!]!)) this.#bytes.u8(DeltaTag.same);
        j++;
      } else {
        this.#step(kept, Step.skip);
        this.#bytes.varint(1);
        i++;
      }
      kept = 0;
    }
    return this.#finish(differs, names.length, wanted.length);
  }

  /** Writes a step for the next member or element, unless it is the same. */
  #changes(kept: number, newer: Value, older: Value): boolean {
    if (Object.is(newer, older)) return false;
    this.#pending.push(STEP_RANGE * kept + Step.change);
    if (this.#differs(newer, older)) return true;
    this.#pending.pop();
    return false;
  }

  #finish(differs: boolean, newerCount: number, olderCount: number): boolean {
    if (differs) {
      this.#bytes.u8(Step.end);
      this.sizeChange += headSize(olderCount) - headSize(newerCount);
    } else this.#pending.pop();
    return differs;
  }

  #step(kept: number, kind: number): void {
    this.#flush();
    this.#bytes.varint(STEP_RANGE * kept + kind);
  }

  #flush(): void {
    const pending = this.#pending;
    for (let i = 0; i < pending.length; i++) this.#bytes.varint(pending[i]!);
    pending.length = 0;
  }

  #add(value: Value): void {
    const start = this.#bytes.length;
    encodeValue(this.#bytes, value);
    this.sizeChange += this.#bytes.length - start;
  }

  #lose(value: Value): void {
    const size = sizeOf(value);
    this.sizeChange -= size;
    this.work += size >> 3;
  }

  #loseMember(name: string, value: Value): void {
    this.sizeChange -= sizeOf(name);
    this.#lose(value);
  }
}

/** Where members of two objects lie. */
class MemberOrder {
  readonly namesAt: ReadonlyMap<string, number>;
  readonly wantedAt: ReadonlyMap<string, number>;

  constructor(names: readonly string[], wanted: readonly string[]) {
    this.namesAt = new Map(names.map((name, position) => [name, position]));
    this.wantedAt = new Map(wanted.map((name, position) => [name, position]));
  }
}

/** Bytes of a value; of a name, as well: both are texts. */
function sizeOf(value: Value): number {
  scratch.reset();
  encodeValue(scratch, value);
  return scratch.length;
}

/** Bytes before the first member or element. */
function headSize(count: number): number {
  if (count < 24) return 1;
  if (count < 0x100) return 2;
  return count < 0x10000 ? 3 : 5;
}
