import { runId } from "@strata/core";
import { RunShard } from "@strata/storage";
import { describe, expect, test } from "vitest";
import { TransactionContext } from "./transaction-context.js";

function active(): TransactionContext {
  const context = new TransactionContext();
  context.begin(7, new RunShard(runId(1)), 3, 1000);
  return context;
}

describe("TransactionContext", () => {
  test("goes from active over validating to committed", () => {
    const context = active();
    expect(context.status).toBe("active");
    context.markValidating();
    context.markCommitted();
    expect(context.status).toBe("committed");
  });

  test.each([
    ["committed without validation", (c: TransactionContext) => c.markCommitted()],
    ["validated twice", (c: TransactionContext) => [c.markValidating(), c.markValidating()]],
    ["aborted after commit", (c: TransactionContext) => [c.markValidating(), c.markCommitted(), c.markAborted("late")]],
    ["committed after abort", (c: TransactionContext) => [c.markAborted("x"), c.markCommitted()]],
  ])("cannot be %s", (_, move) => {
    expect(() => move(active())).toThrow(expect.objectContaining({ code: "TRANSACTION_NOT_ACTIVE" }));
  });

  test("keeps why it was aborted", () => {
    const context = active();
    context.markAborted("it rained");
    expect(context.abortReason).toBe("it rained");
    expect(() => context.markValidating()).toThrow(
      expect.objectContaining({ facts: expect.objectContaining({ reason: "it rained" }) }),
    );
  });

  test("is read-only until it writes", () => {
    const context = active();
    expect(context.isReadOnly).toBe(true);
    context.writes.put("default", "kv", "a", undefined);
    expect(context.isReadOnly).toBe(false);
  });

  test("a cleared context has no run and no data", () => {
    const context = active();
    context.writes.put("default", "kv", "a", 1);
    context.message = "why";
    context.markAborted("done");
    context.clear();
    expect(() => context.shard).toThrow();
    expect(context.writes.isEmpty).toBe(true);
    expect(context.reads.size).toBe(0);
    expect(context.message).toBeUndefined();
  });
});
