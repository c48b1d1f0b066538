import { StrataError, type Value } from "@strata/core";
import { rootOf } from "@strata/engine";
import { Found, type Stored } from "@strata/storage";
import type { ImageParts } from "../image/index.js";
import type { Partition } from "../partition/partition.js";
import type { IndexKind, SlotIndex } from "../partition/slot-index.js";
import type { Slots } from "../partition/slots.js";
import { FieldSet } from "./field-set.js";

/**
 * What stands at paths of the documents of one table. It has the fields that somebody has asked for: which indexes are declared differs
 * from one reader to the next, for declarations are data, and the table serves all of them.
 */
export class JsonFields implements SlotIndex {
  readonly fields: FieldSet;

  constructor(fields: FieldSet = new FieldSet()) {
    this.fields = fields;
  }

  get memoryBytes(): number {
    return this.fields.memoryBytes;
  }

  add(slot: number, _key: string, stored: Stored): void {
    this.fields.add(slot, rootOf(stored));
  }

  /** Views of the past find the document that was. */
  remove(): void {}

  save(): ImageParts {
    return this.fields.save();
  }
}

export const JSON_FIELDS: IndexKind<JsonFields> = {
  name: "json",
  primitive: "json",
  owns: () => true,
  accepts: () => true,
  create: () => new JsonFields(),
  load: (parts: ImageParts, slots: Slots) => new JsonFields(FieldSet.restored(parts, slots.length)),
};

/** The document in any slot of a partition. `undefined` where retention has dropped it: then nobody sees it any more. */
export function documentsOf({ table, slots }: Partition<JsonFields>): (slot: number) => Value | undefined {
  const found = new Found();
  return (slot) => {
    try {
      table.find(slots.keyOf(slot), slots.bornAt(slot), found);
    } catch (error) {
      if (StrataError.is(error, "HISTORY_TRIMMED")) return undefined;
      throw error;
    }
    return found.stored === undefined ? undefined : rootOf(found.stored);
  };
}
