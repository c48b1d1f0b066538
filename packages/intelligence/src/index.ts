export type { CommitRecord, DerivedIndex, Operation, Run } from "@strata/engine";
