// The identity room against the sandbox: Entra over TLS with its own CA, and the sidecar.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { after, before, beforeEach, describe, test } from 'node:test';
import { AgentIdError } from '../../src/base/errors.ts';
import { silentLogger } from '../../src/base/logger.ts';
import { TokenBroker } from '../../src/identity/broker.ts';
import { decodeToken, summarize } from '../../src/identity/claims.ts';
import { explainClaims } from '../../src/identity/explain.ts';
import { Sidecar } from '../../src/identity/sidecar.ts';
import { createSignIn, type SecretStore, type SignIn, type UserToken } from '../../src/identity/signIn.ts';
import { fillLoginPage, PUBLIC_CLIENT, startSandbox, type TestSandbox } from './support/sandbox.ts';

let sandbox: TestSandbox;
before(async () => {
  sandbox = await startSandbox();
});
after(() => sandbox.stop());
beforeEach(async () => {
  await sandbox.control('/reset', {});
  await sandbox.control('/entra', { deviceCodeInterval: 1 });
});

function memory(): SecretStore & { values(): Iterable<string> } {
  const values = new Map<string, string>();
  return {
    values: () => values.values(),
    get: async key => values.get(key),
    set: async (key, value) => void values.set(key, value),
    delete: async key => void values.delete(key),
  };
}

const open = (secrets = memory(), scope = sandbox.json.scope): Promise<SignIn> =>
  createSignIn(
    { authority: sandbox.json.authority, clientId: PUBLIC_CLIENT, scopes: [scope], knownAuthority: true },
    { secrets, fetch: sandbox.fetch, logger: silentLogger },
  );

type PageOptions = Parameters<typeof fillLoginPage>[2];
/** Signs in as a person would: the code goes into the page that the prompt names. */
const enter = (
  signIn: SignIn,
  options: PageOptions & { claims?: string; signal?: AbortSignal } = {},
): Promise<UserToken> => {
  const { claims, signal = new AbortController().signal, ...page } = options;
  return signIn.deviceCode({
    onPrompt: prompt => {
      assert.equal(prompt.verificationUri, sandbox.json.login.url);
      void fillLoginPage(sandbox.json, prompt.userCode, page);
    },
    signal,
    ...(claims && { claims }),
  });
};

const sidecarAt = (origin = sandbox.json.direct.sidecar) =>
  new Sidecar({ origin, fetch: sandbox.fetch, logger: silentLogger });

function brokerFor(signIn: SignIn, agent = 0, origin?: string): TokenBroker {
  const { json } = sandbox;
  return new TokenBroker({
    sidecar: sidecarAt(origin),
    agentAppId: json.agents[agent]?.appId ?? '',
    tenantId: json.tenantId,
    userToken: async options => {
      const token = await signIn.silent(options);
      assert.ok(token);
      return token;
    },
    audiences: { openai: ['https://cognitiveservices.azure.com'], mcp: [`api://${json.mcpAppId}`] },
    logger: silentLogger,
  });
}

const requests = async (method: string, path: RegExp): Promise<number> => {
  const seen = (await sandbox.control('/requests')) as { method: string; path: string }[];
  return seen.filter(entry => entry.method === method && path.test(entry.path)).length;
};

