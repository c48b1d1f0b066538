import { CharClass, charClassOf } from "./char-class.js";
import { ownCopy } from "./own-copy.js";
import { stem } from "./stem.js";
import { foldWord, visitRun, WORD_LENGTH_MAX, wordEnd } from "./tokenize.js";
import { EMPTY_HASH, hashByte, WordTable } from "./word-table.js";

/** Words whose terms are remembered. When there are more, they are forgotten. */
const FORMS_MAX = 1 << 17;
const SURFACES_MAX = 1 << 14;

/** For each ASCII letter and digit what it is folded to; 0 for what separates words. */
const FOLDED: Uint8Array = Uint8Array.from({ length: 128 }, (_, code) => {
  const char = String.fromCharCode(code).toLowerCase();
  return /[a-z0-9]/.test(char) ? char.charCodeAt(0) : 0;
});
const APOSTROPHE = 0x27;
const SMALL_A = 0x61;
const SMALL_S = 0x73;
/** The stemmer leaves shorter words as they are. */
const STEMMED_LENGTH_MIN = 3;

/**
 * Finds the terms of texts, the same that `tokenize` finds, without making a string of each: a word in ASCII is folded and hashed while it is
 * read, and of every form of a word it is remembered which term it stands for.
 */
export class TermScanner {
  /** Terms of what was scanned, in order, and the position of each. Valid until the next `begin`; other objects after `scan`. */
  terms: Int32Array = new Int32Array(256);
  positions: Int32Array = new Int32Array(256);
  count = 0;

  readonly #words: WordTable;
  readonly #withStems: boolean;
  #position = 0;
  /** Folded words in ASCII, and the term of each. */
  #forms = new WordTable();
  #formTerms: Int32Array = new Int32Array(1024);
  /** Words with other letters, as they are written; -1 where folding leaves nothing. */
  readonly #surfaces = new Map<string, number>();
  /** Tokens of runs in scripts without spaces. */
  readonly #pairs = new Map<string, number>();
  readonly #word = new Uint8Array(WORD_LENGTH_MAX);

  /** @param words the terms; what is scanned is added to them. */
  constructor(words: WordTable, withStems: boolean) {
    this.#words = words;
    this.#withStems = withStems;
  }

  get memoryBytes(): number {
    return this.#forms.memoryBytes + this.#formTerms.byteLength + this.terms.byteLength + this.positions.byteLength;
  }

  /** A new document. */
  begin(): void {
    this.count = 0;
    this.#position = 0;
  }

  /** What comes is at positions `gap` further on. */
  skip(gap: number): void {
    this.#position += gap;
  }

  scan(text: string): void {
    const length = text.length;
    const word = this.#word;
    let at = 0;
    while (at < length) {
      const code = text.charCodeAt(at);
      if (code >= 128) {
        at = this.#scanOther(text, at);
        continue;
      }
      let folded = FOLDED[code]!;
      if (folded === 0) {
        at++;
        continue;
      }
      const start = at;
      let hash = EMPTY_HASH;
      let size = 0;
      // Where the last apostrophe was, and the hash up to it.
      let cut = 0;
      let cutHash = 0;
      let isEnglish = true;
      let isOther = false;
      for (;;) {
        hash = hashByte(hash, folded);
        word[size++] = folded;
        if (folded < SMALL_A) isEnglish = false;
        if (++at === length) break;
        let next = text.charCodeAt(at);
        if (next === APOSTROPHE && at + 1 < length) {
          next = text.charCodeAt(at + 1);
          if (next >= 128) {
            isOther = charClassOf(text.codePointAt(at + 1)!) === CharClass.word;
            break;
          }
          folded = FOLDED[next]!;
          if (folded === 0) break;
          cut = size;
          cutHash = hash;
          at++;
        } else {
          if (next >= 128) {
            isOther = true;
            break;
          }
          folded = FOLDED[next]!;
          if (folded === 0) break;
        }
        if (at - start >= WORD_LENGTH_MAX) {
          isOther = true;
          break;
        }
      }
      if (isOther) {
        at = this.#scanSurface(text, start);
        continue;
      }
      if (cut !== 0 && size === cut + 1 && word[cut] === SMALL_S) {
        size = cut;
        hash = cutHash;
      }
      this.#push(
        isEnglish && this.#withStems && size >= STEMMED_LENGTH_MIN
          ? this.#termOfForm(size, hash)
          : this.#termOfWord(size, hash),
      );
    }
  }

  #push(term: number): void {
    const { count } = this;
    if (count === this.terms.length) {
      this.terms = doubled(this.terms);
      this.positions = doubled(this.positions);
    }
    this.terms[count] = term;
    this.positions[count] = this.#position++;
    this.count = count + 1;
  }

  /** The term of the word in `#word`, stemmed. */
  #termOfForm(size: number, hash: number): number {
    const known = this.#forms.find(this.#word, size, hash);
    if (known >= 0) return this.#formTerms[known]!;
    if (this.#forms.length === FORMS_MAX) this.#forms = new WordTable();
    const form = this.#forms.add(this.#word, size, hash);
    if (form >= this.#formTerms.length) this.#formTerms = doubled(this.#formTerms);
    const term = this.#words.idOrAdd(stem(this.#forms.wordOf(form)));
    this.#formTerms[form] = term;
    return term;
  }

  #termOfWord(size: number, hash: number): number {
    const known = this.#words.find(this.#word, size, hash);
    return known >= 0 ? known : this.#words.add(this.#word, size, hash);
  }

  /** What begins with something that is not ASCII. @returns where it ends */
  #scanOther(text: string, start: number): number {
    const codePoint = text.codePointAt(start)!;
    const kind = charClassOf(codePoint);
    if (kind === CharClass.word) return this.#scanSurface(text, start);
    if (kind === CharClass.unspaced) return visitRun(text, start, this.#visitor);
    return start + (codePoint > 0xffff ? 2 : 1);
  }

  readonly #visitor = (word: string): void => {
    let term = this.#pairs.get(word);
    if (term === undefined) {
      term = this.#words.idOrAdd(word);
      if (this.#pairs.size === SURFACES_MAX) this.#pairs.clear();
      this.#pairs.set(word, term);
    }
    this.#push(term);
  };

  #scanSurface(text: string, start: number): number {
    const end = wordEnd(text, start);
    // Longer ones are hardly seen again.
    const surface = end - start > WORD_LENGTH_MAX ? undefined : text.slice(start, end);
    let term = surface === undefined ? undefined : this.#surfaces.get(surface);
    if (term === undefined) {
      const word = foldWord(text, start, end);
      term = word === "" ? -1 : this.#words.idOrAdd(this.#withStems ? stem(word) : word);
      if (this.#surfaces.size === SURFACES_MAX) this.#surfaces.clear();
      if (surface !== undefined) this.#surfaces.set(ownCopy(surface), term);
    }
    if (term >= 0) this.#push(term);
    return end;
  }
}

function doubled(array: Int32Array): Int32Array {
  const larger = new Int32Array(array.length * 2);
  larger.set(array);
  return larger;
}
