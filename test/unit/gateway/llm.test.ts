import assert from 'node:assert/strict';
import { afterEach, describe, it } from 'node:test';
import { AgentIdError, isCancellation } from '../../../src/base/errors.ts';
import { silentLogger } from '../../../src/base/logger.ts';
import type { ChatModel, ChatRequest, ModelEvent } from '../../../src/gateway/chat.ts';
import { createKeyModel } from '../../../src/gateway/keyModel.ts';
import { createGatewayModel } from '../../../src/gateway/llm.ts';
import { answer, answerChat, chunk, startServer, type Handler } from './server.ts';

const closers: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0)) await close();
});

/** A gateway that answers with the handler, and the model that talks to it as through the tunnel. */
async function gateway(handler: Handler) {
  const server = await startServer(handler);
  closers.push(server.close);
  const asked: { forceRefresh?: boolean }[] = [];
  const model = await createGatewayModel({
    // Stands for the tunnel: one made-up origin, dialled elsewhere.
    fetch: (input, init) => {
      const url = new URL(input instanceof Request ? input.url : input);
      assert.equal(url.origin, 'http://gateway.invalid');
      return fetch(server.origin + url.pathname + url.search, init);
    },
    baseUrl: 'http://gateway.invalid/llm',
    deployment: 'gpt-4.1-mini',
    apiVersion: '2024-10-21',
    token: async ({ forceRefresh }) => {
      asked.push(forceRefresh ? { forceRefresh } : {});
      return forceRefresh ? 'second-token' : 'first-token';
    },
    logger: silentLogger,
  });
  return { server, model, asked };
}

const hello = (more: Partial<ChatRequest> = {}): ChatRequest => ({
  messages: [{ role: 'user', content: 'hello' }],
  tools: [],
  signal: new AbortController().signal,
  ...more,
});

async function collect(model: ChatModel, request = hello()): Promise<ModelEvent[]> {
  const events: ModelEvent[] = [];
  for await (const event of model.stream(request)) events.push(event);
  return events;
}

async function failure(model: ChatModel, request = hello()): Promise<AgentIdError> {
  try {
    await collect(model, request);
  } catch (error) {
    assert.ok(AgentIdError.is(error), String(error));
    return error;
  }
  throw new assert.AssertionError({ message: 'the request should have failed' });
}

const plain = (status: number, body: string, headers = {}): Handler => {
  return (_request, response) => answer(response, status, 'text/plain', body, headers);
};
const json = (status: number, body: unknown, headers = {}): Handler => {
  return (_request, response) => answer(response, status, 'application/json', JSON.stringify(body), headers);
};

