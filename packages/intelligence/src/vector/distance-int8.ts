import { dotProduct, limited, type Metric, paddedDimension, proximityLimit } from "./distance.js";

const round = Math.fround;

/** Codes of rows reach so far to both sides of 0, those of queries half as far: kernels take seven bits of them (`kernel/int8.ts`). */
const ROW_CODE_MAX = 127;
const QUERY_CODE_MAX = 63;

/** Bytes of a row in codes: its dimension rounded up to whole groups of sixteen, the rest zeros. */
export function codeBytes(dimension: number): number {
  return (dimension + 15) & ~15;
}

/** 32-bit words that go with the codes of a row. */
export const MARK_WORDS = 4;
/** 32-bit floats that go with the codes of a query: eight for estimates, eight for bounds. */
export const TERM_COUNT = 8;
export const TERMS_BYTES: number = 4 * TERM_COUNT;

/** Lengths of vectors between which bounds hold: beyond, 32-bit floats overflow, or lose their digits, in sums of squares. */
const LENGTH_MIN = 1e-10;
const LENGTH_MAX = 1e16;

/** The codes of a row and its marks, bit for bit as `kernel/encode.ts` writes them; overwritten by the next row. */
export class RowCoder {
  readonly codes: Int8Array;
  /** Words of 32 bits: floats, but for the second. To be copied as integers, as some of those are no numbers as floats. */
  readonly marks: Int32Array = new Int32Array(MARK_WORDS);
  readonly #floats = new Float32Array(this.marks.buffer);
  readonly #differences: Float32Array;
  readonly #isEuclidean: boolean;
  readonly #margin: number;

  constructor(dimension: number, metric: Metric) {
    this.codes = new Int8Array(codeBytes(dimension));
    this.#differences = new Float32Array(paddedDimension(dimension));
    this.#isEuclidean = metric === "euclidean";
    this.#margin = lengthMargin(dimension);
  }

  encode(row: Float32Array): void {
    const differences = this.#differences;
    const stride = differences.length;
    let most = 0;
    for (let i = 0; i < stride; i++) most = Math.max(most, Math.abs(row[i]!));
    const length = round(Math.sqrt(dotProduct(row, 0, row, 0, stride)));
    const scale = round(most / ROW_CODE_MAX);
    const inverse = scale > SCALE_MIN ? round(1 / scale) : 0;
    let sum = 0;
    let squares = 0;
    for (let i = 0; i < stride; i++) {
      const code = Math.max(-ROW_CODE_MAX, Math.min(ROW_CODE_MAX, nearest(round(row[i]! * inverse))));
      this.codes[i] = code;
      sum += code;
      squares += code * code;
      differences[i] = row[i]! - round(scale * code);
    }
    const error = round(Math.sqrt(dotProduct(differences, 0, differences, 0, stride)));
    this.#floats[0] = scale;
    this.marks[1] = sum;
    this.#floats[2] = round(error * this.#margin) + round(length * ROUNDING);
    this.#floats[3] = this.#isEuclidean ? round(scale * scale) * round(squares) : length * this.#margin;
  }
}

/** Below, the inverse of a scale may be infinite. */
const SCALE_MIN = round(1e-30);
/** More than a difference between a component and its code is wrong by, of the component. */
const ROUNDING = 2 ** -20;

/** To the nearest integer, ties to even, as floats are rounded: there is no room for halves in what is added. */
function nearest(value: number): number {
  return round(value + HALVES_LOST) - HALVES_LOST;
}
const HALVES_LOST = 1.5 * 2 ** 23;

/** A 32-bit float above 1 by more than the relative error of a length, summed up in 32-bit floats. */
export function lengthMargin(dimension: number): number {
  return round(1 + (dimension / 8 + 32) * 2 ** -23);
}

/** Whether bounds hold for a vector of this length. */
export function isBounded(length: number): boolean {
  return length === 0 || (length > LENGTH_MIN && length < LENGTH_MAX);
}

/** A query in codes. */
export interface CodedQuery {
  readonly codes: Int8Array;
  /** Of estimates, then of bounds; `kernel/int8.ts` says what is what. */
  readonly terms: Float32Array;
  /** Whether bounds hold for this query. */
  readonly isBounded: boolean;
}

