// The simulated sidecar 1.1.x over raw HTTP: routes, gating, its own check of the caller, Entra's refusals, caches.
import assert from 'node:assert/strict';
import { after, before, beforeEach, test } from 'node:test';
import { decodeJwt, type JWTPayload } from 'jose';
import { isLoopback } from '../../src/sandbox/sidecar/sidecar.ts';
import { signIn, startSandbox, type TestSandbox } from './support/sandbox.ts';

let sandbox: TestSandbox;
let tc: string;
before(async () => {
  sandbox = await startSandbox();
  tc = (await signIn(sandbox)).access_token;
});
beforeEach(() => sandbox.control('/reset', {}));
after(() => sandbox.stop());

const agentId = (index = 0) => sandbox.json.agents[index]?.appId ?? '';
const call = (path: string, init: RequestInit = {}, token: string | undefined = tc) =>
  fetch(new URL(path, sandbox.json.direct.sidecar), {
    ...init,
    headers: { ...(token && { Authorization: `Bearer ${token}` }), ...(init.headers as Record<string, string>) },
  });
async function tokenOf(response: Response): Promise<{ raw: string; claims: JWTPayload }> {
  assert.equal(response.status, 200, await response.clone().text());
  const { authorizationHeader, ...rest } = (await response.json()) as { authorizationHeader: string };
  assert.deepEqual(rest, {});
  const raw = /^Bearer (\S+)$/.exec(authorizationHeader)?.[1] ?? '';
  return { raw, claims: decodeJwt(raw) };
}
const header = (api: string, query = `AgentIdentity=${agentId()}`) => call(`/AuthorizationHeader/${api}?${query}`);
async function problemOf(response: Response): Promise<{ status: number; detail: string }> {
  assert.equal(response.headers.get('content-type'), 'application/problem+json');
  const body = (await response.json()) as { type: string; title: string; status: number; detail: string };
  assert.deepEqual(Object.keys(body), ['type', 'title', 'status', 'detail']);
  assert.equal(body.status, response.status);
  return { status: body.status, detail: body.detail };
}
const tokenRequests = async () =>
  ((await sandbox.control('/requests')) as { part: string; path: string }[]).filter(
    ({ part, path }) => part === 'entra' && path.endsWith('/token'),
  ).length;

test('/healthz is text and needs nobody', async () => {
  const response = await call('/healthz', {}, '');
  assert.deepEqual([response.status, await response.text()], [200, 'Healthy']);
  assert.match(response.headers.get('content-type') ?? '', /^text\/plain/);
  await sandbox.control('/sidecar', { healthy: false });
  const sick = await call('/healthz', {}, '');
  assert.deepEqual([sick.status, await sick.text()], [503, 'Unhealthy']);
});

test('each API gives a token of the agent for the user, not to be cached', async () => {
  const { json } = sandbox;
  const response = await header('openai');
  assert.equal(response.headers.get('cache-control'), 'no-cache, no-store, must-revalidate');
  const openai = await tokenOf(response);
  assert.equal(openai.claims.aud, 'https://cognitiveservices.azure.com');
  const mcp = await tokenOf(await header('mcp'));
  assert.equal(mcp.claims.aud, `api://${json.mcpAppId}`);
  for (const { claims } of [openai, mcp]) {
    assert.equal(claims.appid, agentId());
    assert.equal(claims.upn, json.users[0]?.upn);
    assert.equal(claims.xms_par_app_azp, json.blueprintAppId);
  }
  const intern = await tokenOf(await header('mcp', `AgentIdentity=${agentId(1)}`));
  assert.equal(intern.claims.appid, agentId(1));
});

test('names of routes and parameters do not look at case, names of APIs do', async () => {
  const { claims } = await tokenOf(await call(`/authorizationHEADER/mcp?aGENTiDENTITY=${agentId()}`));
  assert.equal(claims.appid, agentId());
  assert.equal((await header('MCP')).status, 400);
});

test('without an agent the blueprint itself acts for the user', async () => {
  const { claims } = await tokenOf(await header('openai', ''));
  assert.equal(claims.appid, sandbox.json.blueprintAppId);
  assert.equal(claims.xms_par_app_azp, undefined);
  assert.ok(!String(claims.xms_act_fct).split(' ').includes('11'));
});

