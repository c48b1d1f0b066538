/**
 * Reads all of a segment, to find damage before somebody needs what is damaged.
 */
import { CorruptionError } from "@strata/core";
import { BlockCache } from "./block-cache.js";
import type { ByteSource } from "./byte-source.js";
import { EventPart } from "./event-part.js";
import { KeyBlock } from "./key-block.js";
import { KeyBytes } from "./key-bytes.js";
import { FilterLines, filterLinesFor, filterPlaceOf, LINES_PER_FILTER_PAGE } from "./key-filter.js";
import { SegmentFile } from "./segment-file.js";
import type { EventsFooter, TableFooter } from "./segment-footer.js";
import {
  FILTER_LINE_BYTES,
  HEADER_SALT_OFFSET,
  HEADER_SIZE,
  PRIMITIVE_OF_CODE,
  SEGMENT_MAGIC,
} from "./segment-format.js";
import { readMerges } from "./segment-reader.js";
import { TablePart } from "./table-part.js";
import { TimelinePart } from "./timeline-part.js";
import { WorkBudget } from "./work-budget.js";

/** One damaged place. */
export interface SegmentProblem {
  readonly file: string;
  /** In the file. */
  readonly offset: number;
  readonly message: string;
}

/** Of one segment; damage that is everywhere need not be listed place by place. */
const PROBLEMS_MAX = 100;
/** What is read is not read again: blocks of commits and the index of a timeline must fit, or each of their rows reads them anew. */
const CACHE_BYTES = 1 << 24;

/**
 * Checks every checksum, decodes every value, and holds what is there against what the end of the segment says. In slices of about two milliseconds.
 *
 * @returns what is wrong, in the order in which it was met; empty for a segment that is whole.
 * @throws StateError `FORMAT_TOO_NEW`; IoError of the source
 */
export function* verifySegment(source: ByteSource): Generator<void, readonly SegmentProblem[], undefined> {
  const problems: SegmentProblem[] = [];
  const budget = new WorkBudget();
  const check = <T>(read: () => T): T | undefined => {
    try {
      return read();
    } catch (error) {
      if (!(error instanceof CorruptionError)) throw error;
      const offset = error.facts["offset"];
      problems.push({
        file: source.name,
        offset: typeof offset === "number" ? offset : 0,
        message: error.message,
      });
      return undefined;
    }
  };
  const file = check(() => new SegmentFile(source, new BlockCache(CACHE_BYTES)));
  if (file === undefined) return problems;
  const verifier = new SegmentVerifier(file, budget);
  for (const step of verifier.steps()) {
    if (problems.length >= PROBLEMS_MAX) break;
    check(step);
    if (!budget.isSpent) continue;
    yield;
    budget.renew();
  }
  return problems;
}

/** Throws where something is wrong, step by step: what one step throws says nothing about the others. */
class SegmentVerifier {
  readonly #file: SegmentFile;
  readonly #budget: WorkBudget;

  constructor(file: SegmentFile, budget: WorkBudget) {
    this.#file = file;
    this.#budget = budget;
  }

  *steps(): Generator<() => void, void, undefined> {
    const file = this.#file;
    yield () => this.#header();
    for (const { tables, events } of file.footer.spaces) {
      for (const table of tables) yield* this.#table(new TablePart(file, table), table);
      if (events !== undefined) yield* this.#events(new EventPart(file, events), events);
    }
    yield* this.#timeline();
    yield () => void readMerges(file);
  }

