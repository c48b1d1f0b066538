import { readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { fileDurability } from "@strata/durability-file";
import { describe, expect, test } from "vitest";
import { Strata } from "../src/index.js";
import { newDirectory } from "./directories.js";
import { expectCode } from "./expect-code.js";

/** Every file below a directory with its bytes and time of change. */
function imageOf(path: string): { readonly [file: string]: string } {
  const files = readdirSync(path, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile());
  return Object.fromEntries(
    files.map((entry) => {
      const file = join(entry.parentPath, entry.name);
      return [file, `${statSync(file).mtimeMs} ${readFileSync(file).toString("base64")}`];
    }),
  );
}

describe("opening to read", () => {
  const filled = (): string => {
    const path = newDirectory();
    using db = Strata.open(path);
    db.kv.put("k", 1);
    db.events.append("e", { n: 1 });
    db.createRun("other");
    return path;
  };

  test("reads everything, writes nothing, and changes no byte", () => {
    const path = filled();
    const before = imageOf(path);
    {
      using db = Strata.open(path, { readOnly: true });
      expect(db.kv.get("k")).toBe(1);
      expect(db.events.verify().valid).toBe(true);
      expect(db.listRuns()).toEqual(["default", "other"]);
      expectCode("READ_ONLY", () => db.kv.put("k", 2));
      expectCode("READ_ONLY", () => db.kv.putMany([["k", 2]]));
      expectCode("READ_ONLY", () => db.kv.delete("k"));
      expectCode("READ_ONLY", () => db.events.append("e", {}));
      expectCode("READ_ONLY", () => db.state.set("c", 1));
      expectCode("READ_ONLY", () => db.json.put("d", {}));
      expectCode("READ_ONLY", () => db.vectors.createCollection("v", { dimension: 1 }));
      expectCode("READ_ONLY", () => db.createRun("x"));
      expectCode("READ_ONLY", () => db.runs.begin("x"));
      expectCode("READ_ONLY", () => db.deleteRun("other"));
      expectCode("READ_ONLY", () => db.runs.setStatus("other", "paused"));
      expectCode("READ_ONLY", () => db.spaces.create("x"));
      expectCode("READ_ONLY", () => db.transaction((txn) => txn.kv.put("k", 2)));
      expect(db.transaction((txn) => txn.kv.get("k"))).toBe(1);
      const session = db.session();
      session.begin();
      expectCode("READ_ONLY", () => session.kv.put("k", 2));
      session.commit();
      db.flush();
      expect(db.kv.get("k")).toBe(1);
    }
    expect(imageOf(path)).toEqual(before);
  });

  test("two may read at once", () => {
    const path = filled();
    using a = Strata.open(path, { readOnly: true });
    using b = Strata.open(path, { readOnly: true });
    expect(a.kv.get("k")).toBe(b.kv.get("k"));
  });

  test("refuses to open what is not there, and makes no directory", () => {
    const root = newDirectory();
    expect(() => Strata.open(join(root, "nothing"), { readOnly: true })).toThrow();
    expect(readdirSync(root)).toEqual([]);
  });

  test("refuses what was killed while it was made, and writing makes it whole", async () => {
    const path = newDirectory();
    const making = fileDurability(path);
    making.recover(() => {});
    await making.shutdown();

    expectCode("READ_ONLY", () => Strata.open(path, { readOnly: true }));
    using db = Strata.open(path);
    expect(db.listRuns()).toEqual(["default"]);
  });
});
