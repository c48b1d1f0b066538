import type { Requirement } from "@strata/concurrency";
import {
  ConflictError,
  checkKey,
  copyValue,
  InvalidArgumentError,
  type Options,
  StateError,
  StrataError,
  type Timer,
  type ValueObject,
} from "@strata/core";
import { Box, Found, type Stored } from "@strata/storage";
import type { Scope, TransactionScope } from "../scope.js";
import { deleteCell, observeCell, writeCell } from "./cell.js";
import { openTransaction } from "./open-transaction.js";
import { expiryAfter, invalid, kindOf, mustDuration, mustInteger, mustString, optionsOf } from "./options.js";

/**
 * A lock on a state cell that somebody holds until it expires. Disposing releases. One that was acquired in a transaction is renewed and
 * released in that transaction only.
 */
export interface Lease extends Disposable {
  readonly cell: string;
  readonly owner: string;
  /** µs since the epoch. */
  readonly expiresAt: number;
  /** Rises with every holder: for systems that can refuse an older one. */
  readonly token: number;
  /** From now on, for `ttlMs` or as long as it was acquired for. False: lost. */
  renew(ttlMs?: number): boolean;
  /** False: it was lost before. */
  release(): boolean;
}

/**
 * Leases on the cells of one scope. A held lease is a cell with the value `{ owner, token }` and an expiry; nothing else gives a cell an
 * expiry. The token is the counter that the cell got when the lease was acquired; renewing counts as a write and keeps the token.
 */
export class Leases {
  readonly #scope: Scope;

  constructor(scope: Scope) {
    this.#scope = scope;
  }

  acquire(cell: string, owner: string, ttlMs: number, where: string): Lease | null {
    return this.#scope.transact((transaction) => {
      const now = observeCell(transaction, cell);
      const holder = holderOf(now.stored);
      if (now.isLive && holder === undefined) {
        throw new InvalidArgumentError("WRONG_TYPE", `cell "${cell}" holds a value that is no lease`, {
          cell,
          expected: "lease",
          actual: "value",
        });
      }
      if (holder !== undefined && holder.owner !== owner) return null;
      const token = now.counter + 1;
      const expiresAt = expiryAfter(transaction.now(), ttlMs, where);
      writeCell(transaction, cell, now, copyValue({ owner, token }, transaction.limits), expiresAt);
      return new HeldLease(this, cell, owner, token, ttlMs, expiresAt);
    });
  }

  /** The new expiry, `undefined` when the lease is lost. */
  renew({ cell, owner, token }: LeaseIdentity, ttlMs: number): number | undefined {
    return this.#scope.transact((transaction) => {
      const now = observeCell(transaction, cell);
      if (!isHeldBy(now.stored, owner, token)) return undefined;
      const expiresAt = expiryAfter(transaction.now(), ttlMs, "lease.renew");
      writeCell(transaction, cell, now, copyValue({ owner, token }, transaction.limits), expiresAt);
      return expiresAt;
    });
  }

  release({ cell, owner, token }: LeaseIdentity): boolean {
    return this.#scope.transact((transaction) => {
      const now = observeCell(transaction, cell);
      return isHeldBy(now.stored, owner, token) && deleteCell(transaction, cell, now);
    });
  }

  /**
   * Outside a transaction the lease must be held now. In one it must also be held when it commits; the holder may renew it meanwhile.
   *
   * @throws ConflictError `LEASE_LOST`
   */
  require(lease: LeaseIdentity): void {
    const scope = this.#scope;
    const found = new Found();
    scope.table("state").peek(lease.cell, found);
    assertHeld(found.stored, lease, scope.now());
    const transaction = openTransaction(scope);
    // An own, uncommitted lease stands on what acquiring it observed.
    if (transaction !== undefined && found.version > 0) transaction.require(new LeaseHeld(transaction, lease));
  }
}

export interface LeaseIdentity {
  readonly cell: string;
  readonly owner: string;
  readonly token: number;
}

/** A transaction depends on a lease: nobody else may have taken it when it commits, and it may not have run out. */
class LeaseHeld implements Requirement {
  readonly #scope: TransactionScope;
  readonly #lease: LeaseIdentity;

  constructor(scope: TransactionScope, lease: LeaseIdentity) {
    this.#scope = scope;
    this.#lease = lease;
  }

  check(now: number): void {
    const found = new Found();
    this.#scope.committed("state", this.#lease.cell, found);
    assertHeld(found.stored, this.#lease, now);
  }
}

/** @throws ConflictError `LEASE_LOST` */
function assertHeld(stored: Stored | undefined, { cell, owner, token }: LeaseIdentity, now: number): void {
  if (isHeldBy(stored, owner, token) && (stored as Box).expiresAt > now) return;
  const holder = holderOf(stored)?.owner;
  throw new ConflictError("LEASE_LOST", `"${owner}" no longer holds the lease on "${cell}"`, {
    cell,
    owner,
    token,
    holder,
  });
}

class HeldLease implements Lease {
  readonly cell: string;
  readonly owner: string;
  readonly token: number;
  readonly #leases: Leases;
  readonly #ttlMs: number;
  #expiresAt: number;

  constructor(leases: Leases, cell: string, owner: string, token: number, ttlMs: number, expiresAt: number) {
    this.cell = cell;
    this.owner = owner;
    this.token = token;
    this.#leases = leases;
    this.#ttlMs = ttlMs;
    this.#expiresAt = expiresAt;
  }

  get expiresAt(): number {
    return this.#expiresAt;
  }

