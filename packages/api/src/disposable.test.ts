import { afterEach, describe, expect, test, vi } from "vitest";
import { makeAsyncDisposable, makeDisposable } from "./disposable.js";

describe("disposable classes", () => {
  afterEach(() => vi.unstubAllGlobals());

  test("are disposed of by using", async () => {
    const ended: string[] = [];
    class Thing {
      declare readonly [Symbol.dispose]: () => void;
      declare readonly [Symbol.asyncDispose]: () => Promise<void>;
      readonly name = "thing";
    }
    makeDisposable(Thing, function () {
      ended.push(this.name);
    });
    makeAsyncDisposable(Thing, async function () {
      ended.push(`${this.name}, later`);
    });
    {
      using _thing = new Thing();
    }
    {
      await using _thing = new Thing();
    }
    expect(ended).toEqual(["thing", "thing, later"]);
    expect(Object.keys(new Thing())).toEqual(["name"]);
  });

  test("are the same without it where the runtime does not know the symbols", () => {
    vi.stubGlobal("Symbol", { iterator: Symbol.iterator });
    class Thing {}
    makeDisposable(Thing, () => {});
    makeAsyncDisposable(Thing, async () => {});
    expect(Reflect.ownKeys(Thing.prototype)).toEqual(["constructor"]);
  });
});