test('tokens are cached by user, API and agent, and ForceRefresh goes past the cache', async () => {
  await tokenOf(await header('openai'));
  const start = await tokenRequests();
  const first = await tokenOf(await header('openai'));
  assert.equal(await tokenRequests(), start, 'nothing was asked of Entra');
  assert.equal((await tokenOf(await header('openai'))).raw, first.raw);
  const forced = await tokenOf(
    await header('openai', `AgentIdentity=${agentId()}&optionsOverride.AcquireTokenOptions.ForceRefresh=true`),
  );
  assert.notEqual(forced.raw, first.raw);
  assert.equal((await tokenOf(await header('openai'))).raw, forced.raw, 'the new one replaced the old one');
  assert.equal(await tokenRequests(), start + 1, 'T1 came out of the cache');
  const other = (await signIn(sandbox, { user: sandbox.json.users[1]?.upn })).access_token;
  const theirs = await tokenOf(await call(`/AuthorizationHeader/openai?AgentIdentity=${agentId()}`, {}, other));
  assert.equal(theirs.claims.upn, sandbox.json.users[1]?.upn);
  await sandbox.control('/clock', { offsetSeconds: 57 * 60 });
  const fresh = (await signIn(sandbox)).access_token;
  const renewed = await tokenOf(await call(`/AuthorizationHeader/openai?AgentIdentity=${agentId()}`, {}, fresh));
  assert.notEqual(renewed.raw, forced.raw);
});

test('a bearer that it does not accept: 401, empty, with the reason in the challenge', async () => {
  const { json } = sandbox;
  const graph = (await signIn(sandbox, { scope: 'User.Read' })).access_token;
  const mcp = (await signIn(sandbox, { scope: json.mcpScope })).access_token;
  const [head, payload] = tc.split('.');
  const changed = Buffer.from(JSON.stringify({ ...decodeJwt(tc), oid: 'someone else' })).toString('base64url');
  const cases: [token: string, challenge: string][] = [
    ['', 'Bearer'],
    ['junk', 'Bearer error="invalid_token"'],
    [mcp, `Bearer error="invalid_token", error_description="The audience 'api://${json.mcpAppId}' is invalid"`],
    [graph, 'Bearer error="invalid_token", error_description="The signature is invalid"'],
    [
      `${head}.${changed}.${tc.split('.')[2]}`,
      'Bearer error="invalid_token", error_description="The signature is invalid"',
    ],
    [
      `${Buffer.from('{"alg":"RS256","kid":"other"}').toString('base64url')}.${payload}.AAAA`,
      'Bearer error="invalid_token", error_description="The signature key was not found"',
    ],
  ];
  for (const [token, challenge] of cases) {
    const response = await call('/AuthorizationHeader/mcp', {}, token);
    assert.deepEqual(
      [response.status, response.headers.get('www-authenticate'), await response.text()],
      [401, challenge, ''],
    );
  }
  const exp = decodeJwt(tc).exp ?? 0;
  await sandbox.control('/clock', { offsetSeconds: Math.ceil(exp - Date.now() / 1000) + 301 });
  const late = await call('/AuthorizationHeader/mcp');
  assert.equal(late.status, 401);
  assert.match(late.headers.get('www-authenticate') ?? '', /The token expired at '\d\d\/\d\d\/\d{4} \d\d:\d\d:\d\d'/);
});

test('inside the five minutes of tolerance it asks Entra, which has none', async () => {
  const exp = decodeJwt(tc).exp ?? 0;
  await sandbox.control('/clock', { offsetSeconds: Math.ceil(exp - Date.now() / 1000) + 60 });
  const { status, detail } = await problemOf(await header('openai'));
  assert.equal(status, 401);
  assert.match(detail, /^AADSTS500133: /);
});

