import { inverseLength, type Metric, paddedDimension } from "./distance.js";

/** A vector made ready to be compared with rows. Made by `VectorRows.prepare`; serves every `VectorRows` of the same dimension and metric. */
export class Query {
  /** Padded with zeros to whole groups of four components; of length 1 for cosine. */
  readonly vector: Float32Array;

  constructor(vector: ArrayLike<number>, dimension: number, metric: Metric) {
    const padded = new Float32Array(paddedDimension(dimension));
    for (let i = 0; i < dimension; i++) padded[i] = vector[i]!;
    if (metric === "cosine") {
      const factor = inverseLength(padded, dimension);
      for (let i = 0; i < dimension; i++) padded[i]! *= factor;
    }
    this.vector = padded;
  }
}
