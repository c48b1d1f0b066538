import fc from "fast-check";
import { expect, test } from "vitest";
import {
  type Handle,
  type Reads,
  type ReadView,
  type SearchOptions,
  type Session,
  Strata,
  type Value,
} from "../src/index.js";
import { newDirectory } from "./directories.js";
import { entriesIn, idOf, naiveSearch, type OracleEntry, type OracleHit, STEMS } from "./search-oracle.js";

const SPACES = ["default", "b"] as const;
const PRIMITIVES = ["kv", "state", "json"] as const;
const KEYS = ["k1", "k2", "fox", "a/1", "a/2"];
const TYPES = ["alpha.note", "tree"];
const TOLERANCE = 1e-9;

const word = fc.constantFrom(...Object.keys(STEMS));
const text = fc.array(word, { minLength: 1, maxLength: 6 }).map((words) => words.join(" "));
const value: fc.Arbitrary<Value> = fc.oneof(
  { weight: 3, arbitrary: text },
  { weight: 3, arbitrary: fc.record({ title: text, tag: fc.constantFrom("x", "y"), n: fc.nat(3) }) },
  { weight: 1, arbitrary: fc.record({ parts: fc.array(text, { maxLength: 3 }), tag: fc.constantFrom("x", "y") }) },
  { weight: 1, arbitrary: fc.constantFrom<Value>(7, null, [], { n: 1, tag: new Uint8Array([1]) }) },
);
const run = fc.nat(5);
const space = fc.constantFrom(...SPACES);
const key = fc.constantFrom(...KEYS);

const clause = fc
  .tuple(
    fc.constantFrom("", "", "", "", "+", "-"),
    fc.oneof({ weight: 5, arbitrary: word }, { weight: 1, arbitrary: fc.constantFrom("al*", "do*", "c*") }),
  )
  .map(([sign, term]) => sign + term);
const primitives = fc.subarray(["kv", "state", "json", "event"] as const, { minLength: 1 });
const option: fc.Arbitrary<SearchOptions> = fc.oneof(
  fc.record({ k: fc.constantFrom(1, 2, 5, 1_000_000) }),
  fc.record({ primitives }),
  fc.record({ spaces: fc.constantFrom("all" as const, "all" as const, ["b"], ["b", "default", "b"], ["nowhere"]) }),
  fc.record({ prefix: fc.constantFrom("k", "a/", "alpha") }),
  fc.record({ types: fc.subarray(TYPES) }),
  fc.record({ filter: fc.constantFrom({ tag: "x" }, { n: { $gte: 2 } }, { $not: { tag: "y" } }) }),
  fc.record({ bm25: fc.constantFrom({ k1: 0.9, b: 0.4 }, { b: 0 }, { k1: 0 }) }),
);
const question = fc.record({
  query: fc.array(clause, { minLength: 1, maxLength: 4 }).map((clauses) => clauses.join(" ")),
  options: fc.array(option, { maxLength: 2, size: "max" }).map((some): SearchOptions => Object.assign({}, ...some)),
});

type Action =
  fc.Arbitrary<{ readonly kind: string }> extends fc.Arbitrary<infer T> ? T & Record<string, unknown> : never;
const action = fc.oneof(
  {
    weight: 8,
    arbitrary: fc.record({
      kind: fc.constant("put"),
      run,
      space,
      primitive: fc.constantFrom(...PRIMITIVES),
      key,
      value,
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      kind: fc.constant("expiring"),
      run,
      space,
      key,
      value,
      ttlMs: fc.integer({ min: 1, max: 30 }),
    }),
  },
  {
    weight: 3,
    arbitrary: fc.record({
      kind: fc.constant("append"),
      run,
      space,
      type: fc.constantFrom(...TYPES),
      value: fc.record({ note: text, tag: fc.constantFrom("x", "y") }),
    }),
  },
  {
    weight: 3,
    arbitrary: fc.record({ kind: fc.constant("delete"), run, space, primitive: fc.constantFrom(...PRIMITIVES), key }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant("drop"), run }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant("fork"), run }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant("begin"), run }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constantFrom("commit", "rollback") }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant("look back"), run }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constantFrom("reopen", "shut down") }) },
  {
    weight: 8,
    arbitrary: fc.record({
      kind: fc.constant("search"),
      questions: fc.array(question, { minLength: 1, maxLength: 3 }),
    }),
  },
) as fc.Arbitrary<Action>;

