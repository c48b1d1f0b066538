#!/usr/bin/env node
/**
 * The tour: an agent reads this checkout into an on-disk database and searches it, agents disagree, one is killed in the middle of a write, and
 * everything it was told is safe turns out to be there. Each chapter is a file beside this one.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { parseArgs } from "node:util";
import { Strata } from "stratadb";
import { collaborate } from "./chapters/collaborate.mjs";
import { crash } from "./chapters/crash.mjs";
import { explore } from "./chapters/explore.mjs";
import { lookBack } from "./chapters/look-back.mjs";
import { readHistory } from "./chapters/read-history.mjs";
import { readLibrary } from "./chapters/read-library.mjs";
import { search } from "./chapters/search.mjs";
import { Costs } from "./costs.mjs";
import { neighbourEmbedder } from "./neighbour-embedder.mjs";
import { findSources } from "./sources.mjs";
import { Terminal } from "./terminal.mjs";

const HELP = `npm start -- [options]

Plays an agent over the documents, sources and commits of this checkout, in a database on disk, and kills it once.

  --dir PATH          keep the database in PATH (must be empty or a database of this tour); default: a new temporary directory
  --durability MODE   none, buffered or strict; default: buffered
  --kills N           how often the writing process is killed, 1 to 20; default: 3
  --forget            delete the database at the end (only where the tour chose the directory)
  --help              this text

It writes nowhere else, opens no port and sends nothing.`;

/** @returns the checked options, or undefined after printing what is wrong with them. */
function readOptions() {
  try {
    const { values } = parseArgs({
      options: {
        dir: { type: "string" },
        durability: { type: "string", default: "buffered" },
        kills: { type: "string", default: "3" },
        forget: { type: "boolean", default: false },
        help: { type: "boolean", default: false },
      },
    });
    const kills = Number(values.kills);
    if (!Number.isInteger(kills) || kills < 1 || kills > 20) throw new Error("--kills is a whole number from 1 to 20");
    if (!["none", "buffered", "strict"].includes(values.durability))
      throw new Error("--durability is none, buffered or strict");
    return { ...values, kills };
  } catch (error) {
    console.error(`${error.message}\n\n${HELP}`);
    return undefined;
  }
}

async function main() {
  const options = readOptions();
  if (options === undefined) return 2;
  if (options.help) {
    console.log(HELP);
    return 0;
  }
  const dir = options.dir === undefined ? mkdtempSync(join(tmpdir(), "strata-tour-")) : resolve(options.dir);
  const terminal = new Terminal(process.stdout);
  const costs = new Costs();
  const sources = findSources();

  terminal.title("StrataDB: an agent's memory, and a power cut");
  terminal.line(
    `${sources.files.length} files and ${sources.commits.length} commits of this checkout, durability "${options.durability}"`,
  );

  const documents = sources.files.filter(({ path }) => path.endsWith(".md")).map(({ text }) => text);
  const embed = neighbourEmbedder(documents, [{ primitive: "json", spaces: ["sections"], path: "text" }]);
  const db = Strata.open(dir, { durability: options.durability, embed });
  try {
    await readLibrary({ db, sources, terminal, costs });
    await readHistory({ db, sources, terminal, costs });
    await collaborate({ db, terminal, costs });
    lookBack({ db, terminal });
    await search({ db, sources, terminal, costs });
    explore({ db, terminal, costs });
  } finally {
    db.close();
  }
  const survived = await crash({ dir, options, terminal, costs });

  terminal.chapter("What each step cost");
  terminal.table(["step", "times", "median", "p99", "per second"], costs.rows());
  terminal.chapter("Where it lies, and what to try next");
  if (options.forget && options.dir === undefined) {
    rmSync(dir, { recursive: true, force: true });
    terminal.line("The database was deleted, as asked.");
  } else terminal.line(`The database is in ${dir}`);
  terminal.list([
    "npm start -- --durability strict --kills 10    every acknowledged commit survives a power cut too",
    "docs/getting-started/first-database.md         the same in twenty lines of your own",
    "docs/guides/search.md                          words, meaning, and both",
    "docs/cookbook/index.md                         patterns for agents",
    "npm test                                       everything that must hold, checked",
  ]);
  return survived ? 0 : 1;
}

process.exitCode = await main();
