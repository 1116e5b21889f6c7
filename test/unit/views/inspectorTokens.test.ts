import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Connection } from '../../../src/agent/connection.ts';
import { AgentIdError } from '../../../src/base/errors.ts';
import { LIMITS } from '../../../src/protocol/common.ts';
import { emptyInspector, parseToInspector, type InspectedToken } from '../../../src/protocol/inspector.ts';
import { inspect, rawToken, TOKEN_IDS, type TokenId } from '../../../src/views/inspectorTokens.ts';
import { sayer } from '../../../src/views/messages/index.ts';
import { fixture, jwt, type Payload } from '../identity/support.ts';
import { translate } from './support.ts';

const words = {
  translate,
  label: (id: TokenId) => id.toUpperCase(),
  notConfigured: (api: string) => `no API ${api}`,
  say: sayer(translate),
};
const inAnHour = () => Math.floor(Date.now() / 1000) + 3_600;

interface Asked {
  what: string;
  force: boolean | undefined;
}

/** A connection that hands out these tokens; an error in place of a token is what asking for it throws. */
function connectionWith(tokens: Partial<Record<string, string | Error>>, asked: Asked[] = []): Connection {
  const give = async (what: string, force: boolean | undefined, signal: AbortSignal | undefined) => {
    asked.push({ what, force });
    signal?.throwIfAborted();
    const raw = tokens[what];
    if (raw instanceof Error) throw raw;
    return { raw: raw ?? '' };
  };
  const value = (text: string) => ({ value: text, source: '' });
  return {
    userToken: (o: { forceRefresh?: boolean; signal?: AbortSignal }) => give('tc', o.forceRefresh, o.signal),
    broker: {
      get: (api: string, o: { forceRefresh?: boolean; signal?: AbortSignal }) => give(api, o.forceRefresh, o.signal),
    },
    agent: { deployment: 'research-agent', serviceAccount: 'agent-blueprint' },
    account: { oid: '77777777-1111-4222-8333-444455556666', username: 'robin@contoso.example' },
    configuration: {
      llmApi: value('openai'),
      mcpApi: value('mcp'),
      audiences: { openai: ['https://cognitiveservices.azure.com'], mcp: [] },
      agentAppId: value('c0ffee00-1111-4222-8333-444455556666'),
      blueprintAppId: value('6f1d2c3b-4a59-4e68-9d07-1b2a3c4d5e6f'),
      tenantId: value('0a1b2c3d-4e5f-4a6b-8c7d-9e0f1a2b3c4d'),
      clientId: value('14d82eec-204b-4c2f-b7e8-296a70dab67e'),
    },
  } as unknown as Connection;
}

const look = (connection: Connection, id: TokenId, force = false, signal = new AbortController().signal) =>
  inspect(connection, id, force, words, signal);

/** The row as the view takes it in. */
function accepted(token: InspectedToken): InspectedToken {
  const message = { type: 'snapshot', seq: 0, now: 0, state: { ...emptyInspector, tokens: [token] } };
  const parsed = parseToInspector(JSON.parse(JSON.stringify(message)));
  assert.ok(parsed?.type === 'snapshot', 'the view refuses the row');
  return parsed.state.tokens[0]!;
}

test('each row is its own token, and a forced look asks for a new one', async () => {
  const asked: Asked[] = [];
  const connection = connectionWith(
    {
      tc: jwt({ ...fixture('tc-v2'), exp: inAnHour() }),
      openai: jwt({ ...fixture('t2-openai-v1'), exp: inAnHour() }),
      mcp: jwt({ ...fixture('t2-mcp-v1'), exp: inAnHour() }),
    },
    asked,
  );
  const [tc, llm, mcp] = await Promise.all(TOKEN_IDS.map(id => look(connection, id)));
  assert.deepEqual([tc?.label, tc?.status.kind, tc?.details?.version], ['TC', 'ok', '2.0']);
  assert.equal(tc?.appid, '14d82eec-204b-4c2f-b7e8-296a70dab67e');
  assert.equal(llm?.aud, 'https://cognitiveservices.azure.com');
  assert.equal(mcp?.sub, 'robin@contoso.example');
  assert.equal(mcp?.details?.claims.find(({ name }) => name === 'appid')?.note, 'research-agent');
  for (const token of [tc, llm, mcp]) {
    assert.ok(token);
    assert.deepEqual(accepted(token), token);
    assert.doesNotMatch(JSON.stringify(token), /eyJ\w+\./, 'the raw token is not in the state');
  }
  await look(connection, 'mcp', true);
  assert.match(await rawToken(connection, 'tc', true, new AbortController().signal), /^eyJ/);
  assert.deepEqual(
    asked.map(({ what, force }) => [what, force]),
    [
      ['tc', false],
      ['openai', false],
      ['mcp', false],
      ['mcp', true],
      ['tc', true],
    ],
  );
});

