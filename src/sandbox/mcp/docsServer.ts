import * as v from 'valibot';
import { Corpus } from './corpus.ts';
import { docsPages } from './docsPages.ts';
import { failure, simulated, text, withArguments, type Tool } from './tools.ts';

const corpus = new Corpus(docsPages);

/** The tools of the target `microsoft`: names and arguments as the documentation server of the reference has them. */
export const docsTools: readonly Tool[] = [
  {
    name: 'microsoft_docs_search',
    title: 'Search the documentation',
    description: simulated(
      'Search the documentation about Microsoft Entra Agent ID, the on-behalf-of flow, workload identity, AgentGateway and port-forward. Returns the best excerpts with the title and the URL of their page.',
    ),
    inputSchema: {
      type: 'object',
      properties: { query: { type: 'string', description: 'A question or a topic, in a few words.' } },
      required: ['query'],
    },
    annotations: { readOnlyHint: true, destructiveHint: false, openWorldHint: false },
    run: withArguments(v.object({ query: v.pipe(v.string(), v.trim(), v.nonEmpty()) }), ({ query }) => {
      const results = corpus
        .search(query, 5)
        .map(({ page, excerpt }) => ({ title: page.title, content: excerpt, contentUrl: page.url }));
      return text(JSON.stringify({ results }, undefined, 2));
    }),
  },
  {
    name: 'microsoft_docs_fetch',
    title: 'Read a documentation page',
    description: simulated(
      'Fetch one whole documentation page as markdown, by a URL that the documentation search returned.',
    ),
    inputSchema: {
      type: 'object',
      properties: { url: { type: 'string', format: 'uri', description: 'URL of the documentation page.' } },
      required: ['url'],
    },
    annotations: { readOnlyHint: true, destructiveHint: false, openWorldHint: false },
    run: withArguments(v.object({ url: v.string() }), ({ url }) => {
      const page = corpus.page(url);
      if (!page) return failure(`There is no documentation page at ${url}.`);
      return text(`# ${page.title}\n\n${page.text.join('\n\n')}`);
    }),
  },
];
