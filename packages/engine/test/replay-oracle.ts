import { expect } from "vitest";
import { type Database, digestOf, type Run } from "../src/index.js";
import { replayTimeline } from "../src/replay.js";
import { observeSpace } from "./stores.js";

/**
 * Every run, folded anew from the log and from the timeline, is what the store says, its history included.
 *
 * @param isTrimmed whether retention may have dropped something of a run: then only its data are compared.
 */
export function expectReplaysToAgree(db: Database, isTrimmed: (run: Run) => boolean = () => false): void {
  for (const name of db.runs.list()) {
    const run = db.runs.must(name);
    const { version } = run;
    const live = db.at(run, "default", { version });
    const replayed = db.replayRun(run);
    const isWhole = !isTrimmed(run);
    if (isWhole) expect(replayed.digest({ history: true }), `history of ${name}`).toBe(live.digest({ history: true }));
    expect(replayed.digest(), `data of ${name}`).toBe(live.digest());
    for (const space of db.spaces(run).list()) {
      expect(observeSpace(replayed.in(space))).toEqual(observeSpace(live.in(space)));
    }
    if (isWhole) {
      const { shard } = replayTimeline(run, version);
      const subject = { shard, version, now: live.timestamp };
      expect(digestOf(subject, { history: true }), `timeline of ${name}`).toBe(live.digest({ history: true }));
    }
    live.dispose();
    replayed.dispose();
  }
}
