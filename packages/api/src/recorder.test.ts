import { StateError, StrataError, type Value } from "@strata/core";
import { Database } from "@strata/engine";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { type Recorder, RunHandle } from "./index.js";

let time = 1_700_000_000_000_000;
const clock = { now: () => time };
let database: Database;
let db: RunHandle;

beforeEach(() => {
  database = Database.ephemeral({ clock });
  db = RunHandle.on(database);
});
afterEach(() => database.close());

async function rejection(promise: Promise<unknown>): Promise<Error & { code?: unknown }> {
  try {
    await promise;
  } catch (error) {
    return error as Error;
  }
  return expect.fail("nothing was thrown");
}

/** An effect that counts how often it ran. */
function counting<T>(result: T) {
  const effect = Object.assign(
    async ({ idempotencyKey }: { idempotencyKey: string }) => {
      effect.calls++;
      effect.keys.push(idempotencyKey);
      return result as T & object;
    },
    { calls: 0, keys: [] as string[] },
  );
  return effect;
}

const pause = () => new Promise((resolve) => setTimeout(resolve, 1));

describe("a step", () => {
  test("runs its effect once; a program that starts again is given what was stored", async () => {
    const effect = counting({ text: "hello", tokens: [1, 2] });
    for (let start = 0; start < 3; start++) {
      const result = await db.recorder("chat").call("model", { prompt: "hi" }, effect);
      expect(result).toEqual({ text: "hello", tokens: [1, 2] });
      expect(Object.isFrozen(result) && Object.isFrozen(result.tokens)).toBe(true);
    }
    expect(effect.calls).toBe(1);
  });

  test("is a name and how often it was called: one of the same name is another one", async () => {
    const outcomes = async (recorder: Recorder, effects: boolean) => {
      const run = <T extends string>(result: T) => (effects ? () => result as never : never);
      return [
        await recorder.call("model", { n: 1 }, run("a")),
        await recorder.call("tool", { n: 1 }, run("b")),
        await recorder.call("model", { n: 2 }, run("c")),
        await recorder.call("model", { n: 2 }, run("d")),
      ];
    };
    expect(await outcomes(db.recorder("s"), true)).toEqual(["a", "b", "c", "d"]);
    expect(await outcomes(db.recorder("s"), false)).toEqual(["a", "b", "c", "d"]);
  });

  test("is matched by name and ordinal, not by the order of all", async () => {
    const first = db.recorder("s");
    await first.call("a", 1, () => "a");
    await first.call("b", 1, () => "b");
    const second = db.recorder("s");
    expect(await second.call("b", 1, never)).toBe("b");
    expect(await second.call("a", 1, never)).toBe("a");
  });

  test("belongs to its scope, its space and its run", async () => {
    database.runs.create("other");
    const effect = counting("x");
    await db.recorder("s").call("a", 1, effect);
    await db.recorder("t").call("a", 1, effect);
    await db.in({ space: "notes" }).recorder("s").call("a", 1, effect);
    await db.in({ run: "other" }).recorder("s").call("a", 1, effect);
    expect(effect.calls).toBe(4);
    expect(new Set(effect.keys).size).toBe(4);
    expect(effect.keys.every((key) => /^[0-9a-f]{64}$/.test(key))).toBe(true);
  });

  test("keeps every value as the store does: bytes, bigints, null, nothing", async () => {
    const values = [new Uint8Array([1, 2]), 2n ** 60n, null, [1.5], "text", undefined];
    for (const start of [1, 2]) {
      const recorder = db.recorder("s");
      for (const value of values) {
        const result: unknown = await recorder.call("v", undefined, start === 1 ? () => value as never : never);
        expect(result).toEqual(value);
        if (result instanceof Uint8Array) result.fill(9);
      }
    }
    expect(await db.recorder("s").call("v", undefined, never)).toEqual(new Uint8Array([1, 2]));
  });

  test("may give nothing", async () => {
    const sent: string[] = [];
    for (let start = 0; start < 2; start++) {
      const nothing: unknown = await db.recorder("s").call("send", "mail", async () => {
        sent.push("mail");
      });
      expect(nothing).toBeUndefined();
    }
    expect(sent).toEqual(["mail"]);
  });

  test("runs outside any transaction: the effect may itself write, and so may others meanwhile", async () => {
    const result = await db.recorder("s").call("a", 1, async () => {
      db.kv.put("by the effect", 1);
      await pause();
      db.transaction((txn) => txn.kv.put("in a transaction", 2));
      return "done";
    });
    expect(result).toBe("done");
    expect(db.kv.list()).toEqual(["by the effect", "in a transaction"]);
  });

  test("refuses arguments that are none", async () => {
    const recorder = db.recorder("s");
    const loose = recorder as unknown as { call(...args: unknown[]): Promise<unknown> };
    for (const args of [
      ["", 1, () => 1],
      [5, 1, () => 1],
      ["a", 1, 5],
      ["a", 1, () => 1, { comit: () => {} }],
      ["a", 1, () => 1, { signal: 5 }],
    ]) {
      expect(await rejection(loose.call(...args))).toMatchObject({ code: "INVALID_ARGUMENT" });
    }
    expect(
      await rejection(
        loose.call(
          "a",
          () => {},
          () => 1,
        ),
      ),
    ).toMatchObject({ code: "INVALID_VALUE" });
    expect(await rejection(loose.call("a".repeat(5000), 1, () => expect.fail("ran")))).toMatchObject({
      code: "INVALID_KEY",
    });
    for (const args of [[""], [5], ["s", { replay: 1 }], ["s", { redact: 1 }], ["s", { other: 1 }]]) {
      expect(() => (db.recorder as (...args: unknown[]) => unknown).apply(db, args)).toThrow(
        expect.objectContaining({ code: "INVALID_ARGUMENT" }),
      );
    }
    expect([recorder.scope, recorder.replaying, db.recorder("s", { replay: true }).replaying]).toEqual([
      "s",
      false,
      true,
    ]);
  });
});

