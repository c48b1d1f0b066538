import { type ChildProcessWithoutNullStreams, spawn } from "node:child_process";
import { fileURLToPath } from "node:url";
import { onTestFinished } from "vitest";

/** How a process ended. */
export interface ProgramEnd {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  /** What it printed and nobody read. */
  readonly output: string;
  readonly errors: string;
}

/**
 * One of the programs beside this file, as a process of its own; killed behind the running test. They are plain
 * JavaScript and use the package as it is built: `dist` must be current.
 */
export class Program {
  readonly ended: Promise<ProgramEnd>;
  readonly #process: ChildProcessWithoutNullStreams;
  #output = "";
  #errors = "";
  #closed = false;
  #waiting: (() => void)[] = [];

  constructor(name: string, args: readonly string[] = [], command: readonly string[] = []) {
    const [file, ...rest] = [...command, process.execPath, "--expose-gc", path(name), ...args] as [string, ...string[]];
    const child = spawn(file, rest, { stdio: ["pipe", "pipe", "pipe"] });
    this.#process = child;
    child.stdin.on("error", () => {}); // it may end before it has read
    child.stdout.setEncoding("utf8").on("data", (text: string) => {
      this.#output += text;
      this.#tellChange();
    });
    child.stderr.setEncoding("utf8").on("data", (text: string) => {
      this.#errors += text;
    });
    this.ended = new Promise((resolve) => {
      child.on("close", (code, signal) => {
        this.#closed = true;
        this.#tellChange();
        resolve({ code, signal, output: this.#output, errors: this.#errors });
      });
    });
    onTestFinished(async () => {
      child.kill("SIGKILL");
      await this.ended;
    });
  }

  get pid(): number {
    return this.#process.pid ?? 0;
  }

  /** The next line it prints. */
  async line(): Promise<string> {
    for (;;) {
      const end = this.#output.indexOf("\n");
      if (end >= 0) {
        const line = this.#output.slice(0, end);
        this.#output = this.#output.slice(end + 1);
        return line;
      }
      if (this.#closed) throw new Error(`the program ended without another line: ${this.#output} ${this.#errors}`);
      await new Promise<void>((resolve) => this.#waiting.push(resolve));
    }
  }

  /** Answers a line to it. */
  say(line: string): void {
    this.#process.stdin.write(`${line}\n`);
  }

  async kill(): Promise<ProgramEnd> {
    this.#process.kill("SIGKILL");
    return this.ended;
  }

  #tellChange(): void {
    for (const resolve of this.#waiting.splice(0)) resolve();
  }
}

function path(name: string): string {
  return fileURLToPath(new URL(`./programs/${name}`, import.meta.url));
}
