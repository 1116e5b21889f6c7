import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { silentLogger } from '../../../src/base/logger.ts';
import { McpConnection } from '../../../src/mcp/connection.ts';
import { answer } from '../gateway/server.ts';
import { fakeMcp, json, plain, sse } from './fakeServer.ts';
import { callFailure, connectFailure, connection, eventually, failure, live } from './support.ts';

describe('the gateway’s answers', () => {
  it('a denied or unknown tool: HTTP 400 with a JSON-RPC error', async () => {
    const error = await callFailure('gateway', (rpc, _request, response) => {
      json(response, 400, {
        jsonrpc: '2.0',
        id: rpc.id,
        error: { code: -32602, message: 'Unknown tool: exa-ai_crawl' },
      });
    });
    assert.equal(error.code, 'mcp.unknownTool');
    assert.deepEqual(error.args, { server: 'Server', tool: 'exa-ai_crawl' });
  });

  it('the same for a tool with "session" in its name: it is refused, the session is not lost', async () => {
    const { fake, mcp } = await connection('gateway', {
      'tools/call': (rpc, _request, response) =>
        json(response, 400, {
          jsonrpc: '2.0',
          id: rpc.id,
          error: { code: -32602, message: 'Unknown tool: crm_close_session' },
        }),
    });
    await mcp.connect(live());
    assert.equal((await failure(mcp.callTool('crm_close_session', {}, { signal: live() }))).code, 'mcp.unknownTool');
    assert.equal(fake.methods().filter(method => method === 'initialize').length, 1);
  });

  it('the same in an answer with 200', async () => {
    const error = await callFailure('direct', (rpc, _request, response) => {
      sse(response, { id: rpc.id, error: { code: -32602, message: 'Tool crawl not found' } });
    });
    assert.equal(error.code, 'mcp.unknownTool');
    assert.equal(error.args.tool, 'crawl');
  });

  it('one that is made to be searched without end', async () => {
    const started = performance.now();
    const error = await callFailure('direct', (rpc, _request, response) => {
      const message = `Unknown tool${' '.repeat(60_000)}\nx`;
      json(response, 400, { jsonrpc: '2.0', id: rpc.id, error: { code: -32602, message } });
    });
    assert.equal(error.code, 'mcp.unknownTool');
    assert.equal(error.args.tool, 'x');
    assert.ok(performance.now() - started < 3_000, `${performance.now() - started} ms`);
  });

  it('a target that cannot be reached: HTTP 500 with a JSON-RPC error', async () => {
    const message = 'failed to send message: http upstream error: connection refused';
    const error = await callFailure('gateway', (rpc, _request, response) => {
      json(response, 500, { jsonrpc: '2.0', id: rpc.id, error: { code: -32603, message } });
    });
    assert.equal(error.code, 'mcp.upstreamFailed');
    assert.equal(error.args.detail, message);
  });

  it('a target’s own failure, relayed', async () => {
    const error = await callFailure('gateway', (_rpc, _request, response) => plain(response, 403, 'quota'));
    assert.equal(error.code, 'mcp.upstreamFailed');
    assert.equal(error.args.detail, 'HTTP 403: quota');
  });

  it('its own refusals', async () => {
    const table: [number, string, string][] = [
      [
        401,
        'authentication failure: the token is invalid or malformed: Error(InvalidAudience)',
        'gateway.audienceRejected',
      ],
      [403, 'authorization failed', 'gateway.forbidden'],
      [404, 'route not found', 'gateway.routeMissing'],
      [429, 'rate limit exceeded', 'gateway.rateLimited'],
      [503, 'upstream call failed: connection refused', 'gateway.upstreamUnreachable'],
    ];
    for (const [status, body, code] of table) {
      const error = await connectFailure('gateway', status, 'text/plain', body);
      assert.equal(error.code, code);
      assert.equal(error.args.route, '/mcp');
    }
    assert.equal(
      (await connectFailure('gateway', 503, 'text/plain', 'mcp: no backends configured')).code,
      'mcp.upstreamFailed',
    );
  });

  it('401, then a new token: the request is repeated once and the session goes on', async () => {
    let refuse = false;
    const expired = 'authentication failure: the token is invalid or malformed: Error(ExpiredSignature)';
    const { fake, mcp, tokens } = await connection('gateway', {}, (request, response) => {
      if (!refuse || request.headers.authorization === 'Bearer forced-token') return false;
      plain(response, 401, expired);
      return true;
    });
    await mcp.connect(live());
    await eventually(() => fake.listeners.size === 1, 'the stream to listen on');
    refuse = true;
    assert.equal((await mcp.callTool('echo', {}, { signal: live() })).text, '{}');
    assert.equal(tokens.filter(Boolean).length, 1);
    assert.equal(fake.methods().filter(method => method === 'initialize').length, 1);
  });

  it('401 for the JSON of mcpAuthentication, twice: one replay, then the error', async () => {
    const { fake, mcp } = await connection('gateway', {
      initialize: (_rpc, _request, response) =>
        json(response, 401, { error: 'unauthorized', error_description: 'JWT token required' }),
    });
    assert.equal((await failure(mcp.connect(live()))).code, 'gateway.tokenRejected');
    assert.equal(fake.requests.length, 2);
  });

  it('a session that it has forgotten (404) or cannot read (400): another one, and the request once more', async () => {
    for (const [status, body] of [
      [404, 'mcp: session not found'],
      [400, 'mcp: invalid session ID header'],
      [400, 'mcp: session header is required for non-initialize requests'],
    ] as const) {
      const { fake, mcp } = await connection('gateway', {
        'tools/call': (rpc, request, response) => {
          if (request.headers['mcp-session-id'] === 'S1') return plain(response, status, body);
          sse(response, { id: rpc.id, result: { content: [{ type: 'text', text: 'again' }] } });
        },
      });
      await mcp.connect(live());
      const changed = new Promise<void>(resolve => mcp.onToolsChanged(() => resolve()));
      const calls = [1, 2].map(() => mcp.callTool('echo', {}, { signal: live() }));
      assert.deepEqual(
        (await Promise.all(calls)).map(({ text }) => text),
        ['again', 'again'],
      );
      assert.equal(fake.methods().filter(method => method === 'initialize').length, 2);
      await changed; // another session may have other tools
    }
  });

  it('a session that stays lost is an error, not a loop', async () => {
    const { fake, mcp } = await connection('gateway', {
      'tools/call': (_rpc, _request, response) => plain(response, 404, 'mcp: session not found'),
    });
    await mcp.connect(live());
    assert.equal((await failure(mcp.callTool('echo', {}, { signal: live() }))).code, 'mcp.sessionLost');
    assert.equal(fake.methods().filter(method => method === 'tools/call').length, 2);
  });

  it('a refusal of our answer to its ping (500) hurts nobody; GET may be 405', async () => {
    const { fake, mcp } = await connection('gateway', {}, (request, response) => {
      if (!request.body.includes('"result"') || request.method !== 'POST') return false;
      plain(response, 500, 'unsupported message type');
      return true;
    });
    await mcp.connect(live());
    await eventually(() => fake.listeners.size === 1, 'the stream to listen on');
    fake.notify({ id: 'ping-1', method: 'ping' });
    await eventually(() => fake.requests.some(({ body }) => body.includes('ping-1')), 'our pong');
    assert.equal((await mcp.callTool('echo', {}, { signal: live() })).text, '{}');

    const stateless = await connection('gateway', {
      GET: (_rpc, _request, response) => plain(response, 405, 'no'),
    });
    await stateless.mcp.connect(live());
    assert.equal((await stateless.mcp.callTool('echo', {}, { signal: live() })).text, '{}');
  });

  it('the listening stream gets a new token after 401 and is taken up again after it broke', async () => {
    const { fake, mcp } = await connection('gateway', {}, (request, response) => {
      if (request.method !== 'GET' || request.headers.authorization === 'Bearer forced-token') return false;
      plain(response, 401, 'authentication failure: no bearer token found');
      return true;
    });
    await mcp.connect(live());
    await eventually(() => fake.listeners.size === 1, 'the stream to listen on');
    fake.hangUp();
    await eventually(() => fake.listeners.size === 0, 'the stream to break');
    await eventually(() => fake.listeners.size === 1, 'another stream');
  });
});

