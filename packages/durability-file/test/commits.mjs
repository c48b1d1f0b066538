// Commits whose bytes can be told from their version alone, for programs and tests.

const encoder = new TextEncoder();
const decoder = new TextDecoder();

/** @param {number} version @returns {Uint8Array} between 20 and 420 bytes */
export function payloadOf(version) {
  return encoder.encode(`commit ${version} ${"x".repeat((version * 7919) % 400)}`);
}

/**
 * Recovers a log of such commits and checks each of them, those in the files of its checkpoint first.
 *
 * @param {import("@strata/durability").Durability} durability
 */
export function recoverCommits(durability) {
  let last = 0;
  const check = (text, version) => {
    if (version !== last + 1) throw new Error(`commit ${version} follows ${last}`);
    if (text !== decoder.decode(payloadOf(version))) throw new Error(`commit ${version} reads ${text}`);
    last = version;
  };
  const summary = durability.recover(
    (payload, _lsn, version) => check(decoder.decode(payload), version),
    (checkpoint) => {
      for (const name of namesIn(checkpoint)) {
        const file = durability.snapshots.open(name);
        for (const text of decoder.decode(file.read(0, file.size)).split("\n")) check(text, last + 1);
      }
      if (last !== checkpoint.version) throw new Error(`the checkpoint of ${checkpoint.version} holds ${last} commits`);
    },
  );
  return { summary, last };
}

/**
 * Publishes a checkpoint of all commits up to `version`: one more file beside those of `before`, or one for all of them.
 *
 * @param {import("@strata/durability").Durability} durability
 * @param {number} version of the last commit
 * @param {import("@strata/durability").Checkpoint | undefined} before whose files are kept
 */
export async function publishCommits(durability, version, before) {
  const { end, snapshots } = durability;
  const writer = snapshots.create();
  for (let each = (before?.version ?? 0) + 1; each <= version; each++) {
    if (writer.length > 0) writer.write(encoder.encode("\n"));
    writer.write(payloadOf(each));
  }
  await writer.finish();
  const root = encoder.encode([...namesIn(before), writer.name].join(" "));
  const checkpoint = { version, lsn: end, root };
  await durability.publishCheckpoint(checkpoint);
  return checkpoint;
}

/** @param {import("@strata/durability").Checkpoint | undefined} checkpoint @returns {string[]} of its files */
export function namesIn(checkpoint) {
  return checkpoint === undefined ? [] : decoder.decode(checkpoint.root).split(" ");
}
