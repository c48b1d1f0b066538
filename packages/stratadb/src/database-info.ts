import type { DatabaseInfo as EngineInfo } from "@strata/engine";
import type { EmbeddingStatus } from "@strata/intelligence";

export interface DatabaseInfo extends EngineInfo {
  /** Of a database that embeds in the background. */
  readonly embedding?: EmbeddingStatus;
}
