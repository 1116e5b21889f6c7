import assert from 'node:assert/strict';
import { describe, it, type TestContext } from 'node:test';
import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { StreamableHTTPClientTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js';
import { ToolListChangedNotificationSchema } from '@modelcontextprotocol/sdk/types.js';
import { Corpus } from '../../src/sandbox/mcp/corpus.ts';
import { docsPages } from '../../src/sandbox/mcp/docsPages.ts';
import { startMcpServers, type RunningMcpServers } from '../../src/sandbox/mcp/servers.ts';
import { webPages } from '../../src/sandbox/mcp/webPages.ts';

async function servers(t: TestContext, options = {}): Promise<RunningMcpServers> {
  const running = await startMcpServers(options);
  t.after(() => running.close());
  return running;
}

async function connect(t: TestContext, url: string): Promise<Client> {
  const client = new Client({ name: 'test', version: '1' });
  await client.connect(new StreamableHTTPClientTransport(new URL(url)));
  t.after(() => client.close());
  return client;
}

interface Result {
  text: string;
  isError: boolean;
  structured: unknown;
}

async function call(client: Client, name: string, args: Record<string, unknown> = {}): Promise<Result> {
  const result = await client.callTool({ name, arguments: args });
  const [first] = result.content as { type: string; text: string }[];
  return { text: first?.text ?? '', isError: result.isError === true, structured: result.structuredContent };
}

describe("the sandbox's MCP servers, seen by the SDK's client", () => {
  it('stand at the paths of the reference and say what they are', async t => {
    const running = await servers(t);
    assert.deepEqual(
      running.direct.map(({ name, url }) => [name, new URL(url).pathname]),
      [
        ['microsoft', '/api/mcp'],
        ['exa-ai', '/mcp'],
        ['toolbox', '/mcp'],
      ],
    );
    for (const { name, url } of running.direct) {
      const client = await connect(t, url);
      assert.equal(client.getServerVersion()?.name, name);
      assert.match(client.getInstructions() ?? '', /^Simulated /);
      const { tools } = await client.listTools();
      for (const tool of tools) {
        assert.match(tool.description ?? '', /Simulated: this server is a part of the Agent ID sandbox/, tool.name);
        assert.equal(tool.inputSchema.type, 'object');
        assert.equal('run' in tool, false);
      }
    }
  });

  it('search the documentation, and fetch a page that the search found', async t => {
    const client = await connect(t, (await servers(t)).microsoft.url);
    const found = JSON.parse(
      (await call(client, 'microsoft_docs_search', { query: 'on-behalf-of tokens T1' })).text,
    ) as {
      results: { title: string; content: string; contentUrl: string }[];
    };
    const [best] = found.results;
    assert.equal(best?.title, 'The on-behalf-of flow for agents');
    assert.match(best.content, /T1/);
    const page = await call(client, 'microsoft_docs_fetch', { url: best.contentUrl });
    assert.match(page.text, /^# The on-behalf-of flow for agents\n\n/);
    assert.ok(page.text.includes(best.content));
    const absent = await call(client, 'microsoft_docs_fetch', { url: 'https://nowhere.example/' });
    assert.deepEqual(
      [absent.isError, absent.text],
      [true, 'There is no documentation page at https://nowhere.example/.'],
    );
    assert.deepEqual(JSON.parse((await call(client, 'microsoft_docs_search', { query: 'zzzz' })).text), {
      results: [],
    });
  });

  it('search the web with a limit, and crawl a page of it', async t => {
    const client = await connect(t, (await servers(t)).exa.url);
    const found = await call(client, 'web_search_exa', { query: 'gateway in front of MCP servers', numResults: 2 });
    assert.deepEqual(found.text.match(/^Title: /gm)?.length, 2);
    assert.match(found.text, /^Title: Put a gateway in front of your MCP servers\nURL: (\S+)\nText: /);
    const url = /URL: (\S+)/.exec(found.text)?.[1];
    assert.equal((await call(client, 'crawling_exa', { url, maxCharacters: 10 })).text, '# Put a ga');
    assert.equal((await call(client, 'crawling_exa', { url: 'https://example.com' })).isError, true);
  });

  it('answer arguments that do not fit with an error that names them', async t => {
    const running = await servers(t);
    const client = await connect(t, running.exa.url);
    const bad = await call(client, 'web_search_exa', { query: 'x', numResults: 99 });
    assert.equal(bad.isError, true);
    assert.match(bad.text, /^Invalid arguments: numResults: /);
    assert.match((await call(client, 'crawling_exa')).text, /^Invalid arguments: url: /);
    await assert.rejects(client.callTool({ name: 'nope', arguments: {} }), /Tool nope not found/);
  });

  it('offer a toolbox: numbers, text, time, progress, failure and structure', async t => {
    const clock = { now: () => Date.UTC(2030, 0, 2, 3, 4, 5) };
    const client = await connect(t, (await servers(t, { clock })).toolbox.url);
    await client.listTools(); // so that the client checks structured content against its schema
    assert.equal((await call(client, 'add', { a: 2, b: 40 })).text, '42');
    assert.equal((await call(client, 'echo', { text: ' as it came ' })).text, ' as it came ');
    assert.match((await call(client, 'current_time')).text, /2 January 2030 at 03:04:05 UTC$/);
    assert.match((await call(client, 'current_time', { timeZone: 'Europe/Berlin' })).text, /04:04:05/);
    assert.equal((await call(client, 'current_time', { timeZone: 'Mars/Base' })).isError, true);
    assert.deepEqual(await call(client, 'always_fails'), {
      text: 'This tool fails on purpose.',
      isError: true,
      structured: undefined,
    });
    assert.deepEqual((await call(client, 'word_count', { text: 'one two' })).structured, { words: 2, characters: 7 });
    const seen: unknown[] = [];
    const request = { name: 'slow_count', arguments: { steps: 3, stepMilliseconds: 1 } };
    await client.callTool(request, undefined, {
      onprogress: ({ progress, total }) => void seen.push([progress, total]),
    });
    assert.deepEqual(seen, [
      [1, 3],
      [2, 3],
      [3, 3],
    ]);
  });

  it('stop a slow tool when it is cancelled', async t => {
    const client = await connect(t, (await servers(t)).toolbox.url);
    const abort = new AbortController();
    const request = { name: 'slow_count', arguments: { steps: 100, stepMilliseconds: 50 } };
    const calling = client.callTool(request, undefined, { signal: abort.signal, onprogress: () => abort.abort() });
    await assert.rejects(calling, /abort/i);
    assert.equal((await call(client, 'add', { a: 1, b: 1 })).text, '2');
  });

  it('can go down, forget their sessions, and gain a tool that clients hear of', async t => {
    const running = await servers(t);
    const client = await connect(t, running.microsoft.url);
    const { promise: heard, resolve } = Promise.withResolvers<void>();
    client.setNotificationHandler(ToolListChangedNotificationSchema, () => resolve());
    // The SDK opens its stream of notifications after connecting; the change must not come before it.
    await t.waitFor(() => assert.ok((running.panel.read().microsoft?.requests ?? 0) >= 3));
    running.panel.apply({ server: 'microsoft', extraTool: true });
    await heard;
    assert.equal((await client.listTools()).tools.at(-1)?.name, 'extra_tool');
    running.panel.apply({ server: 'microsoft', down: true });
    await assert.rejects(client.listTools(), /503|no healthy upstream/);
    assert.equal((await (await connect(t, running.toolbox.url)).listTools()).tools.length, 6);
    running.panel.reset();
    assert.equal((await client.listTools()).tools.length, 2);
    running.panel.apply({ server: 'microsoft', dropSessions: true });
    await assert.rejects(client.listTools(), /404|Session not found/);
    assert.throws(() => running.panel.apply({ server: 'other' }));
    assert.throws(() => running.panel.apply({ server: 'toolbox', what: 1 }));
  });

  it('notice who sends them a token', async t => {
    const running = await servers(t);
    await fetch(running.toolbox.url, { headers: { authorization: 'Bearer x' } });
    await fetch(running.toolbox.url);
    const { requests, authorized } = running.panel.read().toolbox ?? {};
    assert.deepEqual([requests, authorized], [2, 1]);
  });
});

describe('the built-in collections', () => {
  const first = (pages: typeof docsPages, query: string) => new Corpus(pages).search(query, 1)[0]?.page.title;

  it('rank what a question is about first', () => {
    assert.equal(first(docsPages, 'what is an agent identity blueprint'), 'Agent identity blueprints');
    assert.equal(first(docsPages, 'facet 11 xms_act_fct'), 'Token claims of agents');
    assert.equal(first(docsPages, 'port-forward'), 'Port-forward in Kubernetes');
    assert.equal(
      first(docsPages, 'workload identity federation secrets'),
      'Workload identity federation on Kubernetes',
    );
    assert.equal(first(webPages, 'why are client secrets bad'), 'We deleted the last client secret from our cluster');
    assert.equal(first(webPages, 'zero tools'), 'Question: connected to the MCP gateway, but it lists zero tools');
    assert.equal(first(webPages, 'the of and'), undefined);
  });

  it('have one page for each address', () => {
    for (const pages of [docsPages, webPages]) assert.equal(new Set(pages.map(({ url }) => url)).size, pages.length);
  });
});
