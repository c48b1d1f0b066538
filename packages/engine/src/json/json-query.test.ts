import { copyValue, DEFAULT_LIMITS, StrataError, type Value } from "@strata/core";
import fc from "fast-check";
import { query as referenceQuery } from "json-p3";
import { describe, expect, test } from "vitest";
import { compileQuery, queryDocument } from "./json-query.js";
import { QUERY_LENGTH_MAX } from "./json-query-parser.js";
import { QueryBudget } from "./query-budget.js";
import { runQuery } from "./query-plan.js";

const store = value({
  store: {
    book: [
      { category: "reference", author: "Nigel Rees", title: "Sayings of the Century", price: 8.95 },
      { category: "fiction", author: "Evelyn Waugh", title: "Sword of Honour", price: 12.99 },
      { category: "fiction", author: "Herman Melville", title: "Moby Dick", isbn: "0-553-21311-3", price: 8.99 },
      {
        category: "fiction",
        author: "J. R. R. Tolkien",
        title: "The Lord of the Rings",
        isbn: "0-395-19395-8",
        price: 22.99,
      },
    ],
    bicycle: { color: "red", price: 399 },
  },
});

describe("the examples of RFC 9535, section 1.5", () => {
  test.each([
    ["$.store.book[*].author", ["Nigel Rees", "Evelyn Waugh", "Herman Melville", "J. R. R. Tolkien"]],
    ["$..author", ["Nigel Rees", "Evelyn Waugh", "Herman Melville", "J. R. R. Tolkien"]],
    ["$.store..price", [8.95, 12.99, 8.99, 22.99, 399]],
    ["$..book[2].author", ["Herman Melville"]],
    ["$..book[2].publisher", []],
    ["$..book[-1].title", ["The Lord of the Rings"]],
    ["$..book[0,1].title", ["Sayings of the Century", "Sword of Honour"]],
    ["$..book[:2].title", ["Sayings of the Century", "Sword of Honour"]],
    ["$..book[?@.isbn].title", ["Moby Dick", "The Lord of the Rings"]],
    ["$..book[?@.price<10].title", ["Sayings of the Century", "Moby Dick"]],
    ["$['store']['bicycle']", [{ color: "red", price: 399 }]],
  ])("%s", (query, expected) => {
    expect(queryDocument(store, query)).toEqual(expected);
  });

  test("every node but the document", () => {
    expect(queryDocument(store, "$..*")).toHaveLength(27);
    expect(queryDocument(store, "$")).toEqual([store]);
  });
});

