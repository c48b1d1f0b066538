import { inverseLength, type Metric, paddedDimension } from "./distance.js";
import { type CodedQuery, codeQuery } from "./distance-int8.js";

/** A vector made ready to be compared with rows. Made by `VectorRows.prepare`; serves all `VectorRows` of the same dimension and metric. */
export class Query {
  readonly dimension: number;
  readonly metric: Metric;
  /** Padded with zeros to whole groups of four components; of length 1 for cosine. */
  readonly vector: Float32Array;
  #coded: CodedQuery | undefined = undefined;

  private constructor(vector: Float32Array, dimension: number, metric: Metric) {
    this.vector = vector;
    this.dimension = dimension;
    this.metric = metric;
  }

  static of(vector: ArrayLike<number>, dimension: number, metric: Metric): Query {
    const padded = new Float32Array(paddedDimension(dimension));
    for (let i = 0; i < dimension; i++) padded[i] = vector[i]!;
    if (metric === "cosine") {
      const factor = inverseLength(padded);
      for (let i = 0; i < dimension; i++) padded[i]! *= factor;
    }
    return new Query(padded, dimension, metric);
  }

  /** @param row padded, of length 1 for cosine: it is kept. */
  static ofRow(row: Float32Array, dimension: number, metric: Metric): Query {
    return new Query(row, dimension, metric);
  }

  /** The vector in codes, made when it is first asked for. */
  get coded(): CodedQuery {
    this.#coded ??= codeQuery(this.vector, this.dimension, this.metric);
    return this.#coded;
  }
}
