import * as v from 'valibot';
import { Corpus } from './corpus.ts';
import { failure, simulated, text, withArguments, type Tool } from './tools.ts';
import { webPages } from './webPages.ts';

const corpus = new Corpus(webPages);

/** The tools of the target `exa-ai`: names and arguments as the web search of the reference has them. */
export const webTools: readonly Tool[] = [
  {
    name: 'web_search_exa',
    title: 'Search the web',
    description: simulated(
      'Search the web for posts, questions and news, for example about agents, identity, tokens and gateways. Returns the title, the URL and the text of the best pages.',
    ),
    inputSchema: {
      type: 'object',
      properties: {
        query: { type: 'string', description: 'What to look for on the web.' },
        numResults: { type: 'integer', description: 'How many pages to return.', minimum: 1, maximum: 10, default: 3 },
      },
      required: ['query'],
    },
    annotations: { readOnlyHint: true, destructiveHint: false, openWorldHint: true },
    run: withArguments(
      v.object({
        query: v.pipe(v.string(), v.trim(), v.nonEmpty()),
        numResults: v.optional(v.pipe(v.number(), v.integer(), v.minValue(1), v.maxValue(10)), 3),
      }),
      ({ query, numResults }) => {
        const hits = corpus.search(query, numResults);
        if (hits.length === 0) return text('No page was found.');
        return text(
          hits.map(({ page, excerpt }) => `Title: ${page.title}\nURL: ${page.url}\nText: ${excerpt}`).join('\n\n'),
        );
      },
    ),
  },
  {
    name: 'crawling_exa',
    title: 'Read a web page',
    description: simulated('Fetch the whole text of any web page by its URL.'),
    inputSchema: {
      type: 'object',
      properties: {
        url: { type: 'string', format: 'uri', description: 'URL of the page to crawl.' },
        maxCharacters: { type: 'integer', description: 'Cut the text after so many characters.', minimum: 1 },
      },
      required: ['url'],
    },
    annotations: { readOnlyHint: true, destructiveHint: false, openWorldHint: true },
    run: withArguments(
      v.object({ url: v.string(), maxCharacters: v.optional(v.pipe(v.number(), v.integer(), v.minValue(1))) }),
      ({ url, maxCharacters }) => {
        const page = corpus.page(url);
        if (!page) return failure(`The page ${url} could not be fetched.`);
        return text(`# ${page.title}\n\n${page.text.join('\n\n')}`.slice(0, maxCharacters));
      },
    ),
  },
];