describe('sign-in', () => {
  test('by device code, then silently in the next session, then out', async () => {
    const secrets = memory();
    const token = await enter(await open(secrets), { user: sandbox.json.users[1]?.upn ?? '' });
    assert.equal(token.account.username, sandbox.json.users[1]?.upn);
    assert.equal(token.account.oid, sandbox.json.users[1]?.oid);
    const { claims, version } = decodeToken(token.raw);
    assert.equal(version, '2.0');
    assert.equal(claims.aud, sandbox.json.blueprintAppId);
    assert.equal(summarize(claims).appid, PUBLIC_CLIENT);

    const next = await open(secrets);
    assert.deepEqual(await next.accounts(), [token.account]);
    const renewed = await next.silent({});
    assert.equal(renewed?.account.oid, token.account.oid);
    assert.notEqual(renewed?.raw, token.raw);
    assert.notEqual((await next.silent({ forceRefresh: true }))?.raw, renewed?.raw);

    await next.signOut();
    assert.equal(await next.silent({}), undefined);
    assert.deepEqual(await (await open(secrets)).accounts(), []);
  });

  test('says that it was declined, that the code expired, or is not known', async () => {
    await assert.rejects(enter(await open(), { action: 'cancel' }), (error: unknown) => {
      assert.ok(AgentIdError.is(error, 'signIn.declined'));
      assert.match(String(error.args.correlationId), /^[0-9a-f-]{36}$/);
      assert.match(String(error.args.time), /^\d{4}-/);
      return true;
    });
    for (const [deviceCode, code, aadsts] of [
      ['expired', 'signIn.deviceCodeExpired', 70020],
      ['badCode', 'signIn.deviceCodeRejected', 70018],
    ] as const) {
      await sandbox.control('/entra', { deviceCode });
      await assert.rejects(enter(await open()), (error: unknown) => {
        assert.ok(AgentIdError.is(error, code));
        assert.equal(error.args.aadsts, aadsts);
        return true;
      });
    }
  });

  test('ends at the code’s own time when a policy blocks the page and the poller is left waiting', async () => {
    await sandbox.control('/entra', { deviceCode: 'blocked', deviceCodeLifetime: 2 });
    await assert.rejects(enter(await open()), { code: 'signIn.deviceCodeExpired' });
  });

  test('slows down when told to, and ends at once when cancelled', async () => {
    await sandbox.control('/entra', { deviceCode: 'slowDown' });
    const abort = new AbortController();
    const running = (await open()).deviceCode({ onPrompt: () => {}, signal: abort.signal });
    running.catch(() => {});
    while ((await requests('POST', /\/token$/)) === 0) await new Promise(resolve => setTimeout(resolve, 20));
    await new Promise(resolve => setTimeout(resolve, 1500)); // longer than the interval of one second
    assert.equal(await requests('POST', /\/token$/), 1);
    const cancelled = Date.now();
    abort.abort();
    await assert.rejects(running, { name: 'AbortError' });
    assert.ok(Date.now() - cancelled < 2000);
  });

  test('survives an Entra that is away while the person types', async () => {
    const signIn = await open();
    let prompted: string | undefined;
    const running = signIn.deviceCode({
      onPrompt: prompt => void (prompted = prompt.userCode),
      signal: new AbortController().signal,
    });
    while (!prompted) await new Promise(resolve => setTimeout(resolve, 20));
    await sandbox.control('/entra', { down: true });
    await new Promise(resolve => setTimeout(resolve, 1500));
    await sandbox.control('/entra', { down: false });
    await fillLoginPage(sandbox.json, prompted);
    assert.ok((await running).raw);
  });

  test('says why Entra does not renew', async () => {
    const secrets = memory();
    await enter(await open(secrets));
    for (const [fault, code] of [
      [700082, 'signIn.sessionEnded'],
      [50076, 'signIn.interactionRequired'],
      [90033, 'signIn.entraUnavailable'],
    ] as const) {
      await sandbox.control('/entra', { refreshFault: { code: fault } });
      await assert.rejects((await open(secrets)).silent({}), { code }, String(fault));
    }
    await sandbox.control('/entra', { revokeRefreshTokens: true });
    await assert.rejects((await open(secrets)).silent({}), (error: unknown) => {
      assert.ok(AgentIdError.is(error, 'signIn.sessionEnded'));
      assert.equal(error.args.aadsts, 50173);
      return true;
    });
    await sandbox.control('/entra', { down: true });
    await assert.rejects((await open(secrets)).silent({}), { code: 'signIn.unreachable' });
  });

  test('deletes the refresh token of a session that a policy against device codes refuses', async () => {
    const secrets = memory();
    await enter(await open(secrets));
    const refreshToken = /"secret":"1\./;
    assert.match([...secrets.values()].join(''), refreshToken);
    await sandbox.control('/entra', { refreshFault: { code: 530036 } });
    await assert.rejects((await open(secrets)).silent({}), { code: 'signIn.blocked' });
    assert.doesNotMatch([...secrets.values()].join(''), refreshToken);
    assert.equal(await (await open(secrets)).silent({}), undefined);
  });

  test('names a scope that the blueprint does not have, and a certificate that nobody vouches for', async () => {
    const scope = `api://${sandbox.json.blueprintAppId}/no_such_scope`;
    await assert.rejects(enter(await open(memory(), scope)), { code: 'signIn.badScope' });
    const { authority } = sandbox.json;
    const untrusting = await createSignIn(
      { authority, clientId: PUBLIC_CLIENT, scopes: [sandbox.json.scope], knownAuthority: true },
      { secrets: memory(), fetch, logger: silentLogger },
    );
    await assert.rejects(enter(untrusting), (error: unknown) => {
      assert.ok(AgentIdError.is(error, 'signIn.unreachable'));
      assert.match(String(error.args.reason), /CERT|SELF_SIGNED|UNABLE_TO_VERIFY/);
      return true;
    });
  });
});

