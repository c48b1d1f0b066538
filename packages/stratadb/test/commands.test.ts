import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { type Command, commands, Strata, Value } from "../src/index.js";
import { CASES, caseOf, populate } from "./command-cases.js";
import { newDirectory } from "./directories.js";
import { expectCode } from "./expect-code.js";

const specs = new Map(commands.map((spec) => [spec.name, spec]));
const specOf = (command: Command) => specs.get(command.name) ?? expect.fail(`no command ${command.name}`);

/** What a command gave, as `toJson` takes it: members that are undefined are absent. */
const stored = (output: unknown): Value =>
  output === undefined ? null : (JSON.parse(JSON.stringify(Value.toJson(clean(output) as Value))) as Value);

function clean(value: unknown): unknown {
  if (value === undefined) return null;
  if (Array.isArray(value)) return value.map(clean);
  if (typeof value !== "object" || value === null || value instanceof Uint8Array) return value;
  return Object.fromEntries(
    Object.entries(value)
      .filter(([, member]) => member !== undefined)
      .map(([name, member]) => [name, clean(member)]),
  );
}

describe("the table of commands", () => {
  test("every command has a case here, a name in the API's words, and one line of help", () => {
    expect([...new Set(CASES.map(({ name }) => name))].sort()).toEqual([...specs.keys()].sort());
    for (const { name, help, writes } of commands) {
      expect(name).toMatch(/^(search|(kv|events|state|json|vectors|runs|spaces|session|db)\.[a-z]+[A-Za-z]*)$/);
      expect(help).toMatch(/^[A-Z].*\.$/);
      expect(typeof writes).toBe("boolean");
    }
    expect(Object.isFrozen(commands)).toBe(true);
  });

  test("every schema gives itself as JSON Schema", () => {
    for (const { input, output } of commands) {
      const schema = input["~standard"].jsonSchema.input({ target: "draft-2020-12" });
      expect(schema).toMatchObject({ type: "object", additionalProperties: false });
      expect(output["~standard"].jsonSchema.output({ target: "draft-2020-12" })).toBeTypeOf("object");
    }
  });
});