describe('an answer to a call', () => {
  it('that is a refusal with a number of the server’s own is mcp.rejected, whatever its status', async () => {
    const error = { code: -32000, message: 'The quota\nis used up' };
    for (const status of [200, 400]) {
      const refused = await callFailure('direct', (rpc, _request, response) =>
        json(response, status, { jsonrpc: '2.0', id: rpc.id, error }),
      );
      assert.equal(refused.code, 'mcp.rejected');
      assert.deepEqual(refused.args, { server: 'Server', code: -32000, detail: 'The quota is used up' });
    }
  });

  it('that is no result, or no JSON at all, is mcp.malformed', async () => {
    for (const content of ['a text', { type: 'text' }]) {
      const error = await callFailure('direct', (rpc, _request, response) =>
        sse(response, { id: rpc.id, result: { content } }),
      );
      assert.deepEqual([error.code, error.args.server], ['mcp.malformed', 'Server'], JSON.stringify(content));
    }
    const error = await callFailure('direct', (_rpc, _request, response) =>
      answer(response, 200, 'application/json', '{"jsonrpc'),
    );
    assert.deepEqual([error.code, error.args.detail], ['mcp.malformed', 'the answer is no JSON-RPC']);
  });
});

describe('a gateway that was restarted', () => {
  it('refuses the listening stream until a request has brought the session back', async t => {
    let known = false;
    const { fake, mcp } = await connection('gateway', {}, (request, response) => {
      known ||= request.body.includes('tools/call');
      if (request.method !== 'GET' || known) return false;
      plain(response, 404, 'mcp: session not found');
      return true;
    });
    await mcp.connect(live());
    await eventually(() => fake.requests.some(({ method }) => method === 'GET'), 'the first attempt to listen');
    await mcp.callTool('echo', {}, { signal: live() });
    assert.equal(fake.listeners.size, 0, 'not at once: the SDK may still be trying');
    t.mock.timers.enable({ apis: ['Date'], now: Date.now() + 31_000 });
    await mcp.callTool('echo', {}, { signal: live() });
    await eventually(() => fake.listeners.size === 1, 'the stream to listen on');
    assert.equal(fake.methods().filter(method => method === 'initialize').length, 1);
  });
});

