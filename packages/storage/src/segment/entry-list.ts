/**
 * What several sources have of one key, before it is decided what stays and how it is written.
 */
import { ByteWriter, type Version } from "@strata/core";
import { isLive, type Stored, TRIMMED } from "../stored.js";
import { isDeadByte, isDeltaByte, isTrimmedByte } from "../stored-codec.js";
import { decodeEntries } from "./entry-walk.js";

/** Where bytes come from. */
export interface EntryOrigin {
  /** What an error of decoding them means. */
  damage(error: unknown): unknown;
}

/** In place of what is stored: it is bytes still. */
const FILED = Symbol("filed");

const Fate = { stays: 0, gap: 1, dropped: 2 } as const;
type Fate = (typeof Fate)[keyof typeof Fate];

/** Newest first. Used again from key to key. */
export class EntryList {
  readonly #versions: Version[] = [];
  readonly #stored: (Stored | undefined | typeof FILED)[] = [];
  readonly #fates: Fate[] = [];
  /** Where the bytes of those that are filed begin and end. */
  readonly #bounds: number[] = [];
  readonly #origins: (EntryOrigin | undefined)[] = [];
  readonly #bytes = new ByteWriter(4096);
  /** The filed one that was decoded last, from which those behind it begin. */
  #knownAt = -1;
  #known: Stored | undefined = undefined;

  get length(): number {
    return this.#versions.length;
  }

  clear(): void {
    this.#versions.length = 0;
    this.#stored.length = 0;
    this.#fates.length = 0;
    this.#origins.length = 0;
    this.#bytes.reset();
    this.#knownAt = -1;
    this.#known = undefined;
  }

  /** @param version below that of the entry before. */
  add(version: Version, stored: Stored | undefined): void {
    this.#stored.push(stored);
    this.#origins.push(undefined);
    this.#begin(version);
  }

  /** As `add`, of an entry that is bytes already. If these have a delta, it is one of the entry before. */
  addBytes(version: Version, stored: Uint8Array, origin?: EntryOrigin): void {
    this.#stored.push(FILED);
    this.#origins.push(origin);
    const index = this.#begin(version);
    this.#bounds[2 * index] = this.#bytes.length;
    this.#bytes.raw(stored);
    this.#bounds[2 * index + 1] = this.#bytes.length;
  }

  versionOf(index: number): Version {
    return this.#versions[index]!;
  }

  isDead(index: number): boolean {
    const stored = this.#stored[index];
    return stored === FILED ? isDeadByte(this.#firstByteOf(index)) : !isLive(stored);
  }

  isTrimmed(index: number): boolean {
    const stored = this.#stored[index];
    return stored === FILED ? isTrimmedByte(this.#firstByteOf(index)) : stored === TRIMMED;
  }

  /** Says that the entry is not to be written. */
  drop(index: number): void {
    this.#fates[index] = Fate.dropped;
  }

  /** Says that in its place a gap is to be written. */
  leaveGap(index: number): void {
    this.#fates[index] = Fate.gap;
  }

  isDropped(index: number): boolean {
    return this.#fates[index] === Fate.dropped;
  }

  isGap(index: number): boolean {
    return this.#fates[index] === Fate.gap;
  }

  /** What the entry stores. Asked for from the newest to the oldest, each filed one is decoded once. */
  stored(index: number): Stored | undefined {
    const stored = this.#stored[index];
    if (stored !== FILED) return stored;
    let first = index;
    while (first !== this.#knownAt && this.#isDelta(first)) first--;
    const isKnown = first === this.#knownAt;
    const known = this.#decode(isKnown ? first + 1 : first, index, isKnown ? this.#known : undefined);
    this.#knownAt = index;
    this.#known = known;
    return known;
  }

  /** The bytes of an entry that is filed, and whole; `undefined` for others. Good until the next one is added. */
  wholeBytesOf(index: number): Uint8Array | undefined {
    if (this.#stored[index] !== FILED || this.#isDelta(index)) return undefined;
    return this.#bytes.reserve(0).subarray(this.#bounds[2 * index]!, this.#bounds[2 * index + 1]!);
  }

  #begin(version: Version): number {
    this.#fates.push(Fate.stays);
    return this.#versions.push(version) - 1;
  }

  #isDelta(index: number): boolean {
    return isDeltaByte(this.#firstByteOf(index));
  }

  #firstByteOf(index: number): number {
    return this.#bytes.reserve(0)[this.#bounds[2 * index]!]!;
  }

  #decode(first: number, last: number, newer: Stored | undefined): Stored | undefined {
    try {
      return decodeEntries(this.#bytes.reserve(0), this.#bounds, first, last, newer);
    } catch (error) {
      throw this.#origins[last]?.damage(error) ?? error;
    }
  }
}
