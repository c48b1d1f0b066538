import {
  ByteWriter,
  ConflictError,
  copyValue,
  key,
  type Limits,
  type Runtime,
  Value,
  type ValueObject,
  type Version,
} from "@strata/core";
import { type Kv, KvStore, recorderSpaceOf, type Scope } from "@strata/engine";

/**
 * Where a step stands: the what-th call of that name. Names of calls are the caller's; the other kinds have none.
 *
 * A step is kept as the value `{ input?, result? }` or `{ input?, error }` of the key-value primitive, under `key(scope, kind, name, ordinal)`,
 * in the reserved space `_system_recorder_<space>` of the run. So it is forked, read as of the past and replayed like everything else.
 */
export interface StepPlace {
  readonly kind: "call" | "now" | "random" | "uuid";
  readonly name: string;
  /** How many steps of the same kind and name came before. */
  readonly ordinal: number;
}

/** A step as it is stored. Absent members stand for `undefined`. */
export type RecordedStep = ValueObject;

/** Characters of an error's message that are kept. */
const MESSAGE_LENGTH_MAX = 16_384;

/** The steps of one recorder's scope, seen through a scope of the engine. */
export class RecordedSteps {
  readonly #steps: Kv<Value, unknown, Version | undefined>;
  readonly #recorder: string;

  /** @param scopeOf gives the engine's scope of a space. */
  constructor(scopeOf: (space: string) => Scope, space: string, recorder: string) {
    this.#steps = new KvStore(scopeOf(recorderSpaceOf(space)));
    this.#recorder = recorder;
  }

  get(place: StepPlace): RecordedStep | undefined {
    return this.#steps.get(this.#keyOf(place)) as RecordedStep | undefined;
  }

  put(place: StepPlace, step: RecordedStep): void {
    this.#steps.put<RecordedStep>(this.#keyOf(place), step as never);
  }

  #keyOf({ kind, name, ordinal }: StepPlace): string {
    return key(this.#recorder, kind, name, ordinal);
  }
}

/**
 * Which ordinal the next step of a name has. One that came to nothing gives its own back, so that trying again is the same step: the lowest
 * that is free is taken first.
 */
export class Ordinals {
  readonly #next = new Map<string, number>();
  readonly #free = new Map<string, number[]>();

  take(kind: StepPlace["kind"], name: string): StepPlace {
    const id = `${kind}:${name}`;
    const free = this.#free.get(id)?.shift();
    if (free !== undefined) return { kind, name, ordinal: free };
    const ordinal = this.#next.get(id) ?? 0;
    this.#next.set(id, ordinal + 1);
    return { kind, name, ordinal };
  }

  giveBack({ kind, name, ordinal }: StepPlace): void {
    const id = `${kind}:${name}`;
    const free = this.#free.get(id) ?? [];
    this.#free.set(
      id,
      [...free, ordinal].sort((a, b) => a - b),
    );
  }
}

/** The same for a step whenever and wherever it is tried, and for no other: also after a crash, and another one in a fork. */
export function idempotencyKey(
  runtime: Runtime,
  at: { readonly run: string; readonly space: string; readonly scope: string },
  place: StepPlace,
): string {
  const writer = new ByteWriter();
  for (const text of ["strata.step", at.run, at.space, at.scope, place.name]) writer.text(text);
  writer.varint(place.ordinal);
  return runtime.sha256Hex(writer.view());
}

/** The step of a call that gave `result`. */
export function stepOfResult(input: Value | undefined, result: Value | undefined): RecordedStep {
  return { ...(input === undefined ? {} : { input }), ...(result === undefined ? {} : { result }) };
}

/** The step of a call that failed: what is kept of an error is its name, its message and its code. */
export function stepOfError(
  input: Value | undefined,
  thrown: unknown,
  limits: Limits,
  redact: (value: Value) => Value,
): RecordedStep {
  const { name, message, code } = thrown instanceof Error ? (thrown as Error & { readonly code?: unknown }) : {};
  const kept = {
    name: typeof name === "string" ? wellFormed(name) : "Error",
    message: wellFormed(typeof message === "string" ? message : String(thrown)).slice(0, MESSAGE_LENGTH_MAX),
    ...(typeof code === "string" || typeof code === "number" ? { code } : {}),
  };
  const error = redact(copyValue(kept, limits));
  return { ...(input === undefined ? {} : { input }), error };
}

/** What a recorded failure is thrown as. */
export function errorOf(step: RecordedStep): Error | undefined {
  const kept: Value | undefined = step["error"];
  if (kept === undefined) return undefined;
  const { name, message, code } = (isObject(kept) ? kept : { message: kept }) as { readonly [member: string]: unknown };
  const error = new Error(typeof message === "string" ? message : String(message));
  Object.defineProperty(error, "name", { value: typeof name === "string" ? name : "Error", configurable: true });
  return code === undefined ? error : Object.assign(error, { code });
}

/** @throws {ConflictError} `REPLAY_DIVERGED` unless the step was recorded with this input. */
export function checkInput(scope: string, place: StepPlace, step: RecordedStep, actual: Value | undefined): void {
  const expected = step["input"];
  const isSame = expected === undefined || actual === undefined ? expected === actual : Value.equal(expected, actual);
  if (isSame) return;
  throw new ConflictError("REPLAY_DIVERGED", `${describe(scope, place)} was recorded with another input`, {
    scope,
    name: place.name,
    ordinal: place.ordinal,
    expected,
    actual,
  });
}

/** The error of a replay that comes to a step of which there is no record. */
export function neverRecorded(scope: string, place: StepPlace, actual: Value | undefined): ConflictError {
  return new ConflictError("REPLAY_DIVERGED", `${describe(scope, place)} was never recorded`, {
    scope,
    name: place.name === "" ? place.kind : place.name,
    ordinal: place.ordinal,
    expected: undefined,
    actual,
  });
}

function describe(scope: string, { kind, name, ordinal }: StepPlace): string {
  return `step ${ordinal} of ${name === "" ? `${kind}()` : JSON.stringify(name)} in scope ${JSON.stringify(scope)}`;
}

function isObject(value: Value): boolean {
  return typeof value === "object" && value !== null && !Array.isArray(value) && !(value instanceof Uint8Array);
}

/** Halves of surrogate pairs, which no stored text has, replaced. */
function wellFormed(text: string): string {
  return text.replace(/\p{Surrogate}/gu, "\ufffd");
}