describe('what is no MCP server', () => {
  const page = '<!doctype html><title>Welcome</title>';
  const table: [string, number, string, string, string][] = [
    ['a web page', 200, 'text/html', page, 'mcp.notMcp'],
    ['a missing page', 404, 'text/html', page, 'mcp.notMcp'],
    ['a server that takes no POST', 405, 'text/plain', 'no', 'mcp.notMcp'],
    ['other JSON', 200, 'application/json', '{"hello":"world"}', 'mcp.notMcp'],
    ['broken JSON', 200, 'application/json', '{"hello', 'mcp.notMcp'],
    ['an odd 202', 202, 'application/json', '', 'mcp.notMcp'],
    ['a server that wants a sign-in', 401, 'application/json', '{}', 'mcp.signInNeeded'],
    ['a server that says no', 403, 'text/plain', 'go away', 'mcp.forbidden'],
    ['a server in trouble', 502, 'text/html', page, 'mcp.httpFailed'],
    ['an empty event stream', 200, 'text/event-stream', '', 'mcp.interrupted'],
  ];
  for (const [what, status, type, body, code] of table)
    it(`${what} is ${code}`, async () => {
      const error = await connectFailure('direct', status, type, body);
      assert.equal(error.code, code);
      assert.equal(error.args.server, 'Server');
    });

  it('nobody there is mcp.unreachable; an unknown protocol version is named', async () => {
    const gone = await fakeMcp();
    await gone.close();
    const mcp = new McpConnection(
      { id: 'x', label: 'Gone', kind: 'direct', url: gone.url },
      { fetch, logger: silentLogger, clientVersion: '0' },
    );
    const error = await failure(mcp.connect(live()));
    assert.equal(error.code, 'mcp.unreachable');
    assert.match(String(error.args.detail), /ECONNREFUSED/);

    const old = await connection('direct', {
      initialize: (rpc, _request, response) => {
        const result = { protocolVersion: '1999-01-01', capabilities: {}, serverInfo: { name: 'n', version: 'v' } };
        sse(response, { id: rpc.id, result });
      },
    });
    assert.equal((await failure(old.mcp.connect(live()))).code, 'mcp.protocolVersion');
  });
});