  renew(ttlMs?: number): boolean {
    const duration = ttlMs === undefined ? this.#ttlMs : mustDuration(ttlMs, "ttlMs", "lease.renew");
    const expiresAt = this.#leases.renew(this, duration);
    if (expiresAt === undefined) return false;
    this.#expiresAt = expiresAt;
    return true;
  }

  release(): boolean {
    return this.#leases.release(this);
  }

  /** Never throws because the database was closed or the transaction ended first: the lease then expires by itself. */
  [Symbol.dispose](): void {
    try {
      this.release();
    } catch (error) {
      if (!StrataError.is(error, "DATABASE_CLOSED") && !StrataError.is(error, "TRANSACTION_NOT_ACTIVE")) throw error;
    }
  }
}

/** Pauses between two attempts to acquire: doubling, so that a short wait ends soon and a long one costs little. */
const PAUSE_MS_MIN = 1;
const PAUSE_MS_MAX = 50;

export interface LeaseWait {
  readonly ttlMs: number;
  /** `Infinity` without limit. */
  readonly waitMs: number;
  readonly signal: AbortSignal | undefined;
}

/**
 * Tries until the lease is free. Inside a transaction it tries once: the transaction sees what was there when it began, however long it waits.
 *
 * @throws StateError `LEASE_TIMEOUT`; rejects with `signal.reason` on abort.
 */
export async function awaitLease(
  leases: Leases,
  scope: Scope,
  timer: Timer,
  cell: string,
  owner: string,
  wait: LeaseWait,
): Promise<Lease> {
  const { ttlMs, signal } = wait;
  const waitMs = openTransaction(scope) === undefined ? wait.waitMs : 0;
  const deadline = scope.now() + waitMs * 1000;
  for (let pauseMs = PAUSE_MS_MIN; ; pauseMs = Math.min(pauseMs * 2, PAUSE_MS_MAX)) {
    signal?.throwIfAborted();
    const lease = leases.acquire(cell, owner, ttlMs, "state.acquireAsync");
    if (lease !== null) return lease;
    const leftMs = (deadline - scope.now()) / 1000;
    if (leftMs <= 0) throw leaseTimeout(cell, owner, wait.waitMs, waitMs);
    await pause(timer, Math.min(pauseMs, leftMs), signal);
  }
}

function leaseTimeout(cell: string, owner: string, waitMs: number, waitedMs: number): StateError {
  const why = waitedMs < waitMs ? "; a transaction does not see it released, so wait outside" : "";
  return new StateError("LEASE_TIMEOUT", `another owner held the lease on "${cell}" for ${waitedMs} ms${why}`, {
    cell,
    owner,
    waitMs: waitedMs,
  });
}

function pause(timer: Timer, ms: number, signal: AbortSignal | undefined): Promise<void> {
  return new Promise((resolve, reject) => {
    const onAbort = (): void => {
      cancel();
      reject(signal?.reason);
    };
    const cancel = timer.after(ms, () => {
      signal?.removeEventListener("abort", onAbort);
      resolve();
    });
    signal?.addEventListener("abort", onAbort, { once: true });
  });
}

/** @throws InvalidArgumentError `INVALID_ARGUMENT` or `INVALID_VALUE` */
export function mustOwner(owner: unknown, where: string): string {
  const name = mustString(owner, "owner", where);
  if (name === "") throw invalid(where, "takes an owner that is not empty", { option: "owner" });
  return name;
}

/** Options of `acquire`. */
export function leaseTtl(options: unknown, where: string): number {
  return mustDuration(optionsOf(options, ["ttlMs"], where).ttlMs, "ttlMs", where);
}

/** Options of `acquireAsync`. */
export function leaseWait(options: Options<{ ttlMs: number; waitMs: number; signal: AbortSignal }>): LeaseWait {
  const where = "state.acquireAsync";
  const given = optionsOf(options, ["ttlMs", "waitMs", "signal"], where);
  const ttlMs = mustDuration(given.ttlMs, "ttlMs", where);
  const waitMs = given.waitMs ?? Number.POSITIVE_INFINITY;
  if (typeof waitMs !== "number" || !(waitMs >= 0))
    throw invalid(where, "takes waitMs as milliseconds from 0", { option: "waitMs" });
  const signal = given.signal;
  if (signal !== undefined && (typeof signal !== "object" || signal === null || !("throwIfAborted" in signal))) {
    throw invalid(where, `takes signal as an AbortSignal, not ${kindOf(signal)}`, { option: "signal" });
  }
  return { ttlMs, waitMs, signal: signal as AbortSignal | undefined };
}

/** What identifies a lease, checked; also of one that came back from JSON. */
export function leaseIdentity(lease: unknown, scope: Scope): LeaseIdentity {
  const where = "state.require";
  if (typeof lease !== "object" || lease === null) throw invalid(where, `takes a lease, not ${kindOf(lease)}`, {});
  const { cell, owner, token } = lease as Partial<LeaseIdentity>;
  checkKey(cell, scope.limits);
  return { cell: cell as string, owner: mustOwner(owner, where), token: mustInteger(token, "token", 1, where) };
}

interface Holder {
  readonly owner: string;
  readonly token: number;
}

/** Who holds the lease that `stored` is; `undefined` when it is none. */
function holderOf(stored: Stored | undefined): Holder | undefined {
  if (!(stored instanceof Box) || stored.value === undefined || stored.expiresAt === Number.POSITIVE_INFINITY)
    return undefined;
  const { owner, token } = stored.value as ValueObject;
  return typeof owner === "string" && typeof token === "number" ? { owner, token } : undefined;
}

function isHeldBy(stored: Stored | undefined, owner: string, token: number): boolean {
  const holder = holderOf(stored);
  return holder !== undefined && holder.owner === owner && holder.token === token;
}
