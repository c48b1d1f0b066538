/**
 * Which process is that, and does it still run? A process id alone does not say: ids are used again, and in containers
 * the same few come back at each start. Together with the time the process started and the boot of the machine it does.
 */
import { spawnSync } from "node:child_process";
import { randomUUID } from "node:crypto";
import { readFileSync, readlinkSync } from "node:fs";
import { hostname } from "node:os";
import { basename } from "node:path";

/** One process, told apart from every other that ever had its id. Fields the system does not offer are "". */
export interface ProcessIdentity {
  readonly pid: number;
  /** In the unit of the system: clock ticks since boot on Linux, a date elsewhere. Only compared for equality. */
  readonly startTime: string;
  readonly bootId: string;
  /** Ids of processes mean something only within one of these; each container has its own. */
  readonly pidNamespace: string;
  readonly host: string;
}

let own: ProcessIdentity | undefined;

/** This process. */
export function ownIdentity(): ProcessIdentity {
  own ??= {
    pid: process.pid,
    startTime: startTimeOf(process.pid) ?? "",
    bootId: readText("/proc/sys/kernel/random/boot_id"),
    pidNamespace: readLink("/proc/self/ns/pid"),
    host: hostname(),
  };
  return own;
}

/** How a person recognises this process: the program and the script it runs, without arguments, which may be secret. */
export function ownCommand(): string {
  const script = process.argv[1];
  return script === undefined ? basename(process.execPath) : `${basename(process.execPath)} ${script}`;
}

/**
 * Whether the process that `other` names still runs. `"unknown"` when this process cannot tell: it runs on another
 * machine, or in a container that this one does not see into.
 */
export function livenessOf(other: ProcessIdentity): "alive" | "dead" | "unknown" {
  const self = ownIdentity();
  if (other.host !== self.host) {
    // Containers on one machine differ in host name and share the boot. Their processes are hidden from each other.
    if (other.bootId !== self.bootId || other.bootId === "" || other.pidNamespace !== self.pidNamespace) {
      return "unknown";
    }
  } else if (other.bootId !== self.bootId) {
    return "dead"; // the same machine has started anew since
  } else if (other.pidNamespace !== self.pidNamespace) {
    return "unknown";
  }
  const startTime = startTimeOf(other.pid);
  if (startTime === undefined) return "dead";
  return other.startTime === "" || startTime === "" || other.startTime === startTime ? "alive" : "dead";
}

/** A name no other process and no other call makes. */
export function uniqueSuffix(): string {
  return `${process.pid}-${randomUUID()}`;
}

/** When process `pid` started; "" when it runs and the system does not say; `undefined` when it does not run. */
function startTimeOf(pid: number): string | undefined {
  if (process.platform === "linux") {
    const stat = readText(`/proc/${pid}/stat`);
    if (stat !== "") {
      // The second field is the program's name in parentheses and may hold spaces and parentheses itself.
      const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
      const state = fields[0];
      if (state === "Z" || state === "X") return undefined; // dead, and not yet collected by its parent
      return fields[19] ?? "";
    }
  }
  if (!isRunning(pid)) return undefined;
  if (process.platform === "linux" || process.platform === "win32") return "";
  const answer = spawnSync("ps", ["-o", "lstart=", "-p", String(pid)], { encoding: "utf8", timeout: 5_000 });
  return answer.status === 0 ? answer.stdout.trim() : "";
}

function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0); // sends nothing: asks whether a signal could be sent
    return true;
  } catch (error) {
    return error instanceof Error && "code" in error && error.code === "EPERM"; // it runs, for somebody else
  }
}

function readText(path: string): string {
  try {
    return readFileSync(path, "utf8").trim();
  } catch {
    return "";
  }
}

function readLink(path: string): string {
  try {
    return readlinkSync(path);
  } catch {
    return "";
  }
}
