/** Positions of one document, in an array that is used again and again. */
export class PositionBuffer {
  array: Int32Array = new Int32Array(256);
  length = 0;

  /** Makes room for `count` more. */
  ensure(count: number): void {
    const length = this.length + count;
    if (length <= this.array.length) return;
    const longer = new Int32Array(length * 2);
    longer.set(this.array.subarray(0, this.length));
    this.array = longer;
  }

  sort(): void {
    this.array.subarray(0, this.length).sort();
  }
}