describe("what commit writes", () => {
  test("is one commit with the result, in the handle's space, and is never written twice", async () => {
    const notes = db.in({ space: "notes" });
    for (let start = 0; start < 2; start++) {
      await notes.recorder("s").call("price", { of: "x" }, () => ({ amount: 40 }), {
        commit: (txn, { amount }) => {
          expect(txn.currentSpace()).toBe("notes");
          txn.state.update("spent", (spent) => Number(spent ?? 0) + amount);
        },
      });
    }
    expect(notes.state.read("spent")).toBe(40);
    expect(notes.state.readVersioned("spent")?.counter).toBe(1);
    const before = notes.version;
    await notes.recorder("s").call("next", 1, () => 1, { commit: (txn) => txn.kv.put("k", 1) });
    const [commit, ...rest] = [...database.runs.must("default").shard.timeline.commits({ after: before })];
    expect([commit?.operations, rest.length]).toEqual([2, 0]);
  });

  test("repeats after a conflict; the effect does not", async () => {
    db.kv.put("n", 1);
    const effect = counting(10);
    let attempts = 0;
    await db.recorder("s").call("add", 1, effect, {
      commit: async (txn, by) => {
        attempts++;
        const n = Number(txn.kv.get("n"));
        await pause();
        if (attempts < 4) db.kv.put("n", n + 1);
        txn.kv.put("n", n + by);
      },
    });
    expect([effect.calls, attempts, db.kv.get("n")]).toEqual([1, 4, 14]);
  });

  test("and the result stay out when it throws; the same call is then the same step", async () => {
    const effect = counting("x");
    const recorder = db.recorder("s");
    const failing = recorder.call("a", 1, effect, {
      commit: (txn) => {
        txn.kv.put("k", 1);
        throw new Error("no");
      },
    });
    expect((await rejection(failing)).message).toBe("no");
    expect(db.kv.get("k")).toBeUndefined();
    await recorder.call("a", 1, effect);
    expect(effect.calls).toBe(2);
    expect(effect.keys[0]).toBe(effect.keys[1]);
    expect(await db.recorder("s").call("a", 1, never)).toBe("x");
  });

  test("is not asked for when the step is stored, failed, or replayed", async () => {
    const commit = () => expect.fail("commit ran");
    await db.recorder("s").call("a", 1, () => "x");
    await db.recorder("s").call("a", 1, never, { commit });
    await rejection(db.recorder("s").call("b", 1, () => Promise.reject(new Error("no")), { commit }));
    await db.recorder("s", { replay: true }).call("a", 1, never, { commit });
  });
});

