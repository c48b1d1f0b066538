/**
 * Where the keys of a new segment come from: the live table, and the segments that are taken in.
 */
import { ByteReader, type Version } from "@strata/core";
import type { OlderVersions, VersionChain } from "../version-chain.js";
import type { EntryList, EntryOrigin } from "./entry-list.js";
import { KeyBlock } from "./key-block.js";
import { KeyBytes } from "./key-bytes.js";
import type { TablePart } from "./table-part.js";
import type { WorkBudget } from "./work-budget.js";

/** For one entry of a chain that is copied. */
const COPY_UNITS = 0.02;

/** Keys in the order of their bytes, each with what the source has of it. */
export interface KeySource {
  /** The key it stands on; good until `advance`. */
  readonly key: KeyBytes;
  /** Goes to the next key. @returns false at the end. */
  advance(): boolean;
  /**
   * Adds the entries of the key to `entries`, newest first, as far as the budget goes.
   *
   * @returns whether that is all; if not, call again.
   */
  gather(entries: EntryList, budget: WorkBudget): boolean;
}

/** What the chains in memory have in (from, through]. */
export class LiveKeys implements KeySource {
  readonly key = new KeyBytes();
  readonly #chains: readonly VersionChain[];
  readonly #from: Version;
  readonly #through: Version;
  #next = 0;
  /** Of a key that is being gathered: entries behind the newest, and how many of them are left. */
  #older: OlderVersions | undefined = undefined;
  #left = 0;

  /** @param chains by key. */
  constructor(chains: readonly VersionChain[], from: Version, through: Version) {
    this.#chains = chains;
    this.#from = from;
    this.#through = through;
  }

  advance(): boolean {
    const chain = this.#chains[this.#next];
    if (chain === undefined) return false;
    this.#next++;
    this.key.set(chain.key);
    return true;
  }

  /** The chain is looked at once: between two slices it may grow, or be trimmed. */
  gather(entries: EntryList, budget: WorkBudget): boolean {
    const from = this.#from;
    const through = this.#through;
    let older = this.#older;
    if (older === undefined) {
      const chain = this.#chains[this.#next - 1]!;
      if (chain.version <= through && chain.version > from) entries.add(chain.version, chain.stored);
      budget.spend(1);
      older = chain.older;
      if (older === undefined) return true;
      this.#left = older.versions.length;
      budget.spend(this.#left * COPY_UNITS);
    }
    const { versions, values } = older;
    while (this.#left > 0 && versions[this.#left - 1]! > from) {
      if (budget.isSpent) {
        this.#older = older;
        return false;
      }
      this.#left--;
      if (versions[this.#left]! <= through) entries.add(versions[this.#left]!, values[this.#left]);
      budget.spend(0.1);
    }
    this.#older = undefined;
    return true;
  }
}

/** What a segment has. Blocks are read one after the other, past the cache. */
export class PartKeys implements KeySource {
  readonly key = new KeyBytes();
  readonly #part: TablePart;
  #row = -1;
  #block: KeyBlock | undefined = undefined;
  #origin: EntryOrigin | undefined = undefined;
  #reader: ByteReader = new ByteReader(new Uint8Array(0));
  #bodyStart = 0;
  #bodyEnd = 0;
  #isEntered = false;

  constructor(part: TablePart) {
    this.#part = part;
  }

  advance(): boolean {
    const { file } = this.#part;
    this.#reader.seek(this.#bodyEnd);
    while (this.#reader.remaining === 0) if (!this.#nextBlock()) return false;
    file.decode(this.#block!.position, () => this.#readGroup());
    this.#isEntered = false;
    return true;
  }

  gather(entries: EntryList, budget: WorkBudget): boolean {
    const part = this.#part;
    for (;;) {
      const block = this.#block!;
      const origin = this.#origin!;
      if (!this.#isEntered) block.enter(this.#bodyStart, this.#bodyEnd, part.through);
      this.#isEntered = true;
      try {
        while (block.nextEntry()) {
          const bytes = block.storedBytes;
          entries.addBytes(block.version, bytes, origin);
          budget.spend(0.3);
          budget.spendBytes(bytes.length);
          if (budget.isSpent) return false;
        }
      } catch (error) {
        throw origin.damage(error);
      }
      if (this.#bodyEnd < this.#reader.end || !this.#continues()) return true;
      this.#nextBlock();
      part.file.decode(this.#block!.position, () => this.#readGroup());
      this.#isEntered = false;
    }
  }

  /** Whether the next block begins with more entries of the last key of this one. */
  #continues(): boolean {
    const { index } = this.#part;
    if (this.#row + 1 >= index.rows) return false;
    index.read(this.#row + 1);
    return index.continues;
  }

  #nextBlock(): boolean {
    const { file, footer, index } = this.#part;
    if (this.#row + 1 >= index.rows) return false;
    this.#row++;
    file.decode(footer.index.position, () => index.read(this.#row));
    const { position } = index;
    const payload = file.payload(position, index.size);
    this.#block = new KeyBlock(payload, position);
    this.#origin = { damage: (error) => file.damage(position, error) };
    this.#reader = new ByteReader(payload);
    this.#bodyEnd = 0;
    this.key.length = 0;
    return true;
  }

  #readGroup(): void {
    const reader = this.#reader;
    const shared = Math.min(reader.varint(), this.key.length);
    const suffix = reader.bytes();
    this.key.extend(shared, suffix, 0, suffix.length);
    const body = reader.bytes();
    this.#bodyEnd = reader.offset;
    this.#bodyStart = this.#bodyEnd - body.length;
  }
}

/** Several sources as one: their keys in order, and of a key what all of them have, newest first. */
export class MergedKeys implements KeySource {
  /** Newest first. */
  readonly #sources: readonly KeySource[];
  readonly #isThere: boolean[];
  /** Which of them stand on the key. */
  readonly #hasKey: boolean[];
  #isStarted = false;
  #gathering = 0;
  #lowest = 0;

  constructor(sources: readonly KeySource[]) {
    this.#sources = sources;
    this.#isThere = sources.map(() => true);
    this.#hasKey = sources.map(() => true);
  }

  get key(): KeyBytes {
    return this.#sources[this.#lowest]!.key;
  }

  advance(): boolean {
    const sources = this.#sources;
    let lowest = -1;
    for (let i = 0; i < sources.length; i++) {
      if (this.#isThere[i] && (this.#hasKey[i] || !this.#isStarted)) this.#isThere[i] = sources[i]!.advance();
      this.#hasKey[i] = false;
      if (!this.#isThere[i]) continue;
      const order = lowest < 0 ? -1 : sources[i]!.key.compare(sources[lowest]!.key);
      if (order < 0) {
        this.#hasKey.fill(false, 0, i);
        lowest = i;
      }
      this.#hasKey[i] = order <= 0;
    }
    this.#isStarted = true;
    this.#gathering = 0;
    if (lowest < 0) return false;
    this.#lowest = lowest;
    return true;
  }

  gather(entries: EntryList, budget: WorkBudget): boolean {
    for (; this.#gathering < this.#sources.length; this.#gathering++) {
      if (!this.#hasKey[this.#gathering]) continue;
      if (!this.#sources[this.#gathering]!.gather(entries, budget)) return false;
    }
    return true;
  }
}
