import { type Version, validateSpaceName } from "@strata/core";
import type { EventReads, JsonReads, KvReads, PastScope, StateReads } from "@strata/engine";
import { makeDisposable } from "./disposable.js";
import { checkOptions, isString } from "./option-check.js";
import { type Reads, ScopeReads } from "./primitives.js";

/** A run as it was at one version. Reads never change; what they need is kept until the view is disposed or collected. */
export interface ReadView extends Reads, Disposable {
  readonly run: string;
  /** The version every read is as of. */
  readonly version: Version;
  /** µs since the epoch: when that version was committed; 0 before the first commit. */
  readonly timestamp: number;
  currentSpace(): string;
  /** Another space at the same version. */
  in(at: { readonly space: string }): ReadView;
}

export class RunReadView implements ReadView {
  declare readonly [Symbol.dispose]: () => void;
  readonly #scope: PastScope;
  readonly #reads: ScopeReads;

  constructor(scope: PastScope) {
    this.#scope = scope;
    this.#reads = new ScopeReads(scope);
  }

  get kv(): KvReads {
    return this.#reads.kv;
  }

  get events(): EventReads {
    return this.#reads.events;
  }

  get state(): StateReads {
    return this.#reads.state;
  }

  get json(): JsonReads {
    return this.#reads.json;
  }

  get run(): string {
    return this.#scope.run;
  }

  get version(): Version {
    return this.#scope.version;
  }

  get timestamp(): number {
    return this.#scope.timestamp;
  }

  currentSpace(): string {
    return this.#scope.space;
  }

  in(at: { readonly space: string }): ReadView {
    checkOptions("in", at, { space: isString }, ["space"]);
    validateSpaceName(at.space);
    return new RunReadView(this.#scope.in(at.space));
  }

  static {
    makeDisposable(RunReadView, function () {
      this.#scope.dispose();
    });
  }
}
