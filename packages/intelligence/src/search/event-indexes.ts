import { type Clock, CorruptionError, type Logger, type RunId, type Timer } from "@strata/core";
import type { Database, DerivedIndex, IndexImage, Run, SavedImage } from "@strata/engine";
import type { EventLayer, EventTable, RunShard } from "@strata/storage";
import { imageOf, partsFrom } from "../image/index.js";
import { IdleWork } from "../partition/idle-work.js";
import { EventTexts } from "./event-texts.js";

/** What the indexes need of a database. */
export interface EventGround {
  readonly clock: Clock;
  readonly timer: Timer;
  readonly logger: Logger;
  /** Whether a run's shard is the one that the database commits to: others are not followed, and nothing of theirs is saved. */
  isLive(shard: RunShard): boolean;
  savedImage(index: string, run: RunId, name: string): SavedImage | undefined;
  /** How much all of them may take in memory, about. Bytes. */
  readonly memoryBudgetBytes: number;
}

/** The part of a database's budget that they may take. */
const BUDGET_SHARE = 1 / 8;
const NAME = "events";
/** Events taken in by one idle step. */
const IDLE_EVENTS = 64;

/**
 * The words of the events of one database, table by table, each indexed when somebody searches it. As partitions do for keys, an index takes in
 * what was committed when it is asked and in idle moments, is written by checkpoints, and goes when memory is short.
 */
export class EventIndexes implements DerivedIndex {
  readonly name: string = NAME;
  readonly #ground: EventGround;
  readonly #stem: boolean;
  #byTable = new WeakMap<EventTable, EventTexts>();
  /** Those of runs that are there: runs, and the tables of each, in the order in which they were used last. */
  readonly #byRun = new Map<RunId, Set<EventTexts>>();
  readonly #idle: IdleWork;

  /** @param stem whether English words are found in all their forms. */
  constructor(ground: EventGround, stem: boolean) {
    this.#ground = ground;
    this.#stem = stem;
    this.#idle = new IdleWork(ground.clock, ground.timer, () => this.#step());
  }

  /** @throws StateError `DATABASE_CLOSED` */
  static of(database: Database, stem: boolean): EventIndexes {
    return database.extension(EventIndexes, () => {
      const { timer, logger, runtime, storage, memoryBudgetBytes } = database;
      const indexes = new EventIndexes(
        {
          clock: runtime.clock,
          timer,
          logger,
          isLive: (shard) => storage.get(shard.id) === shard,
          savedImage: (index, run, name) => database.savedImage(index, run, name),
          memoryBudgetBytes: memoryBudgetBytes * BUDGET_SHARE,
        },
        stem,
      );
      database.registerIndex(indexes);
      return indexes;
    });
  }

  /** The words of the table of a layer, with all the events that it shows. */
  textsOf({ table, end }: EventLayer): EventTexts {
    const known = this.#byTable.get(table);
    const texts = known ?? this.#make(table);
    if (known !== undefined) this.#noteUse(known);
    if (this.#catchUp(texts, end)) this.#trim(texts);
    return texts;
  }

  onCommit(run: Run): void {
    if (this.#byRun.has(run.number)) this.#idle.wake();
  }

  onRunDropped(run: Run): void {
    this.#byRun.delete(run.number);
  }

  *images(): Generator<IndexImage, void, undefined> {
    for (const [run, all] of this.#byRun) {
      for (const texts of all) {
        const { table, postings, length } = texts;
        if (length === 0 || table.droppedAt !== Number.POSITIVE_INFINITY) continue;
        const { head, columns } = postings.save();
        yield imageOf(run, imageName(table, this.#stem), {
          head: [postings.length, lastVersionOf(texts), head],
          columns,
        });
      }
    }
  }

  /** What is gone from the store is gone from here: everything is indexed anew when it is asked for. */
  erased(): void {
    this.#byTable = new WeakMap();
    this.#byRun.clear();
  }

  closed(): void {
    this.#idle.close();
    this.erased();
  }

  /** @returns whether it takes more memory now. */
  #catchUp(texts: EventTexts, end: number): boolean {
    if (texts.table.firstSequence + texts.length >= end) return false;
    const before = texts.postings.memoryBytes;
    texts.catchUp(end);
    return texts.postings.memoryBytes > before;
  }

  #noteUse(texts: EventTexts): void {
    const run = texts.table.space.shard.id;
    const ofRun = this.#byRun.get(run);
    if (ofRun?.delete(texts) !== true) return;
    ofRun.add(texts);
    this.#byRun.delete(run);
    this.#byRun.set(run, ofRun);
  }

