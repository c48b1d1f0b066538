import {
  copyOut,
  copyValue,
  InvalidArgumentError,
  type Options,
  StateError,
  type Storable,
  type Value,
} from "@strata/core";
import { type Database, type OpenTransaction, type Run, randomUuid } from "@strata/engine";
import { checkOptions, hasMethods, isBoolean, isFunction, mustFunction } from "./option-check.js";
import {
  checkInput,
  errorOf,
  idempotencyKey,
  neverRecorded,
  Ordinals,
  type RecordedStep,
  RecordedSteps,
  type StepPlace,
  stepOfError,
  stepOfResult,
} from "./recorded-steps.js";
import { RunTransaction, type Transaction } from "./transaction.js";

export type RecorderOptions = Options<{
  /** Nothing runs and nothing is written: every step must have been recorded. */
  replay: boolean;
  /** Sees each input and result, and what is kept of each error, before it is stored; inputs also before they are compared. */
  redact: (value: Value) => Value;
}>;

/** What an effect is given. */
export interface EffectContext {
  /** The one that the call was given; one that never aborts otherwise. */
  readonly signal: AbortSignal;
  /** 64 hex digits: hand it to the other side, so that it can tell a repetition. */
  readonly idempotencyKey: string;
}

/**
 * The effects of a program on the outside, kept under a scope so that none is repeated. A program that is started again from its beginning
 * meets its own steps and is given what they gave; behind them it goes on. A recorder counts from the first step again: make one for each
 * start of the program, and one for each of several that go side by side.
 */
export interface Recorder {
  readonly scope: string;
  readonly replaying: boolean;
  /**
   * Runs `effect` outside any transaction and commits its result, or its error, as soon as it is there, together with what `commit` writes:
   * that state is then never written twice. A conflict repeats that commit, not the effect. A step that is stored returns what was stored,
   * frozen, or throws it as an `Error` with the same name, message and code, and runs neither.
   *
   * A step is a name and how often it was called before under this scope. After a crash inside `effect` it runs again, with the same
   * `idempotencyKey`. An effect that fails once `signal` is aborted stores nothing, nor does one whose result is no value or whose `commit`
   * throws: the next call of that name is then the same step.
   *
   * @throws {ConflictError} `REPLAY_DIVERGED`, facts.expected and facts.actual, when the input differs from the one that was stored; while
   *   replaying, also for a step that was never stored
   */
  call<T>(
    name: string,
    input: unknown,
    effect: (context: EffectContext) => Promise<T & Storable<T>> | (T & Storable<T>),
    options?: Options<{ commit: (txn: Transaction, result: T) => void; signal: AbortSignal }>,
  ): Promise<T>;
  /**
   * The time, µs since the epoch: drawn and committed when it is first asked for. Like every write it has no place inside a synchronous
   * transaction on the same run (`TRANSACTION_NESTED`).
   */
  now(): number;
  /** A number in [0, 1), likewise. */
  random(): number;
  /** A random UUID, likewise. */
  uuid(): string;
}

/** A result that was paid for is worth many attempts to commit it. */
const COMMIT_RETRY = { maxRetries: 1000, baseDelayMs: 1, maxDelayMs: 100 };

/** @throws {InvalidArgumentError} `INVALID_ARGUMENT` */
export function checkRecorderOptions(scope: unknown, options: RecorderOptions | undefined): void {
  mustText("recorder", "scope", scope);
  checkOptions("recorder", options, { replay: isBoolean, redact: isFunction });
}

/** The recorder of a scope in one run and space. */
export class RunRecorder implements Recorder {
  readonly scope: string;
  readonly replaying: boolean;
  readonly #database: Database;
  readonly #run: Run;
  readonly #space: string;
  readonly #redact: ((value: Value) => Value) | undefined;
  readonly #ordinals = new Ordinals();
  readonly #stored: RecordedSteps;

  constructor(database: Database, run: Run, space: string, scope: string, options: RecorderOptions = {}) {
    run.assertAlive();
    this.scope = scope;
    this.replaying = options.replay === true;
    this.#database = database;
    this.#run = run;
    this.#space = space;
    this.#redact = options.redact;
    this.#stored = this.#stepsIn((space) => database.head(run, space));
  }

