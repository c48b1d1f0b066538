/** A class whose instances belong to one database. */
export type ExtensionType<T> = abstract new (...parts: never) => T;
/** One that needs nothing to be made. */
export type PlainExtensionType<T> = new () => T;

/** State of other modules that lives and dies with a database: at most one instance a type, made on first use. */
export class Extensions {
  readonly #instances = new Map<unknown, unknown>();

  /** A constructor that throws leaves nothing behind; the next call tries again. */
  get<T>(type: ExtensionType<T>, make: () => T): T {
    if (!this.#instances.has(type)) this.#instances.set(type, make());
    return this.#instances.get(type) as T;
  }
}
