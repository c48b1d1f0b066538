import { APPEND, formatJsonPath, invalidPath, type JsonSegment, parseJsonPath } from "./json-path.js";

/** A place in documents that is asked about. */
export interface JsonField {
  /** Canonical text of the path: two spellings of one path are one field. */
  readonly field: string;
  readonly path: readonly JsonSegment[];
}

/** @throws InvalidArgumentError `INVALID_PATH`, also for a path that only a write can use. */
export function jsonField(text: string): JsonField {
  const path = parseJsonPath(text);
  const append = path.indexOf(APPEND);
  if (append >= 0) throw invalidPath(text, append, "only a write can name the place [-]");
  return { field: formatJsonPath(path), path };
}