  #header(): void {
    const bytes = this.#file.source.read(0, HEADER_SIZE);
    const isMagic = SEGMENT_MAGIC.every((byte, i) => bytes[i] === byte);
    const end = this.#file.source.read(this.#file.source.size - 12, 8);
    // Format version, zero and salt are there twice: in the header, and in the trailer with a checksum.
    const isSame = end.every((byte, i) => bytes[HEADER_SALT_OFFSET - 4 + i] === byte);
    if (!isMagic || !isSame) throw this.#file.corrupt(0, "the beginning of a segment is damaged");
  }

  *#table(part: TablePart, footer: TableFooter): Generator<() => void, void, undefined> {
    let rows = 0;
    yield () => {
      rows = part.index.rows;
    };
    let filter: FilterLines | undefined;
    yield () => {
      filter = this.#filterOf(footer);
    };
    const last = new KeyBytes();
    let hasLast = false;
    let lastVersion = 0;
    const counts = { keys: 0, entries: 0 };
    let isWhole = true;
    /** Whether all blocks were whole. */
    let isSound = true;
    const key = new KeyBytes();
    for (let row = 0; row < rows; row++) {
      yield () => {
        const file = this.#file;
        isWhole = false;
        const { index } = part;
        file.decode(footer.index.position, () => index.read(row));
        const { position, size, continues } = index;
        const firstKey = file.decode(footer.index.position, () => index.key());
        const block = new KeyBlock(file.payload(position, size), position);
        const { keys, bodies } = file.decode(position, () => block.groups());
        if (keys.length === 0 || keys[0] !== firstKey)
          throw file.corrupt(position, "a block begins with another key than its index says");
        for (let i = 0; i < keys.length; i++) {
          key.set(keys[i]!);
          const order = hasLast ? last.compare(key) : -1;
          const isSame = i === 0 && continues;
          if (isSame ? order !== 0 : order >= 0) throw file.corrupt(position, `the key "${keys[i]}" is out of order`);
          last.copyFrom(key);
          hasLast = true;
          if (!isSame) counts.keys++;
          if (!isSame) filter?.add(key.hash);
          const { entries } = block;
          entries.enter(bodies[2 * i]!, bodies[2 * i + 1]!, part.through);
          let isFirst = !isSame;
          while (file.decode(position, () => entries.next())) {
            if (!isFirst && entries.version >= lastVersion)
              throw file.corrupt(position, "the versions of a key are out of order");
            isFirst = false;
            lastVersion = entries.version;
            counts.entries++;
            if (lastVersion <= file.footer.from)
              throw file.corrupt(position, `version ${lastVersion} is not one of this segment`);
            file.decode(position, () => entries.storedInTurn());
            this.#budget.spend(1);
            this.#budget.spendBytes(entries.storedBytes.length);
          }
        }
        isWhole = true;
      };
      if (!isWhole) isSound = false;
      // What follows damage cannot be held against what came before it.
      if (!isWhole) hasLast = false;
    }
    for (let line = 0; line < (filter === undefined ? 0 : footer.filter!.lines); line += LINES_PER_FILTER_PAGE) {
      yield () => {
        const { position, size } = filterPlaceOf(footer.filter!, line);
        const page = this.#file.payload(position, size);
        this.#budget.spendBytes(size);
        const start = line * FILTER_LINE_BYTES;
        // Keys of blocks that are damaged are not known.
        if (isSound && page.some((byte, i) => byte !== filter!.bytes[start + i])) {
          throw this.#file.corrupt(position, "the filter of a table is not that of its keys");
        }
      };
    }
    yield () => {
      if (!isWhole || rows === 0) return;
      if (counts.keys !== footer.keys || counts.entries !== footer.entries) {
        throw this.#file.corrupt(
          footer.index.position,
          `a table has ${counts.keys} keys and ${counts.entries} entries, not ${footer.keys} and ${footer.entries}`,
        );
      }
    };
  }

  /** Room for the filter that a table has, if that is of the size that it should be. */
  #filterOf({ filter, keys }: TableFooter): FilterLines | undefined {
    const lines = filter?.lines ?? 0;
    if (lines !== filterLinesFor(keys)) {
      throw this.#file.corrupt(this.#file.footerStart, `a table of ${keys} keys has a filter of ${lines} lines`);
    }
    if (filter === undefined) return undefined;
    // Before memory is set aside for it.
    const { position, size } = filterPlaceOf(filter, lines - 1);
    this.#file.payload(position, size);
    return new FilterLines(lines);
  }

  *#events(part: EventPart, footer: EventsFooter): Generator<() => void, void, undefined> {
    let types: readonly string[] = [];
    yield () => {
      types = part.types();
    };
    const counted = new Map<string, number>();
    for (let row = 0; row < footer.length; row++) {
      yield () => {
        const type = part.typeOf(row);
        part.versionOf(row);
        part.record(row);
        counted.set(type, (counted.get(type) ?? 0) + 1);
        this.#budget.spend(1);
      };
    }
    for (const type of types) {
      yield () => {
        const rows = part.rowsOf(type);
        this.#budget.spend(rows.length / 10);
        if (rows.length !== counted.get(type)) {
          throw this.#file.corrupt(footer.index.position, `events of type "${type}" are not listed as they are`);
        }
      };
    }
  }

  *#timeline(): Generator<() => void, void, undefined> {
    const part = new TimelinePart(this.#file);
    const { rows, writes, landmarks } = part.footer;
    let operations = 0;
    for (let row = 0; row < rows; row++) {
      yield () => {
        part.versionOf(row);
        operations += part.operationsOf(row);
        part.messageOf(row);
        part.visitWrites(row, (space, primitive, key) => {
          if (space >= this.#file.footer.spaces.length || PRIMITIVE_OF_CODE[primitive] === undefined) {
            throw this.#file.corrupt(part.footer.index?.position ?? 0, "a commit wrote to a space that is not there");
          }
          key?.toString();
          this.#budget.spend(0.5);
          return true;
        });
        this.#budget.spend(1);
      };
    }
    yield () => {
      let count = 0;
      for (const _ of part.landmarks()) count++;
      if (operations !== writes || count !== landmarks) {
        throw this.#file.corrupt(
          part.footer.index?.position ?? 0,
          "a timeline has another length than its segment says",
        );
      }
    };
  }
}
