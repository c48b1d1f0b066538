import { createHash } from "node:crypto";

const DIMENSION = 256;
/** Places of a word's own signature that are not zero. */
const SIGNATURE_PLACES = 8;
/** Words to the left and right that count as neighbours. */
const REACH = 5;
const WORD = /[\p{L}\p{N}]+/gu;
/** Words that stand in more than this part of all texts tell nothing about their neighbours. */
const COMMON = 0.25;
/** Words that were seen less often have met too few others. */
const RARE = 3;

/**
 * Makes vectors of texts by which words stand near which: every word has a signature made of its letters by chance, the vector of a word is
 * the sum of its neighbours' signatures over the texts it learns from, and the vector of a text is the sum of its words' (random indexing; Sahlgren, "An Introduction
 * to Random Indexing", 2005). That is no language model: it knows no grammar, and no word that is not in these texts. The same texts give
 * the same vectors.
 *
 * @param texts what it learns from.
 * @returns what `Strata.open` takes as `embed`.
 */
export function neighbourEmbedder(texts, targets) {
  const learned = learn(texts);
  const digest = createHash("sha256").update(texts.join("\0")).digest("hex").slice(0, 12);
  return {
    // Vectors that were learned from other texts are not comparable.
    model: `tour-neighbours-1-${digest}`,
    dimension: DIMENSION,
    run: (given) => given.map((text) => vectorOf(text, learned)),
    targets,
  };
}

/** The weight and the vector of every word that tells something. */
function learn(texts) {
  const tokens = texts.map(wordsOf);
  const seen = new Map();
  const textsWith = new Map();
  for (const words of tokens) {
    for (const word of words) seen.set(word, (seen.get(word) ?? 0) + 1);
    for (const word of new Set(words)) textsWith.set(word, (textsWith.get(word) ?? 0) + 1);
  }
  const known = new Map();
  for (const [word, count] of textsWith) {
    if (count > COMMON * texts.length || seen.get(word) < RARE) continue;
    const weight = Math.log(texts.length / count);
    known.set(word, { weight, signature: signatureOf(word, weight), vector: new Float32Array(DIMENSION) });
  }
  for (const words of tokens) {
    const met = words.map((word) => known.get(word));
    for (const [at, word] of met.entries()) {
      if (word === undefined) continue;
      const last = Math.min(met.length - 1, at + REACH);
      // A word is its own neighbour too.
      for (let near = Math.max(0, at - REACH); near <= last; near++) {
        if (met[near] !== undefined) add(word.vector, met[near].signature);
      }
    }
  }
  for (const { vector } of known.values()) normalise(vector);
  // What all words have in common tells none of them apart.
  const mean = new Float32Array(DIMENSION);
  for (const { vector } of known.values()) addTimes(mean, vector, 1 / known.size);
  for (const { vector } of known.values()) addTimes(vector, mean, -1);
  return known;
}

function vectorOf(text, known) {
  const counts = new Map();
  for (const word of wordsOf(text)) counts.set(word, (counts.get(word) ?? 0) + 1);
  const sum = new Float32Array(DIMENSION);
  for (const [word, count] of counts) {
    const learned = known.get(word);
    if (learned !== undefined) addTimes(sum, learned.vector, learned.weight * (1 + Math.log(count)));
  }
  return normalise(sum);
}

/** Without the endings that English words take on. */
function wordsOf(text) {
  return (text.toLowerCase().match(WORD) ?? []).map((word) =>
    word.length > 4 ? word.replace(/(?:ing|ed|es|s)$/, "") : word,
  );
}

/** Places and what is to be added there, by turns. */
function signatureOf(word, weight) {
  const bytes = createHash("sha256").update(word).digest();
  const signature = new Float32Array(2 * SIGNATURE_PLACES);
  for (let at = 0; at < SIGNATURE_PLACES; at++) {
    signature[2 * at] = bytes[at];
    signature[2 * at + 1] = bytes[at + SIGNATURE_PLACES] & 1 ? weight : -weight;
  }
  return signature;
}

function add(vector, signature) {
  for (let at = 0; at < signature.length; at += 2) vector[signature[at]] += signature[at + 1];
}

function addTimes(vector, other, factor) {
  for (let at = 0; at < DIMENSION; at++) vector[at] += factor * other[at];
}

function normalise(vector) {
  let sum = 0;
  for (const component of vector) sum += component * component;
  if (sum > 0) for (let at = 0; at < DIMENSION; at++) vector[at] /= Math.sqrt(sum);
  return vector;
}