test('a token that can not be had says why, and the ones beside it are fine', async () => {
  const connection = connectionWith({
    tc: jwt({ ...fixture('tc-v2'), exp: inAnHour() }),
    openai: new AgentIdError('sidecar.consentMissing', { api: 'openai', agent: 'a', aadsts: 65001 }),
    mcp: 'not.a-token',
  });
  const [tc, llm, mcp] = await Promise.all(TOKEN_IDS.map(id => look(connection, id)));
  assert.equal(tc?.status.kind, 'ok');
  assert.ok(llm?.status.kind === 'error' && /consented.*AADSTS65001/.test(llm.status.failure.sentence));
  assert.ok(mcp?.status.kind === 'error' && /not a readable token/.test(mcp.status.failure.sentence));
  for (const token of [llm, mcp]) assert.deepEqual(accepted(token), token);
});

test('an API that the sidecar does not have is not configured, and nobody is asked for its token', async () => {
  const asked: Asked[] = [];
  const connection = connectionWith({}, asked);
  connection.configuration.llmApi.value = 'another';
  const row = await look(connection, 'llm');
  assert.deepEqual(row, { id: 'llm', label: 'LLM', status: { kind: 'notConfigured', reason: 'no API another' } });
  connection.configuration.llmApi.value = 'constructor'; // a name that every object has
  assert.equal((await look(connection, 'llm')).status.kind, 'notConfigured');
  assert.deepEqual(asked, []);
});

test('an expired token is shown as one', async () => {
  const row = await look(connectionWith({ tc: jwt({ ...fixture('tc-v2'), exp: 1_700_000_000 }) }), 'tc');
  assert.equal(row.status.kind, 'expired');
  assert.equal(row.details?.expiresAt, 1_700_000_000_000);
});

test('an inspector that was closed meanwhile gets no row', async () => {
  const connection = connectionWith({ tc: jwt(fixture('tc-v2')) });
  await assert.rejects(look(connection, 'tc', false, AbortSignal.abort()), { name: 'AbortError' });
});

test('a token made to be shown badly still makes a row that the view accepts', async () => {
  const many: Payload = Object.fromEntries(Array.from({ length: 500 }, (_, n) => [`claim-${n}`, n]));
  const hostile: Payload[] = [
    many,
    { aud: 'a'.repeat(20_000), sub: '\u202eevil', appid: ['x'], exp: 'soon', ver: 7 },
    { aud: Array.from({ length: 200 }, () => 'x'.repeat(100)), upn: '😀'.repeat(9_000), exp: 1e300 },
    { ['n'.repeat(9_000)]: 'v', '': '', xms_act_fct: `${'11 '.repeat(9_000)}`, xms_sub_fct: { deep: [{}] } },
    { exp: -1, iat: 9e15, nbf: null, amr: 'pwd', idtyp: 5 },
  ];
  for (const payload of hostile) {
    const header = {
      alg: 'RS256',
      kid: 'k'.repeat(9_000),
      x5c: ['y'.repeat(9_000)],
      [`h${'h'.repeat(900)}`]: { a: 1 },
    };
    const row = await look(connectionWith({ mcp: jwt(payload, header) }), 'mcp');
    accepted(row);
    assert.ok((row.details?.claims.length ?? 0) <= LIMITS.claims);
  }
});
