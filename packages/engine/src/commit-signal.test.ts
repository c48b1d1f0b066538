import { expect, test } from "vitest";
import { CommitSignal } from "./commit-signal.js";
import { Database } from "./index.js";

test("a commit wakes those who wait for its run, once, and nobody else", () => {
  const db = Database.ephemeral();
  db.runs.create("other");
  const [run, other] = [db.runs.must("default"), db.runs.must("other")];
  const signal = new CommitSignal();
  const woken: string[] = [];
  const waiting = (name: string) => () => void woken.push(name);
  const [a, b, c] = [waiting("a"), waiting("b"), waiting("c")];
  signal.wait(run, a);
  signal.wait(run, b);
  signal.wait(other, c);
  expect(signal.waiters).toBe(3);
  signal.cancel(run, b);
  signal.onCommit(run);
  signal.onCommit(run);
  expect(woken).toEqual(["a"]);
  signal.cancel(run, a);
  signal.onRunDropped(other);
  expect(woken).toEqual(["a", "c"]);
  signal.wait(run, a);
  signal.wait(other, c);
  signal.close();
  expect(woken).toEqual(["a", "c", "a", "c"]);
  expect(signal.waiters).toBe(0);
});

test("who waits again while being woken waits for the next commit", () => {
  const db = Database.ephemeral();
  const run = db.runs.must("default");
  const signal = new CommitSignal();
  let wakes = 0;
  const wake = () => {
    wakes++;
    if (wakes < 3) signal.wait(run, wake);
  };
  signal.wait(run, wake);
  signal.onCommit(run);
  expect(wakes).toBe(1);
  signal.close();
  expect(wakes).toBe(2);
});
