/** What is used of the engine's WebAssembly: types of it come with browsers' libraries only. */
export interface WebAssemblyEngine {
  validate(bytes: Uint8Array): boolean;
  readonly Module: new (bytes: Uint8Array) => WebAssemblyModule;
  readonly Instance: new (
    module: WebAssemblyModule,
    imports: { readonly env: { readonly memory: WebAssemblyMemory }; readonly hnsw: GraphCallbacks },
  ) => { readonly exports: object };
  readonly Memory: new (limits: { readonly initial: number }) => WebAssemblyMemory;
  readonly CompileError: new () => Error;
}

/** What the walk of a graph calls (see `kernel/hnsw.ts`). */
export interface GraphCallbacks {
  accept(slot: number): boolean;
  touch(column: number, index: number): void;
}

export type WebAssemblyModule = object;

export interface WebAssemblyMemory {
  /** Another object after each growth. */
  readonly buffer: ArrayBuffer;
  /** @throws RangeError when there is no room. */
  grow(pages: number): number;
}

/** `undefined` where there is none. */
export const webAssembly: WebAssemblyEngine | undefined = (
  globalThis as unknown as { readonly WebAssembly?: WebAssemblyEngine }
).WebAssembly;
