import {
  InvalidArgumentError,
  type Options,
  type Primitive,
  prefixEnd,
  RESERVED_KEY_PREFIX,
  validateSpaceName,
} from "@strata/core";
import type { KeyRange } from "@strata/storage";
import { rowsNamed, selectedName } from "../primitives/vector-row.js";
import { isReservedSpace } from "../reserved-space.js";

/**
 * Which part of a run. What is left out is not restricted. `prefix` is that of keys, of cells and documents likewise, of events that of their
 * types, and of vectors that of `collection/key`: "docs/" is all of a collection.
 */
export type RunFilter = Options<{ primitives: readonly Primitive[]; spaces: readonly string[]; prefix: string }>;

const PRIMITIVES: readonly Primitive[] = ["kv", "event", "state", "json", "vector"];

/** A filter that was checked, and can be asked. What the database keeps for itself is left out, but by `everything`. */
export class Selection {
  readonly prefix: string;
  readonly #primitives: ReadonlySet<Primitive> | undefined;
  #spaces: ReadonlySet<string> | undefined;
  readonly #withReserved: boolean;

  /** @throws InvalidArgumentError `INVALID_ARGUMENT`, `INVALID_NAME` */
  constructor(filter: RunFilter, withReserved = false) {
    if (typeof filter !== "object" || filter === null) throw illegal("filter", filter, "an object");
    const { primitives, spaces, prefix = "" } = filter;
    if (typeof prefix !== "string") throw illegal("prefix", prefix, "a string");
    if (
      primitives !== undefined &&
      !(Array.isArray(primitives) && primitives.every((one) => PRIMITIVES.includes(one)))
    ) {
      throw illegal("primitives", primitives, `a list of ${PRIMITIVES.join(", ")}`);
    }
    if (spaces !== undefined && !Array.isArray(spaces)) throw illegal("spaces", spaces, "a list of names");
    for (const space of spaces ?? []) validateSpaceName(space);
    this.prefix = prefix;
    this.#withReserved = withReserved;
    this.#primitives = primitives === undefined ? undefined : new Set(primitives);
    this.#spaces = spaces === undefined ? undefined : new Set(spaces);
  }

  /** All of a run, with the spaces that the database keeps for itself. */
  static everything(): Selection {
    return new Selection({}, true);
  }

  /** The vectors of one space, reserved or not, whose rows begin with `prefix`. */
  static ofRows(space: string, prefix: string): Selection {
    const selection = new Selection({ primitives: ["vector"], prefix }, true);
    selection.#spaces = new Set([space]);
    return selection;
  }

  hasSpace(space: string): boolean {
    if (isReservedSpace(space) && !this.#withReserved) return false;
    return this.#spaces === undefined || this.#spaces.has(space);
  }

  hasKey(primitive: Primitive, key: string): boolean {
    if (primitive === "vector") return selectedName(key).startsWith(this.prefix);
    return key.startsWith(this.prefix) && (this.#withReserved || !key.startsWith(RESERVED_KEY_PREFIX));
  }

  /** Where such keys lie in a table. Others may lie there too. */
  rangesOf(primitive: Primitive): readonly KeyRange[] {
    const { prefix } = this;
    if (primitive === "vector") return rowsNamed(prefix);
    return [{ start: prefix === "" ? undefined : prefix, end: prefixEnd(prefix), reverse: false }];
  }

  hasEvent(type: string): boolean {
    return this.hasPrimitive("event") && type.startsWith(this.prefix);
  }

  hasPrimitive(primitive: Primitive): boolean {
    return this.#primitives === undefined || this.#primitives.has(primitive);
  }
}

function illegal(name: string, value: unknown, expected: string): InvalidArgumentError {
  return new InvalidArgumentError("INVALID_ARGUMENT", `${name} must be ${expected}`, { name, value });
}
