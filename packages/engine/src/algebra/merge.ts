import { hasBytes, type Options, type Version } from "@strata/core";
import { type ContainedRun, ReadView } from "@strata/storage";
import type { CommitInfo, OpenTransaction } from "../open-transaction.js";
import { documentBox, documentNow, holdsBytesAfter } from "../primitives/document.js";
import type { Run } from "../run.js";
import type { Transactions } from "../transactions.js";
import { type Conflict, Conflicts, type MergeStrategy } from "./conflict.js";
import { type CopiedEvent, eventsToCopy } from "./copied-events.js";
import type { Containment } from "./merge-base.js";
import type { Point } from "./point.js";
import type { Selection } from "./run-filter.js";
import { type KeyChange, planKeys, type ThreeWay } from "./three-way.js";

export type MergeOptions = Options<{
  /** Where both sides changed the same thing: nothing is merged (the default), the target's stays, the source's is taken, or a function decides. */
  strategy: MergeStrategy;
  /** Finds out what would happen, and writes nothing. */
  preview: boolean;
  /** Of the commit. */
  message: string;
}>;

export interface MergeResult {
  /** The commit; `undefined` for a preview, and when there was nothing to do. */
  readonly version: Version | undefined;
  /** What both sides were compared with. */
  readonly base: Version;
  /** Keys written and events appended, or that would be. */
  readonly applied: number;
  /** What both sides changed differently, also where the strategy decided it. */
  readonly conflicts: readonly Conflict[];
}

/** Everything that one commit brings into a run. */
export interface MergePlan {
  readonly keys: readonly KeyChange[];
  readonly events: readonly CopiedEvent[];
  readonly conflicts: Conflicts;
  /** What the target contains then; empty where changes are picked, `undefined` where the run is only compared with itself. */
  readonly contained: readonly ContainedRun[] | undefined;
}

/** @param source `undefined` where no events come along. */
export function plan(
  states: ThreeWay,
  source: { readonly run: string; readonly from: Containment; readonly to: Containment } | undefined,
  selection: Selection,
  strategy: MergeStrategy | undefined,
  contained: readonly ContainedRun[] | undefined,
): MergePlan {
  const conflicts = new Conflicts(strategy);
  const keys = planKeys(states, selection, conflicts);
  const events = source === undefined ? [] : eventsToCopy(source.run, source.from, source.to, selection);
  return { keys, events, conflicts, contained };
}

/**
 * Makes a plan inside a synchronous transaction on `target` and writes it: in one commit, or nothing of it. Nobody else writes to the run
 * in between, a resolver neither (`TRANSACTION_NESTED`); `reading` stays readable meanwhile.
 */
export function commitPlan(
  transactions: Transactions,
  target: Run,
  message: string,
  reading: readonly Point[],
  make: () => MergePlan,
): { readonly info: CommitInfo | undefined; readonly plan: MergePlan } {
  target.assertWritable();
  const views = reading.map(({ shard, version }) => new ReadView(shard, version));
  let info: CommitInfo | undefined;
  try {
    const made = transactions.closure(
      target,
      (open) => {
        open.onCommit((committed) => {
          info = committed;
        });
        const made = make();
        made.conflicts.assertNone(`run "${target.name}" was not changed`, { run: target.name });
        write(open, made);
        return made;
      },
      { message },
    );
    return { info, plan: made };
  } finally {
    for (const view of views) view.dispose();
  }
}

function write(open: OpenTransaction, { keys, events, contained }: MergePlan): void {
  for (const change of keys) {
    const scope = open.scope(change.space);
    if (change.kind === "put") scope.put(change.primitive, change.key, change.stored);
    else writeDocument(open, change);
  }
  for (const { space, type, payload, origin } of events) open.scope(space).append(type, payload, origin);
  if (contained !== undefined && (contained.length > 0 || events.length > 0))
    open.context().writes.contained = contained;
}

function writeDocument(
  open: OpenTransaction,
  { space, key, root, operations }: Extract<KeyChange, { kind: "document" }>,
): void {
  const scope = open.scope(space);
  const before = documentNow(scope, key);
  if (root === undefined) scope.put("json", key, undefined);
  else if (operations === undefined) {
    scope.put("json", key, documentBox(scope, before, root, { holdsBytes: hasBytes(root), isWhole: true }));
  } else {
    const holdsBytes = holdsBytesAfter(before.box, operations);
    scope.patch(key, documentBox(scope, before, root, { holdsBytes, isWhole: false }), operations);
  }
}
