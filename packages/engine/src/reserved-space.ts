/**
 * Spaces that the database keeps for itself inside a run. Their data are data of the run like any other: they are forked, read as of the
 * past, replayed and part of its digest. Only names are closed to users: lists leave them out and calls refuse them.
 */
const RESERVED_PREFIX = "_system_";

export function isReservedSpace(name: string): boolean {
  return name.startsWith(RESERVED_PREFIX);
}

/** Where the JSON indexes of `space` are declared. It ends with that space. */
export function indexSpaceOf(space: string): string {
  return `${RESERVED_PREFIX}indexes_${space}`;
}

/** Those of `names` that users may name. */
export function userSpaces(names: readonly string[]): string[] {
  return names.filter((name) => !isReservedSpace(name));
}

/** Where the recorders of `space` keep their steps. It ends with that space. */
export function recorderSpaceOf(space: string): string {
  return `${RESERVED_PREFIX}recorder_${space}`;
}

/** Where the embeddings of a run are kept, of all its spaces. */
export const EMBEDDINGS_SPACE = `${RESERVED_PREFIX}embeddings`;
