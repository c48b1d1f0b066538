import { randomFrom } from "./random.mjs";

const VOCABULARY = 60_000;
const EXPONENT = 1.05;
const TOKENS = 80;
const SYLLABLES =
  "ba be bi bo bu da de di do du fa fe fi ga go ka ke ki ko la le li lo ma me mi mo na ne ni no pa pe po ra re ri ro sa se si so ta te ti to va ve vi vo".split(
    " ",
  );

/** What is searched for is among so many of the commonest words. */
const SEARCHED_WORDS = 5_000;
/** Nobody searches for "the". */
const STOP_WORDS = 100;

/**
 * Documents of about 80 words whose frequencies fall as in languages (Zipf).
 *
 * @returns `queries(terms, count)`: of words drawn evenly from the 5,000 commonest; `commonQueries`: of words as common as those in documents,
 *   so that most of them are among the few hundred commonest, the hundred commonest themselves left out.
 */
export function zipfDocuments(count, seed = 3) {
  const random = randomFrom(seed);
  const words = distinctWords(random);
  const cumulative = new Float64Array(VOCABULARY);
  let sum = 0;
  for (let rank = 0; rank < VOCABULARY; rank++) cumulative[rank] = sum += 1 / (rank + 1) ** EXPONENT;
  const rankOf = () => {
    const at = random() * sum;
    let low = 0;
    let high = VOCABULARY - 1;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (cumulative[middle] < at) low = middle + 1;
      else high = middle;
    }
    return low;
  };
  const documents = Array.from({ length: count }, () => {
    const length = TOKENS / 2 + Math.floor(random() * TOKENS);
    return Array.from({ length }, () => words[rankOf()]).join(" ");
  });
  const drawn = (term) => (terms, number) =>
    Array.from({ length: number }, () => Array.from({ length: terms }, term).join(" "));
  const commonTerm = () => {
    for (;;) {
      const rank = rankOf();
      if (rank >= STOP_WORDS) return words[rank];
    }
  };
  const queries = drawn(() => words[Math.floor(random() * SEARCHED_WORDS)]);
  return { documents, queries, commonQueries: drawn(commonTerm) };
}

function distinctWords(random) {
  const words = new Set();
  while (words.size < VOCABULARY) {
    const syllables = 2 + Math.floor(random() * 4);
    words.add(Array.from({ length: syllables }, () => SYLLABLES[Math.floor(random() * SYLLABLES.length)]).join(""));
  }
  return [...words];
}