  #make(table: EventTable): EventTexts {
    const { shard } = table.space;
    const isLive = this.#ground.isLive(shard);
    const texts = (isLive ? this.#restored(table) : undefined) ?? new EventTexts(table, this.#stem);
    this.#byTable.set(table, texts);
    if (isLive) {
      const ofRun = this.#byRun.get(shard.id);
      if (ofRun === undefined) this.#byRun.set(shard.id, new Set([texts]));
      else ofRun.add(texts);
      this.#noteUse(texts);
      this.#trim(texts);
    }
    return texts;
  }

  #restored(table: EventTable): EventTexts | undefined {
    const { id } = table.space.shard;
    const name = imageName(table, this.#stem);
    try {
      const saved = this.#ground.savedImage(NAME, id, name);
      return saved === undefined ? undefined : textsFrom(table, saved, this.#stem);
    } catch (cause) {
      const message = `the image of index "${name}" cannot be used; the index is built anew`;
      this.#ground.logger.log("warn", "strata.index", message, { run: id, cause });
      return undefined;
    }
  }

  /** Those that were not used longest go, until the others fit into the budget. @param newest stays. */
  #trim(newest: EventTexts): void {
    const all = [...this.#byRun].flatMap(([run, ofRun]) => [...ofRun].map((texts) => ({ run, texts })));
    let bytes = all.reduce((sum, { texts }) => sum + texts.postings.memoryBytes, 0);
    for (const { run, texts } of all) {
      if (bytes <= this.#ground.memoryBudgetBytes) return;
      if (texts === newest) continue;
      bytes -= texts.postings.memoryBytes;
      this.#byTable.delete(texts.table);
      this.#byRun.get(run)?.delete(texts);
    }
  }

  /** @returns whether there was anything to be done. */
  #step(): boolean {
    for (const all of this.#byRun.values()) {
      for (const texts of all) {
        const { table } = texts;
        if (table.droppedAt !== Number.POSITIVE_INFINITY) {
          this.#byTable.delete(table);
          all.delete(texts);
        } else if (texts.length < table.ownLength) {
          const next = table.firstSequence + texts.length + IDLE_EVENTS;
          if (this.#catchUp(texts, Math.min(next, table.firstSequence + table.ownLength))) this.#trim(texts);
          return true;
        }
      }
    }
    return false;
  }
}

function imageName({ space }: EventTable, stem: boolean): string {
  return `${stem ? "text" : "plain-text"}/${space.createdAt}/${space.name}`;
}

/** Commit version of the last event that is indexed: versions are never given twice, so it tells whether an image is of this very log. */
function lastVersionOf({ table, length }: EventTexts): number {
  return table.versionOf(table.firstSequence + length - 1);
}

/** @throws what an image that makes no sense leads to; then the index is built anew. */
function textsFrom(table: EventTable, saved: SavedImage, stem: boolean): EventTexts {
  const { head, columns } = partsFrom(saved);
  const [length, version, own] = Array.isArray(head) ? head : [];
  if (own === undefined || typeof length !== "number" || !(length >= 1 && length <= table.ownLength)) {
    throw new CorruptionError("SNAPSHOT_CORRUPT", "the image of an index says nothing of events that there are", {
      image: saved.name,
      length,
    });
  }
  const texts = new EventTexts(table, stem, { length, parts: { head: own, columns } });
  if (lastVersionOf(texts) !== version) {
    throw new CorruptionError("SNAPSHOT_CORRUPT", "the image of an index is of other events", { image: saved.name });
  }
  return texts;
}
