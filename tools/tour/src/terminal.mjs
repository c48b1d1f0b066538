import { styleText } from "node:util";

/** Milliseconds between two drawings of a progress line. */
const REDRAW_MS = 60;

/** Prints the tour: coloured and with moving progress on a terminal, plain lines elsewhere. */
export class Terminal {
  #out;
  #isTerminal;
  #drawnAt = 0;

  constructor(out) {
    this.#out = out;
    this.#isTerminal = out.isTTY === true && process.env.NO_COLOR === undefined;
  }

  title(text) {
    this.#write(`\n${this.#style("bold", text)}\n`);
  }

  chapter(text) {
    this.#write(`\n${this.#style("cyan", text)}\n`);
  }

  line(text) {
    this.#write(`  ${text}\n`);
  }

  good(text) {
    this.#write(`  ${this.#style("green", "ok")}  ${text}\n`);
  }

  bad(text) {
    this.#write(`  ${this.#style("red", "NOT OK")}  ${text}\n`);
  }

  /** One hit of a search, with the words of the query in its snippet. */
  hit(way, place, snippet, highlights) {
    // A snippet may go over lines; every unit keeps its place.
    const text = snippet.replaceAll(/[\n\r\t]/g, " ");
    let shown = "";
    let at = 0;
    for (const [start, end] of highlights) {
      shown += this.#style("dim", text.slice(at, start)) + this.#style("bold", text.slice(start, end));
      at = end;
    }
    this.line(`${way.padEnd(12)}${place}`);
    this.line(`${" ".repeat(12)}${shown}${this.#style("dim", text.slice(at))}`);
  }

  list(items) {
    for (const item of items) this.line(item);
  }

  /** Redraws one line on a terminal; elsewhere says nothing until `done` equals `total`. */
  progress(what, done, total) {
    const now = performance.now();
    if (!this.#isTerminal || (done < total && now - this.#drawnAt < REDRAW_MS)) return;
    this.#drawnAt = now;
    const filled = Math.round((24 * done) / Math.max(1, total));
    const bar = "█".repeat(filled).padEnd(24, "░");
    this.#out.write(`\r  ${bar} ${done}/${total} ${what}`);
    if (done >= total) this.#out.write("\r\x1b[2K");
  }

  /** The first column is text, the others are figures. */
  table(head, rows) {
    const widths = head.map((name, column) => Math.max(name.length, ...rows.map((row) => row[column].length)));
    const layOut = (cells) =>
      cells.map((cell, column) => (column === 0 ? cell.padEnd(widths[0]) : cell.padStart(widths[column]))).join("  ");
    this.line(this.#style("dim", layOut(head)));
    for (const row of rows) this.line(layOut(row));
  }

  #style(format, text) {
    return this.#isTerminal ? styleText(format, text) : text;
  }

  #write(text) {
    this.#out.write(text);
  }
}
