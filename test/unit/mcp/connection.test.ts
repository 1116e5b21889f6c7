import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { AgentIdError, isCancellation } from '../../../src/base/errors.ts';
import type { Fetch } from '../../../src/base/fetch.ts';
import { silentLogger } from '../../../src/base/logger.ts';
import { McpConnection } from '../../../src/mcp/connection.ts';
import { startServer } from '../gateway/server.ts';
import { fakeMcp, sse, tool } from './fakeServer.ts';
import { callFailure, closers, connection, eventually, failure, live } from './support.ts';

describe('an MCP connection', () => {
  it('connects, lists over pages and calls', async () => {
    const pages = [
      { tools: [tool('a', { annotations: { readOnlyHint: true, title: 'A' } }), { name: 7 }], nextCursor: '1' },
      { tools: [tool('b', { title: 'Bee' }), tool('a')], nextCursor: '2' },
      // Would go round for ever; and says something to the model that a person does not see.
      { tools: [tool('c', { inputSchema: 'none', description: 'plain\u{E0068}\u{E0069}\u202E' })], nextCursor: '2' },
    ];
    const { mcp } = await connection('gateway', {
      'tools/list': (rpc, _request, response) => {
        const page = pages[Number(rpc.params['cursor'] ?? 0)];
        sse(response, { id: rpc.id, result: page });
      },
    });
    await mcp.connect(live());
    assert.deepEqual(mcp.info, { name: 'fake', version: '1.2.3', protocolVersion: '2025-11-25' });
    const tools = await mcp.listTools(live());
    assert.deepEqual(
      tools.map(({ name, title, annotations, inputSchema }) => [name, title, annotations, inputSchema]),
      [
        ['a', 'A', { readOnlyHint: true }, { type: 'object' }],
        ['b', 'Bee', undefined, { type: 'object' }],
        ['c', undefined, undefined, { type: 'object' }],
      ],
    );
    assert.equal(tools[2]!.description, 'plain');
    const result = await mcp.callTool('echo', { x: 1 }, { signal: live() });
    assert.deepEqual(result, { text: '{"x":1}', isError: false, content: [{ type: 'text', text: '{"x":1}' }] });
  });

  it('sends a fresh bearer and the traceparent with each request, and the session id after the first', async () => {
    const { fake, mcp } = await connection('gateway');
    await mcp.connect(live());
    const traceparent = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01';
    await mcp.callTool('echo', {}, { signal: live(), traceparent });
    await eventually(() => fake.listeners.size === 1, 'the stream to listen on');
    const bearers = fake.requests.map(({ headers }) => headers.authorization);
    assert.ok(bearers.every(bearer => bearer?.startsWith('Bearer token-')));
    assert.equal(new Set(bearers).size, bearers.length);
    const call = fake.requests.find(({ body }) => body.includes('tools/call'))!;
    assert.equal(call.headers.traceparent, traceparent);
    assert.equal(call.headers['mcp-session-id'], 'S1');
    assert.equal(call.headers['mcp-protocol-version'], '2025-11-25');
    assert.equal(fake.requests[0]!.headers.traceparent, undefined);
  });

  it('never gives a token to a direct server', async () => {
    const { fake, mcp, tokens } = await connection('direct');
    await mcp.connect(live());
    await mcp.callTool('echo', {}, { signal: live() });
    await mcp.close();
    assert.deepEqual(tokens, []);
    assert.ok(fake.requests.length > 3);
    assert.ok(fake.requests.every(({ headers }) => headers.authorization === undefined));
    assert.deepEqual(fake.requests.at(-1)!.method, 'DELETE');
  });

  it('never takes a token to another origin', async () => {
    const other = await fakeMcp();
    closers.push(other.close);
    const { mcp } = await connection('gateway', {
      initialize: (_rpc, _request, response) => void response.writeHead(307, { location: other.url }).end(),
    });
    const error = await failure(mcp.connect(live()));
    assert.equal(error.code, 'mcp.redirected');
    assert.equal(other.requests.length, 0);
  });

  it('fails closed when there is no token', async () => {
    const fake = await fakeMcp();
    closers.push(fake.close);
    const mcp = new McpConnection(
      { id: 'x', label: 'Server', kind: 'gateway', url: fake.url },
      {
        fetch,
        token: async () => Promise.reject(new AgentIdError('token.wrongAgent')),
        logger: silentLogger,
        clientVersion: '0',
      },
    );
    assert.equal((await failure(mcp.connect(live()))).code, 'token.wrongAgent');
    assert.equal(fake.requests.length, 0);
  });

  it('passes on a failure that the tool reports, every kind of content, and structured content', async () => {
    const results = [
      { isError: true, content: [{ type: 'text', text: 'no such file' }] },
      {
        content: [
          { type: 'image', mimeType: 'image/png', data: 'A'.repeat(4096) },
          { type: 'resource_link', uri: 'file:///x', name: 'x' },
          { type: 'resource', resource: { uri: 'u', text: 'inside' } },
          { type: 'resource', resource: { uri: 'u', blob: 'AA==' } },
          { type: 'hologram' },
        ],
      },
      { content: [], structuredContent: { answer: 42 } },
      { structuredContent: { only: true } },
      { content: [{ type: 'text', text: 'x'.repeat(300_000) }] },
    ];
    const { mcp } = await connection('direct', {
      'tools/call': (rpc, _request, response) => {
        sse(response, { id: rpc.id, result: results[Number((rpc.params['arguments'] as { n: number }).n)] });
      },
    });
    await mcp.connect(live());
    const call = (n: number) => mcp.callTool('echo', { n }, { signal: live() });
    assert.deepEqual(await call(0), { text: 'no such file', isError: true, content: results[0]!.content });
    assert.equal(
      (await call(1)).text,
      '[image image/png, 3 KiB]\n[resource x file:///x]\ninside\n[resource u]\n[content of an unknown kind]',
    );
    assert.deepEqual((await call(2)).structured, { answer: 42 });
    assert.equal((await call(3)).text, '{"only":true}');
    const { text } = await call(4);
    assert.ok(text.length < 265_000);
    assert.match(text, /\[cut here: 300000 characters in all\]$/);
  });

  it('shows the model nothing that a person can not see, in no part of a tool', async () => {
    const hidden = '\u{E0049}\u{E0067}\u200B\u202E';
    const { mcp } = await connection('direct', {
      'tools/list': (rpc, _request, response) => {
        const parameter = { type: 'string', description: `what${hidden} to find` };
        const inputSchema = { type: 'object', properties: { query: parameter }, description: hidden };
        const found = tool('search', { title: `S${hidden}`, description: `Finds${hidden}.`, inputSchema });
        sse(response, { id: rpc.id, result: { tools: [found] } });
      },
    });
    await mcp.connect(live());
    const [found] = await mcp.listTools(live());
    assert.ok(found);
    assert.equal(found.description, 'Finds.');
    assert.deepEqual(found.inputSchema, {
      type: 'object',
      properties: { query: { type: 'string', description: 'what to find' } },
      description: '',
    });
  });

  it('knows a server without tools', async () => {
    const { mcp } = await connection('direct', {
      initialize: (rpc, _request, response) => {
        const { protocolVersion } = rpc.params;
        sse(response, {
          id: rpc.id,
          result: { protocolVersion, capabilities: {}, serverInfo: { name: '', version: '' } },
        });
      },
    });
    await mcp.connect(live());
    assert.deepEqual(await mcp.listTools(live()), []);
  });
});

