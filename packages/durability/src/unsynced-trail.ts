const CAPACITY_MIN = 64;
const CAPACITY_MAX = 16_384;

/**
 * Which commits are not on stable storage yet: their LSNs and versions, in order. Beyond its capacity it keeps every
 * second, then every fourth and so on, and its answers become lower bounds.
 *
 * Invariant: entries ascend by LSN, version and ordinal; none is at or below the LSN of the last `advance`.
 */
export class UnsyncedTrail {
  #lsns = new Float64Array(CAPACITY_MIN);
  #versions = new Float64Array(CAPACITY_MIN);
  #ordinals = new Float64Array(CAPACITY_MIN);
  #head = 0;
  #length = 0;
  #stride = 1;
  #count = 0;
  #lastLsn: number;
  #lastVersion: number;
  #syncedCount = 0;
  #syncedVersion: number;

  /** @param lsn @param version where the log stood, all of it durable. */
  constructor(lsn: number, version: number) {
    this.#lastLsn = lsn;
    this.#lastVersion = version;
    this.#syncedVersion = version;
  }

  /** LSN behind the last commit. */
  get lastLsn(): number {
    return this.#lastLsn;
  }

  get lastVersion(): number {
    return this.#lastVersion;
  }

  /** Every commit up to this version is on stable storage. */
  get syncedVersion(): number {
    return this.#syncedVersion;
  }

  /** How many commits are not; an upper bound. */
  get unsynced(): number {
    return this.#count - this.#syncedCount;
  }

  push(lsn: number, version: number): void {
    this.#count += 1;
    this.#lastLsn = lsn;
    this.#lastVersion = version;
    if (this.#stride > 1 && this.#count % this.#stride !== 0) return;
    if (this.#head + this.#length === this.#lsns.length) this.#makeRoom();
    const at = this.#head + this.#length;
    this.#lsns[at] = lsn;
    this.#versions[at] = version;
    this.#ordinals[at] = this.#count;
    this.#length += 1;
  }

  /** Everything through `durableLsn` is on stable storage. */
  advance(durableLsn: number): void {
    if (durableLsn >= this.#lastLsn) {
      this.#syncedVersion = this.#lastVersion;
      this.#syncedCount = this.#count;
      this.#head = 0;
      this.#length = 0;
      this.#stride = 1;
      return;
    }
    while (this.#length > 0 && this.#lsns[this.#head]! <= durableLsn) {
      this.#syncedVersion = this.#versions[this.#head]!;
      this.#syncedCount = this.#ordinals[this.#head]!;
      this.#head += 1;
      this.#length -= 1;
    }
  }

  /** Version of the commit that ends at `lsn`; the last one's when it is not known any more. */
  versionAt(lsn: number): number {
    for (let i = this.#head + this.#length - 1; i >= this.#head; i--) {
      if (this.#lsns[i] === lsn) return this.#versions[i]!;
    }
    return this.#lastVersion;
  }

  /** LSN behind the commit before which at most `count` commits wait: syncing through it leaves no more than that. */
  lsnToLeave(count: number): number {
    for (let i = this.#head; i < this.#head + this.#length; i++) {
      if (this.#count - this.#ordinals[i]! <= count) return this.#lsns[i]!;
    }
    return this.#lastLsn;
  }

  #makeRoom(): void {
    const { length } = this.#lsns;
    if (this.#head > length / 2) {
      this.#lsns.copyWithin(0, this.#head);
      this.#versions.copyWithin(0, this.#head);
      this.#ordinals.copyWithin(0, this.#head);
    } else if (length < CAPACITY_MAX) {
      this.#lsns = doubled(this.#lsns, this.#head);
      this.#versions = doubled(this.#versions, this.#head);
      this.#ordinals = doubled(this.#ordinals, this.#head);
    } else {
      this.#thin();
    }
    this.#head = 0;
  }

  #thin(): void {
    let kept = 0;
    for (let i = this.#head + 1; i < this.#head + this.#length; i += 2) {
      this.#lsns[kept] = this.#lsns[i]!;
      this.#versions[kept] = this.#versions[i]!;
      this.#ordinals[kept] = this.#ordinals[i]!;
      kept += 1;
    }
    this.#length = kept;
    this.#stride *= 2;
  }
}

function doubled(values: Float64Array, from: number): Float64Array<ArrayBuffer> {
  const larger = new Float64Array(values.length * 2);
  larger.set(values.subarray(from));
  return larger;
}
