import assert from 'node:assert/strict';
import http from 'node:http';
import { describe, it, type TestContext } from 'node:test';
import { send, startOn, startUpstream } from './sandbox-gateway.fixture.ts';

const route = (host: string, extra: { policies?: object; openAI?: object } = {}) => ({
  name: 'llm',
  matches: [{ path: { pathPrefix: '/llm' } }],
  policies: {
    urlRewrite: { path: { prefix: '/' } },
    ai: { routes: { '/chat/completions': 'completions', '/models': 'models', '*': 'passthrough' } },
    ...extra.policies,
  },
  backends: [{ ai: { name: 'm', hostOverride: host, provider: { openAI: extra.openAI ?? {} } } }],
});

const ok = (t: TestContext, body = '{"choices":[]}') =>
  startUpstream(t, (_request, response) => {
    response.writeHead(200, { 'content-type': 'application/json', 'x-from': 'model' }).end(body);
  });

const json = { 'content-type': 'application/json' };
const post = (url: string, body: string, headers: Record<string, string> = {}) =>
  send(url, { method: 'POST', headers: { ...json, ...headers }, body });
const COMPLETIONS = '/llm/openai/deployments/d/chat/completions?api-version=2024-10-21';

describe('the gateway: the LLM route', () => {
  it('passes path, query, headers and body on, without the prefix', async t => {
    const upstream = await ok(t);
    const gateway = await startOn(t, [route(upstream.host)]);
    const body = JSON.stringify({ model: 'd', messages: [], temperature: 0.5, custom: { kept: true } });
    const answer = await post(gateway.origin + COMPLETIONS, body, { 'api-key': 'k', traceparent: '00-a-b-01' });
    assert.equal(answer.status, 200);
    assert.equal(answer.headers['x-from'], 'model');
    const [seen] = upstream.received;
    assert.equal(seen?.url, '/openai/deployments/d/chat/completions?api-version=2024-10-21');
    assert.deepEqual([seen?.headers['api-key'], seen?.headers.traceparent], ['k', '00-a-b-01']);
    assert.deepEqual(JSON.parse(seen?.body ?? ''), JSON.parse(body));
    assert.equal(seen?.headers['transfer-encoding'], undefined);
  });

  it('asks for the usage of a stream, unless the client has said what it wants', async t => {
    const upstream = await ok(t);
    const gateway = await startOn(t, [route(upstream.host)]);
    const options = async (request: object) => {
      await post(gateway.origin + COMPLETIONS, JSON.stringify({ model: 'd', messages: [], ...request }));
      return (JSON.parse(upstream.received.at(-1)?.body ?? '') as { stream_options?: object }).stream_options;
    };
    assert.deepEqual(await options({ stream: true }), { include_usage: true });
    assert.deepEqual(await options({ stream: true, stream_options: { x: 1 } }), { x: 1 });
    assert.equal(await options({ stream: false }), undefined);
  });

  it('renames max_tokens for models called gpt-, and lets the file choose the model', async t => {
    const upstream = await ok(t);
    const gateway = await startOn(t, [route(upstream.host, { openAI: { model: 'gpt-4.1-mini' } })]);
    await post(gateway.origin + COMPLETIONS, JSON.stringify({ messages: [], max_tokens: 9 }));
    const seen = JSON.parse(upstream.received[0]?.body ?? '') as object;
    assert.deepEqual(seen, { messages: [], model: 'gpt-4.1-mini', max_completion_tokens: 9 });
  });

  it('answers 503 "processing failed" to a request that it cannot read', async t => {
    const upstream = await ok(t);
    const gateway = await startOn(t, [route(upstream.host)], {
      top: { frontendPolicies: { http: { maxBufferSize: 300 } } },
    });
    const cases: [string, string][] = [
      ['{"messages":[]}', 'missing field: model not specified'],
      ['{"model":"d"}', 'failed to parse request: missing field `messages`'],
      ['hello', 'failed to parse request: expected value at line 1 column 1'],
      ['', 'failed to parse request: EOF while parsing a value at line 1 column 0'],
      [JSON.stringify({ model: 'd', messages: [], pad: 'x'.repeat(300) }), 'request was too large'],
    ];
    for (const [body, sentence] of cases) {
      const answer = await post(gateway.origin + COMPLETIONS, body);
      assert.deepEqual([answer.status, answer.body], [503, `processing failed: ${sentence}`]);
      assert.equal(answer.headers['content-type'], 'text/plain');
    }
    assert.equal(upstream.received.length, 0);
  });

  it('reads every path as a completion when the file names no types', async t => {
    const upstream = await ok(t);
    const gateway = await startOn(t, [route(upstream.host, { policies: { ai: {} } })]);
    const answer = await send(`${gateway.origin}/llm/v1/models`);
    assert.equal(answer.status, 503);
    assert.match(answer.body, /^processing failed: failed to parse request: /);
  });

  it('knows the types models (501) and passthrough (anything)', async t => {
    const upstream = await ok(t, 'not json');
    const gateway = await startOn(t, [route(upstream.host)]);
    const models = await send(`${gateway.origin}/llm/v1/models`);
    assert.deepEqual([models.status, models.body], [501, `{"error":"Route 'Models' not implemented"}`]);
    const other = await send(`${gateway.origin}/llm/files/a?b=c`, { method: 'PUT', body: 'raw' });
    assert.deepEqual([other.status, other.body], [200, 'not json']);
    const [seen] = upstream.received;
    assert.deepEqual([seen?.method, seen?.url, seen?.body], ['PUT', '/files/a?b=c', 'raw']);
  });

  it("relays the model's own refusals as they are", async t => {
    const body = '{"error":{"code":"429","message":"slow down"}}';
    const upstream = await startUpstream(t, (_request, response) => {
      response.writeHead(429, { 'content-type': 'application/json', 'retry-after': '7', 'x-ms-region': 'x' }).end(body);
    });
    const gateway = await startOn(t, [route(upstream.host)]);
    for (const stream of [true, false]) {
      const answer = await post(gateway.origin + COMPLETIONS, JSON.stringify({ model: 'd', messages: [], stream }));
      assert.deepEqual([answer.status, answer.body], [429, body]);
      assert.deepEqual([answer.headers['retry-after'], answer.headers['x-ms-region']], ['7', 'x']);
      assert.equal(answer.headers['content-type'], 'application/json');
    }
  });

  it('fails with 503 when the model is unreachable or talks nonsense', async t => {
    const upstream = await ok(t, 'not json');
    const gateway = await startOn(t, [route(upstream.host)]);
    const request = JSON.stringify({ model: 'd', messages: [] });
    const nonsense = await post(gateway.origin + COMPLETIONS, request);
    assert.equal(nonsense.status, 503);
    assert.match(nonsense.body, /^processing failed: failed to parse response: /);
    upstream.close();
    const gone = await post(gateway.origin + COMPLETIONS, request);
    assert.equal(gone.status, 503);
    assert.match(gone.body, /^upstream call failed: Connect: /);
  });

  it('passes a stream on chunk by chunk, and stops the model when the client leaves', async t => {
    const { promise: stopped, resolve: stop } = Promise.withResolvers<void>();
    const { promise: go, resolve: proceed } = Promise.withResolvers<void>();
    const upstream = await startUpstream(t, (_request, response) => {
      response.on('close', () => stop());
      response.writeHead(200, { 'content-type': 'text/plain' }).write('data: one\n\n');
      void go.then(() => response.write('data: two\n\n'));
    });
    const gateway = await startOn(t, [route(upstream.host)]);
    const { promise, resolve } = Promise.withResolvers<http.IncomingMessage>();
    const request = http.request(gateway.origin + COMPLETIONS, { method: 'POST', headers: json }, resolve);
    request.end(JSON.stringify({ model: 'd', messages: [], stream: true }));
    const response = await promise;
    assert.equal(response.headers['content-type'], 'text/event-stream');
    const chunks = response.setEncoding('utf8')[Symbol.asyncIterator]() as AsyncIterator<string>;
    assert.equal((await chunks.next()).value, 'data: one\n\n'); // while the model still waits
    proceed();
    assert.equal((await chunks.next()).value, 'data: two\n\n');
    response.destroy();
    await stopped;
  });
});
