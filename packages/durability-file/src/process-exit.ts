/** What is to be done before the process ends by itself. No signal handlers: whoever is killed has lost nothing that counts. */

const drains = new Set<() => void>();

/**
 * Calls `drain` when the process exits: at the end of the program, by `process.exit`, after an uncaught exception. It
 * must be synchronous and must not throw.
 *
 * @returns what takes the request back.
 */
export function drainAtExit(drain: () => void): () => void {
  // One listener for all, and none while nobody needs it.
  if (drains.size === 0) process.on("exit", drainAll);
  drains.add(drain);
  return () => {
    drains.delete(drain);
    if (drains.size === 0) process.off("exit", drainAll);
  };
}

function drainAll(): void {
  for (const drain of drains) drain();
}
