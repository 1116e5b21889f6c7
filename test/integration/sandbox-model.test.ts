import assert from 'node:assert/strict';
import { createServer, type IncomingHttpHeaders } from 'node:http';
import type { AddressInfo } from 'node:net';
import { describe, it, type TestContext } from 'node:test';
import OpenAI, { AzureOpenAI } from 'openai';
import type { ChatCompletionMessageParam, ChatCompletionTool } from 'openai/resources/chat/completions';
import { startModel, type ModelOptions, type RunningModel } from '../../src/sandbox/model/model.ts';

const MODEL = 'gpt-4.1-mini';

async function start(t: TestContext, options: ModelOptions = {}): Promise<RunningModel> {
  const model = await startModel({ faults: { chunkDelay: 0 }, ...options });
  t.after(() => model.close());
  return model;
}

const client = (model: RunningModel) => new OpenAI({ baseURL: model.baseUrl, apiKey: 'any', maxRetries: 0 });

const tool = (name: string, description: string, properties: object, required: string[] = []): ChatCompletionTool => ({
  type: 'function',
  function: { name, description, parameters: { type: 'object', properties, required } },
});
const query = { query: { type: 'string' } };
const url = { url: { type: 'string', format: 'uri' } };
const TOOLS = [
  tool('microsoft_microsoft_docs_search', 'Search the documentation.', query, ['query']),
  tool('microsoft_microsoft_docs_fetch', 'Fetch one documentation page by its URL.', url, ['url']),
  tool('exa-ai_web_search_exa', 'Search the web.', { ...query, numResults: { type: 'integer' } }, ['query']),
];

/** A whole turn as an agent would run it: calls are answered by `run` until the model speaks. */
async function turn(
  model: RunningModel,
  prompt: string,
  run: (name: string, args: Record<string, unknown>) => string,
  tools = TOOLS,
): Promise<{ calls: string[][]; text: string }> {
  const messages: ChatCompletionMessageParam[] = [{ role: 'user', content: prompt }];
  const calls: string[][] = [];
  for (let step = 0; step < 10; step++) {
    const { choices } = await client(model).chat.completions.create({ model: MODEL, messages, tools });
    const [choice] = choices;
    assert.ok(choice);
    messages.push(choice.message);
    const asked = (choice.message.tool_calls ?? []).filter(call => call.type === 'function');
    if (asked.length === 0) return { calls, text: choice.message.content ?? '' };
    assert.equal(choice.finish_reason, 'tool_calls');
    calls.push(asked.map(call => `${call.function.name} ${call.function.arguments}`));
    for (const { id, function: call } of asked) {
      const content = run(call.name, JSON.parse(call.arguments) as Record<string, unknown>);
      messages.push({ role: 'tool', tool_call_id: id, content });
    }
  }
  throw new Error('the model does not come to an end');
}

const raw = (model: RunningModel, path: string, init: RequestInit = {}) =>
  fetch(model.origin + path, { headers: { 'api-key': 'k', 'content-type': 'application/json' }, ...init });
const complete = async (model: RunningModel, body: unknown, path = '/v1/chat/completions') => {
  const text = typeof body === 'string' ? body : JSON.stringify(body);
  const response = await raw(model, path, { method: 'POST', body: text });
  return { status: response.status, error: ((await response.json()) as { error?: Record<string, unknown> }).error };
};

