/** Which of JavaScript's things are values, seen from any realm, and words for those that are not. */

/** An object literal, the result of `JSON.parse`, or an object without prototype. */
export function isPlainObject(input: object): boolean {
  const prototype: unknown = Object.getPrototypeOf(input);
  return prototype === Object.prototype || prototype === null || isForeignObjectPrototype(prototype as object);
}

/** An array that is of no class of its own. */
export function isPlainArray(input: readonly unknown[]): boolean {
  const prototype: unknown = Object.getPrototypeOf(input);
  // The prototype of arrays is itself an array, in each realm; that of a subclass is not.
  return prototype === Array.prototype || Array.isArray(prototype);
}

/** A Uint8Array, a Buffer included. */
export function isUint8Array(input: object): input is Uint8Array {
  return input instanceof Uint8Array || (ArrayBuffer.isView(input) && tagOf(input) === "[object Uint8Array]");
}

// Object.prototype of another realm: the end of a chain, with a method that only Object.prototype has of its own.
function isForeignObjectPrototype(prototype: object): boolean {
  return Object.getPrototypeOf(prototype) === null && Object.hasOwn(prototype, "isPrototypeOf");
}

/** What a thing is, for messages: "a Date", "undefined", "an instance of Account". Runs no code of the thing's. */
export function describe(input: unknown): string {
  if (input === null || input === undefined) return String(input);
  if (typeof input === "function" || typeof input === "symbol") return `a ${typeof input}`;
  if (typeof input !== "object") return `the ${typeof input} ${shorten(String(input))}`;
  const name = className(input);
  if (name === "Object") return "an object";
  if (BUILT_IN.has(name)) return /^[AEIOU]/.test(name) ? `an ${name}` : `a ${name}`;
  return name === "" ? "an instance of a class" : `an instance of ${name}`;
}

/** What to store in place of a thing that is no value; `undefined` where the general hint says enough. */
export function hintFor(input: unknown): string | undefined {
  if (input === undefined) return "Delete the entry, or store null.";
  if (typeof input === "function") return "Functions cannot be stored; store their result.";
  if (typeof input === "symbol") return "Symbols cannot be stored; store a string.";
  if (typeof input !== "object" || input === null) return undefined;
  const name = className(input);
  return (
    HINTS.get(name) ??
    (BUILT_IN.has(name) ? undefined : "Store a plain object with the members you need, such as { ...instance }.")
  );
}

const HINTS = new Map([
  ["Date", "Store date.toISOString() or date.getTime()."],
  ["Promise", "Await it first."],
  ["Map", "Store Object.fromEntries(map), or [...map]."],
  ["Set", "Store [...set]."],
  ["Error", "Store { name: error.name, message: error.message }."],
  ["RegExp", "Store its source as a string."],
  ["URL", "Store url.href."],
  ["ArrayBuffer", "Bytes are a Uint8Array: store new Uint8Array(buffer)."],
  ["SharedArrayBuffer", "Bytes are a Uint8Array: store new Uint8Array(buffer)."],
  ["DataView", "Bytes are a Uint8Array: store new Uint8Array(view.buffer, view.byteOffset, view.byteLength)."],
  ["Float32Array", "Store Array.from(array), or keep embeddings in a vector collection."],
  ...[
    "Int8Array",
    "Uint8ClampedArray",
    "Int16Array",
    "Uint16Array",
    "Int32Array",
    "Uint32Array",
    "Float64Array",
    "BigInt64Array",
    "BigUint64Array",
  ].map((name): [string, string] => [name, "Store Array.from(array), or its bytes as a Uint8Array."]),
  ...["Number", "String", "Boolean", "BigInt"].map((name): [string, string] => [name, "Store its valueOf()."]),
]);

const BUILT_IN = new Set([...HINTS.keys(), "WeakMap", "WeakSet", "WeakRef", "Proxy"]);

function className(input: object): string {
  try {
    const prototype: unknown = Object.getPrototypeOf(input);
    if (typeof prototype !== "object" || prototype === null) return "Object";
    const maker: unknown = Object.getOwnPropertyDescriptor(prototype, "constructor")?.value;
    const name: unknown = typeof maker === "function" ? Object.getOwnPropertyDescriptor(maker, "name")?.value : "";
    return typeof name === "string" ? shorten(name) : "";
  } catch {
    return "Proxy";
  }
}

function tagOf(input: object): string {
  return Object.prototype.toString.call(input);
}

function shorten(text: string): string {
  return text.length <= 40 ? text : `${text.slice(0, 39)}…`;
}