describe('the exchange', () => {
  test('gives both tokens of the agent, checked and explained', async () => {
    const { json } = sandbox;
    const signIn = await open();
    const user = await enter(signIn);
    await sidecarAt().healthz();
    const broker = brokerFor(signIn);
    const [openai, mcp] = await Promise.all([broker.get('openai'), broker.get('mcp')]);
    assert.equal(openai.claims.aud, 'https://cognitiveservices.azure.com');
    assert.equal(mcp.claims.aud, `api://${json.mcpAppId}`);
    for (const token of [openai, mcp]) {
      assert.deepEqual(
        { appid: token.claims.appid, oid: token.claims.oid, ver: token.claims.ver },
        { appid: json.agents[0]?.appId, oid: user.account.oid, ver: '1.0' },
      );
      assert.ok(token.expiresAt > Date.now() + 50 * 60_000);
    }
    const names = new Map(json.agents.map(agent => [agent.appId, agent.name]));
    const rows = explainClaims(decodeToken(mcp.raw), names);
    const parts = (claim: string) => rows.find(row => row.name === claim)?.parts ?? [];
    assert.equal(parts('xms_act_fct').find(part => part.text === '11')?.meaning, 'agent identity');
    assert.deepEqual(
      parts('appid').map(part => part.meaning),
      [json.agents[0]?.name],
    );
    assert.deepEqual(
      rows.filter(row => !row.known),
      [],
    );
    assert.equal((await broker.get('mcp')).raw, mcp.raw);
    assert.notEqual((await broker.get('mcp', { forceRefresh: true })).raw, mcp.raw);
  });

  test('shows a resource without agent claims, and one with version 2.0 tokens', async () => {
    const signIn = await open();
    await enter(signIn);
    await sandbox.control('/entra', { agentClaims: false, tokenVersion: { blueprint: 2, mcp: 2 } });
    const token = await brokerFor(signIn).get('mcp', { forceRefresh: true });
    assert.equal(token.claims.aud, sandbox.json.mcpAppId);
    assert.equal(token.claims.azp, sandbox.json.agents[0]?.appId);
    const rows = explainClaims(decodeToken(token.raw), new Map());
    const facets = rows.find(row => row.name === 'xms_act_fct');
    assert.deepEqual({ absent: facets?.absent, note: facets?.note }, { absent: true, note: 'absent.notEmitted' });
  });

  test('names each refusal', async () => {
    const signIn = await open();
    await enter(signIn);
    const broker = brokerFor(signIn);
    const refused = async (switches: object, code: string, aadsts: number) => {
      await sandbox.control('/entra', switches);
      await assert.rejects(broker.get('mcp', { forceRefresh: true }), (error: unknown) => {
        assert.ok(error instanceof AgentIdError);
        assert.equal(error.code, code);
        assert.equal(error.args.aadsts, aadsts);
        return true;
      });
    };
    await refused({ consentMissing: ['research-agent/mcp'] }, 'sidecar.consentMissing', 65001);
    await refused({ consentMissing: [], conditionalAccess: { kind: 'mfa' } }, 'sidecar.interactionRequired', 50076);
    await refused({ conditionalAccess: { kind: 'block' } }, 'sidecar.blockedByPolicy', 53003);
    await sandbox.control('/entra', { conditionalAccess: { kind: 'none' } });
    await refused({ oboFault: { code: 500011 } }, 'sidecar.unknownResource', 500011);
    await refused({ oboFault: { code: 700213 } }, 'sidecar.workloadIdentityRefused', 700213);
    await refused({ oboFault: { code: 82001 } }, 'sidecar.entraRefused', 82001);
    assert.ok(await broker.get('openai'), 'the other API is not harmed');
  });

  test('renews the user’s token once when Entra calls it too old', async () => {
    const signIn = await open();
    const before = await enter(signIn);
    const broker = brokerFor(signIn);
    await sandbox.control('/entra', { oboFault: { code: 500133 } });
    assert.ok(await broker.get('openai', { forceRefresh: true }));
    assert.notEqual((await signIn.silent({}))?.raw, before.raw);
    await sandbox.control('/entra', { oboFault: { code: 500133, times: 2 } });
    await assert.rejects(broker.get('openai', { forceRefresh: true }), { code: 'sidecar.userTokenRejected' });
  });

  test('lets no other identity in, whether the sidecar mixes them up or has overrides off', async () => {
    const { json } = sandbox;
    const signIn = await open();
    await enter(signIn);
    const broker = brokerFor(signIn);
    for (const [switches, actual] of [
      [{ answerAs: json.agents[1]?.appId }, json.agents[1]?.appId],
      [{ answerAs: 'blueprint' }, json.blueprintAppId],
      [{ answerAs: null, allowOverrides: { getAuthorizationHeader: false } }, json.blueprintAppId],
    ] as const) {
      await sandbox.control('/sidecar', switches);
      await assert.rejects(broker.get('openai', { forceRefresh: true }), {
        code: 'agentToken.wrongAgent',
        args: { api: 'openai', expected: json.agents[0]?.appId ?? '', actual: actual ?? '' },
      });
    }
    assert.equal(broker.peek('openai'), undefined);
  });

  test('is possible again after the sign-in that multi-factor authentication asked for', async () => {
    const signIn = await open();
    await enter(signIn);
    await sandbox.control('/entra', { conditionalAccess: { kind: 'mfa' } });
    const broker = brokerFor(signIn);
    await assert.rejects(broker.get('openai'), { code: 'sidecar.interactionRequired' });
    await enter(signIn);
    assert.ok(await broker.get('openai'));
  });

  test('refuses what is no token', async () => {
    const signIn = await open();
    await enter(signIn);
    const answers = ['Bearer not.a.jwt', 'Bearer opaque', `Bearer e30.${'x'.repeat(70_000)}.x`];
    const broken = createServer((_request, response) => {
      response
        .setHeader('Content-Type', 'application/json')
        .end(JSON.stringify({ authorizationHeader: answers.shift() }));
    }).listen(0, '127.0.0.1');
    await once(broken, 'listening');
    try {
      const broker = brokerFor(signIn, 0, `http://127.0.0.1:${(broken.address() as AddressInfo).port}`);
      await assert.rejects(broker.get('openai'), { code: 'token.malformed' });
      await assert.rejects(broker.get('openai'), { code: 'token.malformed' });
      await assert.rejects(broker.get('openai'), { code: 'token.tooLarge' });
      assert.equal(broker.peek('openai'), undefined);
    } finally {
      broken.closeAllConnections();
      broken.close();
    }
  });

  test('tells the sidecar’s own troubles apart', async () => {
    const signIn = await open();
    const { raw } = await enter(signIn);
    const agentAppId = sandbox.json.agents[0]?.appId ?? '';
    const sidecar = sidecarAt();
    await assert.rejects(sidecar.token('nosuch', { userToken: raw, agentAppId }), {
      code: 'sidecar.unknownApi',
      args: { api: 'nosuch' },
    });
    const foreign = `${raw.slice(0, raw.lastIndexOf('.'))}.c2ln`;
    await assert.rejects(sidecar.token('openai', { userToken: foreign, agentAppId }), {
      code: 'sidecar.userTokenRejected',
    });
    await assert.rejects(sidecarAt(sandbox.json.controlUrl).healthz(), { code: 'sidecar.notASidecar' });
    await sandbox.control('/sidecar', { healthy: false });
    await assert.rejects(sidecar.healthz(), { code: 'sidecar.unhealthy' });
    await sandbox.control('/sidecar', { down: true });
    await assert.rejects(sidecar.healthz(), { code: 'sidecar.unreachable' });
    await assert.rejects(sidecar.token('openai', { userToken: raw, agentAppId }), { code: 'sidecar.unreachable' });
  });
});

test('version 1.0.0 of the sidecar wants to be called localhost, and works then', async () => {
  const old = await startSandbox(['--sidecar-version', '1.0.0']);
  try {
    const sidecar = (origin: string) => new Sidecar({ origin, fetch: old.fetch, logger: silentLogger });
    const { port } = new URL(old.json.direct.sidecar);
    await assert.rejects(sidecar(`http://127.0.0.1:${port}`).healthz(), { code: 'sidecar.wrongHost' });
    await sidecar(`http://localhost:${port}`).healthz();
  } finally {
    await old.stop();
  }
});
