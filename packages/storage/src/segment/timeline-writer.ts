/**
 * The timeline of a run on its way into a segment.
 */
import type { Version } from "@strata/core";
import type { RunShard } from "../shard.js";
import { VersionChain } from "../version-chain.js";
import { ColdTimelineStack, type TimelineSegment } from "./cold-timeline-stack.js";
import { CommitMarks } from "./commit-marks.js";
import { KeyBytes } from "./key-bytes.js";
import { LiveCommits, type LiveDelta } from "./live-delta.js";
import type { SpaceFooter, TimelineFooter } from "./segment-footer.js";
import { EVENT_CODE, PRIMITIVE_CODES } from "./segment-format.js";
import type { SegmentOutput } from "./segment-output.js";
import { spaceIdentity } from "./segment-reader.js";
import { TimelineBlocksWriter } from "./timeline-blocks.js";
import type { WorkBudget } from "./work-budget.js";

interface SpaceName {
  readonly name: string;
  readonly createdAt: Version;
}

/** Numbers of spaces in the segment. */
class SpaceNumbers {
  readonly #numbers: Map<string, number>;
  /** Most commits write to the space that the one before wrote to. */
  #last: SpaceName | undefined = undefined;
  #lastNumber = 0;

  constructor(spaces: readonly SpaceName[]) {
    this.#numbers = new Map(spaces.map((space, number) => [spaceIdentity(space), number]));
  }

  of(space: SpaceName): number {
    if (space !== this.#last) {
      this.#last = space;
      this.#lastNumber = this.#numbers.get(spaceIdentity(space))!;
    }
    return this.#lastNumber;
  }
}

export interface TimelineInput {
  readonly shard: RunShard;
  readonly from: Version;
  readonly through: Version;
  /** Where the segment begins: `from`, or where the first of `merged` does. */
  readonly begin: Version;
  /** Segments that are taken in, oldest first, their spaces numbered as there. */
  readonly merged: readonly TimelineSegment[];
  readonly delta: LiveDelta;
  /** Whether entries are left out. */
  readonly trims: boolean;
  /** Whether a version in [from, to) is held by somebody. */
  readonly isPinned: ((from: Version, to: Version) => boolean) | undefined;
}

/**
 * Commits above the floor are written with what they wrote to. At or below it, commits of which an entry is left are written as landmarks:
 * with their timestamp, and nothing else. The floor rises above commits of which retention left nothing, where those are at least half of what is passed.
 */
export class TimelineWriter {
  readonly #output: SegmentOutput;
  readonly #input: TimelineInput;
  readonly #budget: WorkBudget;
  readonly #merged: ColdTimelineStack | undefined;
  /** Needed as soon as some commits are not there, or will not be. */
  #marks: CommitMarks | undefined = undefined;

  constructor(output: SegmentOutput, input: TimelineInput, budget: WorkBudget) {
    this.#output = output;
    this.#input = input;
    this.#budget = budget;
    this.#merged = input.merged.length === 0 ? undefined : new ColdTimelineStack(input.merged);
  }

