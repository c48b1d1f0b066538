import type { Options } from "@strata/core";

/** What is embedded in the background. */
export type EmbedTarget = Options<{
  /** All three unless said. */
  primitive: "kv" | "event" | "json";
  /** Every space unless said. */
  spaces: readonly string[];
  /** Of keys; of events, of types. */
  prefix: string;
  /** The part of a value that is embedded, as in `json.get`; all its strings unless said. */
  path: string;
}>;

/** Makes vectors of texts: a model, called by whatever means. */
export interface Embedder {
  /** Vectors of different models are never compared: under another name everything is embedded anew, in the background. */
  readonly model: string;
  /** Of its vectors, 1 to 8192. */
  readonly dimension: number;
  /**
   * One vector per text, in order. It never delays or fails a write: what it could not embed is tried again, and shown in `info().embedding`.
   *
   * @param context.signal aborts when nobody waits any more.
   */
  run(
    texts: readonly string[],
    context: { readonly purpose: "document" | "query"; readonly signal: AbortSignal },
  ): readonly ArrayLike<number>[] | Promise<readonly ArrayLike<number>[]>;
  /** Nothing unless said. */
  readonly targets?: readonly EmbedTarget[] | undefined;
}
