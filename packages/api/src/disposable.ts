/**
 * Gives a class what `using` calls, where the runtime knows the symbol: on those that do not, the class is the same without it.
 *
 * The class declares the method (`declare readonly [Symbol.dispose]: () => void`), so that the compiler knows it everywhere.
 */
export function makeDisposable<T extends object>(type: { readonly prototype: T }, dispose: (this: T) => void): void {
  define(type.prototype, Symbol.dispose, dispose);
}

/** As `makeDisposable`, for `await using`. */
export function makeAsyncDisposable<T extends object>(
  type: { readonly prototype: T },
  dispose: (this: T) => Promise<void>,
): void {
  define(type.prototype, Symbol.asyncDispose, dispose);
}

function define(target: object, symbol: symbol | undefined, value: unknown): void {
  if (symbol !== undefined) Object.defineProperty(target, symbol, { value, configurable: true, writable: true });
}
