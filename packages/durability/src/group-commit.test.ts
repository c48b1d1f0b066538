import { expect, test } from "vitest";
import { GroupCommit } from "./group-commit.js";

/** Syncs that end when the test says so. */
function heldSyncs() {
  const syncs: { lsn: number; finish: () => void; fail: () => void }[] = [];
  const sync = (lsn: number) =>
    new Promise<void>((resolve, reject) => {
      syncs.push({ lsn, finish: resolve, fail: () => reject(new Error("lost")) });
    });
  return { syncs, sync };
}

/** Lets everything that is due run. */
const turn = () => new Promise((resolve) => setTimeout(resolve, 0));

test("who asks in one turn shares one sync, of the highest position", async () => {
  const { syncs, sync } = heldSyncs();
  const group = new GroupCommit(sync, () => {});
  const waiting = [group.settled(10), group.settled(30), group.settled(20)];
  await turn();
  expect(syncs.map(({ lsn }) => lsn)).toEqual([30]);
  syncs[0]!.finish();
  await Promise.all(waiting);
});

test("who asks while a sync runs waits for the next, which begins when that one ends", async () => {
  const { syncs, sync } = heldSyncs();
  const group = new GroupCommit(sync, () => {});
  const settled: number[] = [];
  void group.settled(10).then(() => settled.push(10));
  await turn();
  void group.settled(20).then(() => settled.push(20));
  void group.settled(25).then(() => settled.push(25));
  await turn();
  expect(syncs).toHaveLength(1);
  syncs[0]!.finish();
  await turn();
  expect(settled).toEqual([10]);
  expect(syncs.map(({ lsn }) => lsn)).toEqual([10, 25]);
  syncs[1]!.finish();
  await turn();
  expect(settled).toEqual([10, 20, 25]);
});

test("nobody is told yes unless it is confirmed, however the sync ended", async () => {
  const { syncs, sync } = heldSyncs();
  const refusal = new Error("not durable");
  let isDurable = false;
  const group = new GroupCommit(sync, () => {
    if (!isDurable) throw refusal;
  });
  const first = group.settled(10);
  await turn();
  syncs[0]!.finish();
  await expect(first).rejects.toBe(refusal);
  const second = group.settled(20);
  await turn();
  isDurable = true;
  syncs[1]!.fail();
  await expect(second).resolves.toBe(undefined);
});

test("a failure does not stop the next group", async () => {
  const { syncs, sync } = heldSyncs();
  let confirms = 0;
  const group = new GroupCommit(sync, () => {
    if (++confirms === 1) throw new Error("once");
  });
  const first = group.settled(10);
  await turn();
  const second = group.settled(20);
  syncs[0]!.fail();
  await expect(first).rejects.toThrow("once");
  await turn();
  syncs[1]!.finish();
  await second;
});
