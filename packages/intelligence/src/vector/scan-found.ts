/** Slots and proximities that one step of a scan has found. */
export class Found {
  count = 0;
  slots: Int32Array;
  proximities: Float32Array;

  constructor(capacity = 256) {
    this.slots = new Int32Array(capacity);
    this.proximities = new Float32Array(capacity);
  }

  /** Empties it and makes room for `count`. */
  clear(count: number): void {
    this.count = 0;
    if (count <= this.slots.length) return;
    this.slots = new Int32Array(2 * count);
    this.proximities = new Float32Array(2 * count);
  }

  /** Keeps those whose slots are accepted. */
  keep(accept: (slot: number) => boolean): void {
    const { slots, proximities } = this;
    let kept = 0;
    for (let i = 0; i < this.count; i++) {
      if (!accept(slots[i]!)) continue;
      slots[kept] = slots[i]!;
      proximities[kept++] = proximities[i]!;
    }
    this.count = kept;
  }

  /** Proximity of the last of the `k` nearest; there are so many. */
  least(k: number): number {
    return this.proximities.slice(0, this.count).sort()[this.count - k]!;
  }
}
