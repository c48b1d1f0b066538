/** The first request asks for so much more than is wanted: some of what is nearest may not be accepted. */
const MARGIN = 16;

/**
 * The first `limit` of a ranking that are accepted, looking as far down as it takes.
 *
 * @param best the first `count` of the ranking, or all of it where it is shorter.
 */
export function mostAccepted<T>(
  limit: number,
  best: (count: number) => readonly T[],
  accepts: (one: T) => boolean,
): T[] {
  const accepted: T[] = [];
  let seen = 0;
  for (let count = limit + MARGIN; ; count *= 2) {
    const ranking = best(count);
    for (; seen < ranking.length && accepted.length < limit; seen++) {
      const one = ranking[seen] as T;
      if (accepts(one)) accepted.push(one);
    }
    if (accepted.length === limit || ranking.length < count) return accepted;
  }
}