/**
 * Terms of bounds make up for what codes leave out: by the triangle inequality no row is nearer than its codes, its error and the query's error allow. They
 * make up for the rounding of both kernels too: `slack` is above the relative error of a sum in 32-bit floats.
 */
export function codeQuery(vector: Float32Array, dimension: number, metric: Metric): CodedQuery {
  const codes = new Int8Array(codeBytes(dimension));
  const { scale, sumOfSquares, length, error } = encode(vector, codes);
  const codedLength = scale * Math.sqrt(sumOfSquares);
  const slack = (dimension / 8 + 32) * 2 ** -23;
  const limit = proximityLimit(metric);
  const terms = new Float32Array(2 * TERM_COUNT);
  if (metric === "euclidean") {
    const square = codedLength * codedLength;
    terms.set([2 * scale, 0, 0, limit, square, 1]);
    terms.set([2 * scale, 1, roundedUp(error), limit, square, 1 - 2 ** -19 - 4 * slack], TERM_COUNT);
  } else {
    terms.set([scale, 0, 0, limit]);
    terms.set([scale, roundedUp(codedLength), roundedUp(error + length * slack), limit], TERM_COUNT);
  }
  return { codes, terms, isBounded: isBounded(length) };
}

/** Terms of estimates when a row is the query, from its marks: into `terms` from `term`. */
export function writeRowTerms(
  marks: Float32Array,
  at: number,
  isEuclidean: boolean,
  limit: number,
  terms: Float32Array,
  term: number,
): void {
  terms[term] = isEuclidean ? 2 * marks[at]! : marks[at]!;
  terms[term + 1] = 0;
  terms[term + 2] = 0;
  terms[term + 3] = limit;
  terms[term + 4] = marks[at + 3]!;
  terms[term + 5] = 1;
}

/** Sum of products of `length` codes, those of `b` from `start`: an integer. */
export function codeProduct(a: Int8Array, b: Int8Array, start: number, length: number): number {
  let sum = 0;
  for (let i = 0; i < length; i++) sum += a[i]! * b[start + i]!;
  return sum;
}

/** A proximity from a sum of products of codes, as `kernel/int8.ts` computes it, bit for bit. */
export function codedProximity(
  product: number,
  marks: Float32Array,
  at: number,
  terms: Float32Array,
  term: number,
  isEuclidean: boolean,
): number {
  const scaled = round(round(round(product) * marks[at]!) * terms[term]!);
  const errorTerm = round(marks[at + 2]! * terms[term + 1]!);
  const length = marks[at + 3]!;
  let value: number;
  if (isEuclidean) {
    const squares = round(round(terms[term + 4]! + length) * terms[term + 5]!);
    const distance = round(Math.sqrt(positive(round(squares - scaled))));
    const least = positive(round(distance - round(errorTerm + terms[term + 2]!)));
    value = -round(least * least);
  } else {
    value = round(scaled + round(errorTerm + round(length * terms[term + 2]!)));
  }
  return limited(value, terms[term + 3]!);
}

/** What codes say of a query, and what they do not. */
interface Coding {
  readonly scale: number;
  /** Of the codes. */
  readonly sumOfSquares: number;
  /** Of the query itself. */
  readonly length: number;
  /** Length of the difference between the query and what its codes stand for. */
  readonly error: number;
}

function encode(vector: Float32Array, codes: Int8Array): Coding {
  let most = 0;
  for (let i = 0; i < vector.length; i++) most = Math.max(most, Math.abs(vector[i]!));
  const scale = round(most / QUERY_CODE_MAX);
  const inverse = scale > SCALE_MIN ? 1 / scale : 0;
  let sumOfSquares = 0;
  let squares = 0;
  let errors = 0;
  for (let i = 0; i < vector.length; i++) {
    const component = vector[i]!;
    const code = Math.max(-QUERY_CODE_MAX, Math.min(QUERY_CODE_MAX, Math.round(component * inverse)));
    const difference = component - scale * code;
    codes[i] = code;
    sumOfSquares += code * code;
    squares += component * component;
    errors += difference * difference;
  }
  return { scale, sumOfSquares, length: Math.sqrt(squares), error: Math.sqrt(errors) };
}

/** 0 for what is not a number, too. */
function positive(value: number): number {
  if (value > 0) return value;
  return 0;
}

/** To a 32-bit float that is not less. */
function roundedUp(value: number): number {
  return round(value * (1 + 2 ** -20));
}
