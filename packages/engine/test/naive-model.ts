import type { Value } from "@strata/core";
import type { CollectionModel } from "./vector-operations.js";

/** A space, naively: plain objects. A cell that was deleted keeps its counter. */
export interface SpaceModel {
  readonly kv: Map<string, Value>;
  readonly events: { type: string; payload: Value }[];
  readonly cells: Map<string, { value: Value | undefined; counter: number }>;
  readonly json: Map<string, Value>;
  readonly vectors: Map<string, CollectionModel>;
}

export type RunModel = Map<string, SpaceModel>;

function emptySpace(): SpaceModel {
  return { kv: new Map(), events: [], cells: new Map(), json: new Map(), vectors: new Map() };
}

function emptyRun(): RunModel {
  return new Map([["default", emptySpace()]]);
}

/** A name for what a run held. */
export interface TagModel {
  readonly version: number;
  /** Not to be changed. */
  readonly spaces: RunModel;
}

/** Tags by run and name. */
type Tags = Map<string, Map<string, TagModel>>;

/** A commit, and everything the database held behind it. */
export interface PastState {
  readonly run: string;
  readonly version: number;
  readonly runs: Map<string, RunModel>;
  readonly tags: Tags;
}

/** A run that was exported, and what it held then. */
export interface BundleModel {
  readonly bytes: Uint8Array;
  readonly run: string;
  /** Not to be changed. */
  readonly spaces: RunModel;
  readonly tags: ReadonlyMap<string, TagModel>;
  /** Of its data. */
  readonly digest: string;
  /** Of its history, where the bundle has all of it. */
  readonly historyDigest: string | undefined;
}

/** What a database should hold, with every state it ever had: a list of whole copies instead of a store. */
export class NaiveModel {
  runs = new Map<string, RunModel>([["default", emptyRun()]]);
  tags: Tags = new Map();
  /** Oldest first. */
  past: PastState[] = [];
  /** A power failure leaves at least this many of `past`. */
  durable = 0;
  /** Numbers of runs that retention may have taken something from: a power failure takes back a policy, not what it has dropped. */
  readonly trimming = new Set<number>();
  /** Lies elsewhere: no failure touches it. */
  bundle: BundleModel | undefined;

  /** The space, which comes into being with its first write. */
  space(run: string, space: string): SpaceModel {
    const spaces = this.runs.get(run) as RunModel;
    let found = spaces.get(space);
    if (found === undefined) {
      found = emptySpace();
      spaces.set(space, found);
    }
    return found;
  }

  createRun(name: string): void {
    this.runs.set(name, emptyRun());
  }

  /** Runs `work` on a copy; `keep` decides whether the copy becomes the present. */
  attempt<T>(work: () => T, keep: (result: T) => boolean): T {
    const before = this.runs;
    this.runs = structuredClone(before);
    const result = work();
    if (!keep(result)) this.runs = before;
    return result;
  }

  tag(run: string, name: string, tag: TagModel): void {
    this.tags = new Map(this.tags).set(run, new Map(this.tags.get(run)).set(name, tag));
  }

  untag(run: string, name: string): boolean {
    const tags = new Map(this.tags.get(run));
    const wasThere = tags.delete(name);
    this.tags = new Map(this.tags).set(run, tags);
    return wasThere;
  }

  deleteRun(name: string): void {
    this.runs.delete(name);
    this.tags = new Map([...this.tags].filter(([run]) => run !== name));
  }

  committed(run: string, version: number, isStrict: boolean): void {
    this.past.push({ run, version, runs: structuredClone(this.runs), tags: this.tags });
    if (isStrict) this.durable = this.past.length;
  }

  /** A power failure left the first `count` commits. */
  truncate(count: number): void {
    this.past.length = count;
    this.durable = count;
    const last = this.past.at(-1);
    this.runs = last === undefined ? new Map([["default", emptyRun()]]) : structuredClone(last.runs);
    this.tags = last?.tags ?? new Map();
  }
}