describe('the demo model: its API', () => {
  it('serves the openai client under the paths of OpenAI and of Azure', async t => {
    const model = await start(t, { deployments: ['d-1', 'd-2'] });
    assert.equal(model.deployment, 'd-1');
    assert.equal(model.baseUrl, `${model.origin}/v1`);
    const names = [];
    for await (const { id } of await client(model).models.list()) names.push(id);
    assert.deepEqual(names, ['d-1', 'd-2']);
    const messages = [{ role: 'user' as const, content: 'Hello' }];
    const plain = await client(model).chat.completions.create({ model: 'd-2', messages });
    const dated = new AzureOpenAI({ endpoint: model.origin, apiKey: 'k', apiVersion: '2024-10-21', deployment: 'd-2' });
    const azure = await dated.chat.completions.create({ model: 'd-2', messages });
    const v1 = new OpenAI({ baseURL: `${model.origin}/openai/v1`, apiKey: 'k' });
    const unified = await v1.chat.completions.create({ model: 'd-2', messages });
    for (const answer of [plain, azure, unified]) {
      assert.match(answer.choices[0]?.message.content ?? '', /demo model .* I was offered no tools/);
      assert.equal(answer.choices[0]?.finish_reason, 'stop');
      assert.equal(answer.model, 'd-2');
      assert.ok((answer.usage?.total_tokens ?? 0) > 0);
    }
  });

  it('streams text in pieces and ends with the usage only when asked', async t => {
    const model = await start(t, { clock: { now: () => 5_000 } });
    const messages = [{ role: 'user' as const, content: 'What can you do?' }];
    const read = async (extra: object) => {
      const stream = await client(model).chat.completions.create({ model: MODEL, messages, stream: true, ...extra });
      return Array.fromAsync(stream);
    };
    const plain = await read({});
    assert.ok(plain.length > 10);
    assert.equal(plain[0]?.choices[0]?.delta.role, 'assistant');
    assert.equal(plain[0]?.created, 5);
    assert.equal(plain.at(-1)?.choices[0]?.finish_reason, 'stop');
    assert.equal(
      plain.some(chunk => chunk.usage),
      false,
    );
    const counted = await read({ stream_options: { include_usage: true } });
    assert.deepEqual(counted.at(-1)?.choices, []);
    assert.ok((counted.at(-1)?.usage?.completion_tokens ?? 0) > 0);
    const text = (chunks: typeof plain) => chunks.map(chunk => chunk.choices[0]?.delta.content ?? '').join('');
    assert.equal(text(plain), text(counted));
    const response = await raw(model, '/v1/chat/completions', {
      method: 'POST',
      body: JSON.stringify({ model: MODEL, messages, stream: true }),
    });
    assert.match(response.headers.get('content-type') ?? '', /^text\/event-stream/);
    assert.match(await response.text(), /\n\ndata: \[DONE\]\n\n$/);
  });

  it('streams tool calls as openai’s own accumulator expects them', async t => {
    const model = await start(t);
    const stream = client(model).chat.completions.stream({
      model: MODEL,
      messages: [{ role: 'user', content: 'Search the docs for blueprints and the web for agents' }],
      tools: TOOLS,
    });
    const { choices } = await stream.finalChatCompletion();
    const calls = choices[0]?.message.tool_calls ?? [];
    assert.deepEqual(
      calls.map(call => call.type === 'function' && [call.function.name, call.function.arguments]),
      [
        ['microsoft_microsoft_docs_search', '{"query":"blueprints"}'],
        ['exa-ai_web_search_exa', '{"query":"agents"}'],
      ],
    );
    assert.equal(new Set(calls.map(({ id }) => id)).size, 2);
    assert.equal(choices[0]?.message.content, null);
  });

  it('wants some credential, and knows its paths and deployments', async t => {
    const model = await start(t);
    const bare = await fetch(`${model.origin}/v1/models`);
    assert.equal(bare.status, 401);
    assert.equal(bare.headers.get('www-authenticate'), 'Bearer');
    assert.equal(((await bare.json()) as { error: { code: string } }).error.code, '401');
    assert.equal((await fetch(`${model.origin}/v1/models`, { headers: { authorization: 'Bearer t' } })).status, 200);
    const body = { model: MODEL, messages: [{ role: 'user', content: 'x' }] };
    const dated = (deployment: string, version = '?api-version=1') =>
      complete(model, body, `/openai/deployments/${deployment}/chat/completions${version}`);
    assert.equal((await dated(MODEL)).status, 200);
    assert.deepEqual([(await dated('nope')).status, (await dated('nope')).error?.code], [404, 'DeploymentNotFound']);
    assert.equal((await dated(MODEL, '')).status, 404);
    assert.equal((await complete(model, { ...body, model: 'nope' })).error?.code, 'model_not_found');
    assert.equal((await raw(model, '/v2/nothing')).status, 404);
    assert.equal((await raw(model, '/v1/chat/completions')).status, 405);
  });

  it('refuses what the real API refuses', async t => {
    const model = await start(t);
    const user = { role: 'user', content: 'x' };
    const calling = {
      role: 'assistant',
      content: null,
      tool_calls: [{ id: 'c1', type: 'function', function: { name: 'f', arguments: '{}' } }],
    };
    const answered = { role: 'tool', tool_call_id: 'c1', content: 'r' };
    const named = (name: string, parameters: object = { type: 'object' }) => ({
      messages: [user],
      tools: [{ type: 'function', function: { name, parameters } }],
    });
    const cases: [object | string, RegExp, unknown][] = [
      ['{', /could not parse the JSON body/, null],
      [{}, /Missing required parameter: 'messages'/, 'missing_required_parameter'],
      [{ messages: [] }, /Invalid 'messages': empty array/, 'empty_array'],
      [{ messages: [{ role: 'robot', content: 'x' }] }, /Invalid value for 'messages\.0\.role'/, 'invalid_value'],
      [{ messages: [user, answered] }, /must be a response to a preceeding message with 'tool_calls'/, null],
      [{ messages: [user, calling, user] }, /did not have response messages: c1/, null],
      [{ messages: [user, calling] }, /did not have response messages: c1/, null],
      [{ messages: [user, calling, answered, answered] }, /must be a response/, null],
      [named('a.b'), /tools\[0\]\.function\.name': string does not match pattern/, 'invalid_value'],
      [named('n'.repeat(65)), /maximum length 64, but got a string with length 65/, 'string_above_max_length'],
      [named('f', { type: 'string' }), /Invalid schema for function 'f'/, 'invalid_function_parameters'],
      [
        { messages: [user], tools: Array.from({ length: 129 }, (_, index) => named(`f${index}`).tools[0]) },
        /maximum length 128/,
        'array_above_max_length',
      ],
    ];
    for (const [body, message, code] of cases) {
      const { status, error } = await complete(model, typeof body === 'string' ? body : { model: MODEL, ...body });
      assert.equal(status, 400, String(message));
      assert.match(String(error?.message), message);
      assert.equal(error?.code, code);
      assert.equal(error?.type, 'invalid_request_error');
    }
    assert.equal((await complete(model, { model: MODEL, messages: [user, calling, answered, user] })).status, 200);
  });

  it('plays the faults that are armed, once each', async t => {
    const model = await start(t);
    const body = { model: MODEL, messages: [{ role: 'user', content: 'search the docs for x' }], tools: TOOLS };
    const expected = { 401: '401', 403: 'PermissionDenied', 404: 'DeploymentNotFound', 429: '429' } as const;
    for (const status of [401, 403, 404, 429] as const) {
      model.panel.apply({ nextStatus: status, retryAfter: 7 });
      const response = await raw(model, '/v1/chat/completions', { method: 'POST', body: JSON.stringify(body) });
      assert.equal(response.status, status);
      assert.equal(response.headers.get('retry-after'), status === 429 ? '7' : null);
      assert.equal(((await response.json()) as { error: { code: string } }).error.code, expected[status]);
      assert.equal((await complete(model, body)).status, 200);
    }
    model.faults.badArguments = true;
    const cut = async () => {
      const { choices } = await client(model).chat.completions.create(body as never);
      const [call] = choices[0]?.message.tool_calls ?? [];
      return call?.type === 'function' ? call.function.arguments : undefined;
    };
    assert.deepEqual([await cut(), await cut()], ['{"query":"x"', '{"query":"x"}']);
    assert.throws(() => model.panel.apply({ nextStatus: 500 }));
    model.panel.reset();
    assert.deepEqual(model.panel.read(), { requests: 10 });
  });

  it('stops when the client leaves', async t => {
    const model = await start(t, { faults: { chunkDelay: 20 } });
    const abort = new AbortController();
    const stream = await client(model).chat.completions.create(
      { model: MODEL, messages: [{ role: 'user', content: 'Give me a long answer' }], stream: true },
      { signal: abort.signal },
    );
    let text = '';
    for await (const chunk of stream) {
      text += chunk.choices[0]?.delta.content ?? '';
      if (text.length > 20) abort.abort();
    }
    assert.ok(text.length < 200, text);
    assert.equal((await raw(model, '/v1/models')).status, 200);
  });

  it('hands completions to a real model under its name and key, and to nobody else', async t => {
    const seen: { url: string; headers: IncomingHttpHeaders; body: string }[] = [];
    const real = createServer((request, response) => {
      let body = '';
      request.setEncoding('utf8').on('data', (chunk: string) => (body += chunk));
      request.on('end', () => {
        seen.push({ url: request.url ?? '', headers: request.headers, body });
        response.writeHead(418, { 'content-type': 'application/json', 'retry-after': '2' }).end('{"real":true}');
      });
    });
    await new Promise<void>(resolve => void real.listen(0, '127.0.0.1', resolve));
    t.after(() => void real.close());
    const origin = `http://127.0.0.1:${(real.address() as AddressInfo).port}`;
    const model = await start(t, { real: { url: `${origin}/api/v1/`, model: 'real-1', key: 'real-key' } });
    const body = { model: MODEL, messages: [{ role: 'user', content: 'x' }], temperature: 0.1 };
    const response = await raw(model, `/openai/deployments/${MODEL}/chat/completions?api-version=1`, {
      method: 'POST',
      headers: { authorization: 'Bearer agent-token', 'content-type': 'application/json' },
      body: JSON.stringify(body),
    });
    assert.deepEqual([response.status, await response.json()], [418, { real: true }]);
    assert.equal(response.headers.get('retry-after'), '2');
    assert.equal(seen[0]?.url, '/api/v1/chat/completions');
    assert.equal(seen[0].headers.authorization, 'Bearer real-key');
    const sent = JSON.parse(seen[0].body) as Record<string, unknown>;
    assert.deepEqual([sent.model, sent.temperature], ['real-1', 0.1]);
    assert.doesNotMatch(JSON.stringify(seen[0]), /agent-token/);
  });
});

describe('the demo model: what it does', () => {
  const docs = '{"results":[{"title":"T","content":"Docs say so.","contentUrl":"https://docs.example/page"}]}';

  it('calls a tool on each target at once, and answers from both', async t => {
    const model = await start(t);
    const { calls, text } = await turn(
      model,
      'Search the docs for workload identity and the web for "agents with identities", please.',
      name => (name.includes('docs') ? docs : 'Title: W\nURL: https://web.example/w\nText: The web says more.'),
    );
    assert.deepEqual(calls, [
      [
        'microsoft_microsoft_docs_search {"query":"workload identity"}',
        'exa-ai_web_search_exa {"query":"agents with identities"}',
      ],
    ]);
    assert.match(
      text,
      /`microsoft_microsoft_docs_search` says:\n\n> Docs say so\.\n>\n> — \[T\]\(https:\/\/docs\.example\/page\)/,
    );
    assert.match(text, /`exa-ai_web_search_exa` says:\n\n> The web says more\./);
    assert.match(text, /demo model of the Agent ID sandbox/);
  });

  it('goes on step by step where the prompt says "then", with what it found', async t => {
    const model = await start(t);
    const { calls, text } = await turn(model, 'Search the docs for OBO, then read the first page', name =>
      name.endsWith('search') ? docs : '# T\n\nThe whole page.',
    );
    assert.deepEqual(calls, [
      ['microsoft_microsoft_docs_search {"query":"OBO"}'],
      ['microsoft_microsoft_docs_fetch {"url":"https://docs.example/page"}'],
    ]);
    assert.match(text, /Docs say so.*The whole page\./s);
  });

  it('calls a tool that it was not offered when it is told to, once, and reports the refusal', async t => {
    const model = await start(t);
    const prompt = 'Use exa-ai_crawling_exa to read https://web.example/page.';
    const { calls, text } = await turn(model, prompt, () => 'Error: Unknown tool: exa-ai_crawling_exa');
    assert.deepEqual(calls, [['exa-ai_crawling_exa {"url":"https://web.example/page"}']]);
    assert.match(
      text,
      /could not get an answer.*`exa-ai_crawling_exa` did not work\. It answered: Error: Unknown tool/s,
    );
  });

  it('never makes the same call twice, even when it fails or is asked for twice', async t => {
    const model = await start(t);
    const prompt = 'search the docs for x and search the docs for x, then search the docs for x';
    const { calls } = await turn(model, prompt, () => 'Error: nope');
    assert.deepEqual(calls, [['microsoft_microsoft_docs_search {"query":"x"}']]);
  });

  it('fills arguments from any schema', async t => {
    const model = await start(t);
    const properties = {
      city: { type: 'string' },
      unit: { type: 'string', enum: ['celsius', 'fahrenheit'] },
      days: { type: 'integer', minimum: 1 },
      exact: { type: 'boolean' },
      place: { type: 'object', properties: { country: { type: 'string' } }, required: ['country'] },
      tags: { type: ['array', 'null'], items: { type: 'string' } },
      note: { type: 'string' },
    };
    const weather = tool('get_weather', 'Tell the weather', properties, [
      'city',
      'unit',
      'days',
      'exact',
      'place',
      'tags',
    ]);
    const prompt = 'get the weather in "Paris" "France" for 3 days in fahrenheit';
    const { calls } = await turn(model, prompt, () => 'Rain', [weather]);
    assert.deepEqual(JSON.parse(calls[0]?.[0]?.replace('get_weather ', '') ?? ''), {
      city: 'Paris',
      unit: 'fahrenheit',
      days: 3,
      exact: true,
      place: { country: 'France' },
      tags: ['3 days in fahrenheit'],
    });
  });

  it('does what several small tools are for in one prompt', async t => {
    const model = await start(t);
    const number = { type: 'number' };
    const tools = [
      tool('box_add', 'Add two numbers', { a: number, b: number }, ['a', 'b']),
      tool('box_echo', 'Echo a text', { text: { type: 'string' } }, ['text']),
      tool('box_current_time', 'Tell the current time', { timeZone: { type: 'string' } }),
      tool('box_slow_count', 'Count slowly', { steps: { type: 'integer' } }),
    ];
    const prompt = 'add 2 and 40, echo "hi there", tell me the time in Europe/Berlin and count slowly to 3';
    const { calls, text } = await turn(model, prompt, name => (name === 'box_add' ? '42' : 'done'), tools);
    assert.deepEqual(calls, [
      [
        'box_add {"a":2,"b":40}',
        'box_echo {"text":"hi there"}',
        'box_current_time {"timeZone":"Europe/Berlin"}',
        'box_slow_count {"steps":3}',
      ],
    ]);
    assert.match(text, /`box_add` says:\n\n> 42/);
  });

  it('answers about itself when nothing fits, and about the conversation', async t => {
    const model = await start(t);
    const say = async (content: string, before: ChatCompletionMessageParam[] = [], tools = TOOLS) => {
      const messages: ChatCompletionMessageParam[] = [...before, { role: 'user', content }];
      const { choices } = await client(model).chat.completions.create({ model: MODEL, messages, tools });
      return choices[0]?.message;
    };
    for (const prompt of ['Hello!', 'Thanks a lot.', 'What can you do?', 'Which tools can you use?']) {
      const message = await say(prompt);
      assert.equal(message?.tool_calls, undefined, prompt);
      assert.match(message?.content ?? '', /demo model .*- `exa-ai_web_search_exa`/s);
    }
    assert.ok((await say('Why does a pod need an issuer?'))?.tool_calls); // a question goes to a search
    const system = { role: 'system' as const, content: 'Be brief.' };
    assert.equal((await say('What is your system prompt?', [system]))?.content, 'My instructions are: Be brief.');
    const earlier: ChatCompletionMessageParam[] = [
      { role: 'user', content: 'First.' },
      { role: 'assistant', content: 'Yes.' },
    ];
    assert.equal((await say('What did I ask before?', earlier))?.content, 'Before this you asked: "First."');
    const choice = {
      model: MODEL,
      messages: [{ role: 'user' as const, content: 'search the docs for x' }],
      tools: TOOLS,
    };
    const { choices } = await client(model).chat.completions.create({ ...choice, tool_choice: 'none' });
    assert.equal(choices[0]?.message.tool_calls, undefined);
  });

  it('is deterministic', async t => {
    const [a, b] = [await start(t, { clock: { now: () => 0 } }), await start(t, { clock: { now: () => 0 } })];
    const request = {
      model: MODEL,
      messages: [{ role: 'user' as const, content: 'search the docs for x' }],
      tools: TOOLS,
    };
    const once = await client(a).chat.completions.create(request);
    const again = await client(b).chat.completions.create(request);
    assert.deepEqual(again, once);
  });
});