describe("an effect that fails", () => {
  class HttpError extends TypeError {
    override readonly name = "HttpError";
    readonly code: number | string;
    constructor(message: string, code: number | string) {
      super(message);
      this.code = code;
    }
  }

  test("is a step too: its error is stored, and thrown again with name, message and code", async () => {
    const original = new HttpError("try later", 503);
    let calls = 0;
    const effect = () => {
      calls++;
      throw original;
    };
    expect(await rejection(db.recorder("s").call("get", { url: "x" }, effect))).toBe(original);
    const again = await rejection(db.recorder("s").call("get", { url: "x" }, effect));
    expect(again).not.toBe(original);
    expect(again).toBeInstanceOf(Error);
    expect([again.name, again.message, again.code, calls]).toEqual(["HttpError", "try later", 503, 1]);
    expect(String(again)).toBe("HttpError: try later");
  });

  test("is tried again by calling again: the next ordinal, also when it is replayed", async () => {
    const program = async (recorder: Recorder, effect: () => Promise<string>) => {
      for (let attempt = 0; ; attempt++) {
        try {
          return [attempt, await recorder.call("get", "url", effect)];
        } catch (error) {
          if (attempt === 5) throw error;
        }
      }
    };
    let calls = 0;
    const flaky = async () => {
      if (++calls < 3) throw new Error(`no ${calls}`);
      return "yes";
    };
    expect(await program(db.recorder("s"), flaky)).toEqual([2, "yes"]);
    expect(await program(db.recorder("s"), flaky)).toEqual([2, "yes"]);
    expect(await program(db.recorder("s", { replay: true }), never)).toEqual([2, "yes"]);
    expect(calls).toBe(3);
  });

  test("with anything at all is stored as an error", async () => {
    const thrown = [
      "text",
      undefined,
      { message: 5 },
      new Error("half \ud800 of a pair"),
      new StateError("READ_ONLY", "not here", {}),
    ];
    const recorder = db.recorder("s");
    for (const each of thrown) expect(await rejection(recorder.call("f", 1, () => Promise.reject(each)))).toBe(each);
    const again = db.recorder("s");
    const shown: unknown[] = [];
    for (const _ of thrown) {
      const { name, message, code } = await rejection(again.call("f", 1, never));
      shown.push([name, message, code]);
    }
    expect(shown).toEqual([
      ["Error", "text", undefined],
      ["Error", "undefined", undefined],
      ["Error", "[object Object]", undefined],
      ["Error", "half \ufffd of a pair", undefined],
      ["StateError", "not here", "READ_ONLY"],
    ]);
  });

  test("because its signal was aborted stores nothing", async () => {
    const controller = new AbortController();
    const recorder = db.recorder("s");
    const keys: string[] = [];
    const waiting = recorder.call(
      "slow",
      1,
      ({ signal, idempotencyKey }) => {
        keys.push(idempotencyKey);
        return new Promise<string>((_, reject) => signal.addEventListener("abort", () => reject(signal.reason)));
      },
      { signal: controller.signal },
    );
    controller.abort(new Error("enough"));
    expect((await rejection(waiting)).message).toBe("enough");
    expect((await rejection(recorder.call("slow", 1, never, { signal: controller.signal }))).message).toBe("enough");
    const result = await recorder.call("slow", 1, ({ idempotencyKey }) => {
      keys.push(idempotencyKey);
      return "there";
    });
    expect([result, keys[0] === keys[1]]).toEqual(["there", true]);
  });

  test("a result that came although the signal was aborted is stored: it was paid for", async () => {
    const controller = new AbortController();
    const effect = async () => {
      controller.abort();
      return "there";
    };
    expect(await db.recorder("s").call("a", 1, effect, { signal: controller.signal })).toBe("there");
    expect(await db.recorder("s").call("a", 1, never)).toBe("there");
  });

  test("a result that is no value is refused, and nothing is stored", async () => {
    const effect = () => new Map() as never;
    expect(await rejection(db.recorder("s").call("a", 1, effect))).toMatchObject({ code: "INVALID_VALUE" });
    expect(await db.recorder("s").call("a", 1, () => "good")).toBe("good");
  });
});

