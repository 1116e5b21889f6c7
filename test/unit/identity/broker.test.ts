import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { AgentIdError } from '../../../src/base/errors.ts';
import { TokenBroker } from '../../../src/identity/broker.ts';
import type { Sidecar } from '../../../src/identity/sidecar.ts';
import type { UserToken } from '../../../src/identity/types.ts';
import { AGENT, TENANT, USER, fixture, jwt, recordingLogger, settle, type Payload } from './support.ts';

const MINUTE = 60_000;
const START = 1772372000_000;
const MCP_APP = 'd00dfeed-5555-4666-8777-888899990000';
const user = (raw = 'tc-1'): UserToken => ({
  raw,
  expiresAt: START + 60 * MINUTE,
  account: { id: 'a', username: 'robin@contoso.example', oid: USER, tid: TENANT },
});

function setup(
  answer: (call: {
    api: string;
    userToken: string;
    forceRefresh: boolean;
    count: number;
  }) => Payload | Promise<Payload>,
  audiences: Record<string, string[]> = {
    openai: ['https://cognitiveservices.azure.com/'],
    mcp: [`api://${MCP_APP}`],
  },
) {
  let now = START;
  const calls: { api: string; userToken: string; forceRefresh: boolean; signal: AbortSignal | undefined }[] = [];
  const asked: boolean[] = [];
  const sidecar: Pick<Sidecar, 'token'> = {
    token: async (api, { userToken, forceRefresh = false, signal }) => {
      calls.push({ api, userToken, forceRefresh, signal });
      return jwt(await answer({ api, userToken, forceRefresh, count: calls.length }));
    },
  };
  const logger = recordingLogger();
  const broker = new TokenBroker({
    sidecar,
    agentAppId: AGENT.toUpperCase(),
    tenantId: TENANT,
    userToken: async ({ forceRefresh = false }) => {
      asked.push(forceRefresh);
      return user(forceRefresh ? 'tc-2' : 'tc-1');
    },
    audiences,
    clock: { now: () => now },
    logger,
  });
  const changes: string[] = [];
  broker.onDidChange(api => changes.push(api));
  return { broker, calls, asked, changes, logger, pass: (milliseconds: number) => (now += milliseconds) };
}

const openai = (more: Payload = {}): Payload => ({
  ...fixture('t2-openai-v1'),
  exp: (START + 70 * MINUTE) / 1000,
  ...more,
});
const mcp = (more: Payload = {}): Payload => ({ ...fixture('t2-mcp-v1'), exp: (START + 70 * MINUTE) / 1000, ...more });