describe("selectors and filters", () => {
  const list = value([0, 1, 2, 3, 4, 5]);
  test.each([
    ["$[1:3]", [1, 2]],
    ["$[5:]", [5]],
    ["$[1:5:2]", [1, 3]],
    ["$[5:1:-2]", [5, 3]],
    ["$[::-1]", [5, 4, 3, 2, 1, 0]],
    ["$[-2:]", [4, 5]],
    ["$[:-7:-1]", [5, 4, 3, 2, 1, 0]],
    ["$[10:-10:-3]", [5, 2]],
    ["$[1:3:0]", []],
    ["$[-10:2]", [0, 1]],
    ["$[0,0,-1]", [0, 0, 5]],
    ["$[6]", []],
    ["$[?@>3 || @==0]", [0, 4, 5]],
    ["$[?@>1 && !(@>3)]", [2, 3]],
    ["$[?@ == $[2]]", [2]],
  ])("%s", (query, expected) => {
    expect(queryDocument(list, query)).toEqual(expected);
  });

  test.each([
    [
      "$[?@.a==@.b]",
      [
        { a: {}, b: [] },
        { a: [1], b: { 0: 1 } },
      ],
      [],
    ],
    ["$[?@.a==@.b]", [{ a: { x: [1], y: 2 }, b: { y: 2, x: [1] } }], [0]],
    ["$[?@.a==@.b]", [{}, { a: 1 }, { a: null }], [0]],
    ["$[?@.a==@.b]", [JSON.parse('{"a": {"__proto__": {}}, "b": {"x": 5}}')], []],
    [
      "$[?@.a<=@.b]",
      [
        { a: null, b: null },
        { a: true, b: true },
        { a: 1, b: "1" },
        { a: "a", b: "b" },
      ],
      [0, 1, 3],
    ],
    ["$[?@.a<@.b]", [{ a: "\uffff", b: "😀" }], [0]],
    ["$[?length(@.a)==1]", [{ a: "😀" }, { a: [1] }, { a: { b: 1 } }, { a: 1 }, {}], [0, 1, 2]],
    ["$[?count(@.*)==2]", [[1, 2], [1], { a: 1, b: 2 }, "xy"], [0, 2]],
    ["$[?value(@..x)==1]", [{ x: 1 }, { a: { x: 1 } }, { x: 1, a: { x: 1 } }], [0, 1]],
    ["$[?match(@.a, 'a.c')]", [{ a: "abc" }, { a: "abcd" }, { a: 1 }, {}], [0]],
    ["$[?search(@.a, 'b+')]", [{ a: "abbc" }, { a: "ac" }], [0]],
    [
      "$[?match(@.a, @.p)]",
      [
        { a: "abc", p: "a.c" },
        { a: "abc", p: "b" },
        { a: "abc", p: 1 },
        { a: "abc", p: "(" },
      ],
      [0],
    ],
    ["$[?!match(@.a, '(')]", [{ a: "(" }], [0]],
    ["$[?@['toString'] || @.__proto__]", [{ a: 1 }, JSON.parse('{"__proto__": 1}')], [1]],
  ])("%s on %j", (query, elements, expected) => {
    const document = value(elements);
    expect(queryDocument(document, query)).toEqual(expected.map((i) => (document as readonly Value[])[i]));
  });
});

describe("what JSON does not have", () => {
  const document = value({
    list: [{ n: 2n ** 60n }, { n: 5 }, { n: 2 ** 60 }, { n: new Uint8Array([1, 2]) }, { n: new Uint8Array([1, 2, 3]) }],
  });

  test("whole numbers compare exactly, bigints included", () => {
    const numbers = value([2n ** 53n + 1n, 2 ** 53, 2n ** 60n]);
    expect(queryDocument(numbers, "$[?@ == 9007199254740993]")).toEqual([2n ** 53n + 1n]);
    expect(queryDocument(numbers, "$[?@ == 9007199254740992]")).toEqual([2 ** 53]);
    expect(queryDocument(numbers, "$[?@ > 9007199254740992]")).toEqual([2n ** 53n + 1n, 2n ** 60n]);
    expect(queryDocument(document, "$.list[?@.n > 100].n")).toEqual([2n ** 60n, 2 ** 60]);
    expect(queryDocument(document, "$.list[?@.n == $.list[2].n].n")).toEqual([2n ** 60n, 2 ** 60]);
  });

  test("bytes are leaves", () => {
    const bytes = (document as { readonly list: readonly { readonly n: Value }[] }).list[3]?.n;
    expect(queryDocument(document, "$.list[3].n")).toEqual([bytes]);
    expect(queryDocument(document, "$.list[3].n[*]")).toEqual([]);
    expect(queryDocument(document, "$.list[3].n['0']")).toEqual([]);
    expect(queryDocument(document, "$.list[3].n[0]")).toEqual([]);
    expect(queryDocument(document, "$.list[3:]..*")).toEqual([bytes, new Uint8Array([1, 2, 3])]);
    expect(queryDocument(document, "$.list[?@.n == $.list[3].n]")).toHaveLength(1);
    expect(queryDocument(document, "$.list[?length(@.n) == 2]")).toEqual([]);
  });
});

test("results are the document's own subtrees", () => {
  expect(queryDocument(store, "$.store.bicycle")[0]).toBe(
    (store as { readonly store: { readonly bicycle: Value } }).store.bicycle,
  );
});

