import { prefixEnd } from "@strata/core";
import type { TableView } from "@strata/engine";
import type { PartitionLayer } from "../partition/partition-layer.js";
import type { SlotIndex } from "../partition/slot-index.js";

/**
 * The slots, by layer, ascending, whose keys begin with `prefix` and that the reader sees; `undefined` when there are more than `most`. It costs
 * what it finds.
 *
 * @param layers those of `view`.
 */
export function slotsByPrefix<I extends SlotIndex>(
  layers: readonly PartitionLayer<I>[],
  view: TableView,
  prefix: string,
  most: number,
): Int32Array[] | undefined {
  const found: number[][] = layers.map(() => []);
  const [nearest] = view.layers;
  let left = most;
  nearest?.table.scan({ start: prefix, end: prefixEnd(prefix), reverse: false }, nearest.through, (key) => {
    if (--left < 0) return false;
    for (const [position, layer] of layers.entries()) {
      const slot = layer.slotOf(key);
      if (slot < 0) continue;
      found[position]!.push(slot);
      break;
    }
    return true;
  });
  return left < 0 ? undefined : found.map((slots) => Int32Array.from(slots).sort());
}
