import { StateError, type Value, type ValueObject, type Version, validateSpaceName } from "@strata/core";
import type {
  CommitInfo,
  EventLog,
  JsonStore,
  Kv,
  OpenTransaction,
  Run,
  Scope,
  StateCells,
  TransactionOptions,
} from "@strata/engine";
import type { SearchOptions, SearchResult } from "@strata/intelligence";
import type { Command, CommandOutput } from "./command.js";
import { makeDisposable } from "./disposable.js";
import { executeIn } from "./executor.js";
import type { RunHandle } from "./handle.js";
import { type Primitives, ScopePrimitives, type Vectors } from "./primitives.js";
import { SessionScope } from "./session-scope.js";
import { checkSessionOptions } from "./transaction.js";

/** What `begin` takes. */
export type SessionOptions = Pick<TransactionOptions, "readOnly" | "timeoutMs" | "durability" | "message">;

/**
 * A transaction by hand, for one task: everything between `begin` and `commit` is one commit. Outside them each call commits by itself.
 * Disposing rolls back.
 */
export interface Session extends Primitives<Version | undefined>, Disposable {
  /** @throws {StateError} `TRANSACTION_ALREADY_ACTIVE` */
  begin(options?: SessionOptions): void;
  /** @throws {StateError} `TRANSACTION_NOT_ACTIVE` @throws {ConflictError} `TRANSACTION_CONFLICT`; the transaction has ended then, too */
  commit(): CommitInfo;
  /** As `commit`; concurrent ones share an fsync. */
  commitAsync(): Promise<CommitInfo>;
  /** @throws {StateError} `TRANSACTION_NOT_ACTIVE` */
  rollback(): void;
  /** From `begin` until `commit` or `rollback`, also when the transaction has timed out meanwhile. */
  readonly inTransaction: boolean;
  /** Moves the cursor to another space of the run; a transaction spans all of them. */
  setSpace(name: string): void;
  currentSpace(): string;
  /** Any operation, as data. */
  execute<C extends Command>(command: C): CommandOutput<C["name"]>;
}

export class RunSession implements Session {
  declare readonly [Symbol.dispose]: () => void;
  readonly #handle: RunHandle;
  readonly #run: Run;
  readonly #spaces: Map<string, ScopePrimitives<Version | undefined>> = new Map();
  #space: string;
  #open: OpenTransaction | undefined;

  constructor(handle: RunHandle, run: Run) {
    this.#handle = handle;
    this.#run = run;
    this.#space = handle.currentSpace();
    this.#open = undefined;
  }

  get kv(): Kv<Value, unknown, Version | undefined> {
    return this.primitivesIn(this.#space).kv;
  }

  get events(): EventLog<
    { readonly [type: string]: ValueObject },
    { readonly [type: string]: object },
    Version | undefined
  > {
    return this.primitivesIn(this.#space).events;
  }

  get state(): StateCells {
    return this.primitivesIn(this.#space).state;
  }

  get json(): JsonStore<Value, unknown, Version | undefined> {
    return this.primitivesIn(this.#space).json;
  }

  get vectors(): Vectors<Version | undefined> {
    return this.primitivesIn(this.#space).vectors;
  }

  search(query: string, options?: SearchOptions): SearchResult {
    return this.primitivesIn(this.#space).search(query, options);
  }

  get inTransaction(): boolean {
    return this.#open !== undefined;
  }

  begin(options?: SessionOptions): void {
    if (this.#open !== undefined) {
      throw new StateError("TRANSACTION_ALREADY_ACTIVE", "this session has begun a transaction that has not ended", {
        run: this.#run.name,
      });
    }
    checkSessionOptions(options);
    this.#open = this.#handle.database.beginTransaction(this.#run, options);
  }

  commit(): CommitInfo {
    return this.#end("commit").commit();
  }

  async commitAsync(): Promise<CommitInfo> {
    return this.#end("commit").commitAsync();
  }

  rollback(): void {
    const open = this.#end("roll back");
    if (open.isActive) open.rollback();
  }

  setSpace(name: string): void {
    validateSpaceName(name);
    this.#space = name;
  }

  currentSpace(): string {
    return this.#space;
  }

  execute<C extends Command>(command: C): CommandOutput<C["name"]> {
    return executeIn({ handle: this.#handle, session: this }, command);
  }

  /** The primitives of one space, in the transaction while there is one. They stay valid across `begin` and `commit`. */
  primitivesIn(space: string): Primitives<Version | undefined> {
    let primitives = this.#spaces.get(space);
    if (primitives === undefined) {
      const head = this.#handle.database.head(this.#run, space);
      primitives = new ScopePrimitives(this.#handle.database, new SessionScope(head, this.#scopeOf(head)));
      this.#spaces.set(space, primitives);
    }
    return primitives;
  }

  /** Answers which scope counts in the space of `head`; the one of a transaction is looked up once per transaction. */
  #scopeOf(head: Scope): () => Scope {
    let open: OpenTransaction | undefined;
    let scope = head;
    return () => {
      if (this.#open !== open) {
        open = this.#open;
        scope = open === undefined ? head : open.scope(head.space);
      }
      return scope;
    };
  }

  /** Leaves the transaction: whatever becomes of it, the session is outside of it from here on. */
  #end(what: string): OpenTransaction {
    const open = this.#open;
    if (open === undefined) {
      throw new StateError("TRANSACTION_NOT_ACTIVE", `nothing to ${what}: this session has no open transaction`, {
        run: this.#run.name,
      });
    }
    this.#open = undefined;
    return open;
  }

  static {
    makeDisposable(RunSession, function () {
      if (this.#open !== undefined) this.rollback();
    });
  }
}