/** What there is before anything else. */
const beginning = fc.array(fc.tuple(fc.constantFrom("default", "default", "b"), value), { maxLength: 24, size: "max" });

/** Somewhere to search from: a head, an open transaction, a view of the past. */
interface Place {
  readonly name: string;
  readonly run: string;
  readonly reads: Reads;
  readonly spaces: readonly string[];
  now(): number;
  in(space: string): Reads;
}

/** A database, the transaction that is open, and the versions that were looked back at. */
class World {
  readonly #path = newDirectory();
  #now = 1_700_000_000_000_000;
  #db: Strata;
  #session: { readonly session: Session; readonly run: string; readonly begun: number } | undefined;
  #remembered: { readonly run: string; readonly version: number }[] = [];
  readonly #runs = ["default"];

  constructor(texts: readonly (readonly [string, Value])[]) {
    this.#db = this.#open();
    for (const [position, [space, value]] of texts.entries()) {
      const { kv, json, state, events } = this.#db.in({ space });
      if (position % 4 === 0) kv.put(`k${position}`, value);
      if (position % 4 === 1) json.put(`k${position}`, value);
      if (position % 4 === 2) state.set(`k${position}`, value);
      if (position % 4 === 3) events.append("tree", { value });
    }
  }

  async do(action: Action): Promise<void> {
    const name = this.#runs[(action["run"] as number) % this.#runs.length] ?? "default";
    const space = action["space"] as string;
    const key = action["key"] as string;
    this.#now += 1000;
    switch (action.kind) {
      case "put":
        this.#write(name, space, (reads) => {
          const primitive = action["primitive"] as (typeof PRIMITIVES)[number];
          if (primitive === "state") reads.state.set(key, action["value"]);
          else reads[primitive].put(key, action["value"]);
        });
        return;
      case "expiring":
        this.#write(name, space, ({ kv }) => {
          kv.put(key, action["value"], { ttlMs: action["ttlMs"] as number });
        });
        return;
      case "append":
        this.#write(name, space, ({ events }) => {
          events.append(action["type"] as string, action["value"] as object);
        });
        return;
      case "delete":
        this.#write(name, space, (reads) => {
          reads[action["primitive"] as (typeof PRIMITIVES)[number]].delete(key);
        });
        return;
      case "drop":
        if (this.#session === undefined) this.#db.in({ run: name }).spaces.delete("b", { force: true });
        return;
      case "fork":
        if (this.#runs.length < 5) this.#db.runs.fork(name, this.#newRun());
        return;
      case "begin":
        if (this.#session !== undefined) return;
        this.#session = { session: this.#db.in({ run: name }).session(), run: name, begun: this.#now };
        this.#session.session.begin();
        return;
      case "commit":
        this.#session?.session.commit();
        this.#session = undefined;
        return;
      case "rollback":
        this.#session?.session.rollback();
        this.#session = undefined;
        return;
      case "look back":
        this.#remembered = [...this.#remembered.slice(-2), { run: name, version: this.#db.in({ run: name }).version }];
        return;
      case "reopen":
      case "shut down":
        this.#session?.session.rollback();
        this.#session = undefined;
        // The one leaves a log, the other a checkpoint with images of the indexes.
        if (action.kind === "reopen") this.#db.close();
        else await this.#db.shutdown();
        this.#db = this.#open();
        return;
      case "search":
        for (const { query, options } of action["questions"] as { query: string; options: SearchOptions }[]) {
          for (const place of this.#places()) check(place, query, options);
        }
    }
  }

  close(): void {
    this.#db.close();
  }

  #open(): Strata {
    return Strata.open(this.#path, { clock: { now: () => this.#now }, durability: "none" });
  }

  #newRun(): string {
    const name = `fork-${this.#runs.length}`;
    this.#runs.push(name);
    return name;
  }

  /** In the transaction where it is open on the run; others on that run would make it conflict. */
  #write(run: string, space: string, write: (target: Pick<Handle, "kv" | "state" | "json" | "events">) => void): void {
    const open = this.#session;
    if (open?.run === run) {
      open.session.setSpace(space);
      write(open.session as unknown as Handle);
    } else {
      write(this.#db.in({ run, space }));
    }
  }

  *#places(): Generator<Place> {
    for (const run of this.#runs) {
      const handle = this.#db.in({ run });
      const now = () => this.#now;
      yield {
        name: "head",
        run,
        reads: handle,
        spaces: handle.spaces.list(),
        now,
        in: (space) => handle.in({ space }),
      };
    }
    if (this.#session !== undefined) {
      const { session, run, begun } = this.#session;
      const inSpace = (space: string) => {
        session.setSpace(space);
        return session;
      };
      yield { name: "transaction", run, reads: session, spaces: SPACES, now: () => begun, in: inSpace };
    }
    for (const { run, version } of this.#remembered) {
      const views: ReadView[] = [this.#db.in({ run }).at({ version })];
      const view = views[0]!;
      const inSpace = (space: string) => {
        views.push(view.in({ space }));
        return views.at(-1)!;
      };
      yield { name: `version ${version}`, run, reads: view, spaces: SPACES, now: () => view.timestamp, in: inSpace };
      for (const each of views) each[Symbol.dispose]();
    }
  }
}