describe('the model behind the gateway', () => {
  it('sends Azure’s path, the bearer, the tools and nothing of the SDK’s or the environment’s', async () => {
    process.env.AZURE_OPENAI_API_KEY = 'sk-from-the-environment';
    process.env.OPENAI_ORG_ID = 'org-from-the-environment';
    process.env.OPENAI_CUSTOM_HEADERS = 'X-Custom: from-the-environment';
    try {
      const { server, model } = await gateway((_request, response) =>
        answerChat(response, [
          chunk({ role: 'assistant', content: 'Hel' }),
          chunk({ content: 'lo' }),
          chunk({}, 'stop'),
          { choices: [], usage: { prompt_tokens: 7, completion_tokens: 2, total_tokens: 9 } },
        ]),
      );
      const events = await collect(
        model,
        hello({
          messages: [
            { role: 'system', content: 'be brief' },
            { role: 'user', content: 'hi' },
            { role: 'assistant', content: '', toolCalls: [{ id: 'a', name: 'f', arguments: '{}' }] },
            { role: 'tool', toolCallId: 'a', content: 'result' },
          ],
          tools: [{ name: 'f', description: 'd', parameters: { type: 'object', properties: {} } }],
          traceparent: '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01',
        }),
      );
      assert.deepEqual(events, [
        { type: 'text', text: 'Hel' },
        { type: 'text', text: 'lo' },
        { type: 'done', finishReason: 'stop', usage: { input: 7, output: 2 } },
      ]);
      const [request] = server.requests;
      assert.equal(request!.url, '/llm/openai/deployments/gpt-4.1-mini/chat/completions?api-version=2024-10-21');
      assert.equal(request!.headers.authorization, 'Bearer first-token');
      assert.equal(request!.headers.traceparent, '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01');
      for (const name of Object.keys(request!.headers))
        assert.doesNotMatch(name, /^(x-|api-key|openai-)/, `unexpected header ${name}`);
      const body = JSON.parse(request!.body) as Record<string, unknown>;
      assert.deepEqual(body.stream_options, { include_usage: true });
      assert.deepEqual((body.messages as unknown[]).slice(2), [
        {
          role: 'assistant',
          content: null,
          tool_calls: [{ id: 'a', type: 'function', function: { name: 'f', arguments: '{}' } }],
        },
        { role: 'tool', tool_call_id: 'a', content: 'result' },
      ]);
      assert.equal((body.tools as unknown[]).length, 1);
    } finally {
      delete process.env.AZURE_OPENAI_API_KEY;
      delete process.env.OPENAI_ORG_ID;
      delete process.env.OPENAI_CUSTOM_HEADERS;
    }
  });

  it('sends only what Azure takes, whatever tools are called and results hold', async () => {
    const { server, model } = await gateway((_request, response) =>
      answerChat(response, [chunk({ content: 'x' }, 'stop')]),
    );
    const call = (id: string, name: string) => ({ id, name, arguments: '{}' });
    const names = ['multi_tool_use.parallel', 'é'.repeat(100), '', 'fine_name-1'];
    await collect(
      model,
      hello({
        messages: [
          { role: 'user', content: 'half an emoji: \ud83d' },
          { role: 'assistant', content: '', toolCalls: names.map((name, index) => call(`c${index}`, name)) },
          ...names.map((_, index) => ({ role: 'tool' as const, toolCallId: `c${index}`, content: '\ude00 r' })),
        ],
        tools: [{ name: 't', description: `${'d'.repeat(1023)}\u{1F600}more`, parameters: { type: 'object' } }],
      }),
    );
    const sent = JSON.parse(server.requests[0]?.body ?? '') as {
      messages: { content: string; tool_calls?: { function: { name: string } }[] }[];
      tools: { function: { description: string } }[];
    };
    const called = sent.messages[1]?.tool_calls?.map(item => item.function.name) ?? [];
    for (const name of called) assert.match(name, /^[a-zA-Z0-9_-]{1,64}$/);
    assert.equal(called[3], 'fine_name-1');
    const described = sent.tools[0]?.function.description ?? '';
    assert.ok(described.length <= 1024 && described.startsWith('ddd') && described.endsWith('…'));
    assert.ok(server.requests[0]?.body.isWellFormed());
    for (const message of sent.messages) assert.ok((message.content ?? '').isWellFormed());
  });

  it('puts parallel tool calls together, also when their pieces are interleaved or lack an index', async () => {
    const call = (index: number | undefined, id: string | undefined, name: string | undefined, args: string) =>
      chunk({ tool_calls: [{ index, id, type: 'function', function: { name, arguments: args } }] });
    const { model } = await gateway((request, response) =>
      answerChat(
        response,
        request.body.includes('interleaved')
          ? [
              call(0, 'a', 'one', '{"x"'),
              call(1, 'b', 'two', ''),
              call(0, undefined, undefined, ':1}'),
              chunk({}, 'tool_calls'),
            ]
          : [
              call(undefined, 'a', 'one', '{}'),
              call(undefined, 'b', 'two', '{"y":'),
              call(undefined, undefined, undefined, '2}'),
              chunk({}, 'tool_calls'),
            ],
      ),
    );
    const calls = async (content: string) =>
      (await collect(model, hello({ messages: [{ role: 'user', content }] }))).filter(e => e.type === 'toolCall');
    assert.deepEqual(await calls('interleaved'), [
      { type: 'toolCall', id: 'a', name: 'one', arguments: '{"x":1}' },
      { type: 'toolCall', id: 'b', name: 'two', arguments: '{}' },
    ]);
    assert.deepEqual(await calls('no index'), [
      { type: 'toolCall', id: 'a', name: 'one', arguments: '{}' },
      { type: 'toolCall', id: 'b', name: 'two', arguments: '{"y":2}' },
    ]);
  });

  it('replays once with a forced token after the gateway’s 401, and gives up after the second', async () => {
    const expired = 'authentication failure: the token is invalid or malformed: Error(ExpiredSignature)';
    const healed = await gateway((request, response) =>
      request.headers.authorization === 'Bearer second-token'
        ? answerChat(response, [chunk({ content: 'ok' }, 'stop')])
        : answer(response, 401, 'text/plain', expired),
    );
    assert.equal((await collect(healed.model)).length, 2);
    assert.deepEqual(healed.asked, [{}, { forceRefresh: true }]);

    const stubborn = await gateway(plain(401, expired));
    assert.equal((await failure(stubborn.model)).code, 'gateway.tokenExpired');
    assert.equal(stubborn.server.requests.length, 2);
  });

  it('does not replay what a new token cannot mend', async () => {
    const audience = await gateway(
      plain(401, 'authentication failure: the token is invalid or malformed: Error(InvalidAudience)'),
    );
    assert.equal((await failure(audience.model)).code, 'gateway.audienceRejected');
    const azure = await gateway(json(401, { error: { code: 'PermissionDenied', message: 'no data action' } }));
    assert.equal((await failure(azure.model)).code, 'llm.tokenRejected');
    for (const { server } of [audience, azure]) assert.equal(server.requests.length, 1);
  });

  it('fails closed: a token that cannot be had is the error, and nothing is sent', async () => {
    const server = await startServer(plain(200, ''));
    closers.push(server.close);
    const model = await createGatewayModel({
      fetch,
      baseUrl: `${server.origin}/llm`,
      deployment: 'd',
      apiVersion: 'v',
      token: async () => Promise.reject(new AgentIdError('sidecar.userTokenRejected')),
      logger: silentLogger,
    });
    assert.equal((await failure(model)).code, 'sidecar.userTokenRejected');
    assert.equal(server.requests.length, 0);
  });

  it('stops the HTTP stream when aborted, and when the consumer leaves', async () => {
    const { server, model } = await gateway((_request, response) => {
      response.writeHead(200, { 'content-type': 'text/event-stream' });
      response.write(`data: ${JSON.stringify(chunk({ content: 'first' }))}\n\n`);
    });
    const abort = new AbortController();
    await assert.rejects(async () => {
      for await (const event of model.stream(hello({ signal: abort.signal }))) if (event.type === 'text') abort.abort();
    }, isCancellation);
    await server.requests[0]!.closed;

    for await (const event of model.stream(hello())) if (event.type === 'text') break;
    await server.requests[1]!.closed;
  });

  it('names a stream that breaks off', async () => {
    const early = await gateway((_r, response) => answerChat(response, [chunk({ content: 'half' })], ''));
    assert.equal((await failure(early.model)).code, 'llm.interrupted');
    const cut = await gateway((_r, response) => {
      response.writeHead(200, { 'content-type': 'text/event-stream' });
      response.write(`data: ${JSON.stringify(chunk({ content: 'half' }))}\n\n`);
      setTimeout(() => response.destroy(), 20);
    });
    assert.equal((await failure(cut.model)).code, 'llm.interrupted');
    const guard = { error: { type: 'guardrail_blocked', code: 'guardrail_intervention', message: 'no' } };
    const blocked = await gateway((_r, response) => answerChat(response, [chunk({ content: 'a' }), guard], ''));
    assert.equal((await failure(blocked.model)).code, 'gateway.guardrail');
    const nonsense = await gateway((_r, response) => {
      response.writeHead(200, { 'content-type': 'text/event-stream' }).end('data: {not json\n\n');
    });
    assert.equal((await failure(nonsense.model)).code, 'llm.malformed');
    const html = await gateway((_r, response) => answer(response, 200, 'text/html', '<html>hello</html>'));
    assert.equal((await failure(html.model)).code, 'llm.interrupted');
  });

  it('names an endpoint that is not there', async () => {
    const { server, model } = await gateway(plain(200, ''));
    await server.close();
    const error = await failure(model);
    assert.equal(error.code, 'llm.unreachable');
    assert.equal(error.args.host, 'gateway.invalid');
  });
});

