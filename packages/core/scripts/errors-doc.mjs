#!/usr/bin/env node
/**
 * Writes `docs/errors.md` from the table of codes. Run it after a change of `src/error-codes.ts`, once that is built:
 * `node packages/core/scripts/errors-doc.mjs`. A test holds the page equal to the table.
 */
import { writeFileSync } from "node:fs";
import { argv } from "node:process";
import { fileURLToPath, pathToFileURL } from "node:url";

const PAGE = new URL("../../../docs/errors.md", import.meta.url);

const CLASSES = {
  ConflictError: "Somebody else was first. Read again, decide again.",
  InvalidArgumentError: "The call itself is wrong. Correct it.",
  LimitError: "The call asks for more than the limits allow. Ask for less, or raise them when opening.",
  NotFoundError: "What the call needs does not exist. (A read that finds nothing returns `undefined`, never this.)",
  StateError: "The database, run, space or transaction is in a state that forbids the call.",
  IoError: "The disk or the operating system failed.",
  CorruptionError: "Bytes are not what was written. Restore a backup, or repair into a new directory.",
};

const OUTCOMES = {
  not_applicable: "commits nothing",
  definitely_not_committed: "not committed",
  maybe_committed: "**unknown**",
};

const INTRODUCTION = `# Error codes

Generated from \`packages/core/src/error-codes.ts\` by \`packages/core/scripts/errors-doc.mjs\`.

Whatever a caller can cause is a \`StrataError\`. Its \`code\` is stable across major versions, its message is not. Besides
\`code\` it has \`facts\` (what the message says, as data), \`hint\` (what to do next), \`retryable\` (the same call may succeed)
and \`outcome\`: what became of the commit that the call was about to make. A cause, where there is one, is in \`cause\`.

\`\`\`ts
import assert from "node:assert/strict";
import { Strata, StrataError } from "stratadb";

const db = Strata.cache();
try {
  db.kv.put("", 1);
  assert.fail("an empty key is no key");
} catch (error) {
  if (!StrataError.is(error, "INVALID_KEY")) throw error;
  assert.equal(error.facts["reason"], "empty_key");
  assert.equal(error.outcome, "definitely_not_committed");
}
\`\`\`

\`StrataError.is\` holds across copies of the package and realms, where \`instanceof\` does not. A call that is aborted rejects
with \`signal.reason\` and no \`StrataError\`; an \`InvariantError\` is a bug of ours. Commit outcomes below: *not committed* means
that nothing of the call is or will be visible, *unknown* that only reopening tells.
`;

/** The page, from the table. */
export function errorsDoc(codes) {
  return `${INTRODUCTION}\n${Object.keys(CLASSES)
    .map((name) => classSection(name, codes))
    .join("\n")}`;
}

function classSection(name, codes) {
  const rows = Object.entries(codes)
    .filter(([, entry]) => entry.class === name)
    .map(([code, { meaning, hint, retryable, outcome }]) => {
      const cells = [`\`${code}\``, meaning, hint, retryable ? "yes" : "no", OUTCOMES[outcome]];
      return `| ${cells.map((cell) => cell.replaceAll("|", "\\|")).join(" | ")} |\n`;
    });
  return `## ${name}\n\n${CLASSES[name]}\n\n| code | meaning | what to do | retryable | commit |\n|---|---|---|---|---|\n${rows.join("")}`;
}

if (import.meta.url === pathToFileURL(argv[1] ?? "").href) {
  const { ERROR_CODES } = await import("../dist/index.js");
  writeFileSync(PAGE, errorsDoc(ERROR_CODES));
  console.log(`wrote ${fileURLToPath(PAGE)}`);
}