  async call<T>(
    name: string,
    input: unknown,
    effect: (context: EffectContext) => Promise<T & Storable<T>> | (T & Storable<T>),
    options: Options<{ commit: (txn: Transaction, result: T) => void; signal: AbortSignal }> = {},
  ): Promise<T> {
    mustText("recorder.call", "name", name);
    mustFunction("recorder.call", effect);
    checkOptions("recorder.call", options, {
      commit: isFunction,
      signal: hasMethods("addEventListener", "throwIfAborted"),
    });
    const given = this.#redacted(this.#copied(input, `the input of step "${name}"`));
    const place = this.#ordinals.take("call", name);
    try {
      const step = this.#recorded(place, given);
      if (step !== undefined) return replayed(step) as T;
      return (await this.#perform(place, given, effect as Effect, options as CallOptions)) as T;
    } catch (error) {
      if (!(error instanceof StoredFailure)) this.#ordinals.giveBack(place);
      throw error instanceof StoredFailure ? error.cause : error;
    }
  }

  now(): number {
    return this.#draw("now", () => Math.floor(this.#database.runtime.clock.now()));
  }

  random(): number {
    return this.#draw("random", () => {
      // 53 bits, as many as a number in [0, 1) can have.
      const bytes = this.#database.runtime.random.bytes(7);
      let bits = (bytes[0] as number) & 0x1f;
      for (let i = 1; i < 7; i++) bits = bits * 256 + (bytes[i] as number);
      return bits / 2 ** 53;
    });
  }

  uuid(): string {
    return this.#draw("uuid", () => randomUuid(this.#database.runtime.random));
  }

  /** What is stored of a step; `undefined` when it may be made now. */
  #recorded(place: StepPlace, input: Value | undefined): RecordedStep | undefined {
    const step = this.#stored.get(place);
    if (step !== undefined) {
      checkInput(this.scope, place, step, input);
      return step;
    }
    if (this.replaying) throw neverRecorded(this.scope, place, input);
    this.#run.assertWritable();
    if (this.#database.isReadOnly) {
      throw new StateError(
        "READ_ONLY",
        "a step that is not stored cannot be recorded: the database was opened read-only",
        {
          scope: this.scope,
          name: place.name,
        },
      );
    }
    return undefined;
  }

  async #perform(place: StepPlace, input: Value | undefined, effect: Effect, options: CallOptions): Promise<unknown> {
    const { signal = new AbortController().signal, commit } = options;
    signal.throwIfAborted();
    const { runtime, limits } = this.#database;
    const at = { run: this.#run.id, space: this.#space, scope: this.scope };
    let returned: unknown;
    try {
      returned = await effect({ signal, idempotencyKey: idempotencyKey(runtime, at, place) });
    } catch (thrown) {
      // What the caller called off did not fail.
      if (signal.aborted) throw thrown;
      const failed = stepOfError(input, thrown, limits, (value) => this.#redacted(value) as Value);
      const meanwhile = await this.#commit(place, failed, undefined);
      if (meanwhile === undefined) throw new StoredFailure(thrown);
      checkInput(this.scope, place, meanwhile, input);
      return replayed(meanwhile);
    }
    const result = this.#copied(returned, `the result of step "${place.name}"`);
    const step = stepOfResult(input, this.#redacted(result));
    const meanwhile = await this.#commit(
      place,
      step,
      commit === undefined ? undefined : (txn) => commit(txn, result === undefined ? result : copyOut(result)),
    );
    if (meanwhile === undefined) return result === undefined ? result : copyOut(result);
    checkInput(this.scope, place, meanwhile, input);
    return replayed(meanwhile);
  }

  /** Stores the step with what `write` writes. @returns the step that another recorder stored meanwhile; then nothing was written. */
  #commit(place: StepPlace, step: RecordedStep, write: ((txn: Transaction) => unknown) | undefined) {
    const attempt = async (open: OpenTransaction): Promise<RecordedStep | undefined> => {
      const steps = this.#stepsIn((space) => open.scope(space));
      const meanwhile = steps.get(place);
      if (meanwhile !== undefined) return meanwhile;
      steps.put(place, step);
      await write?.(new RunTransaction(this.#database, open, this.#space));
      return undefined;
    };
    return this.#database.transaction(this.#run, attempt, { retry: COMMIT_RETRY });
  }

  #draw<T extends number | string>(kind: StepPlace["kind"], draw: () => T): T {
    const place = this.#ordinals.take(kind, "");
    try {
      const known = this.#recorded(place, undefined);
      if (known !== undefined) return known["result"] as T;
      const result = draw();
      this.#database.transaction(this.#run, (open) => {
        this.#stepsIn((space) => open.scope(space)).put(place, stepOfResult(undefined, result));
      });
      return result;
    } catch (error) {
      this.#ordinals.giveBack(place);
      throw error;
    }
  }

  #stepsIn(scopeOf: ConstructorParameters<typeof RecordedSteps>[0]): RecordedSteps {
    return new RecordedSteps(scopeOf, this.#space, this.scope);
  }

  #copied(value: unknown, what: string): Value | undefined {
    return value === undefined ? undefined : copyValue(value, this.#database.limits, what);
  }

  #redacted(value: Value | undefined): Value | undefined {
    const redact = this.#redact;
    if (redact === undefined || value === undefined) return value;
    return this.#copied(redact(copyOut(value)), "what redact returned");
  }
}

type Effect = (context: EffectContext) => unknown;
type CallOptions = Options<{ commit: (txn: Transaction, result: unknown) => unknown; signal: AbortSignal }>;

/** An effect failed, and its error is stored: the step is done. Thrown inside this module only. */
class StoredFailure extends Error {
  constructor(cause: unknown) {
    super("the effect failed", { cause });
  }
}

/** What a stored step returns or throws. */
function replayed(step: RecordedStep): Value | undefined {
  const error = errorOf(step);
  if (error !== undefined) throw new StoredFailure(error);
  return step["result"];
}

function mustText(what: string, name: string, text: unknown): asserts text is string {
  if (typeof text === "string" && text !== "") return;
  throw new InvalidArgumentError("INVALID_ARGUMENT", `${what} takes a ${name} that is a string, and not empty`, {
    [name]: text,
  });
}