test("Entra's refusal: 401 as a problem whose detail is the whole description, and nothing else of it", async () => {
  await sandbox.control('/entra', { consentMissing: ['intern-agent/mcp'] });
  const fresh = `AgentIdentity=${agentId(1)}&optionsOverride.AcquireTokenOptions.ForceRefresh=true`;
  const refused = await problemOf(await header('mcp', fresh));
  assert.equal(refused.status, 401);
  assert.match(refused.detail, /^AADSTS65001: [^\r]*\r\nTrace ID: /);
  await sandbox.control('/entra', { conditionalAccess: { kind: 'mfa', resources: ['mcp'] }, consentMissing: [] });
  const challenged = await header('mcp', fresh);
  assert.equal(challenged.headers.get('www-authenticate'), null);
  assert.match((await problemOf(challenged)).detail, /^AADSTS50076: /);
  const unknown = await problemOf(await header('mcp', 'AgentIdentity=00000000-1111-2222-3333-444444444444'));
  assert.match(unknown.detail, /^AADSTS700016: /);
  const tenant = await problemOf(await header('mcp', `${fresh}&optionsOverride.AcquireTokenOptions.Tenant=elsewhere`));
  assert.match(tenant.detail, /^AADSTS90002: Tenant 'elsewhere'/);
});

test('an API without scopes is 400, a scope may come along, other trouble is 500 without a reason', async () => {
  const missing = await problemOf(await header('nope'));
  assert.equal(missing.status, 400);
  assert.match(missing.detail, /^No scopes found for the API 'nope'/);
  const scope = encodeURIComponent('https://cognitiveservices.azure.com/.default');
  const brought = await tokenOf(await header('nope', `AgentIdentity=${agentId()}&optionsOverride.Scopes=${scope}`));
  assert.equal(brought.claims.aud, 'https://cognitiveservices.azure.com');
  await sandbox.control('/entra', { down: true });
  const force = 'optionsOverride.AcquireTokenOptions.ForceRefresh=true';
  const down = await problemOf(await header('openai', `AgentIdentity=${agentId()}&${force}`));
  assert.deepEqual(down, { status: 500, detail: 'An unexpected error occurred.' });
});

test('an app token is asked for by override, and only with /.default', async () => {
  const app = 'optionsOverride.RequestAppToken=true';
  const { claims } = await tokenOf(await header('openai', `AgentIdentity=${agentId()}&${app}`));
  assert.deepEqual([claims.idtyp, claims.appid, claims.upn], ['app', agentId(), undefined]);
  const scope = `optionsOverride.Scopes=${encodeURIComponent(sandbox.json.mcpScope)}`;
  assert.equal((await problemOf(await header('mcp', `AgentIdentity=${agentId()}&${app}&${scope}`))).status, 500);
});

test("an agent's own user account, by name or object id; a bad id falls back to the plain agent", async () => {
  const named = await tokenOf(
    await header('mcp', `AgentIdentity=${agentId()}&AgentUsername=research-agent@sandbox.example`),
  );
  assert.equal(named.claims.upn, 'research-agent@sandbox.example');
  const byId = await tokenOf(await header('mcp', `AgentIdentity=${agentId()}&AgentUserId=${String(named.claims.oid)}`));
  assert.equal(byId.claims.oid, named.claims.oid);
  const bad = await tokenOf(await header('mcp', `AgentIdentity=${agentId()}&AgentUserId=not-a-guid`));
  assert.equal(bad.claims.upn, sandbox.json.users[0]?.upn);
});

test('the anonymous route ignores the agent, and has no user to act for', async () => {
  const path = `/AuthorizationHeaderUnauthenticated/openai?AgentIdentity=${agentId()}`;
  const { detail } = await problemOf(await call(path, {}, ''));
  assert.match(detail, /No account or login hint/);
  await sandbox.control('/sidecar', { allowOverrides: { getAuthorizationHeaderUnauthenticated: true } });
  const app = await tokenOf(await call(`${path}&optionsOverride.RequestAppToken=true`, {}, ''));
  assert.deepEqual([app.claims.appid, app.claims.idtyp], [agentId(), 'app']);
});

test('with overrides off the agent is ignored without a word', async () => {
  await sandbox.control('/sidecar', { allowOverrides: { getAuthorizationHeader: false } });
  const { claims } = await tokenOf(await header('openai'));
  assert.equal(claims.appid, sandbox.json.blueprintAppId);
});

