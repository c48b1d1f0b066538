import { InvalidArgumentError } from "@strata/core";
import type { Database } from "./database.js";

/** Called with the database once its commits are recovered, before anybody else gets it. */
export type RecoveryFn = (database: Database) => void;

/** Something that rebuilds its own state when a database opens. */
export class RecoveryParticipant {
  readonly name: string;
  readonly recover: RecoveryFn;

  constructor(name: string, recover: RecoveryFn) {
    if (typeof name !== "string" || name === "" || typeof recover !== "function") {
      throw new InvalidArgumentError("INVALID_ARGUMENT", "a recovery participant has a name and a function", { name });
    }
    this.name = name;
    this.recover = recover;
  }
}

const registered = new Map<string, RecoveryParticipant>();

/** For every database opened from now on in this process. A name that is registered already is left as it is. @returns whether it is new. */
export function registerRecoveryParticipant(participant: RecoveryParticipant): boolean {
  if (registered.has(participant.name)) return false;
  registered.set(participant.name, participant);
  return true;
}

/** For tests. */
export function clearRecoveryParticipants(): void {
  registered.clear();
}

/**
 * Calls the registered participants in order of registration, then `own`, each name once. The first that throws ends it, and its error is
 * the caller's.
 */
export function recoverAllParticipants(database: Database, own: readonly RecoveryParticipant[] = []): void {
  const called = new Set<string>();
  for (const participant of [...registered.values(), ...own]) {
    if (called.has(participant.name)) continue;
    called.add(participant.name);
    participant.recover(database);
  }
}
