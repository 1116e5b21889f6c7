// What is wrong with tokens: consent, policies, a sidecar that answers for another, or nonsense. None of it is ever used.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { Connection } from '../../src/agent/connection.ts';
import { emptyInspector, parseToInspector } from '../../src/protocol/inspector.ts';
import { Inspection } from '../../src/views/inspection.ts';
import { inspectedToken } from '../../src/views/inspectorRow.ts';
import { TOKEN_IDS } from '../../src/views/inspectorTokens.ts';
import { ALL_DONE, answers, said, say, standIn, steps, thrown, works, world } from './wrong-input.fixture.ts';

const w = world();
const soon = () => AbortSignal.timeout(30_000);

/** The rows of the inspector as the view takes them in: `ok`, or what the row says. */
async function rows(connection: Connection): Promise<Record<string, string>> {
  const inspection = new Inspection();
  await inspection.load(connection, false, soon(), () => {});
  const words = { t: (message: string) => message, say, names: new Map(), apps: {}, now: Date.now() };
  const tokens = TOKEN_IDS.map(id =>
    inspectedToken({ id, label: id, pending: false, notConfigured: id }, inspection.reading(id), words),
  );
  const message = { type: 'snapshot', seq: 0, now: 0, state: { ...emptyInspector, tokens } };
  assert.ok(parseToInspector(message));
  return Object.fromEntries(
    tokens.map(({ id, status }) => [id, status.kind === 'error' ? status.failure.sentence : status.kind]),
  );
}

/** How often model and MCP servers were asked: a token that is not good must not get that far. */
async function asked(): Promise<number> {
  const model = (await w.control('model')) as { requests: number };
  const mcp = (await w.control('mcp')) as Record<string, { requests: number }>;
  return model.requests + Object.values(mcp).reduce((sum, { requests }) => sum + requests, 0);
}

describe('consent that is missing', () => {
  test('for the model leaves MCP alone, and helps as soon as it is given', async () => {
    const core = await w.core();
    await w.control('entra', { consentMissing: ['research-agent/openai'] });
    const connection = await core.connect();
    assert.deepEqual(steps(connection), { ...ALL_DONE, llmToken: 'sidecar.consentMissing' });
    const { sentence } = said(connection.firstFailure?.error, 'sidecar.consentMissing');
    assert.match(sentence, /AADSTS65001, correlation id [0-9a-f-]{36}/);
    const { tc, llm, mcp } = await rows(connection);
    assert.deepEqual([tc, mcp], ['ok', 'ok']);
    assert.match(llm ?? '', /Nobody has consented.*“openai”/);
    said(await thrown(core.say('hello')), 'sidecar.consentMissing');
    await w.control('entra', { consentMissing: [] });
    await answers(core);
  });

  test('for MCP leaves the chat alone', async () => {
    const core = await w.core();
    await w.control('entra', { consentMissing: ['research-agent/mcp'] });
    const connection = await core.connect();
    assert.deepEqual(steps(connection), { ...ALL_DONE, mcpToken: 'sidecar.consentMissing', tools: 'pending' });
    said(connection.firstFailure?.error, 'sidecar.consentMissing');
    const { tc, llm } = await rows(connection);
    assert.deepEqual([tc, llm], ['ok', 'ok']);
    const { outcome, calls } = await core.say('hello');
    assert.equal(outcome, 'done');
    assert.deepEqual(calls, []);
    await w.control('entra', { consentMissing: [] });
    await connection.start(undefined, soon());
    assert.deepEqual(steps(connection), ALL_DONE);
    await answers(core);
  });
});

describe('Entra that refuses the exchange', () => {
  for (const [what, fault, code, cure] of [
    ['by policy', { conditionalAccess: { kind: 'block' } }, 'sidecar.blockedByPolicy', 'none'],
    [
      'until the person signs in again',
      { conditionalAccess: { kind: 'mfa' } },
      'sidecar.interactionRequired',
      'signIn',
    ],
    [
      'because it does not know the resource',
      { oboFault: { code: 500011, times: 2 } },
      'sidecar.unknownResource',
      'none',
    ],
    ['for a reason of its own', { oboFault: { code: 82001, times: 2 } }, 'sidecar.entraRefused', 'none'],
    [
      'because the user token is too old, and the next one too',
      { oboFault: { code: 500133, times: 4 } },
      'sidecar.userTokenRejected',
      'none',
    ],
  ] as const) {
    test(what, async () => {
      const core = await w.core();
      await w.control('entra', fault);
      const connection = await core.connect();
      assert.deepEqual(steps(connection), { ...ALL_DONE, llmToken: code, mcpToken: code, tools: 'pending' });
      said(connection.firstFailure?.error, code);
      if (cure === 'signIn') await connection.forceSignIn(core.interaction.signIn, soon());
      else {
        await w.control('entra', { conditionalAccess: { kind: 'none' }, oboFault: null });
        await connection.start(undefined, soon());
      }
      assert.deepEqual(steps(connection), ALL_DONE);
      await answers(core);
    });
  }
});