test("nothing is found in a document that does not exist, but the query is checked", () => {
  expect(queryDocument(undefined, "$..*")).toEqual([]);
  expect(() => queryDocument(undefined, "$[")).toThrow(expect.objectContaining({ code: "INVALID_PATH" }));
});

test("a compiled query is kept", () => {
  expect(compileQuery("$.kept[*]")).toBe(compileQuery("$.kept[*]"));
});

describe("a query that is none", () => {
  test.each([
    "",
    "a",
    "$.",
    "$[",
    "$[']",
    "$.a.",
    "$..",
    "$[?]",
    "$[?@.a=1]",
    "$[?length(@.a)]",
    "$[?count(1)>1]",
    "$[?unknown(@)]",
    "$[01]",
    "$[9007199254740993]",
    " $",
    "$ ",
    "$[?@.a==@.*]",
    "$[?'x']",
    "$['\\x']",
  ])("%j", (query) => {
    expect(() => queryDocument(store, query)).toThrow(
      expect.objectContaining({
        code: "INVALID_PATH",
        facts: expect.objectContaining({ position: expect.any(Number), reason: expect.any(String) }),
      }),
    );
  });

  test.each([undefined, null, 1, {}, Object.create(null), Symbol("x")])("case %#: not text", (query) => {
    expect(() => queryDocument(store, query as string)).toThrow(expect.objectContaining({ code: "INVALID_PATH" }));
  });
});

describe("a query cannot take everything", () => {
  test.each([
    `$[?${"(".repeat(2000)}@${")".repeat(2000)}]`,
    `$[?${"!".repeat(2000)}@.a]`,
    `$[?${"!(".repeat(1000)}@.a${")".repeat(1000)}]`,
    `$${"[?@".repeat(1000)}${"]".repeat(1000)}`,
    `$[?${"length(".repeat(500)}@${")".repeat(500)}==1]`,
    `$${".a".repeat(QUERY_LENGTH_MAX)}`,
  ])("case %# is nested too deep or too long", (query) => {
    expect(() => queryDocument(store, query)).toThrow(expect.objectContaining({ code: "INVALID_PATH" }));
  });

  test("a chain as long as a query may be is no problem", () => {
    const chain = Array.from({ length: 800 }, () => "@").join("&&");
    expect(queryDocument(value([1]), `$[?${chain}]`)).toEqual([1]);
    expect(queryDocument(value([1]), `$[${"0,".repeat(1500)}0]`)).toHaveLength(1501);
  });

  test("brackets in quoted names do not count as nesting", () => {
    expect(queryDocument(value({ "[[[": 1 }), "$['[[[']")).toEqual([1]);
    expect(queryDocument(value({}), `$["${'[(!\\"'.repeat(200)}"]`)).toEqual([]);
  });

  test("an array of any length is selected from", () => {
    const long = value(Array.from({ length: 300_000 }, (_, i) => ({ v: i })));
    expect(queryDocument(long, "$[*].v")).toHaveLength(300_000);
    expect(queryDocument(long, "$[?count($[*]) == 300000 && @.v < 2].v")).toEqual([0, 1]);
  });

  test("a document as deep as documents may be is searched to the bottom", () => {
    let deep: unknown = { bottom: 1 };
    for (let i = 0; i < 98; i++) deep = [deep];
    expect(queryDocument(value(deep), "$..bottom")).toEqual([1]);
  });

  test("work beyond the budget ends with an error", () => {
    const wide = value(Array.from({ length: 100 }, () => Array.from({ length: 10 }, () => [1])));
    const plan = compileQuery("$..*..*..*");
    expect(() => runQuery(plan, wide, new QueryBudget("$..*..*..*", 5000))).toThrow(
      expect.objectContaining({ code: "INVALID_PATH", facts: expect.objectContaining({ limit: "querySteps" }) }),
    );
    expect(runQuery(plan, wide, new QueryBudget("$..*..*..*", 50_000))).toHaveLength(1000);
  });
});