describe('API-key mode', () => {
  const keyModel = async (kind: 'azure' | 'openai', handler: Handler, path = '') => {
    const server = await startServer(handler);
    closers.push(server.close);
    const model = await createKeyModel({
      fetch,
      endpoint: server.origin + path,
      kind,
      model: 'm',
      key: 'sk-secret',
      logger: silentLogger,
    });
    return { server, model };
  };
  const ok: Handler = (_request, response) => answerChat(response, [chunk({ content: 'ok' }, 'stop')]);

  it('sends the key as Azure and as compatible servers want it', async () => {
    const azure = await keyModel('azure', ok);
    await collect(azure.model);
    assert.equal(azure.server.requests[0]!.url, '/openai/deployments/m/chat/completions?api-version=2024-10-21');
    assert.equal(azure.server.requests[0]!.headers['api-key'], 'sk-secret');
    assert.equal(azure.server.requests[0]!.headers.authorization, undefined);

    const openai = await keyModel('openai', ok, '/v1/');
    await collect(openai.model);
    assert.equal(openai.server.requests[0]!.url, '/v1/chat/completions');
    assert.equal(openai.server.requests[0]!.headers.authorization, 'Bearer sk-secret');
  });

  it('never lets a key follow a redirect, and names a refused key', async () => {
    const elsewhere = await keyModel('azure', ok);
    const redirecting = await keyModel('azure', (_request, response) => {
      response.writeHead(307, { location: `${elsewhere.server.origin}/steal` }).end();
    });
    assert.equal((await failure(redirecting.model)).code, 'llm.requestRejected');
    assert.equal(elsewhere.server.requests.length, 0);

    const refused = await keyModel('azure', json(401, { error: { code: '401', message: 'Access denied' } }));
    const error = await failure(refused.model);
    assert.equal(error.code, 'llm.keyRejected');
    assert.equal(error.args.host, new URL(refused.server.origin).host);
  });

  it('refuses endpoints that would expose the key', async () => {
    for (const endpoint of ['http://example.com', 'https://user:pw@example.com', 'ftp://x', 'nonsense'])
      await assert.rejects(
        createKeyModel({ fetch, endpoint, kind: 'openai', model: 'm', key: 'k', logger: silentLogger }),
        error => AgentIdError.is(error, 'llm.endpointInvalid'),
      );
  });
});
