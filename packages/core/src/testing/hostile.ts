/** fast-check arbitraries of what nobody should pass, and of what disks and attackers do to bytes. */

import fc from "fast-check";

class Account {
  readonly balance = 1;
}

/** Makes something that is no value, or holds something that is none. (Made late: a revoked proxy cannot be touched.) */
export function anyHostileInput(): fc.Arbitrary<() => unknown> {
  const seeds: readonly (() => unknown)[] = [
    () => undefined,
    () => () => 1,
    () => Symbol("s"),
    () => new Date(0),
    () => new Date(Number.NaN),
    () => new Map([["a", 1]]),
    () => new Set([1]),
    () => /x/g,
    () => new Error("x"),
    () => Promise.resolve(1),
    () => new Account(),
    () => new Float32Array(2),
    () => new ArrayBuffer(2),
    () => new DataView(new ArrayBuffer(2)),
    () => Object("boxed"),
    () => 2n ** 64n,
    () => "\ud800",
    () => "a\udfff",
    () => ({ "\ud800": 1 }),
    () => [undefined],
    () => new Array(3),
    cycle,
    () => ({
      get secret(): number {
        return 1;
      },
    }),
    () => ({
      get bomb(): number {
        throw new Error("bomb");
      },
    }),
    () => revoked(),
    () =>
      new Proxy(
        {},
        {
          ownKeys(): string[] {
            throw new Error("trap");
          },
        },
      ),
    () => nested(200),
    () => nested(20_000),
  ];
  const hostile = fc.constantFrom(...seeds);
  return fc.oneof(
    hostile,
    hostile.map((make) => () => [1, make()]),
    hostile.map((make) => () => ({ a: { b: [make()] } })),
  );
}

function cycle(): unknown {
  const outer: { inner?: unknown } = {};
  outer.inner = [outer];
  return outer;
}

function revoked(): unknown {
  const { proxy, revoke } = Proxy.revocable({}, {});
  revoke();
  return proxy;
}

function nested(depth: number): unknown {
  let value: unknown = 1;
  for (let i = 0; i < depth; i++) value = [value];
  return value;
}

/** Turns bytes into damaged ones: flips, cuts, insertions, repeats. */
export function anyMutation(): fc.Arbitrary<(bytes: Uint8Array) => Uint8Array> {
  const position = fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true });
  const edit = fc.oneof(
    fc.tuple(position, fc.integer({ min: 1, max: 255 })).map(([where, mask]) => (bytes: Uint8Array): Uint8Array => {
      const copy = bytes.slice();
      const at = Math.floor(where * copy.length);
      if (copy.length > 0) copy[at] = copy[at]! ^ mask;
      return copy;
    }),
    position.map(
      (where) =>
        (bytes: Uint8Array): Uint8Array =>
          bytes.slice(0, Math.floor(where * bytes.length)),
    ),
    fc.tuple(position, fc.uint8Array({ minLength: 1, maxLength: 9 })).map(
      ([where, extra]) =>
        (bytes: Uint8Array): Uint8Array =>
          spliced(bytes, Math.floor(where * (bytes.length + 1)), extra),
    ),
    fc.tuple(position, position, position).map(([where, from, to]) => (bytes: Uint8Array): Uint8Array => {
      const [start, end] = [from, to].map((part) => Math.floor(part * bytes.length)).sort((a, b) => a - b);
      return spliced(bytes, Math.floor(where * (bytes.length + 1)), bytes.slice(start, end));
    }),
  );
  return fc
    .array(edit, { minLength: 1, maxLength: 4 })
    .map((edits) => (bytes: Uint8Array) => edits.reduce((damaged, apply) => apply(damaged), bytes));
}

function spliced(bytes: Uint8Array, at: number, extra: Uint8Array): Uint8Array {
  const result = new Uint8Array(bytes.length + extra.length);
  result.set(bytes.subarray(0, at));
  result.set(extra, at);
  result.set(bytes.subarray(at), at + extra.length);
  return result;
}
