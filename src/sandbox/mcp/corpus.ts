/** One page of a built-in collection. */
export interface Page {
  url: string;
  title: string;
  /** Paragraphs, in reading order. */
  text: readonly string[];
}

export interface Hit {
  page: Page;
  /** The paragraph that fits best. */
  excerpt: string;
  score: number;
}

/** Words that say nothing about what is sought. */
const STOP = new Set(
  'a about an and are as at be by can do does for from how i in is it me my of on or that the this to what when where which who why will with you'.split(
    ' ',
  ),
);

/** Lower-case words without plural endings, so that "tokens" finds "token". */
function words(text: string): string[] {
  return (text.toLowerCase().match(/[a-z0-9]+/g) ?? [])
    .filter(word => !STOP.has(word))
    .map(word => (word.length > 3 ? word.replace(/(?<!s)s$/, '') : word));
}

/**
 * A search over a fixed collection: BM25 over the paragraphs (k1 = 1.2, b = 0.75), where a word of the title counts as
 * if it stood in each of them twice. The best paragraph speaks for its page.
 */
export class Corpus {
  readonly #pages: ReadonlyMap<string, Page>;
  readonly #paragraphs: { page: Page; text: string; words: string[] }[];
  readonly #frequency = new Map<string, number>();
  readonly #averageLength: number;

  constructor(pages: readonly Page[]) {
    this.#pages = new Map(pages.map(page => [page.url, page]));
    this.#paragraphs = pages.flatMap(page => {
      const title = words(page.title);
      return page.text.map(text => ({ page, text, words: [...title, ...title, ...words(text)] }));
    });
    for (const paragraph of this.#paragraphs)
      for (const word of new Set(paragraph.words)) this.#frequency.set(word, (this.#frequency.get(word) ?? 0) + 1);
    const total = this.#paragraphs.reduce((sum, paragraph) => sum + paragraph.words.length, 0);
    this.#averageLength = total / Math.max(1, this.#paragraphs.length);
  }

  page(url: string): Page | undefined {
    return this.#pages.get(url);
  }

  /** At most `limit` pages that share a word with the query, the best first. */
  search(query: string, limit: number): Hit[] {
    const sought = new Set(words(query));
    const best = new Map<string, Hit>();
    for (const paragraph of this.#paragraphs) {
      const score = this.#score(sought, paragraph.words);
      if (score <= (best.get(paragraph.page.url)?.score ?? 0)) continue;
      best.set(paragraph.page.url, { page: paragraph.page, excerpt: paragraph.text, score });
    }
    return [...best.values()].sort((a, b) => b.score - a.score).slice(0, limit);
  }

  #score(sought: ReadonlySet<string>, paragraph: readonly string[]): number {
    const count = this.#paragraphs.length;
    const length = 0.25 + (0.75 * paragraph.length) / this.#averageLength;
    let score = 0;
    for (const word of sought) {
      const times = paragraph.filter(other => other === word).length;
      if (times === 0) continue;
      const holders = this.#frequency.get(word) ?? 0;
      const rarity = Math.log(1 + (count - holders + 0.5) / (holders + 0.5));
      score += (rarity * times * 2.2) / (times + 1.2 * length);
    }
    return score;
  }
}
