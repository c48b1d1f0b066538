import type { Limits, Version } from "@strata/core";
import type { EventSource, KeyedPrimitive, ReadScope, TableReader } from "@strata/engine";

/** What a scope sees in another space of its run: the same version, observed by the same transaction. */
export class SpaceScope implements ReadScope {
  readonly space: string;
  readonly #scope: ReadScope;

  private constructor(scope: ReadScope, space: string) {
    this.#scope = scope;
    this.space = space;
  }

  static of(scope: ReadScope, space: string): ReadScope {
    return scope.space === space ? scope : new SpaceScope(scope, space);
  }

  get run(): string {
    return this.#scope.run;
  }

  get limits(): Limits {
    return this.#scope.limits;
  }

  get events(): EventSource {
    return this.#scope.eventsIn(this.space);
  }

  now(): number {
    return this.#scope.now();
  }

  timestampOf(version: Version): number {
    return this.#scope.timestampOf(version);
  }

  table(primitive: KeyedPrimitive): TableReader {
    return this.#scope.tableIn(this.space, primitive);
  }

  tableIn(space: string, primitive: KeyedPrimitive): TableReader {
    return this.#scope.tableIn(space, primitive);
  }

  eventsIn(space: string): EventSource {
    return this.#scope.eventsIn(space);
  }

  spaces(observe: boolean): string[] {
    return this.#scope.spaces(observe);
  }
}
