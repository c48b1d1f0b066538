import { DEFAULT_LIMITS, InvalidArgumentError, isWellFormed, validateSpaceName } from "@strata/core";
import { type JsonField, jsonField } from "@strata/engine";
import type { QueryEmbedder } from "../search/vector-half.js";
import type { Embedder, EmbedTarget } from "./embedder.js";

export type EmbeddedPrimitive = "kv" | "event" | "json";

/** A target with nothing left unsaid. */
export interface Target {
  readonly primitive: EmbeddedPrimitive;
  /** `undefined` for every space. */
  readonly spaces: readonly string[] | undefined;
  readonly prefix: string;
  /** `undefined` for all strings of a value. */
  readonly field: JsonField | undefined;
}

const PRIMITIVES: readonly EmbeddedPrimitive[] = ["kv", "event", "json"];
const TARGET_OPTIONS = ["primitive", "spaces", "prefix", "path"];
/** A model's name goes with every row of progress. Characters. */
const MODEL_LENGTH_MAX = 256;

/** A user's embedder, whose every answer is looked at before it is believed. */
export class CheckedEmbedder implements QueryEmbedder {
  readonly model: string;
  readonly dimension: number;
  readonly targets: readonly Target[];
  readonly #embedder: Embedder;
  /** It was seen to answer with a promise: queries need not be tried on it. */
  #isAsync = false;

  /** @throws InvalidArgumentError `INVALID_ARGUMENT`, `INVALID_NAME`, `INVALID_PATH` */
  constructor(embedder: Embedder) {
    const { model, dimension, run, targets = [] } = mustObject(embedder, "embed");
    if (typeof model !== "string" || model === "" || model.length > MODEL_LENGTH_MAX || !isWellFormed(model))
      throw invalid(`model is a text of 1 to ${MODEL_LENGTH_MAX} characters`, { option: "model" });
    const most = DEFAULT_LIMITS.vectorDimension;
    if (!Number.isInteger(dimension) || dimension < 1 || dimension > most)
      throw invalid(`dimension is a whole number from 1 to ${most}`, { option: "dimension", dimension });
    if (typeof run !== "function") throw invalid("run is a function", { option: "run" });
    if (!Array.isArray(targets)) throw invalid("targets is a list", { option: "targets" });
    this.model = model;
    this.dimension = dimension;
    this.targets = targets.flatMap(targetsOf);
    this.#embedder = embedder;
  }

  embedNow(query: string): ArrayLike<number> | undefined {
    if (this.#isAsync) return undefined;
    const given = this.#embedder.run([query], { purpose: "query", signal: new AbortController().signal });
    if (!isPromise(given)) return this.#checked(given, 1)[0];
    this.#isAsync = true;
    // Nobody is going to wait for it.
    given.then(undefined, () => {});
    return undefined;
  }

  async embed(query: string, signal: AbortSignal | undefined): Promise<ArrayLike<number>> {
    const given = signal ?? new AbortController().signal;
    const [vector] = await untilAborted(this.#run([query], "query", given), given);
    return vector as Float32Array;
  }

  /** One vector per text. @throws what the embedder throws; InvalidArgumentError for an answer that is none */
  async documents(texts: readonly string[], signal: AbortSignal): Promise<readonly Float32Array[]> {
    return await untilAborted(this.#run(texts, "document", signal), signal);
  }

  async #run(texts: readonly string[], purpose: "document" | "query", signal: AbortSignal) {
    const given = await this.#embedder.run(texts, { purpose, signal });
    signal.throwIfAborted();
    return this.#checked(given, texts.length);
  }

  #checked(given: unknown, count: number): readonly Float32Array[] {
    if (!Array.isArray(given) || given.length !== count) {
      const actual = Array.isArray(given) ? given.length : undefined;
      throw invalid(`run gives one vector per text: ${count}`, { expected: count, actual });
    }
    return given.map((vector: ArrayLike<number> | undefined) => {
      if (vector?.length !== this.dimension) {
        const facts = { expected: this.dimension, actual: vector?.length };
        throw new InvalidArgumentError("DIMENSION_MISMATCH", "the embedder gave a vector of another dimension", facts);
      }
      const areNumbers = Array.prototype.every.call(vector, (component) => typeof component === "number");
      const copy = Float32Array.from(vector);
      if (!areNumbers || !copy.every(Number.isFinite))
        throw invalid("run gives vectors of finite numbers", { model: this.model });
      return copy;
    });
  }
}

/** What `running` gives; where `signal` aborts first, its reason, whatever becomes of the other. */
async function untilAborted<T>(running: Promise<T>, signal: AbortSignal): Promise<T> {
  let stop = () => {};
  const aborted = new Promise<never>((_resolve, reject) => {
    stop = () => reject(signal.reason);
    signal.addEventListener("abort", stop, { once: true });
  });
  try {
    return await Promise.race([running, aborted]);
  } finally {
    signal.removeEventListener("abort", stop);
  }
}

function targetsOf(target: EmbedTarget): Target[] {
  const given = mustObject(target, "a target of embed");
  const unknown = Object.keys(given).find((name) => !TARGET_OPTIONS.includes(name));
  if (unknown !== undefined) throw invalid(`a target has no "${unknown}"`, { option: unknown, valid: TARGET_OPTIONS });
  const { primitive, spaces, prefix = "", path } = given;
  if (primitive !== undefined && !PRIMITIVES.includes(primitive))
    throw invalid(`primitive is one of ${PRIMITIVES.join(", ")}`, { option: "primitive", valid: PRIMITIVES });
  if (spaces !== undefined && !Array.isArray(spaces)) throw invalid("spaces is a list of names", { option: "spaces" });
  for (const space of spaces ?? []) validateSpaceName(space);
  if (typeof prefix !== "string") throw invalid("prefix is a text", { option: "prefix" });
  if (path !== undefined && typeof path !== "string") throw invalid("path is a text", { option: "path" });
  const field = path === undefined ? undefined : jsonField(path);
  return (primitive === undefined ? PRIMITIVES : [primitive]).map((one) => ({
    primitive: one,
    spaces: spaces && [...spaces],
    prefix,
    field,
  }));
}

function mustObject<T extends object>(value: T, what: string): T {
  if (typeof value === "object" && value !== null && !Array.isArray(value)) return value;
  throw invalid(`${what} is an object`, { option: "embed" });
}

function invalid(message: string, facts: object): InvalidArgumentError {
  return new InvalidArgumentError("INVALID_ARGUMENT", `embed: ${message}`, { ...facts });
}

function isPromise(value: unknown): value is PromiseLike<unknown> {
  return typeof value === "object" && value !== null && typeof (value as { then?: unknown }).then === "function";
}
