/**
 * Adds a member as own data, whatever its name: assigning `__proto__` would set the prototype of the object, and of
 * every object if that is where the name leads.
 */
export function defineMember<T>(object: Record<string, T>, name: string, value: T): void {
  if (name === "__proto__") {
    Object.defineProperty(object, name, { value, writable: true, enumerable: true, configurable: true });
  } else {
    object[name] = value;
  }
}
