import { gaussianFrom, randomFrom } from "./random.mjs";

const CLUSTERS = 200;
const DIRECTIONS = 32;
const NOISE = 0.1;

/**
 * Vectors as embeddings are: 200 clusters, each spread along 32 directions of its own, and some noise. The queries are from the same clusters.
 *
 * @returns {{ vectors: Float32Array[], queries: Float32Array[] }}
 */
export function clustered(count, dimension, queries, seed = 1) {
  const random = randomFrom(seed);
  const gaussian = gaussianFrom(random);
  const vector = (scale) => Float32Array.from({ length: dimension }, () => gaussian() * scale);
  const clusters = Array.from({ length: CLUSTERS }, () => ({
    centre: vector(1),
    directions: Array.from({ length: DIRECTIONS }, () => vector(1 / Math.sqrt(DIRECTIONS))),
  }));
  const draw = () => {
    const { centre, directions } = clusters[Math.floor(random() * CLUSTERS)];
    const drawn = Float32Array.from(centre);
    for (const direction of directions) {
      const by = gaussian() * 0.5;
      for (let i = 0; i < dimension; i++) drawn[i] += by * direction[i];
    }
    for (let i = 0; i < dimension; i++) drawn[i] += gaussian() * NOISE;
    return drawn;
  };
  return { vectors: Array.from({ length: count }, draw), queries: Array.from({ length: queries }, draw) };
}

/** Vectors without any structure: the worst case of every graph. */
export function uniform(count, dimension, queries, seed = 2) {
  const gaussian = gaussianFrom(randomFrom(seed));
  const draw = () => Float32Array.from({ length: dimension }, gaussian);
  return { vectors: Array.from({ length: count }, draw), queries: Array.from({ length: queries }, draw) };
}

/** The k nearest by cosine, the nearest first, by looking at all: what recall is judged by. */
export function nearest(vectors, query, k) {
  vectors.norms ??= vectors.map(normOf);
  const { norms } = vectors;
  const norm = normOf(query);
  const scores = vectors.map((vector, index) => [index, dot(vector, query) / (norms[index] * norm)]);
  scores.sort((a, b) => b[1] - a[1] || a[0] - b[0]);
  return scores.slice(0, k).map(([index]) => index);
}

function normOf(vector) {
  return Math.sqrt(dot(vector, vector));
}

function dot(a, b) {
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += a[i] * b[i];
  return sum;
}
