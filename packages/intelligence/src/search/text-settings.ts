import { InvalidArgumentError, type Options } from "@strata/core";
import { type Database, SEARCHED_PRIMITIVES, type SearchedPrimitive, searchedFrom, searchedIn } from "@strata/engine";

/** How text is searched by its words. */
export type TextSearchOptions = Options<{
  /** `"english"`: English words are found in all their forms. With `"none"` only as they are written. `"english"` unless said. */
  stemming: "english" | "none";
  /** What is searched of runs that were not told otherwise by `runs.setTextSearch`; all of it unless said. */
  primitives: readonly SearchedPrimitive[];
}>;

const STEMMINGS = ["english", "none"];

/** How one database searches text: said when it is opened. */
export class TextSettings {
  stem = true;
  primitives: readonly SearchedPrimitive[] = SEARCHED_PRIMITIVES;
  readonly #database: Database;

  constructor(database: Database) {
    this.#database = database;
  }

  /** @throws StateError `DATABASE_CLOSED` */
  static of(database: Database): TextSettings {
    return database.extension(TextSettings, () => new TextSettings(database));
  }

  /** @throws InvalidArgumentError `INVALID_ARGUMENT` */
  static check({
    stemming = "english",
    primitives = SEARCHED_PRIMITIVES,
  }: TextSearchOptions): (database: Database) => void {
    if (!STEMMINGS.includes(stemming)) {
      const message = `textSearch: stemming is one of ${STEMMINGS.join(", ")}`;
      throw new InvalidArgumentError("INVALID_ARGUMENT", message, { option: "stemming", valid: STEMMINGS });
    }
    const searched = searchedFrom(primitives);
    return (database) => {
      const settings = TextSettings.of(database);
      settings.stem = stemming === "english";
      settings.primitives = searched;
    };
  }

  /** Whether the words of a primitive are searched in a run. */
  isSearched(run: string, primitive: SearchedPrimitive): boolean {
    const { runs } = this.#database;
    const own = runs.exists(run) ? searchedIn(runs.must(run).row) : undefined;
    return (own ?? this.primitives).includes(primitive);
  }
}