test("it selects what json-p3 selects, where that is right", () => {
  const anyName = fc.constantFrom("a", "b", "c");
  const { tree: anyTree } = fc.letrec<{ tree: unknown }>((tie) => ({
    tree: fc.oneof(
      { maxDepth: 4, depthSize: "large" },
      fc.constantFrom<unknown>(null, true, false, 0, 1, 2.5, "a", "ab"),
      fc.array(tie("tree"), { maxLength: 4 }),
      fc.dictionary(anyName, tie("tree"), { maxKeys: 3, noNullPrototype: true }),
    ),
  }));
  const index = fc.integer({ min: -4, max: 4 });
  const bound = fc.option(index, { nil: undefined }).map((i) => i ?? "");
  const anyLiteral = fc.constantFrom("null", "true", "0", "1", "2.5", "'a'", "'ab'");
  const anySingular = fc.constantFrom("@", "@.a", "@[0]", "@.b.a", "$.a", "$[0].b");
  const anyComparable = fc.oneof(anyLiteral, anySingular, fc.constantFrom("length(@.a)", "count(@.*)", "value(@..a)"));
  const anyTest = fc.oneof(
    fc.constantFrom("@.a", "!@.a", "@.*", "$.a", "@..b"),
    // json-p3 makes text of arrays before it matches them; only texts are at least ''.
    fc
      .constantFrom("match(@.a, 'a.?')", "search(@.a, 'b')", "!search(@.a, 'b')")
      .map((test) => `(@.a >= '' && ${test})`),
    // json-p3 takes an empty object and an empty array for equal, so that one side is a scalar here.
    fc
      .tuple(anyComparable, fc.constantFrom("==", "!=", "<", "<=", ">", ">="), anyLiteral)
      .map((parts) => parts.join("")),
  );
  const anyFilter = fc.tuple(anyTest, fc.constantFrom("&&", "||"), anyTest).map(([a, and, b]) => `?${a} ${and} (${b})`);
  const anySelector = fc.oneof(
    index.map(String),
    anyName.map((name) => `'${name}'`),
    fc.constant("*"),
    fc.tuple(bound, bound, bound).map(([start, end, step]) => `${start}:${end}:${step}`),
    anyTest.map((test) => `?${test}`),
    anyFilter,
  );
  const anySegment = fc
    .tuple(fc.constantFrom("", ".."), fc.array(anySelector, { minLength: 1, maxLength: 2 }))
    .map(([dots, selectors]) => `${dots}[${selectors.join(", ")}]`);
  const anyQuery = fc.array(anySegment, { maxLength: 3 }).map((segments) => `$${segments.join("")}`);
  let selected = 0;
  fc.assert(
    fc.property(anyTree, anyQuery, (tree, query) => {
      const found = queryDocument(value(tree), query);
      selected += found.length;
      expect(found).toEqual(referenceQuery(query, tree as Parameters<typeof referenceQuery>[1]).values());
    }),
    { numRuns: 3000 },
  );
  expect(selected).toBeGreaterThan(500);
});

test("any text is a query or INVALID_PATH", () => {
  const pieces = fc.constantFrom(
    "$",
    "@",
    ".",
    "..",
    "[",
    "]",
    "(",
    ")",
    "?",
    "*",
    ",",
    ":",
    "'",
    '"',
    "\\",
    "!",
    "==",
    "<",
    "&&",
    "||",
    "a",
    "0",
    "-1",
    " ",
    "length(",
    "match(",
    "null",
    "\n",
    "\ud800",
    "é",
  );
  fc.assert(
    fc.property(
      fc.array(pieces, { maxLength: 14 }).map((parts) => `$${parts.join("")}`),
      (query) => {
        try {
          queryDocument(store, query);
        } catch (error) {
          if (!StrataError.is(error, "INVALID_PATH")) throw error;
        }
      },
    ),
    { numRuns: 3000 },
  );
});

function value(input: unknown): Value {
  return copyValue(input, DEFAULT_LIMITS);
}
