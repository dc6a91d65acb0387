/** Search as one types: every word must be there; where it begins a part of the name it counts more. */

export interface Ranked<T> {
  item: T;
  score: number;
  /** Parts of the text that matched, in order, not overlapping. */
  marks: [number, number][];
}

const SEPARATORS = new Set([" ", ".", "_", "-", "/", ":"]);

function scoreOf(text: string, words: readonly string[]): { score: number; marks: [number, number][] } | undefined {
  const lower = text.toLowerCase();
  let score = 0;
  const marks: [number, number][] = [];
  for (const word of words) {
    let best = -1;
    let bestScore = 0;
    for (let at = lower.indexOf(word); at >= 0; at = lower.indexOf(word, at + 1)) {
      const begins = at === 0 || SEPARATORS.has(lower[at - 1] ?? "");
      const ends = at + word.length === lower.length || SEPARATORS.has(lower[at + word.length] ?? "");
      const found = 1 + (begins ? 4 : 0) + (ends ? 2 : 0) + (at === 0 ? 1 : 0);
      if (found > bestScore) {
        best = at;
        bestScore = found;
      }
    }
    if (best < 0) return undefined;
    score += bestScore * word.length;
    marks.push([best, best + word.length]);
  }
  marks.sort((a, b) => a[0] - b[0]);
  const apart: [number, number][] = [];
  for (const mark of marks) {
    const last = apart.at(-1);
    if (last && mark[0] < last[1]) last[1] = Math.max(last[1], mark[1]);
    else apart.push(mark);
  }
  return { score: score - text.length / 1000, marks: apart };
}

/** The best `limit` of `items`; without words the first ones as they are. Equal scores keep their order. */
export function rank<T>(items: readonly T[], query: string, textOf: (item: T) => string, limit: number): Ranked<T>[] {
  const words = query.toLowerCase().split(/\s+/).filter(Boolean);
  if (words.length === 0) return items.slice(0, limit).map((item) => ({ item, score: 0, marks: [] }));
  const found: Ranked<T>[] = [];
  for (const item of items) {
    const match = scoreOf(textOf(item), words);
    if (match) found.push({ item, ...match });
  }
  return found.sort((a, b) => b.score - a.score).slice(0, limit);
}
