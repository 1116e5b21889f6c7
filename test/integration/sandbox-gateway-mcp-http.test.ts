import assert from 'node:assert/strict';
import http from 'node:http';
import { before, describe, it } from 'node:test';
import { startGateway } from '../../src/sandbox/gateway/gateway.ts';
import {
  createSigner,
  jwtAuth,
  MCP_AUDIENCE,
  send,
  startOn,
  startUpstream,
  t2,
  type Answer,
  type Signer,
} from './sandbox-gateway.fixture.ts';
import {
  both,
  Client,
  decode,
  INITIALIZE,
  POST,
  result,
  route,
  rpcError,
  servers,
} from './sandbox-gateway-mcp.fixture.ts';

describe('the gateway: the MCP transport', () => {
  let signer: Signer;
  before(async () => {
    signer = await createSigner();
  });
  it('demands both media types, JSON, and a message that it can read', async t => {
    const running = await servers(t);
    const client = new Client((await startOn(t, [route(both(running))])).origin);
    const ping = { jsonrpc: '2.0', id: 1, method: 'ping' };
    const cases: [Promise<Answer>, number, string][] = [
      [
        client.post(ping, { accept: 'application/json' }),
        406,
        'mcp: client must accept both application/json and text/event-stream',
      ],
      [client.post(ping, { 'content-type': 'text/plain' }), 415, 'mcp: client must send application/json'],
      [client.post('nope'), 400, 'mcp: fail to deserialize request body: expected value at line 1 column 1'],
      [
        client.post([ping]),
        400,
        'mcp: fail to deserialize request body: data did not match any variant of untagged enum JsonRpcMessage',
      ],
      [client.post(ping), 400, 'mcp: session header is required for non-initialize requests'],
      [send(client.url, { headers: { accept: 'text/html' } }), 406, 'mcp: client must accept text/event-stream'],
      [send(client.url, { headers: { accept: 'text/event-stream' } }), 400, 'mcp: session ID is required'],
      [send(client.url, { method: 'DELETE' }), 400, 'mcp: session ID is required'],
      [send(client.url, { method: 'PUT' }), 405, 'mcp: method not allowed; must be GET, POST, or DELETE'],
    ];
    for (const [answering, status, body] of cases) {
      const answer = await answering;
      assert.deepEqual([answer.status, answer.body], [status, body]);
      assert.equal(answer.headers['content-type'], 'text/plain');
    }
    const version = await client.post(ping, { 'mcp-protocol-version': '1999-01-01' });
    assert.equal(version.status, 400);
    assert.deepEqual(rpcError(version), {
      code: -32022,
      message: 'unsupported MCP protocol version: 1999-01-01',
      data: { supported: ['2024-11-05', '2025-03-26', '2025-06-18', '2025-11-25'], requested: '1999-01-01' },
    });
    const start = { jsonrpc: '2.0', id: 1, method: 'initialize', params: INITIALIZE };
    const mismatch = await client.post(start, { 'mcp-protocol-version': '2025-03-26' });
    assert.deepEqual(rpcError(mismatch), { code: -32020, message: 'MCP protocol version header/body mismatch' });
  });

  it('tells the ways in which a session id is wrong apart', async t => {
    const running = await servers(t);
    const client = new Client((await startOn(t, [route(both(running))])).origin);
    const id = (state: unknown) => Buffer.from(JSON.stringify(state)).toString('base64url');
    const withId = (session: string) =>
      client.post({ jsonrpc: '2.0', id: 1, method: 'ping' }, { 'mcp-session-id': session });
    for (const garbage of ['garbage', '!!!', id({ t: 'mcp' }), id({ t: 'mcp', s: [], x: 1 })]) {
      const answer = await withId(garbage);
      assert.deepEqual([answer.status, answer.body], [400, 'mcp: invalid session ID header'], garbage);
    }
    const renamed = id({
      t: 'mcp',
      s: [
        { t: 'microsoft', s: 'a' },
        { t: 'other', s: 'b' },
      ],
    });
    for (const changed of [id({ t: 'mcp', s: [] }), renamed, id({ t: 'http', backend: '1.2.3.4:5' })]) {
      const answer = await withId(changed);
      assert.deepEqual([answer.status, answer.body], [404, 'mcp: session not found'], changed);
    }
    // An answer to a server's request has no way back through the gateway.
    await client.start();
    const answered = await client.post({ jsonrpc: '2.0', id: 1, result: {} });
    assert.deepEqual(
      [answered.status, answered.body],
      [500, 'mcp: failed to send message: invalid request: unsupported message type'],
    );
  });

  it('resumes a session after a restart by POST, but not by GET', async t => {
    const running = await servers(t);
    const first = await startOn(t, [route(both(running))]);
    const client = new Client(first.origin);
    await client.start();
    const session = client.session ?? '';
    await first.close();
    const second = await startGateway({ file: first.file, port: first.port });
    t.after(() => second.close());
    const get = () => send(client.url, { headers: { accept: 'text/event-stream', 'mcp-session-id': session } });
    assert.deepEqual([(await get()).status, (await get()).body], [404, 'mcp: session not found']);
    assert.equal((await client.tools()).length, 4);
    assert.match(
      JSON.stringify(result(await client.call('microsoft_microsoft_docs_search', { query: 'OBO' }))),
      /on-behalf-of/,
    );
    const gone = await send(client.url, { method: 'DELETE', headers: { 'mcp-session-id': session } });
    assert.equal(gone.status, 202);
    assert.equal((await get()).status, 404);
    assert.equal((await send(client.url, { method: 'DELETE', headers: { 'mcp-session-id': 'x' } })).status, 202);
    // The upstreams' sessions were ended, so what the id resumes is dead, and they say so themselves.
    const stale = await client.request('tools/list');
    assert.equal(stale.status, 404);
    assert.match(stale.body, /Session not found/);
  });

  it('forgets a session after half an hour without use', async t => {
    const running = await servers(t);
    const clock = { time: 0, now: () => clock.time };
    const client = new Client((await startOn(t, [route(both(running))], { clock })).origin);
    await client.start();
    clock.time += 30 * 60_000;
    const headers = { accept: 'text/event-stream', 'mcp-session-id': client.session ?? '' };
    assert.equal((await send(client.url, { headers })).status, 404);
    assert.equal((await client.tools()).length, 4);
  });

  it('carries on without a dead target (failOpen), or fails with its error (failClosed)', async t => {
    const running = await servers(t);
    const dead = await startUpstream(t, () => {});
    dead.close();
    const targets = [{ name: 'dead', url: `${dead.origin}/mcp` }, ...both(running)];
    const lines: string[] = [];
    const open = new Client(
      (await startOn(t, [route(targets, { mcp: { failureMode: 'failOpen' } })], { log: line => lines.push(line) }))
        .origin,
    );
    await open.start();
    assert.equal((await open.tools()).length, 4);
    assert.equal(typeof decode(open.session).r, 'string');
    assert.match(lines.join('\n'), /\twarn\tmcp\tupstream 'dead' failed during fanout, skipping: /);

    const closed = await new Client((await startOn(t, [route(targets)])).origin).request('initialize', INITIALIZE);
    assert.equal(closed.status, 500);
    assert.match(
      JSON.stringify(rpcError(closed)),
      /"code":-32603,"message":"failed to send message: http upstream error: http request failed: upstream call failed: Connect: /,
    );
    assert.equal(closed.headers['mcp-session-id'], undefined);
    const none = route([targets[0] as { name: string; url: string }, { name: 'x', url: `${dead.origin}/x` }], {
      mcp: { failureMode: 'failOpen' },
    });
    assert.equal((await new Client((await startOn(t, [none])).origin).request('initialize', INITIALIZE)).status, 500);
  });

  it("relays a target's own refusal as it is", async t => {
    const upstream = await startUpstream(t, (_request, response) => {
      response.writeHead(401, { 'www-authenticate': 'Bearer scope="x"', 'content-type': 'text/html' }).end('<p>no</p>');
    });
    const gateway = await startOn(t, [route([{ name: 'a', url: `${upstream.origin}/mcp` }])]);
    const answer = await new Client(gateway.origin).request('initialize', INITIALIZE);
    assert.deepEqual([answer.status, answer.body], [401, '<p>no</p>']);
    assert.equal(answer.headers['www-authenticate'], 'Bearer scope="x"');
  });

  it('says what is wrong with an upstream that is not MCP', async t => {
    const upstream = await startUpstream(t, (_request, response) => {
      response.writeHead(200, { 'content-type': 'text/html' }).end('<p>hello</p>');
    });
    const gateway = await startOn(t, [route([{ name: 'a', url: `${upstream.origin}/` }])]);
    const answer = await new Client(gateway.origin).request('initialize', INITIALIZE);
    assert.equal(answer.status, 500);
    assert.deepEqual(rpcError(answer), {
      code: -32603,
      message:
        'failed to send message: http upstream error: http request failed: unexpected content type: Some("text/html")',
    });
  });

  it('sends the client’s headers and trace on, but no token, session or capability that cannot work', async t => {
    const upstream = await startUpstream(t, (request, response) => {
      const { id } = JSON.parse(request.body || '{}') as { id?: number };
      const result = { protocolVersion: '2025-06-18', capabilities: {}, serverInfo: { name: 'u', version: '1' } };
      response
        .writeHead(200, { 'content-type': 'application/json' })
        .end(JSON.stringify({ jsonrpc: '2.0', id, result }));
    });
    const token = await signer.mint(t2(MCP_AUDIENCE));
    const headers = { authorization: `Bearer ${token}`, 'x-mine': 'yes', traceparent: '00-1-2-01', cookie: 'a=b' };
    const start = async (policies: object) => {
      const policy = { jwtAuth: jwtAuth(signer, MCP_AUDIENCE), ...policies };
      const gateway = await startOn(t, [route([{ name: 'a', url: `${upstream.origin}/mcp` }], { policies: policy })]);
      await new Client(gateway.origin, headers).request('initialize', INITIALIZE);
      return upstream.received.at(-1);
    };
    const seen = await start({});
    assert.deepEqual([seen?.headers['x-mine'], seen?.headers.cookie], ['yes', 'a=b']);
    assert.equal(seen?.headers.authorization, undefined);
    assert.equal(seen?.headers.accept, 'text/event-stream, application/json');
    assert.equal(seen?.headers['mcp-method'], 'initialize');
    assert.equal(seen?.headers.host, upstream.host);
    const { params } = JSON.parse(seen?.body ?? '') as { params: Record<string, unknown> };
    assert.deepEqual(params.capabilities, { experimental: { kept: {} } });
    assert.deepEqual(params._meta, { traceparent: '00-1-2-01' });
    assert.equal((await start({ backendAuth: { passthrough: {} } }))?.headers.authorization, `Bearer ${token}`);
  });

  it('answers 405 to GET when no target has such a stream', async t => {
    const upstream = await startUpstream(t, (request, response) => {
      if (request.method === 'GET') return void response.writeHead(405).end();
      const { id } = JSON.parse(request.body) as { id?: number };
      if (id === undefined) return void response.writeHead(202).end();
      const result = { protocolVersion: '2025-06-18', capabilities: {}, serverInfo: { name: 'u', version: '1' } };
      response
        .writeHead(200, { 'content-type': 'application/json' })
        .end(JSON.stringify({ jsonrpc: '2.0', id, result }));
    });
    const url = `${upstream.origin}/mcp`;
    const client = new Client(
      (
        await startOn(t, [
          route([
            { name: 'a', url },
            { name: 'b', url },
          ]),
        ])
      ).origin,
    );
    await client.start();
    const headers = { accept: 'text/event-stream', 'mcp-session-id': client.session };
    const answer = await send(client.url, { headers });
    assert.deepEqual([answer.status, answer.body], [405, 'mcp: GET event stream is not supported by any upstream']);
  });

  it('stops a tool call when the client leaves', async t => {
    const { promise: stopped, resolve: stop } = Promise.withResolvers<void>();
    const upstream = await startUpstream(t, (request, response) => {
      const { id, method } = JSON.parse(request.body) as { id?: number; method?: string };
      if (id === undefined) return void response.writeHead(202).end();
      const result = { protocolVersion: '2025-06-18', capabilities: {}, serverInfo: { name: 'u', version: '1' } };
      if (method === 'tools/call') response.on('close', () => stop());
      response.writeHead(200, { 'content-type': 'text/event-stream' });
      if (method === 'initialize') response.end(`data: ${JSON.stringify({ jsonrpc: '2.0', id, result })}\n\n`);
      else response.flushHeaders();
    });
    const client = new Client((await startOn(t, [route([{ name: 'a', url: upstream.origin }])])).origin);
    await client.start();
    const body = JSON.stringify({ jsonrpc: '2.0', id: 7, method: 'tools/call', params: { name: 'x' } });
    const headers = { ...POST, 'mcp-session-id': client.session };
    const request = http.request(client.url, { method: 'POST', headers, agent: false }, response => {
      assert.equal(response.statusCode, 200);
      request.destroy();
    });
    request.on('error', () => {}).end(body);
    await stopped;
  });
});
