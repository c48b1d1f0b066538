import { describe, expect, test } from "vitest";
import type { Checkpoint } from "./durability.js";
import { MemoryVfs } from "./memory-vfs.js";
import { makeCheckpoint } from "./testing/checkpoint-log.js";
import { payloadOf } from "./testing/crash-script.js";
import { openTestLog, type RecoveredCommit, type TestLog, TINY_SEGMENTS } from "./testing/test-log.js";
import type { Vfs } from "./vfs.js";

const OPTIONS = { segments: TINY_SEGMENTS } as const;

/** A log, everything that was ever committed to it, and its last checkpoint. */
interface Session extends TestLog {
  readonly all: RecoveredCommit[];
  last: Checkpoint | undefined;
}

function open(vfs: Vfs, options: Parameters<typeof openTestLog>[1] = {}, seed = 1): Session {
  const opened = openTestLog(vfs, { ...OPTIONS, ...options }, seed);
  return { ...opened, all: [...opened.commits], last: opened.summary.checkpoint };
}

function commit(session: Session, count: number, bytes = 60): void {
  for (let i = 0; i < count; i++) {
    const version = (session.all.at(-1)?.version ?? 0) + 1;
    const payload = payloadOf(version, bytes);
    session.all.push({ version, payload, lsn: session.log.append(version, payload) });
  }
}

async function checkpoint(session: Session): Promise<number> {
  const made = await makeCheckpoint(session.log, session.all, session.last);
  session.last = made;
  return made.logBytesRetired;
}

describe("a checkpoint", () => {
  test("is what recovery begins with; only what follows it is visited", async () => {
    const vfs = new MemoryVfs();
    const first = open(vfs);
    commit(first, 30);
    await checkpoint(first);
    commit(first, 5);
    first.log.shutdown();
    const visited: number[] = [];
    const second = openTestLog(vfs, OPTIONS);
    expect(second.commits).toEqual(first.all);
    expect(second.summary).toMatchObject({ commits: 5, checkpoint: { version: 30, lsn: first.all[29]!.lsn } });
    second.log.read(
      (_, __, version) => visited.push(version),
      ({ version }) => visited.push(-version),
    );
    expect(visited).toEqual([-30, 31, 32, 33, 34, 35]);
  });
});
