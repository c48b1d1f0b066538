import { type AsOf, InvalidArgumentError, type Version } from "@strata/core";
import type { Durability } from "@strata/durability";
import { ChangeSource, type CommitChanges, selectionOf, type WatchFilter } from "./change-feed.js";
import { type CommitScan, type CommitSummary, commitsOf, timeRangeOf } from "./commit-history.js";
import { CommitSignal } from "./commit-signal.js";
import { DeliveryLimit } from "./delivery-limit.js";
import type { DerivedViews } from "./derived-index.js";
import { EventFeedSource } from "./event-feed.js";
import { type Feed, type FeedGround, type FeedSource, RunFeed } from "./feed.js";
import type { Gate } from "./gate.js";
import type { Run } from "./run.js";
import type { RunRegistry } from "./run-registry.js";
import type { EventPosition, StoredEvent } from "./scope.js";
import type { Tag } from "./tag.js";

/** The past of a database's runs, and what is added to it: commits, names for versions, feeds. */
export class RunHistory {
  readonly #gate: Gate;
  readonly #registry: RunRegistry;
  readonly #views: DerivedViews;
  readonly #versionOf: (run: Run, at: AsOf | undefined) => Version;
  readonly #ground: FeedGround;
  #hasFeeds = false;

  /** @param parts.versionOf the version that a point of a run means; throws what `Database.at` throws. */
  constructor(parts: {
    readonly gate: Gate;
    readonly registry: RunRegistry;
    readonly views: DerivedViews;
    readonly durability: Durability;
    readonly newestVersion: () => Version;
    readonly versionOf: (run: Run, at: AsOf | undefined) => Version;
  }) {
    this.#gate = parts.gate;
    this.#registry = parts.registry;
    this.#views = parts.views;
    this.#versionOf = parts.versionOf;
    const limit = new DeliveryLimit(parts.durability, parts.newestVersion);
    this.#ground = { gate: parts.gate, signal: new CommitSignal(), limit };
  }

  /** The commits that a run sees, those it inherited first; with `reverse` last. Fixed at the first `next()`. */
  commits(run: Run, scan: CommitScan = {}): IterableIterator<CommitSummary> {
    this.#assertUsable(run);
    const { after, limit, reverse } = scan;
    for (const [name, value] of Object.entries({ after, limit })) {
      if (value === undefined || (Number.isSafeInteger(value) && value >= 0)) continue;
      throw new InvalidArgumentError("INVALID_ARGUMENT", `${name} must be a whole number of at least 0`, {
        [name]: value,
      });
    }
    return commitsOf(run, { after, limit, reverse }, () => this.#assertUsable(run));
  }

  /** From when to when commits are kept, µs since the epoch; `undefined` while there are none. */
  timeRange(run: Run): { readonly oldest: number; readonly latest: number } | undefined {
    this.#assertUsable(run);
    return timeRangeOf(run);
  }

  /** Names a version of `run`; see `RunRegistry.tag`. */
  tag(run: Run, at: AsOf | undefined, name: string): void {
    this.#assertUsable(run);
    this.#registry.tag(run, this.#versionOf(run, at), name);
  }

  /** @returns false when there was no such tag. */
  untag(run: Run, name: string): boolean {
    this.#assertUsable(run);
    return this.#registry.untag(run, name);
  }

  /** The tags of `run`, by name in code point order. */
  tags(run: Run): Tag[] {
    this.#assertUsable(run);
    // Names are ASCII, where the order of UTF-16 units is that of code points.
    return [...run.tags.keys()].sort().map((name) => Object.freeze({ ...(run.tags.get(name) as Tag) }));
  }

  /**
   * Commits of `run` that change something `filter` selects, in order, none left out: from this call on, or behind `since`.
   *
   * @param space what is watched when `filter` names none.
   * @throws StateError `HISTORY_TRIMMED`, facts.earliest, also from a feed that was left behind
   */
  watch(run: Run, space: string, filter: WatchFilter = {}): Feed<CommitChanges> {
    this.#assertUsable(run);
    const selection = selectionOf(filter, space);
    return this.#feed(run, new ChangeSource(run, selection, filter.since ?? run.version), filter.signal);
  }

  /** Events of a space behind sequence `after` (-1: all), then each new one. */
  follow<T>(run: Run, space: string, from: EventPosition, read: (event: StoredEvent) => T): Feed<T> {
    this.#assertUsable(run);
    return this.#feed(run, new EventFeedSource(run, space, from.after, from.types, read), from.signal);
  }

  /** How many feeds are waiting for a commit. */
  get waitingFeeds(): number {
    return this.#ground.signal.waiters;
  }

  /** Ends every feed. */
  close(): void {
    this.#ground.signal.close();
  }

  #feed<T>(run: Run, source: FeedSource<T>, signal: AbortSignal | undefined): Feed<T> {
    // A database without feeds pays nothing for them.
    if (!this.#hasFeeds) this.#views.register(this.#ground.signal);
    this.#hasFeeds = true;
    return new RunFeed(this.#ground, run, source, signal);
  }

  #assertUsable(run: Run): void {
    this.#gate.assertOpen();
    run.assertAlive();
  }
}