  /** To be called before entries are written. @returns where they are to be noted, if they are. */
  *prepare(): Generator<void, CommitMarks | undefined, undefined> {
    if (this.#input.trims || this.#floor > this.#input.begin) this.#marks = yield* this.#allCommits();
    return this.#marks;
  }

  /** @param spaces of the segment, by number. */
  *write(spaces: readonly SpaceFooter[]): Generator<void, TimelineFooter, undefined> {
    const { shard, from, through, trims } = this.#input;
    const budget = this.#budget;
    const numbers = new SpaceNumbers(spaces);
    let floor = this.#floor;
    if (trims) {
      this.#notePinned(this.#marks!);
      floor = this.#marks!.floorAbove(floor);
    }
    let writer = new TimelineBlocksWriter(this.#output);
    if (this.#merged !== undefined) yield* this.#copyMerged(this.#merged, writer, floor, numbers);
    const first = Math.max(from, floor);
    const commits = new LiveCommits(shard.timeline, first, through);
    const key = new KeyBytes();
    for (let page = commits.next(); ; page = commits.next()) {
      if (commits.floor > first && commits.floor > floor) {
        // Retention was here since the last slice: what was written so far of the timeline is left behind, and nothing leads to it.
        floor = commits.floor;
        writer = new TimelineBlocksWriter(this.#output);
      }
      if (page.length === 0) break;
      for (const { version, timestamp, message, bytes, operations, targets } of page) {
        writer.commit(version, timestamp, bytes, operations, message);
        budget.spend(0.5);
        for (const target of targets) {
          if (target instanceof VersionChain) {
            const { space, primitive } = target.table;
            key.set(target.key);
            writer.write(numbers.of(space), PRIMITIVE_CODES[primitive], key);
          } else {
            writer.write(numbers.of(target.space), EVENT_CODE, undefined);
          }
          budget.spend(0.4);
          if (budget.isSpent) yield;
        }
      }
      if (budget.isSpent) yield;
    }
    if (floor > this.#input.begin) yield* this.#writeLandmarks(writer, floor);
    return writer.finish(floor);
  }

  #notePinned(marks: CommitMarks): void {
    const { isPinned, through } = this.#input;
    if (isPinned !== undefined) marks.noteWhere(isPinned, through);
  }

  /** Commits above it are known to memory or to the segments, without a gap. */
  get #floor(): Version {
    const { delta, from, begin } = this.#input;
    return delta.floor > from ? delta.floor : (this.#merged?.floor ?? begin);
  }

  *#copyMerged(
    merged: ColdTimelineStack,
    writer: TimelineBlocksWriter,
    floor: Version,
    numbers: SpaceNumbers,
  ): Generator<void, void, undefined> {
    const budget = this.#budget;
    for (let row = merged.lastAtOrBefore(floor) + 1; row < merged.length; row++) {
      const operations = merged.operationsOf(row);
      writer.commit(
        merged.versionOf(row),
        merged.timestampOf(row),
        merged.bytesOf(row),
        operations,
        merged.messageOf(row),
      );
      // All writes of a commit at once: it fitted into one slice when it was made.
      merged.visitLocalWrites(row, (space, primitive, key) => {
        writer.write(numbers.of(space), primitive, key);
        return true;
      });
      budget.spend(1 + 0.4 * operations);
      if (budget.isSpent) yield;
    }
  }

  *#writeLandmarks(writer: TimelineBlocksWriter, floor: Version): Generator<void, void, undefined> {
    const { shard, merged } = this.#input;
    let marks = this.#marks;
    if (marks === undefined) {
      marks = yield* this.#allCommits();
      marks.noteAll();
    }
    const before = merged.length === 0 ? undefined : this.#merged;
    const landmarks = marks.landmarks(
      floor,
      (version) => shard.timeline.timestampOf(version) || before?.timestampBelowFloor(version) || 0,
    );
    for (const [version, timestamp] of landmarks) {
      writer.landmark(version, timestamp);
      this.#budget.spend(0.1);
      if (this.#budget.isSpent) yield;
    }
  }

  /** Every commit that memory or one of the segments knows. */
  *#allCommits(): Generator<void, CommitMarks, undefined> {
    const { merged, delta } = this.#input;
    const budget = this.#budget;
    const marks = new CommitMarks();
    for (const { part } of merged) {
      for (const [version, timestamp] of part.landmarks()) {
        marks.add(version, timestamp, 0);
        budget.spend(0.1);
        if (budget.isSpent) yield;
      }
      for (let row = 0; row < part.footer.rows; row++) {
        marks.add(part.versionOf(row), part.timestampOf(row), part.operationsOf(row));
        budget.spend(0.3);
        if (budget.isSpent) yield;
      }
    }
    for (let i = 0; i < delta.versions.length; i++) {
      marks.add(delta.versions[i]!, delta.timestamps[i]!, delta.operations[i]!);
      budget.spend(0.05);
      if (budget.isSpent) yield;
    }
    return marks;
  }
}