describe("a step with another input", () => {
  test("diverges, with both sides, and runs nothing", async () => {
    await db.recorder("s").call("model", { prompt: "one" }, () => "1");
    for (const replay of [false, true]) {
      const recorder = db.recorder("s", { replay });
      const error = await rejection(recorder.call("model", { prompt: "two" }, never));
      expect(StrataError.is(error, "REPLAY_DIVERGED") && error.facts).toEqual({
        scope: "s",
        name: "model",
        ordinal: 0,
        expected: { prompt: "one" },
        actual: { prompt: "two" },
      });
      expect(await recorder.call("model", { prompt: "one" }, never)).toBe("1");
    }
  });

  test("is told by value: the order of members does not matter, a missing input does", async () => {
    await db.recorder("s").call("a", { x: 1, y: [2] }, () => "1");
    expect(await db.recorder("s").call("a", { y: [2], x: 1 }, never)).toBe("1");
    for (const input of [undefined, null, { x: 1 }, { x: 1, y: [2.5] }]) {
      expect(await rejection(db.recorder("s").call("a", input, never))).toMatchObject({ code: "REPLAY_DIVERGED" });
    }
    await db.recorder("s").call("b", undefined, () => "2");
    expect(await db.recorder("s").call("b", undefined, never)).toBe("2");
    expect(await rejection(db.recorder("s").call("b", null, never))).toMatchObject({ code: "REPLAY_DIVERGED" });
  });
});

describe("while replaying", () => {
  test("a step that was never stored diverges, and nothing is run or written", async () => {
    await db.recorder("s").call("a", 1, () => "x");
    const { version } = db;
    const recorder = db.recorder("s", { replay: true });
    expect(await recorder.call("a", 1, never)).toBe("x");
    const error = await rejection(recorder.call("a", { n: 2 }, never));
    expect(StrataError.is(error, "REPLAY_DIVERGED") && error.facts).toEqual({
      scope: "s",
      name: "a",
      ordinal: 1,
      expected: undefined,
      actual: { n: 2 },
    });
    for (const draw of ["now", "random", "uuid"] as const) {
      expect(() => recorder[draw]()).toThrow(expect.objectContaining({ code: "REPLAY_DIVERGED" }));
    }
    expect(db.version).toBe(version);
  });

  test("a run that takes no writes any more still gives what it has; recording there is refused before the effect", async () => {
    database.runs.create("done");
    const done = db.in({ run: "done" });
    await done.recorder("s").call("a", 1, () => "x");
    const now = done.recorder("s").now();
    database.runs.setStatus("done", "completed");
    for (const replay of [true, false]) {
      expect(await done.recorder("s", { replay }).call("a", 1, never)).toBe("x");
      expect(done.recorder("s", { replay }).now()).toBe(now);
    }
    let ran = false;
    const effect = () => {
      ran = true;
      return "x";
    };
    expect(await rejection(done.recorder("s").call("b", 1, effect))).toMatchObject({ code: "RUN_CLOSED" });
    expect(ran).toBe(false);
    expect(() => done.recorder("s").uuid()).toThrow(expect.objectContaining({ code: "RUN_CLOSED" }));
  });
});

describe("now, random and uuid", () => {
  test("are drawn once, committed at once, and come again in order", () => {
    const draw = (recorder: Recorder) => {
      const drawn = [
        recorder.now(),
        recorder.random(),
        recorder.now(),
        recorder.uuid(),
        recorder.random(),
        recorder.uuid(),
      ];
      time += 1_000_000;
      return drawn;
    };
    const first = draw(db.recorder("s"));
    expect(first[0]).toBe(first[2]);
    expect(new Set(first).size).toBe(5);
    expect(first[3]).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
    expect(draw(db.recorder("s"))).toEqual(first);
    expect(draw(db.recorder("s", { replay: true }))).toEqual(first);
    expect(draw(db.recorder("other"))).not.toEqual(first);
  });

  test("are refused inside a synchronous transaction, and drawn for the same step behind it", () => {
    const recorder = db.recorder("s");
    expect(() => db.transaction(() => recorder.now())).toThrow(expect.objectContaining({ code: "TRANSACTION_NESTED" }));
    const now = recorder.now();
    expect(db.recorder("s").now()).toBe(now);
  });

  test("are apart from calls of those names, and random numbers lie in [0, 1)", async () => {
    const recorder = db.recorder("s");
    const now = recorder.now();
    await recorder.call("now", undefined, () => "mine");
    expect(await db.recorder("s").call("now", undefined, never)).toBe("mine");
    expect(db.recorder("s").now()).toBe(now);
    const many = Array.from({ length: 200 }, () => recorder.random());
    expect(many.every((each) => each >= 0 && each < 1)).toBe(true);
    expect(new Set(many).size).toBe(200);
    const all = { bytes: (length: number) => new Uint8Array(length).fill(255) };
    using other = Object.assign(Database.ephemeral({ random: all }), {
      [Symbol.dispose]() {
        other.close();
      },
    });
    expect(RunHandle.on(other).recorder("s").random()).toBe(1 - 2 ** -53);
  });
});