describe('the token broker', () => {
  it('exchanges once, holds the token and says that it changed', async () => {
    const { broker, calls, changes, logger } = setup(() => openai());
    assert.equal(broker.peek('openai'), undefined);
    const token = await broker.get('openai');
    assert.equal((await broker.get('openai')).raw, token.raw);
    assert.equal(broker.peek('openai')?.fingerprint, token.fingerprint);
    assert.match(token.fingerprint, /^[0-9a-f]{16}$/);
    assert.equal(token.expiresAt, START + 70 * MINUTE);
    assert.equal(token.claims.appid, AGENT);
    assert.deepEqual(
      calls.map(({ api, userToken, forceRefresh }) => ({ api, userToken, forceRefresh })),
      [{ api: 'openai', userToken: 'tc-1', forceRefresh: false }],
    );
    assert.deepEqual(changes, ['openai']);
    assert.ok(!logger.lines.join('').includes(token.raw));
  });

  it('makes one exchange for callers that come together, each API on its own', async () => {
    const { broker, calls } = setup(({ api }) => (api === 'mcp' ? mcp() : openai()));
    await Promise.all([broker.get('openai'), broker.get('openai'), broker.get('mcp'), broker.get('openai')]);
    assert.deepEqual(calls.map(({ api }) => api).sort(), ['mcp', 'openai']);
  });

  it('replaces a token ahead of its end, past the sidecar’s own cache', async () => {
    const { broker, calls, pass } = setup(() => openai());
    await broker.get('openai');
    pass(64 * MINUTE);
    await broker.get('openai');
    assert.equal(calls.length, 1);
    pass(2 * MINUTE);
    await broker.get('openai');
    assert.equal(calls.length, 2);
    assert.equal(calls[1]?.forceRefresh, true);
  });

  it('gives a turn a token that lives long enough, where Entra grants that much', async () => {
    const { broker, calls, pass } = setup(() => openai());
    await broker.get('openai');
    pass(30 * MINUTE);
    await broker.get('openai', { minLifetimeMs: 30 * MINUTE });
    assert.equal(calls.length, 1);
    pass(11 * MINUTE);
    await broker.get('openai', { minLifetimeMs: 30 * MINUTE });
    assert.equal(calls.length, 2);
  });

  it('does not exchange for ever when tokens are shorter than what is asked for', async () => {
    const { broker, calls, pass } = setup(() => openai({ exp: START / 1000 + 60 }));
    await broker.get('openai', { minLifetimeMs: 120_000 });
    pass(20_000);
    await broker.get('openai', { minLifetimeMs: 120_000 });
    assert.equal(calls.length, 1);
    pass(20_000);
    await broker.get('openai', { minLifetimeMs: 120_000 });
    assert.equal(calls.length, 2);
  });

  it('asks anew when forced, and once for all who force', async () => {
    const { broker, calls } = setup(() => openai());
    await broker.get('openai');
    await Promise.all([broker.get('openai', { forceRefresh: true }), broker.get('openai', { forceRefresh: true })]);
    assert.deepEqual(
      calls.map(({ forceRefresh }) => forceRefresh),
      [false, true],
    );
  });

  it('accepts every spelling of an audience', async () => {
    const spellings: [configured: string, aud: string][] = [
      ['https://cognitiveservices.azure.com/', 'https://cognitiveservices.azure.com'],
      ['https://cognitiveservices.azure.com', 'https://cognitiveservices.azure.com/'],
      ['https://cognitiveservices.azure.com', '7d312290-28c8-473c-a0ed-8e53749b6d6d'],
      ['7d312290-28c8-473c-a0ed-8e53749b6d6d', 'https://cognitiveservices.azure.com'],
      [`api://${MCP_APP}`, MCP_APP],
      [MCP_APP, `api://${MCP_APP}`],
      [`API://${MCP_APP.toUpperCase()}/`, `api://${MCP_APP}`],
    ];
    for (const [configured, aud] of spellings) {
      const { broker } = setup(() => openai({ aud }), { openai: [configured] });
      assert.ok(await broker.get('openai'), `${configured} ${aud}`);
    }
  });

  it('knows the caller of a v2.0 token by azp', async () => {
    const { broker } = setup(() => ({ ...fixture('t2-mcp-v2'), exp: (START + 70 * MINUTE) / 1000 }));
    assert.equal((await broker.get('mcp')).claims.azp, AGENT);
  });

  const mismatches: [what: string, payload: Payload, code: string, expected: string, actual: string][] = [
    [
      'the blueprint’s token (overrides are off)',
      { ...fixture('blueprint-v1'), exp: (START + 70 * MINUTE) / 1000 },
      'agentToken.wrongAgent',
      AGENT.toUpperCase(),
      '6f1d2c3b-4a59-4e68-9d07-1b2a3c4d5e6f',
    ],
    ['no caller', openai({ appid: undefined }), 'agentToken.wrongAgent', AGENT.toUpperCase(), 'none'],
    [
      'another audience',
      openai({ aud: 'https://graph.microsoft.com' }),
      'agentToken.wrongAudience',
      'https://cognitiveservices.azure.com/',
      'https://graph.microsoft.com',
    ],
    [
      'a list of audiences',
      openai({ aud: ['https://cognitiveservices.azure.com'] }),
      'agentToken.wrongAudience',
      'https://cognitiveservices.azure.com/',
      'none',
    ],
    ['another tenant', openai({ tid: USER }), 'agentToken.wrongTenant', TENANT, USER],
    ['another user', openai({ oid: TENANT }), 'agentToken.wrongUser', USER, TENANT],
  ];
  for (const [what, payload, code, expected, actual] of mismatches) {
    it(`refuses ${what}`, async () => {
      const { broker, changes } = setup(() => payload);
      await assert.rejects(broker.get('openai'), { code, args: { api: 'openai', expected, actual } });
      assert.equal(broker.peek('openai'), undefined);
      assert.deepEqual(changes, []);
    });
  }

  it('refuses an application’s token, an expired one, and what is no token', async () => {
    const app = { ...fixture('t2-autonomous-v1'), exp: (START + 70 * MINUTE) / 1000 };
    await assert.rejects(setup(() => app).broker.get('mcp'), {
      code: 'agentToken.notOnBehalfOfUser',
      args: { api: 'mcp' },
    });
    await assert.rejects(setup(() => openai({ exp: START / 1000 - 1 })).broker.get('openai'), {
      code: 'agentToken.expired',
    });
    await assert.rejects(setup(() => openai({ exp: undefined })).broker.get('openai'), { code: 'agentToken.expired' });
  });

  it('gives no token for an API whose audience nobody named', async () => {
    for (const api of ['graph', 'constructor']) {
      const { broker, calls } = setup(() => openai());
      await assert.rejects(broker.get(api), { code: 'agentToken.audienceUnknown', args: { api } });
      assert.equal(calls.length, 0);
    }
  });

  it('renews the user’s token once when it is not accepted', async () => {
    const { broker, calls, asked } = setup(({ userToken }) => {
      if (userToken === 'tc-1') throw new AgentIdError('sidecar.userTokenRejected', { reason: 'expired' });
      return openai();
    });
    assert.ok(await broker.get('openai'));
    assert.deepEqual(asked, [false, true]);
    assert.deepEqual(
      calls.map(({ userToken }) => userToken),
      ['tc-1', 'tc-2'],
    );
  });

  it('gives up when the fresh one is not accepted either, and never retries another error', async () => {
    const rejected = setup(() => {
      throw new AgentIdError('sidecar.userTokenRejected', { reason: 'wrong audience' });
    });
    await assert.rejects(rejected.broker.get('openai'), { code: 'sidecar.userTokenRejected' });
    assert.equal(rejected.calls.length, 2);
    const consent = setup(() => {
      throw new AgentIdError('sidecar.consentMissing', {});
    });
    await assert.rejects(consent.broker.get('openai'), { code: 'sidecar.consentMissing' });
    assert.equal(consent.calls.length, 1);
  });

  it('tries again after a failure', async () => {
    const { broker } = setup(({ count }) => {
      if (count === 1) throw new AgentIdError('sidecar.unreachable', { reason: 'ECONNRESET' });
      return openai();
    });
    await assert.rejects(broker.get('openai'));
    assert.ok(await broker.get('openai'));
  });

  it('lets one caller leave without harm to the other, and stops when all have left', async () => {
    let release: () => void = () => {};
    const { broker, calls } = setup(() => new Promise(resolve => (release = () => resolve(openai()))));
    const first = new AbortController();
    const second = new AbortController();
    const gone = broker.get('openai', { signal: first.signal });
    const stays = broker.get('openai', { signal: second.signal });
    await settle();
    first.abort();
    await assert.rejects(gone, { name: 'AbortError' });
    assert.equal(calls[0]?.signal?.aborted, false);
    release();
    assert.ok(await stays);
    const third = new AbortController();
    const alone = broker.get('openai', { forceRefresh: true, signal: third.signal });
    await settle();
    third.abort();
    await assert.rejects(alone, { name: 'AbortError' });
    assert.equal(calls[1]?.signal?.aborted, true);
  });

  it('forgets everything on clear, also what is still under way', async () => {
    let release: () => void = () => {};
    const { broker, changes } = setup(({ count }) =>
      count === 1 ? openai() : new Promise(resolve => (release = () => resolve(openai()))),
    );
    await broker.get('openai');
    broker.clear();
    assert.equal(broker.peek('openai'), undefined);
    assert.deepEqual(changes, ['openai', 'openai']);
    const running = broker.get('openai');
    await settle();
    broker.clear();
    release();
    await running;
    assert.equal(broker.peek('openai'), undefined);
    assert.deepEqual(changes, ['openai', 'openai']);
  });

  it('shares no exchange with callers from before a clear: they may speak for another user', async () => {
    const releases: (() => void)[] = [];
    const { broker, calls } = setup(() => new Promise(resolve => releases.push(() => resolve(openai()))));
    const before = broker.get('openai');
    await settle();
    broker.clear();
    const after = broker.get('openai');
    await settle();
    assert.equal(calls.length, 2);
    for (const release of releases) release();
    await before;
    assert.equal(broker.peek('openai')?.raw, (await after).raw);
  });

  it('goes on with a token that is still good when a new one can not be had ahead of time', async () => {
    const { broker, calls, pass, logger } = setup(({ count }) => {
      if (count > 1) throw new AgentIdError('sidecar.unreachable', { reason: 'ECONNRESET' });
      return openai();
    });
    const token = await broker.get('openai');
    pass(66 * MINUTE);
    assert.equal((await broker.get('openai')).raw, token.raw);
    assert.equal(calls.length, 2);
    assert.match(logger.lines.at(-1) ?? '', /sidecar\.unreachable/);
    await assert.rejects(broker.get('openai', { forceRefresh: true }), { code: 'sidecar.unreachable' });
    pass(5 * MINUTE);
    await assert.rejects(broker.get('openai'), { code: 'sidecar.unreachable' });
  });

  it('does not go on with it when the answer is no', async () => {
    const { broker, pass } = setup(({ count }) => openai(count > 1 ? { appid: USER } : {}));
    await broker.get('openai');
    pass(66 * MINUTE);
    await assert.rejects(broker.get('openai'), { code: 'agentToken.wrongAgent' });
  });

  it('does not fall back to a token that was cleared, nor when the caller has left', async () => {
    const fails: (() => void)[] = [];
    const { broker, pass } = setup(({ count }) =>
      count === 1
        ? openai()
        : new Promise((_resolve, reject) => fails.push(() => reject(new AgentIdError('sidecar.unreachable')))),
    );
    await broker.get('openai');
    pass(66 * MINUTE);
    const abort = new AbortController();
    const left = broker.get('openai', { signal: abort.signal });
    const cleared = broker.get('openai');
    await settle();
    abort.abort();
    await assert.rejects(left, { name: 'AbortError' });
    broker.clear();
    for (const fail of fails) fail();
    await assert.rejects(cleared, { code: 'sidecar.unreachable' });
  });

  it('does not show a token past its end', async () => {
    const { broker, pass } = setup(() => openai());
    await broker.get('openai');
    pass(71 * MINUTE);
    assert.equal(broker.peek('openai'), undefined);
  });
});
