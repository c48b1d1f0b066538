/** Databases that must be closed when the process ends without having closed them. */
const closers = new Set<() => void>();

/**
 * Calls `close` when the process exits, so that a program that just ends leaves a cleanly closed database and no temporary directory.
 *
 * @returns a function that takes it back.
 */
export function closeOnExit(close: () => void): () => void {
  if (closers.size === 0) process.on("exit", closeAll);
  closers.add(close);
  return () => {
    if (closers.delete(close) && closers.size === 0) process.off("exit", closeAll);
  };
}

function closeAll(): void {
  for (const close of closers) {
    try {
      close();
    } catch {
      // The process is ending: the next database still has to be closed, and recovery handles this one.
    }
  }
  closers.clear();
}