describe("redact", () => {
  const redact = (value: Value): Value => JSON.parse(JSON.stringify(value).replaceAll("secret", "***")) as Value;

  test("sees input, result and error before they are stored; the caller that paid for it gets the result itself", async () => {
    const recorder = db.recorder("s", { redact });
    const seen: unknown[] = [];
    const commit = (_: unknown, result: unknown) => void seen.push(result);
    expect(await recorder.call("a", { key: "secret" }, () => ({ token: "secret" }), { commit })).toEqual({
      token: "secret",
    });
    expect((await rejection(recorder.call("b", 1, () => Promise.reject(new Error("bad secret"))))).message).toBe(
      "bad secret",
    );
    expect(seen).toEqual([{ token: "secret" }]);

    const kept = new TextDecoder().decode(everythingStored());
    expect(kept).toContain("***");
    expect(kept).not.toContain("secret");

    const again = db.recorder("s", { redact });
    expect(await again.call("a", { key: "secret" }, never)).toEqual({ token: "***" });
    expect((await rejection(again.call("b", 1, never))).message).toBe("bad ***");
  });

  test("applies to inputs before they are compared", async () => {
    const byPrompt = (value: Value) =>
      typeof value === "object" ? { prompt: (value as { prompt: Value }).prompt } : value;
    await db.recorder("s", { redact: byPrompt }).call("a", { prompt: "p", at: 1 }, () => "x");
    expect(await db.recorder("s", { redact: byPrompt }).call("a", { prompt: "p", at: 2 }, never)).toBe("x");
    expect(await rejection(db.recorder("s").call("a", { prompt: "p", at: 2 }, never))).toMatchObject({
      code: "REPLAY_DIVERGED",
    });
  });
});

describe("several recorders", () => {
  test("with different scopes interleave as they like", async () => {
    const program = async (scope: string, effects: boolean) => {
      const recorder = db.recorder(scope);
      const results: unknown[] = [];
      for (let step = 0; step < 5; step++) {
        const effect = async () => {
          await pause();
          return `${scope} ${step}`;
        };
        results.push(await recorder.call("step", step, effects ? effect : never), recorder.random());
      }
      return results;
    };
    const all = (effects: boolean) => Promise.all(["a", "b", "c"].map((scope) => program(scope, effects)));
    const first = await all(true);
    expect(first[1]?.filter((each) => typeof each === "string")).toEqual(["b 0", "b 1", "b 2", "b 3", "b 4"]);
    expect(await all(false)).toEqual(first);
  });

  test("with the same scope at once: the state of a step is written once, and both get what was stored", async () => {
    const effects = ["one", "two"].map((result) => async () => {
      await pause();
      return result;
    });
    const results = await Promise.all(
      effects.map((effect) =>
        db.recorder("s").call("a", 1, effect, { commit: (txn) => txn.state.update("n", (n) => Number(n ?? 0) + 1) }),
      ),
    );
    expect(new Set(results).size).toBe(1);
    expect(db.state.read("n")).toBe(1);
  });

  test("calls of one name at once are told apart by the order in which they were made", async () => {
    const fetchAll = (recorder: Recorder, effect: (n: number) => () => Promise<string>) =>
      Promise.all([3, 1, 2].map((n) => recorder.call("fetch", n, effect(n))));
    const slow = (n: number) => async () => {
      for (let i = 0; i < n * 3; i++) await pause();
      return `page ${n}`;
    };
    const pages = ["page 3", "page 1", "page 2"];
    expect(await fetchAll(db.recorder("s"), slow)).toEqual(pages);
    expect(await fetchAll(db.recorder("s"), () => never)).toEqual(pages);
  });
});