describe('time and size', () => {
  it('an abort is told to the server, ends the HTTP request, and later aborts say nothing', async () => {
    let pending: Promise<void> | undefined;
    const { fake, mcp } = await connection('gateway', {
      'tools/call': (rpc, request, response) => {
        if ((rpc.params['arguments'] as { wait?: boolean }).wait) pending = request.closed;
        else sse(response, { id: rpc.id, result: { content: [] } });
      },
    });
    await mcp.connect(live());
    const finished = new AbortController();
    await mcp.callTool('echo', {}, { signal: finished.signal });
    const abort = new AbortController();
    const call = mcp.callTool('echo', { wait: true }, { signal: abort.signal });
    await eventually(() => pending !== undefined, 'the call to arrive');
    abort.abort();
    await assert.rejects(call, isCancellation);
    await pending;
    await eventually(() => fake.methods().includes('notifications/cancelled'), 'the cancellation');
    finished.abort();
    await new Promise(resolve => setTimeout(resolve, 50));
    const cancelled = fake.requests.filter(({ body }) => body.includes('notifications/cancelled'));
    assert.equal(cancelled.length, 1);
  });

  it('an answer that breaks off is noticed at once', async () => {
    const started = Date.now();
    const error = await callFailure('gateway', (_rpc, _request, response) => {
      response.writeHead(200, { 'content-type': 'text/event-stream' });
      response.write(': nothing yet\n\n');
      setTimeout(() => response.destroy(), 20);
    });
    assert.equal(error.code, 'mcp.interrupted');
    assert.ok(Date.now() - started < 5_000);
  });

  it('an answer without end is cut off', async () => {
    const filler = ' '.repeat(1024 * 1024);
    const error = await callFailure('direct', (_rpc, request, response) => {
      response.writeHead(200, { 'content-type': 'text/event-stream' });
      let gone = false;
      void request.closed.then(() => (gone = true));
      const more = () => {
        while (!gone && response.write(`: ${filler}\n\n`));
        if (!gone) response.once('drain', more);
      };
      more();
    });
    assert.equal(error.code, 'mcp.tooLarge');
    assert.equal(error.args.megabytes, 16);
  });

  it('changes of the tools are announced once per burst', async () => {
    const { fake, mcp } = await connection('gateway');
    await mcp.connect(live());
    await eventually(() => fake.listeners.size === 1, 'the stream to listen on');
    let announced = 0;
    mcp.onToolsChanged(() => announced++);
    for (let i = 0; i < 5; i++) fake.notify({ method: 'notifications/tools/list_changed' });
    await eventually(() => announced === 1, 'the announcement');
    await new Promise(resolve => setTimeout(resolve, 400));
    assert.equal(announced, 1);
  });

  it('a closed connection stays closed', async () => {
    const { fake, mcp } = await connection('gateway');
    await mcp.connect(live());
    await mcp.close();
    assert.equal((await failure(mcp.listTools(live()))).code, 'mcp.notConnected');
    await eventually(() => fake.listeners.size === 0, 'the end of the stream');
  });

  it('works through any fetch, such as that of a tunnel', async () => {
    const fake = await fakeMcp();
    closers.push(fake.close);
    const tunnel: Fetch = (input, init) => {
      const url = new URL(input instanceof Request ? input.url : input);
      assert.equal(url.href, 'http://gateway.invalid/mcp');
      return fetch(fake.url, init);
    };
    const mcp = new McpConnection(
      { id: 'x', label: 'G', kind: 'gateway', url: 'http://gateway.invalid/mcp' },
      { fetch: tunnel, token: async () => 't', logger: silentLogger, clientVersion: '0' },
    );
    closers.push(() => mcp.close());
    await mcp.connect(live());
    assert.equal((await mcp.listTools(live())).length, 1);
  });
});

describe('a server that says nothing', () => {
  it('does not hold up the goodbye', async () => {
    const server = await startServer(() => {});
    closers.push(server.close);
    const mcp = new McpConnection(
      { id: 'x', label: 'Mute', kind: 'direct', url: server.origin },
      { fetch, logger: silentLogger, clientVersion: '0' },
    );
    const error = await mcp.connect(AbortSignal.timeout(100)).catch((thrown: unknown) => thrown);
    assert.equal((error as Error).name, 'TimeoutError');
    await mcp.close();
  });
});
