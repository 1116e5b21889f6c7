import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { after, afterEach, before, describe, it } from 'node:test';
import { AgentIdError } from '../../src/base/errors.ts';
import { silentLogger } from '../../src/base/logger.ts';
import { mcpRoutes, parseGatewayConfig } from '../../src/gateway/config.ts';
import { createKeyModel } from '../../src/gateway/keyModel.ts';
import { createGatewayModel, type ChatModel, type ChatRequest, type ModelEvent } from '../../src/gateway/llm.ts';
import { explainDenial, hiddenTools } from '../../src/gateway/policy.ts';
import { decodeToken } from '../../src/identity/claims.ts';
import { agentTokens, type AgentTokens } from './support/agentTokens.ts';
import { startSandbox, type TestSandbox } from './support/sandbox.ts';

let sandbox: TestSandbox;
let tokens: AgentTokens;

before(async () => {
  sandbox = await startSandbox();
  tokens = await agentTokens(sandbox);
});
afterEach(() => sandbox.control('/model', {}));
after(() => sandbox.stop());

const live = () => AbortSignal.timeout(30_000);

/** The model as the extension asks for it, over the gateway's own loopback URL. `api` is whose token it gets. */
function model(api = 'openai', asked: boolean[] = []): Promise<ChatModel> {
  return createGatewayModel({
    fetch,
    baseUrl: `${sandbox.json.direct.gateway}/llm`,
    deployment: sandbox.json.llmModel,
    apiVersion: '2024-10-21',
    token: ({ forceRefresh = false }) => {
      asked.push(forceRefresh);
      return tokens.get(api, 0, forceRefresh);
    },
    logger: silentLogger,
  });
}

const object = (...names: string[]) => ({
  type: 'object',
  properties: Object.fromEntries(names.map(name => [name, { type: 'string' }])),
  required: names,
});
const TOOLS = [
  { name: 'microsoft_microsoft_docs_search', description: 'Search the documentation', parameters: object('query') },
  { name: 'exa-ai_web_search_exa', description: 'Search the web', parameters: object('query') },
];

async function events(chat: ChatModel, request: Partial<ChatRequest> = {}): Promise<ModelEvent[]> {
  const messages = request.messages ?? [{ role: 'user' as const, content: 'What can you do?' }];
  return Array.fromAsync(chat.stream({ messages, tools: [], signal: live(), ...request }));
}

async function failure(work: Promise<unknown>): Promise<AgentIdError> {
  const error = await work.then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  assert.ok(AgentIdError.is(error), String(error));
  return error;
}

const textOf = (list: ModelEvent[]) => list.map(event => (event.type === 'text' ? event.text : '')).join('');