describe("every command", () => {
  let db: Strata;
  beforeEach(() => {
    db = Strata.cache();
    populate(db);
  });
  afterEach(() => db.close());

  test("succeeds, and what it gives is what its schema says, to the last member", async () => {
    const session = db.session();
    for (const command of CASES) {
      const { name: _, ...fields } = command;
      const input = await specOf(command).input["~standard"].validate(fields);
      expect(input.issues, command.name).toBeUndefined();
      const output = session.execute(command);
      const checked = await specOf(command).output["~standard"].validate(output);
      expect(checked.issues, command.name).toBeUndefined();
      if (checked.issues === undefined) expect(clean(checked.value), command.name).toEqual(clean(output));
    }
  });

  test("round-trips through JSON, input and output", () => {
    const direct = db.session();
    const wired = (() => {
      const other = Strata.cache();
      populate(other);
      return other;
    })();
    const remote = wired.session();
    for (const command of CASES) {
      const sent = Value.fromJson(JSON.parse(JSON.stringify(Value.toJson(clean(command) as Value))));
      const there = remote.execute(sent as unknown as Command);
      const here = direct.execute(command);
      expect(shapeOf(Value.fromJson(stored(there) as never)), command.name).toEqual(shapeOf(clean(here)));
    }
    wired.close();
  });

  test("says what is wrong with a field it does not have, or one of the wrong type", () => {
    const session = db.session();
    for (const { name } of commands) {
      const command = caseOf(name);
      const error = expectCode("INVALID_COMMAND", () =>
        session.execute({ ...command, bogus: 1 } as unknown as Command),
      );
      expect(error.message).toContain("bogus");
      for (const field of Object.keys(command)) {
        if (field === "name" || ["value", "document", "patch", "payload", "meta", "metadata"].includes(field)) continue;
        expectCode("INVALID_COMMAND", () => session.execute({ ...command, [field]: () => {} } as unknown as Command));
      }
    }
  });

  test("that is unknown names the nearest one", () => {
    const session = db.session();
    const error = expectCode("UNKNOWN_COMMAND", () => session.execute({ name: "kv.pit" } as unknown as Command));
    expect(error.facts).toMatchObject({ command: "kv.pit", nearest: "kv.put" });
    for (const bad of [null, undefined, 7, "kv.get", [], {}, { name: 7 }]) {
      expectCode("INVALID_COMMAND", () => session.execute(bad as unknown as Command));
    }
    expectCode("UNKNOWN_COMMAND", () => session.execute({ name: "__proto__" } as unknown as Command));
    expectCode("UNKNOWN_COMMAND", () => session.execute({ name: "constructor" } as unknown as Command));
  });

  test("goes where run and space say, and stays where the session is without them", () => {
    const session = db.session();
    session.execute({ name: "kv.put", run: "other", key: "k", value: "other" });
    session.execute({ name: "kv.put", space: "x", key: "k", value: "x" });
    session.setSpace("y");
    session.execute({ name: "kv.put", key: "k", value: "y" });
    expect(db.in({ run: "other" }).kv.get("k")).toBe("other");
    expect(db.in({ space: "x" }).kv.get("k")).toBe("x");
    expect(db.in({ space: "y" }).kv.get("k")).toBe("y");
    expectCode("RUN_NOT_FOUND", () => session.execute({ name: "kv.get", run: "nowhere", key: "k" }));
    expectCode("INVALID_NAME", () => session.execute({ name: "kv.get", space: "X", key: "k" }));
  });

  test("that reads can be asked about the past", () => {
    const session = db.session();
    const { version } = db;
    db.kv.put("a", "later");
    expect(session.execute({ name: "kv.get", key: "a", at: { version } })).toBe(1);
    expect(session.execute({ name: "kv.get", key: "a" })).toBe("later");
    expectCode("INVALID_COMMAND", () =>
      session.execute({ name: "kv.put", key: "a", value: 1, at: { version } } as never),
    );
  });

  test("takes part in the session's transaction", () => {
    const session = db.session();
    session.execute({ name: "session.begin" });
    expect(session.execute({ name: "kv.put", key: "t", value: 1 })).toBeUndefined();
    session.execute({ name: "kv.put", space: "x", key: "t", value: 2 });
    expect(db.kv.get("t")).toBeUndefined();
    expect(session.execute({ name: "kv.get", key: "t" })).toBe(1);
    expectCode("INVALID_COMMAND", () => session.execute({ name: "kv.get", run: "other", key: "t" }));
    expectCode("TRANSACTION_NESTED", () => session.execute({ name: "runs.create", runName: "r" }));
    expectCode("TRANSACTION_NESTED", () => session.execute({ name: "spaces.create", spaceName: "s" }));
    session.execute({ name: "session.commit" });
    expect([db.kv.get("t"), db.in({ space: "x" }).kv.get("t")]).toEqual([1, 2]);
    expectCode("TRANSACTION_NOT_ACTIVE", () => session.execute({ name: "session.commit" }));
  });

  test("gives the same on two fresh databases with the same clock and chance", () => {
    const outputs = [1, 2].map(() => {
      let now = 1_700_000_000_000_000;
      const clock = { now: () => (now += 1000) };
      let drawn = 0;
      const random = { bytes: (length: number) => new Uint8Array(length).fill(drawn++) };
      const fresh = Strata.cache({ clock, random });
      populate(fresh);
      const session = fresh.session();
      const all = CASES.map((command) => clean(session.execute(command)));
      fresh.close();
      return all;
    });
    expect(outputs[0]).toEqual(outputs[1]);
  });
});

describe("a database opened to be read", () => {
  test("refuses every command that writes and allows every other", () => {
    const path = newDirectory();
    {
      using db = Strata.open(path);
      populate(db);
    }
    using db = Strata.open(path, { readOnly: true });
    const session = db.session();
    const before = db.version;
    for (const command of CASES) {
      if (specOf(command).writes) expectCode("READ_ONLY", () => session.execute(command));
      else session.execute(command);
    }
    expect(db.version).toBe(before);
    expect(db.kv.get("a")).toBe(1);
  });
});

/** Names and types, without what differs from one database to another. */
function shapeOf(value: unknown): unknown {
  if (value instanceof Uint8Array) return `${value.length} bytes`;
  if (Array.isArray(value)) return value.map(shapeOf);
  if (typeof value === "object" && value !== null) {
    return Object.fromEntries(Object.entries(value).map(([name, member]) => [name, shapeOf(member)]));
  }
  return typeof value;
}
