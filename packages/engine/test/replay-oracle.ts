import { expect } from "vitest";
import { type Database, digestOf } from "../src/index.js";
import { replayTimeline } from "../src/replay.js";
import { observeSpace } from "./stores.js";

/** Every run, folded anew from the log and from the timeline, is what the store says, its history included. */
export function expectReplaysToAgree(db: Database): void {
  for (const name of db.runs.list()) {
    const run = db.runs.must(name);
    const { version } = run;
    const live = db.at(run, "default", { version });
    const replayed = db.replayRun(run);
    expect(replayed.digest({ history: true }), `history of ${name}`).toBe(live.digest({ history: true }));
    expect(replayed.digest(), `data of ${name}`).toBe(live.digest());
    for (const space of db.spaces(run).list()) {
      expect(observeSpace(replayed.in(space))).toEqual(observeSpace(live.in(space)));
    }
    const { shard } = replayTimeline(run, version);
    const subject = { shard, version, now: live.timestamp };
    expect(digestOf(subject, { history: true }), `timeline of ${name}`).toBe(live.digest({ history: true }));
    live.dispose();
    replayed.dispose();
  }
}