describe('the model, through the gateway', () => {
  it('streams, calls two tools at once and answers from their results', async () => {
    const chat = await model();
    const question = {
      role: 'user' as const,
      content: 'Search the docs for the on-behalf-of flow and the web for agent identity.',
    };
    const first = await events(chat, { messages: [question], tools: TOOLS });
    const calls = first.filter(event => event.type === 'toolCall');
    assert.deepEqual(calls.map(({ name }) => name).toSorted(), TOOLS.map(({ name }) => name).toSorted());
    for (const call of calls) assert.equal(typeof (JSON.parse(call.arguments) as { query?: unknown }).query, 'string');
    const end = first.at(-1);
    assert.ok(end?.type === 'done' && end.finishReason === 'tool_calls' && end.usage && end.usage.input > 0);

    const second = await events(chat, {
      messages: [
        question,
        { role: 'assistant', content: textOf(first), toolCalls: calls },
        ...calls.map(call => ({
          role: 'tool' as const,
          toolCallId: call.id,
          content: JSON.stringify({ results: [{ title: 'Zugvogel notes', url: 'https://example.test/z' }] }),
        })),
      ],
      tools: TOOLS,
    });
    assert.match(textOf(second), /Zugvogel/);
    assert.ok(second.filter(event => event.type === 'text').length > 3, 'it comes in pieces');
  });

  it('is stopped in the middle of an answer', async () => {
    await sandbox.control('/model', { chunkDelay: 200 });
    const abort = new AbortController();
    const chat = await model();
    await assert.rejects(
      async () => {
        for await (const event of chat.stream({
          messages: [{ role: 'user', content: 'What can you do?' }],
          tools: [],
          signal: abort.signal,
        }))
          if (event.type === 'text') abort.abort();
      },
      { name: 'AbortError' },
    );
  });

  it('with the MCP token in the wrong place says so, without a replay', async () => {
    const asked: boolean[] = [];
    const error = await failure(events(await model('mcp', asked)));
    assert.equal(error.code, 'gateway.audienceRejected');
    assert.deepEqual(asked, [false]);
  });

  it('with an expired token gets a new one, once', async () => {
    const asked: boolean[] = [];
    await tokens.get('openai', 0, false);
    const chat = await model('openai', asked);
    await sandbox.control('/clock', { offsetSeconds: 4 * 3600 });
    try {
      await tokens.signInAgain();
      assert.equal((await events(chat)).at(-1)?.type, 'done');
      assert.deepEqual(asked, [false, true]);
    } finally {
      await sandbox.control('/clock', { offsetSeconds: 0 });
      tokens.clear();
      await tokens.signInAgain();
    }
  });

  it('tells what the model’s host refuses from what the gateway refuses', async () => {
    const chat = await model();
    for (const [nextStatus, code] of [
      [401, 'llm.tokenRejected'],
      [403, 'llm.forbidden'],
      [404, 'llm.deploymentMissing'],
      [429, 'llm.rateLimited'],
    ] as const) {
      await sandbox.control('/model', { nextStatus, retryAfter: 7 });
      const error = await failure(events(chat));
      assert.equal(error.code, code, error.message);
      if (nextStatus === 429) assert.equal(error.args['retryAfterSeconds'], 7);
    }
    assert.equal((await events(chat)).at(-1)?.type, 'done');
  });

  it('in API-key mode is asked directly', async () => {
    const chat = await createKeyModel({
      fetch,
      endpoint: sandbox.json.direct.llm,
      kind: 'openai',
      model: sandbox.json.llmModel,
      key: 'any',
      logger: silentLogger,
    });
    assert.equal((await events(chat)).at(-1)?.type, 'done');
  });
});

describe('the gateway’s file', () => {
  it('is read, and its rules say of both agents what the gateway does', async () => {
    const [route, ...others] = mcpRoutes(parseGatewayConfig(await readFile(sandbox.json.gatewayConfigFile, 'utf8')));
    assert.ok(route);
    assert.deepEqual([others.length, route.path, route.targets], [0, '/mcp', ['microsoft', 'exa-ai']]);
    const allowed = decodeToken(await tokens.get('mcp', 0, false)).claims;
    const refused = decodeToken(await tokens.get('mcp', 1, false)).claims;
    assert.equal(explainDenial(route, allowed), undefined);
    assert.equal(explainDenial(route, allowed, { name: 'web_search_exa', target: 'exa-ai' }), undefined);
    assert.deepEqual(
      hiddenTools(route, allowed).map(({ name, target, reason }) => [name, target, reason.cause]),
      [['crawling_exa', 'exa-ai', 'deny']],
    );
    const reason = explainDenial(route, refused);
    assert.equal(reason?.everyTool, true);
    assert.deepEqual(reason.claims, [{ name: 'appid', value: sandbox.json.agents[1]?.appId }]);
  });

  it('explains a token of the other version, as Entra gives it when the app asks for v2', async () => {
    const [route] = mcpRoutes(parseGatewayConfig(await readFile(sandbox.json.gatewayConfigFile, 'utf8')));
    const { appid, ...rest } = decodeToken(await tokens.get('mcp', 0, false)).claims;
    const reason = explainDenial(route!, { ...rest, azp: appid, ver: '2.0', xms_act_fct: undefined });
    assert.equal(reason?.remedy.code, 'otherVersion');
  });
});