describe("recorded steps", () => {
  test("are inherited by forks, which then go their own way", async () => {
    const program = async (handle: Pick<RunHandle, "recorder">, last: string) => {
      const recorder = handle.recorder("s");
      const effect = counting(last);
      const first = await recorder.call("a", 1, () => "inherited");
      return [first, recorder.now(), await recorder.call("b", 1, effect), effect.keys[0]];
    };
    await db.recorder("s").call("a", 1, () => "inherited");
    const now = db.recorder("s").now();
    database.fork(database.runs.must("default"), ["left", "right"]);
    time += 5_000_000;
    const [left, right] = [await program(db.in({ run: "left" }), "l"), await program(db.in({ run: "right" }), "r")];
    expect([left?.slice(0, 3), right?.slice(0, 3)]).toEqual([
      ["inherited", now, "l"],
      ["inherited", now, "r"],
    ]);
    expect(left?.[3]).not.toBe(right?.[3]);
    expect(await db.recorder("s").call("b", 1, () => "own")).toBe("own");
    expect(await db.in({ run: "left" }).recorder("s", { replay: true }).call("b", 1, never)).toBe("l");
  });

  test("show in no list of spaces, are part of the digest, and are replayed", async () => {
    const before = db.at().digest();
    await db
      .in({ space: "notes" })
      .recorder("s")
      .call("a", 1, () => "x");
    await db.recorder("s").call("a", 1, () => "x");
    expect(db.spaces.list()).toEqual(["default"]);
    expect([db.kv.list(), db.events.len(), db.state.list()]).toEqual([[], 0, []]);
    expect(db.at().digest()).not.toBe(before);
    expect(db.runs.replay("default").digest()).toBe(db.at({ version: db.version }).digest());
    expect(() => db.in({ space: "_system_recorder_default" })).toThrow(
      expect.objectContaining({ code: "INVALID_NAME" }),
    );
  });

  test("end with the space they were made in", async () => {
    const notes = () => db.in({ space: "notes" });
    const effect = counting("x");
    await notes().recorder("s").call("a", 1, effect);
    expect(() => db.spaces.delete("notes")).toThrow(expect.objectContaining({ code: "SPACE_NOT_EMPTY" }));
    notes().kv.put("k", 1);
    expect(db.spaces.delete("notes", { force: true })).toBe(true);
    expect(db.spaces.delete("notes")).toBe(false);
    await notes().recorder("s").call("a", 1, effect);
    expect(effect.calls).toBe(2);
  });

  test("fail with everything else once the database is closed or the run is gone", async () => {
    database.runs.create("gone");
    const gone = db.in({ run: "gone" }).recorder("s");
    await gone.call("a", 1, () => "x");
    database.runs.delete("gone");
    expect(await rejection(gone.call("b", 1, never))).toMatchObject({ code: "RUN_NOT_FOUND" });
    expect(() => gone.now()).toThrow(expect.objectContaining({ code: "RUN_NOT_FOUND" }));
    const recorder = db.recorder("s");
    const late = recorder.call("a", 1, async () => {
      database.close();
      return "x";
    });
    expect(await rejection(late)).toMatchObject({ code: "DATABASE_CLOSED" });
    expect(await rejection(recorder.call("a", 1, never))).toMatchObject({ code: "DATABASE_CLOSED" });
  });
});

/** For effects that must not run. */
function never(): never {
  return expect.fail("the effect ran");
}

/** Every key and value of the run, reserved spaces included, as bytes. */
function everythingStored(): Uint8Array {
  const { shard } = database.runs.must("default");
  const parts: string[] = [];
  for (const space of shard.spaces()) {
    shard
      .table(space, "kv")
      ?.scan({ start: undefined, end: undefined, reverse: false }, Number.POSITIVE_INFINITY, (key, stored) => {
        parts.push(key, JSON.stringify(stored));
        return true;
      });
  }
  return new TextEncoder().encode(parts.join("\n"));
}
