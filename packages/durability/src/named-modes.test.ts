import { describe, expect, test } from "vitest";
import { InMemoryDurability } from "./in-memory-durability.js";
import { MemoryVfs } from "./memory-vfs.js";
import { BufferedDurability, StrictDurability, UnsyncedDurability } from "./named-modes.js";
import { ManualTime } from "./testing/manual-time.js";

const PAYLOAD = new Uint8Array(10);

describe("the named modes", () => {
  test("have their names and know what they are", () => {
    const vfs = new MemoryVfs();
    const modes = [
      new InMemoryDurability(),
      new UnsyncedDurability(vfs),
      new BufferedDurability(vfs),
      new StrictDurability(vfs),
    ];
    expect(modes.map((mode) => mode.modeName)).toEqual(["in-memory", "none", "buffered", "strict"]);
    expect(modes.map((mode) => mode.isPersistent())).toEqual([false, true, true, true]);
    expect(modes.map((mode) => mode.requiresWal())).toEqual([false, true, true, true]);
  });

  test("strict is durable when persist returns, buffered and unsynced are not yet", () => {
    const time = new ManualTime();
    const durable = [StrictDurability, BufferedDurability, UnsyncedDurability].map((Mode) => {
      const log =
        Mode === BufferedDurability
          ? BufferedDurability.threaded(new MemoryVfs(), 100, 1000, { timer: time, clock: time })
          : new Mode(new MemoryVfs());
      log.recover(() => {});
      log.persist(1, PAYLOAD);
      return log.durableThrough;
    });
    expect(durable).toEqual([1, 0, 0]);
  });

  test("buffered flushes behind its caller's back once its thread is started, which may be done twice", () => {
    const time = new ManualTime();
    const log = new BufferedDurability(new MemoryVfs(), 100, 1000, { timer: time, clock: time });
    log.recover(() => {});
    log.persist(1, PAYLOAD);
    time.advance(10_000);
    expect(log.durableThrough).toBe(0);
    log.startFlushThread();
    log.startFlushThread();
    log.persist(2, PAYLOAD);
    time.advance(100);
    expect(log.durableThrough).toBe(2);
    expect(log.counters.fsyncs).toBe(1);
    log.shutdown();
    log.startFlushThread();
    expect(time.pending).toBe(0);
  });

  test("threaded starts it before the log is recovered", () => {
    const time = new ManualTime();
    const log = BufferedDurability.threaded(new MemoryVfs(), 50, 10, { timer: time, clock: time });
    log.recover(() => {});
    log.persist(1, PAYLOAD);
    time.advance(50);
    expect(log.durableThrough).toBe(1);
  });
});
