import { ByteWriter, type Value } from "@strata/core";
import type { BundleOperation } from "../src/bundle/bundle-record.js";
import type { AppendOperation, PutOperation } from "../src/operation.js";
import { type Block, ForgedBundle, sealed } from "./forged-bundle.js";
import { good } from "./sample-bundles.js";

/** What a stranger sends, with hashes that are right unless it is about them. */
export type Attack = readonly [what: string, bundle: () => Uint8Array];

export const forged = (change: (bundle: ForgedBundle) => unknown): Uint8Array => {
  const bundle = new ForgedBundle(good);
  change(bundle);
  return bundle.bytes();
};
export const header = (members: object) => () => forged(({ header }) => Object.assign(header, members));
export const without = (member: string) => () => forged(({ header }) => delete header[member]);
export const adding =
  (...operations: BundleOperation[]) =>
  () =>
    forged((bundle) => bundle.addCommit(operations));
export const put = (rest: Partial<PutOperation>): PutOperation => ({
  kind: "put",
  space: "default",
  primitive: "kv",
  key: "key",
  stored: 1,
  ...rest,
});
export const space = (kind: "registerSpace" | "dropSpace", space: string): BundleOperation => ({ kind, space });
export const eventsOf = (bundle: ForgedBundle): { at: number; event: AppendOperation }[] =>
  bundle.commits.flatMap((_, at) => {
    const [event] = bundle.commit(at).operations;
    return event?.kind === "append" ? [{ at, event }] : [];
  });
export const event = (n: number, change: Partial<AppendOperation>) => () =>
  forged((bundle) => {
    const { at, event } = eventsOf(bundle)[n] as { at: number; event: AppendOperation };
    bundle.replaceCommit(at, (record) => ({ ...record, operations: [{ ...event, ...change }] }));
  });
export const reblocked = (change: (blocks: Block[]) => Block[]) => () =>
  sealed(change(new ForgedBundle(good).blocks()));
export const record = (write: (writer: ByteWriter) => void) => () =>
  forged((bundle) => {
    const writer = new ByteWriter();
    const last = bundle.commit(bundle.commits.length - 1);
    writer.varint(last.version + 1);
    writer.varint(last.timestamp + 1);
    write(writer);
    bundle.commits.push(writer.take());
    bundle.header["commits"] = bundle.commits.length;
    bundle.header["version"] = last.version + 1;
  });
export const patched =
  (at: number, ...bytes: number[]) =>
  () => {
    const copy = good.slice();
    copy.set(bytes, at);
    return copy;
  };
export const concat = (...parts: Uint8Array[]) => Uint8Array.from(parts.flatMap((part) => [...part]));
export const nested = (depth: number): Value => {
  let value: Value = 1;
  for (let i = 0; i < depth; i++) value = [value];
  return value;
};
export const many = (length: number) => "x".repeat(length);
export const hex = "ab".repeat(32);
