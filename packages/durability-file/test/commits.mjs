// Commits whose bytes can be told from their version alone, for programs and tests.

const encoder = new TextEncoder();
const decoder = new TextDecoder();

/** @param {number} version @returns {Uint8Array} between 20 and 420 bytes */
export function payloadOf(version) {
  return encoder.encode(`commit ${version} ${"x".repeat((version * 7919) % 400)}`);
}

/**
 * Recovers a log of such commits and checks each of them.
 *
 * @param {import("@strata/durability").Durability} durability
 */
export function recoverCommits(durability) {
  let last = 0;
  const summary = durability.recover((payload, _lsn, version) => {
    const text = decoder.decode(payload);
    if (version !== last + 1) throw new Error(`commit ${version} follows ${last}`);
    if (text !== decoder.decode(payloadOf(version))) throw new Error(`commit ${version} reads ${text}`);
    last = version;
  });
  return { summary, last };
}
