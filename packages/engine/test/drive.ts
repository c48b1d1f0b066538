import type { ManualTime } from "@strata/durability/testing";

/** Waits for `promise`; lets time pass whenever nothing else is left to happen. */
export async function drive<T>(time: ManualTime, promise: Promise<T>): Promise<T> {
  let isSettled = false;
  const settle = () => {
    isSettled = true;
  };
  promise.then(settle, settle);
  for (;;) {
    await nothingLeft();
    if (isSettled) return await promise;
    time.advance(1);
  }
}

/** Everything that waits for promises alone has gone as far as it can. */
export async function nothingLeft(): Promise<void> {
  await new Promise<void>((resolve) => {
    setImmediate(resolve);
  });
}