test('it can answer as another identity than the one asked for', async () => {
  await sandbox.control('/sidecar', { answerAs: agentId(1) });
  assert.equal((await tokenOf(await header('mcp'))).claims.appid, agentId(1));
  await sandbox.control('/sidecar', { answerAs: 'blueprint' });
  assert.equal((await tokenOf(await header('mcp'))).claims.appid, sandbox.json.blueprintAppId);
  await assert.rejects(sandbox.control('/sidecar', { answerAs: 'nobody' }), /answerAs/);
});

test('/Validate shows what it checked', async () => {
  const body = (await (await call('/Validate')).json()) as Record<string, unknown>;
  assert.deepEqual(body, { protocol: 'Bearer', token: tc, claims: decodeJwt(tc) });
  assert.equal((await call('/Validate', {}, '')).status, 401);
});

test('DownstreamApi calls the API itself, with the method, path and body that it is told', async () => {
  const post = (query: string, init: RequestInit = {}) =>
    call(`/DownstreamApi/openai?AgentIdentity=${agentId()}&${query}`, { method: 'POST', ...init });
  const path = `openai/deployments/${sandbox.json.llmModel}/chat/completions`;
  await sandbox.control('/sidecar', { allowOverrides: { callDownstreamApi: true } });
  const response = await post(
    `optionsOverride.RelativePath=${path}&optionsOverride.HttpMethod=POST&optionsOverride.ExtraQueryParameters.api-version=2025-04-01-preview`,
    {
      headers: { 'Content-Type': 'application/json' },
      body: JSON.stringify({ model: sandbox.json.llmModel, messages: [{ role: 'user', content: 'Hello' }] }),
    },
  );
  assert.equal(response.status, 200);
  const result = (await response.json()) as { statusCode: number; headers: Record<string, string[]>; content: string };
  assert.deepEqual(Object.keys(result), ['statusCode', 'headers', 'content']);
  assert.equal(result.statusCode, 200, JSON.stringify(result));
  assert.match(result.headers['Content-Type']?.[0] ?? '', /^application\/json/);

  const missing = await post('optionsOverride.RelativePath=openai/nothing');
  assert.equal(missing.status, 200, 'the outer status says nothing about the inner one');
  assert.equal(((await missing.json()) as { statusCode: number }).statusCode, 404);
});

test('without the keys of Entra nobody can be checked', async () => {
  const young = await startSandbox();
  try {
    const token = (await signIn(young)).access_token;
    await young.control('/entra', { down: true });
    const ask = () => fetch(`${young.json.direct.sidecar}/Validate`, { headers: { Authorization: `Bearer ${token}` } });
    const failed = await ask();
    assert.deepEqual([failed.status, await failed.text()], [500, '']);
    await young.control('/entra', { down: false });
    assert.equal((await ask()).status, 200);
  } finally {
    await young.stop();
  }
});

test('unknown paths are 404, wrong methods 405, and it can drop connections', async () => {
  assert.equal((await call('/')).status, 404);
  assert.equal((await call('/AuthorizationHeader')).status, 404);
  assert.equal((await call('/AuthorizationHeader/mcp/more')).status, 404);
  const wrong = await call('/AuthorizationHeader/mcp', { method: 'POST' });
  assert.deepEqual([wrong.status, wrong.headers.get('allow')], [405, 'GET']);
  assert.equal((await call('/DownstreamApi/mcp')).status, 405);
  await sandbox.control('/sidecar', { down: true });
  await assert.rejects(call('/healthz'));
});

test('1.1.x looks at the source address, not at the Host header', async () => {
  assert.equal((await call('/healthz')).status, 200, 'Host: 127.0.0.1');
  assert.equal((await header('mcp')).status, 200, 'Host: 127.0.0.1');
  for (const address of ['127.0.0.1', '127.9.9.9', '::1', '::ffff:127.0.0.1']) assert.ok(isLoopback(address), address);
  for (const address of ['10.0.0.1', '::ffff:10.0.0.1', '1.127.0.1', undefined])
    assert.ok(!isLoopback(address), address);
});