function check(place: Place, query: string, options: SearchOptions): void {
  const { primitives, spaces = ["default"], prefix = "", types, k = 10, bm25 = {} } = options;
  const searched = spaces === "all" ? place.spaces : [...new Set(spaces)];
  const entries = searched.flatMap((space) => entriesIn({ run: place.run, space, reads: place.in(space) }));
  const asked = entries.filter(
    ({ ref }) =>
      (primitives === undefined || primitives.includes(ref.primitive)) &&
      (types === undefined || ref.primitive === "event"),
  );
  const expected = naiveSearch(asked, query, bm25, (entry) => {
    if (!(entry.ref.primitive === "event" ? entry.ref.type : (entry.ref as { key: string }).key).startsWith(prefix))
      return false;
    if (types !== undefined && !(entry.ref.primitive === "event" && types.includes(entry.ref.type))) return false;
    return satisfies(entry, options.filter as object | undefined);
  });
  const reads = place.in("default");
  const { hits, truncated, mode } = reads.search(query, options);
  const what = `${place.name} of ${place.run}: ${query} ${JSON.stringify(options)}`;
  expect(mode).toBe("keyword");
  expect(truncated, what).toBe(expected.length > k);
  expect(hits.length, what).toBe(Math.min(k, expected.length));
  const byId = new Map<string, OracleHit>(expected.map((hit) => [hit.id, hit]));
  const entryOf = new Map(entries.map((entry) => [idOf(entry.ref), entry]));
  expect(new Set(hits.map(({ ref }) => idOf(ref))).size, what).toBe(hits.length);
  for (const [position, hit] of hits.entries()) {
    const id = idOf(hit.ref);
    expect(byId.has(id), `${what}: ${id} is no match`).toBe(true);
    expect(Math.abs(hit.score - byId.get(id)!.score), `${what}: score of ${id}`).toBeLessThan(TOLERANCE);
    expect(Math.abs(hit.score - expected[position]!.score), `${what}: rank of ${id}`).toBeLessThan(TOLERANCE);
    expect({ ref: hit.ref, value: hit.value, timestamp: hit.timestamp }, what).toEqual({
      ref: entryOf.get(id)!.ref,
      value: entryOf.get(id)!.value,
      timestamp: entryOf.get(id)!.timestamp,
    });
    expect(hit.rank).toBe(position + 1);
  }
}

/** The three filters that are tried. */
function satisfies({ value }: OracleEntry, filter: object | undefined): boolean {
  const { tag, n } = (typeof value === "object" && value !== null ? value : {}) as { tag?: Value; n?: number };
  if (filter === undefined) return true;
  if ("tag" in filter) return tag === "x";
  if ("n" in filter) return n !== undefined && n >= 2;
  return tag !== "y";
}

test("a search finds what a look at every entry finds: at the head, in transactions, forks and the past, after deletes, expiry, dropped spaces and reopening", async () => {
  await fc.assert(
    fc.asyncProperty(
      beginning,
      fc.array(action, { minLength: 15, maxLength: 40, size: "max" }),
      async (texts, actions) => {
        const world = new World(texts);
        try {
          for (const each of actions) await world.do(each);
        } finally {
          world.close();
        }
      },
    ),
    { numRuns: 50 },
  );
});
