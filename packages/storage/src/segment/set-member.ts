import type { Value } from "@strata/core";

/** Adds a member as own data, whatever its name: assigning would set the prototype for `__proto__`. */
export function setMember(object: Record<string, Value>, name: string, value: Value): void {
  if (name in Object.prototype) {
    const own = { __proto__: null, value, writable: true, enumerable: true, configurable: true };
    Object.defineProperty(object, name, own);
  } else {
    object[name] = value;
  }
}