describe('a sidecar that answers for another identity', () => {
  for (const [what, fault] of [
    ['because its overrides are off', { allowOverrides: { getAuthorizationHeader: false } }],
    ['because it mixes agents up', { answerAs: 'intern' }],
  ] as const) {
    test(`${what} is found out, and its token goes nowhere`, async () => {
      const core = await w.core();
      const before = await asked();
      const { agents, blueprintAppId } = w.sandbox.json;
      const mixedUp = 'answerAs' in fault;
      await w.control('sidecar', mixedUp ? { answerAs: agents[1]?.appId } : fault);
      const connection = await core.connect();
      const code = 'agentToken.wrongAgent';
      assert.deepEqual(steps(connection), { ...ALL_DONE, llmToken: code, mcpToken: code, tools: 'pending' });
      const { sentence, nextStep } = said(connection.firstFailure?.error, code);
      assert.ok(sentence.includes((mixedUp ? agents[1]?.appId : blueprintAppId) ?? '-'), sentence);
      assert.match(nextStep ?? '', /Sidecar__AllowOverrides__GetAuthorizationHeader=true/);
      said(await thrown(core.say('hello')), code);
      assert.deepEqual([connection.broker.peek('openai'), connection.broker.peek('mcp')], [undefined, undefined]);
      assert.match((await rows(connection)).llm ?? '', /instead of the agent/);
      assert.equal(await asked(), before);
      await w.control('sidecar', { allowOverrides: { getAuthorizationHeader: true }, answerAs: null });
      await connection.start(undefined, soon());
      assert.deepEqual(steps(connection), ALL_DONE);
      await answers(core);
    });
  }
});

test('a token that is not what was asked for is named by what is wrong with it, and goes nowhere', async () => {
  const { json } = w.sandbox;
  const now = Math.floor(Date.now() / 1000);
  const good = {
    aud: 'https://cognitiveservices.azure.com',
    appid: json.agents[0]?.appId,
    oid: json.users[0]?.oid,
    tid: json.tenantId,
    exp: now + 3_600,
    ver: '1.0',
  };
  const bearer = (claims: object) => ({ authorizationHeader: `Bearer ${unsigned({ ...good, ...claims })}` });
  const html = '<html><title>Sign in to the proxy</title></html>';
  const cases: [code: string, status: number, body: object | string, headers?: Record<string, string>][] = [
    ['token.malformed', 200, { authorizationHeader: 'Bearer not.a.jwt' }],
    ['token.malformed', 200, { authorizationHeader: 'Bearer opaque' }],
    ['token.tooLarge', 200, { authorizationHeader: `Bearer e30.${'x'.repeat(70_000)}.x` }],
    ['sidecar.malformedAnswer', 200, { authorizationHeader: 'Bearer two words' }],
    ['sidecar.malformedAnswer', 200, { header: 'x' }],
    ['sidecar.malformedAnswer', 200, '{"authorizationHeader": ', { 'content-type': 'application/json' }],
    ['sidecar.notBearer', 200, { authorizationHeader: 'PoP abc' }],
    ['sidecar.notASidecar', 200, html, { 'content-type': 'text/html' }],
    ['sidecar.notASidecar', 302, '', { location: 'https://login.example/' }],
    ['sidecar.unexpected500', 500, { title: 'An error occurred while processing your request.', status: 500 }],
    ['sidecar.forbiddenCaller', 403, ''],
    ['sidecar.refused', 400, { title: 'Bad Request', detail: 'No.', status: 400 }],
    ['sidecar.userTokenRejected', 401, '', { 'www-authenticate': 'Bearer error="invalid_token"' }],
    ['sidecar.userTokenRejected', 401, '', { 'www-authenticate': 'Bearer' }],
    ['agentToken.wrongAudience', 200, bearer({ aud: 'https://graph.microsoft.com' })],
    ['agentToken.wrongTenant', 200, bearer({ tid: json.mcpAppId })],
    ['agentToken.wrongUser', 200, bearer({ oid: json.users[1]?.oid })],
    ['agentToken.wrongUser', 200, bearer({ oid: undefined })],
    ['agentToken.wrongAgent', 200, bearer({ appid: undefined })],
    ['agentToken.notOnBehalfOfUser', 200, bearer({ idtyp: 'app' })],
    ['agentToken.expired', 200, bearer({ exp: now - 1 })],
    ['agentToken.expired', 200, bearer({ exp: undefined })],
  ];
  let answer = cases[0];
  const fake = await standIn((request, response) => {
    const [, status = 500, body = '', headers = {}] = answer ?? [];
    if (request.url === '/healthz') response.end('Healthy');
    else if (typeof body === 'string') response.writeHead(status, headers).end(body);
    else response.writeHead(status, { 'content-type': 'application/json', ...headers }).end(JSON.stringify(body));
  });
  const core = await w.core();
  try {
    const before = await asked();
    const restore = await w.replace('research-agent', fake.address);
    const connection = await core.connect();
    for (answer of cases) {
      const [code, status, body] = answer;
      const failure = said(await thrown(connection.broker.get('openai', { signal: soon() })), code);
      assert.equal(connection.broker.peek('openai'), undefined, JSON.stringify([code, status, body]));
      assert.equal((await rows(connection)).llm, failure.sentence);
    }
    assert.equal(await asked(), before);
    assert.ok(fake.requests.every(({ headers }) => headers.host === 'localhost:5000'));
    await restore();
  } finally {
    fake.close();
  }
  await works(core);
});

/** A token with these claims and no signature: nobody here is its audience, so nobody checks one. */
function unsigned(claims: object): string {
  const part = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url');
  return `${part({ alg: 'RS256', kid: 'k', typ: 'JWT' })}.${part(claims)}.c2ln`;
}
