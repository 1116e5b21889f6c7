import assert from 'node:assert/strict';
import http from 'node:http';
import { before, describe, it } from 'node:test';
import {
  createSigner,
  events,
  jwtAuth,
  MCP_AUDIENCE,
  startOn,
  startUpstream,
  t2,
  type Signer,
} from './sandbox-gateway.fixture.ts';
import { both, Client, decode, result, route, rpcError, servers } from './sandbox-gateway-mcp.fixture.ts';

describe('the gateway: several MCP servers as one', () => {
  let signer: Signer;
  before(async () => {
    signer = await createSigner();
  });
  it('introduces itself for all, at the lowest version, and puts the state into the session id', async t => {
    const running = await servers(t);
    const gateway = await startOn(t, [route(both(running))]);
    const client = new Client(gateway.origin);
    const info = await client.start();
    assert.equal(info.protocolVersion, '2025-06-18');
    assert.deepEqual(info.serverInfo, { name: 'agentgateway', version: '1.4.1' });
    assert.deepEqual(info.capabilities, {
      prompts: { listChanged: true },
      resources: { subscribe: true, listChanged: true },
      tools: { listChanged: true },
    });
    assert.match(
      String(info.instructions),
      /\n\n\[microsoft\]\nSimulated documentation .*\n\n\[exa-ai\]\nSimulated web /s,
    );
    const state = decode(client.session);
    assert.equal(state.t, 'mcp');
    assert.deepEqual(
      state.s.map(target => [target.t, typeof target.s]),
      [
        ['microsoft', 'string'],
        ['exa-ai', 'string'],
      ],
    );
    assert.equal(state.r, undefined);
  });

  it('prefixes every tool with its target, and answers each request as an event stream', async t => {
    const running = await servers(t);
    const gateway = await startOn(t, [route(both(running))]);
    const client = new Client(gateway.origin);
    await client.start();
    assert.deepEqual(await client.tools(), [
      'microsoft_microsoft_docs_search',
      'microsoft_microsoft_docs_fetch',
      'exa-ai_web_search_exa',
      'exa-ai_crawling_exa',
    ]);
    const answer = await client.call('exa-ai_web_search_exa', { query: 'zero tools', numResults: 1 });
    assert.equal(answer.headers['content-type'], 'text/event-stream');
    assert.equal(answer.headers['cache-control'], 'no-cache');
    assert.match(JSON.stringify(result(answer)), /lists zero tools/);
    assert.deepEqual(result(await client.request('ping')), {});
    assert.deepEqual(result(await client.request('logging/setLevel', { level: 'info' })), {});
    const notified = await client.post({ jsonrpc: '2.0', method: 'notifications/cancelled', params: { requestId: 9 } });
    assert.deepEqual([notified.status, notified.body], [202, '']);
  });

  it('shows a single target as it is, unless the file wants prefixes always', async t => {
    const running = await servers(t);
    const alone = [{ name: 'toolbox', url: running.toolbox.url }];
    const client = new Client((await startOn(t, [route(alone)])).origin);
    const info = await client.start();
    assert.equal((info.serverInfo as { name: string }).name, 'toolbox');
    assert.equal((await client.tools())[0], 'add');
    assert.match(JSON.stringify(result(await client.call('add', { a: 1, b: 2 }))), /"3"/);
    const prefixed = new Client((await startOn(t, [route(alone, { mcp: { prefixMode: 'always' } })])).origin);
    await prefixed.start();
    assert.equal((await prefixed.tools())[0], 'toolbox_add');
  });

  it('finds the target of an unprefixed name by asking (prefixMode never), and drops names that two serve', async t => {
    const running = await servers(t);
    const twins = [
      ...both(running),
      { name: 'toolbox', url: running.toolbox.url },
      { name: 'twin', url: running.toolbox.url },
    ];
    const client = new Client((await startOn(t, [route(twins, { mcp: { prefixMode: 'never' } })])).origin);
    await client.start();
    assert.deepEqual((await client.tools()).at(-1), 'crawling_exa');
    assert.match(JSON.stringify(result(await client.call('web_search_exa', { query: 'gateway' }))), /Title: /);
    const detail = async (name: string) => rpcError(await client.call(name));
    assert.deepEqual(await detail('add'), {
      code: -32603,
      message: 'failed to send message: invalid request: tool add is served by multiple targets',
    });
    assert.deepEqual(await detail('nope'), {
      code: -32603,
      message: 'failed to send message: invalid request: unknown tool nope',
    });
  });

  it('hides what the rules refuse, and calls it unknown', async t => {
    const running = await servers(t);
    const rules = [
      { require: "jwt.appid in ['agent-1'] && '11' in jwt.xms_act_fct.split(' ')" },
      { deny: "mcp.tool.target == 'exa-ai' && mcp.tool.name == 'crawling_exa'" },
    ];
    const policies = { jwtAuth: jwtAuth(signer, MCP_AUDIENCE), mcpAuthorization: { rules } };
    const gateway = await startOn(t, [route(both(running), { policies })]);
    const as = async (claims: object) =>
      new Client(gateway.origin, { authorization: `Bearer ${await signer.mint(t2(MCP_AUDIENCE, { ...claims }))}` });

    const agent = await as({});
    await agent.start();
    assert.equal((await agent.tools()).includes('exa-ai_crawling_exa'), false);
    assert.equal((await agent.tools()).length, 3);
    const denied = await agent.call('exa-ai_crawling_exa', { url: 'https://web.sandbox.example/blog/no-more-secrets' });
    assert.equal(denied.status, 400);
    assert.equal(denied.headers['content-type'], 'application/json');
    assert.equal(
      denied.body,
      '{"jsonrpc":"2.0","id":4,"error":{"code":-32602,"message":"Unknown tool: exa-ai_crawling_exa"}}',
    );

    for (const claims of [{ appid: 'agent-2' }, { xms_act_fct: '3 9' }, { xms_act_fct: undefined }]) {
      const other = await as(claims);
      await other.start(); // connecting is not judged
      assert.deepEqual(await other.tools(), []);
      assert.equal((await other.call('microsoft_microsoft_docs_search', { query: 'x' })).status, 400);
    }
    assert.deepEqual(
      Object.values(running.panel.read()).map(({ authorized }) => authorized),
      [0, 0, 0],
    );
  });

  it('tells a missing target and a name without a prefix from a denied tool', async t => {
    const running = await servers(t);
    const client = new Client((await startOn(t, [route(both(running))])).origin);
    await client.start();
    const unknown = await client.call('nowhere_tool');
    assert.equal(unknown.status, 500);
    assert.deepEqual(rpcError(unknown), {
      code: -32603,
      message: 'failed to send message: invalid request: unknown service nowhere',
    });
    assert.deepEqual(rpcError(await client.call('noprefix')), {
      code: -32603,
      message: 'failed to send message: invalid request: invalid resource name',
    });
    // A tool that the target does not have is the target's own error, inside the stream.
    const absent = events((await client.call('microsoft_nope')).body).at(-1);
    assert.deepEqual(absent?.error, { code: -32602, message: 'MCP error -32602: Tool nope not found' });
    const unsupported = await client.request('foo/bar');
    assert.equal(unsupported.status, 500);
    assert.match(unsupported.body, /failed to send message: unsupported method: foo\/bar/);
    const malformed = await client.request('tools/call', { arguments: {} });
    assert.match(malformed.body, /invalid request: invalid params for method: tools\/call/);
  });

  it('merges lists without pages, renames resources, and passes what a stream says before its result', async t => {
    const lists: Record<string, object> = {
      'tools/list': { tools: [{ name: 'x_y', inputSchema: {} }], nextCursor: 'more' },
      'resources/list': { resources: [{ uri: 'memo:a', name: 'a' }] },
      'resources/templates/list': { resourceTemplates: [{ uriTemplate: 'memo:{x}', name: 'a' }] },
      'resources/read': { contents: [{ uri: 'memo:a', text: 'A' }] },
      'prompts/get': { messages: [] },
    };
    const upstream = () =>
      startUpstream(t, (request, response) => {
        const { id, method = '' } = JSON.parse(request.body) as { id?: number; method?: string };
        if (id === undefined) return void response.writeHead(202).end();
        const initialized = {
          protocolVersion: '2024-11-05',
          capabilities: {},
          serverInfo: { name: 'u', version: '1' },
        };
        const answer = { jsonrpc: '2.0', id, result: method === 'initialize' ? initialized : lists[method] };
        const refusal = { jsonrpc: '2.0', id, error: { code: -32601, message: 'Method not found' } };
        const note = { jsonrpc: '2.0', method: 'notifications/message', params: { level: 'info', data: 'working' } };
        response.writeHead(200, { 'content-type': 'text/event-stream' });
        response.write(`: a comment\r\n\r\ndata: ${JSON.stringify(note)}\r\n\r\n`);
        response.end(
          `id: 1\ndata: ${JSON.stringify(method in lists || method === 'initialize' ? answer : refusal)}\n\n`,
        );
      });
    const [a, b] = [await upstream(), await upstream()];
    const targets = [
      { name: 'a', url: `${a.origin}/mcp` },
      { name: 'b', url: `${b.origin}/mcp` },
    ];
    const client = new Client((await startOn(t, [route(targets)])).origin);
    assert.equal((await client.start()).protocolVersion, '2024-11-05');
    const tools = await client.request('tools/list');
    assert.deepEqual(
      events(tools.body).map(event => event.method ?? 'result'),
      ['notifications/message', 'notifications/message', 'result'],
    );
    assert.deepEqual(result(tools), {
      tools: [
        { name: 'a_x_y', inputSchema: {} },
        { name: 'b_x_y', inputSchema: {} },
      ],
    });
    const { resources } = result(await client.request('resources/list')) as { resources: { uri: string }[] };
    assert.deepEqual(
      resources.map(({ uri }) => uri),
      ['a+memo:a', 'b+memo:a'],
    );
    const read = result(await client.request('resources/read', { uri: 'b+memo:a' }));
    assert.deepEqual(read, { contents: [{ uri: 'b+memo:a', text: 'A' }] });
    assert.match(b.received.at(-1)?.body ?? '', /"uri":"memo:a"/);
    assert.equal(b.received.at(-1)?.headers['mcp-name'], 'memo:a');
    assert.equal((await client.request('resources/read', { uri: 'memo:a' })).status, 500);
    await client.call('b_x_y');
    assert.match(b.received.at(-1)?.body ?? '', /"name":"x_y"/);
    await client.request('completion/complete', {
      ref: { type: 'ref/prompt', name: 'a_p' },
      argument: { name: 'x', value: '' },
    });
    assert.match(a.received.at(-1)?.body ?? '', /"name":"p"/);
    // failClosed: one target without the method fails the list, with that target's error.
    assert.match((await client.request('prompts/list')).body, /"error":\{"code":-32601,"message":"Method not found"\}/);
  });

  it('brings list changes of every target on one GET stream', async t => {
    const running = await servers(t);
    const client = new Client((await startOn(t, [route(both(running), { mcp: { failureMode: 'failOpen' } })])).origin);
    await client.start();
    const { promise, resolve } = Promise.withResolvers<http.IncomingMessage>();
    const headers = { accept: 'text/event-stream', 'mcp-session-id': client.session };
    const request = http.get(client.url, { headers, agent: false }, resolve);
    const stream = await promise;
    t.after(() => request.destroy());
    assert.deepEqual([stream.statusCode, stream.headers['content-type']], [200, 'text/event-stream']);
    let seen = '';
    stream.setEncoding('utf8').on('data', (chunk: string) => (seen += chunk));
    stream.on('error', () => {});
    for (const [count, server] of (['microsoft', 'exa-ai'] as const).entries()) {
      running.panel.apply({ server, extraTool: true });
      await t.waitFor(() => assert.equal(events(seen).length, count + 1));
    }
    assert.deepEqual(
      events(seen).map(event => event.method),
      Array(2).fill('notifications/tools/list_changed'),
    );
    assert.equal((await client.tools()).length, 6);
    assert.match(JSON.stringify(result(await client.call('exa-ai_extra_tool'))), /added while you were connected/);
  });
});
