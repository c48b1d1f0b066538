import { ManualTime } from "@strata/durability/testing";

/** While it is `isSlicing`, each look at the clock finds that much time gone that long work takes every pause it can. */
export class SlicingTime extends ManualTime {
  isSlicing = false;

  override now(): number {
    if (this.isSlicing) this.block(5);
    return super.now();
  }
}
