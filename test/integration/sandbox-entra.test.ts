// Documents, device codes and refusals of the simulated Entra, as raw HTTP.
import assert from 'node:assert/strict';
import { after, before, beforeEach, test } from 'node:test';
import { createLocalJWKSet, decodeJwt, decodeProtectedHeader, jwtVerify, type JSONWebKeySet } from 'jose';
import { fillLoginPage, postForm, PUBLIC_CLIENT, signIn, startSandbox, type TestSandbox } from './support/sandbox.ts';

const DEVICE_CODE = 'oauth2/v2.0/devicecode';
const TOKEN = 'oauth2/v2.0/token';
const GUID = /^[\da-f]{8}(-[\da-f]{4}){3}-[\da-f]{12}$/;

let sandbox: TestSandbox;
before(async () => (sandbox = await startSandbox()));
beforeEach(() => sandbox.control('/reset', {}));
after(() => sandbox.stop());

async function getJson(path: string): Promise<{ status: number; headers: Headers; body: Record<string, unknown> }> {
  const response = await sandbox.fetch(new URL(path, sandbox.json.authority));
  return {
    status: response.status,
    headers: response.headers,
    body: (await response.json()) as Record<string, unknown>,
  };
}

/** A device code, and one poll for it. */
async function deviceCode(scope = `${sandbox.json.scope} openid profile offline_access`) {
  const { body } = await postForm(sandbox, DEVICE_CODE, { client_id: PUBLIC_CLIENT, scope });
  const poll = (grant = 'urn:ietf:params:oauth:grant-type:device_code', form: Record<string, string> = {}) =>
    postForm(sandbox, TOKEN, {
      grant_type: grant,
      client_id: PUBLIC_CLIENT,
      device_code: String(body.device_code),
      ...form,
    });
  return { body, userCode: String(body.user_code), poll };
}

test('discovery names both versions of the issuer, and one key set signs both', async () => {
  const { tenantId, authority } = sandbox.json;
  const { origin } = new URL(authority);
  const v2 = await getJson(`/${tenantId}/v2.0/.well-known/openid-configuration`);
  assert.equal(v2.headers.get('cache-control'), 'max-age=86400, private');
  assert.equal(v2.headers.get('access-control-allow-origin'), '*');
  assert.equal(v2.body.issuer, `${origin}/${tenantId}/v2.0`);
  assert.equal(v2.body.token_endpoint, `${authority}/${TOKEN}`);
  assert.equal(v2.body.device_authorization_endpoint, `${authority}/${DEVICE_CODE}`);
  assert.equal(v2.body.tenant_region_scope, 'NA');
  const v1 = await getJson(`/${tenantId}/.well-known/openid-configuration`);
  assert.equal(v1.body.issuer, `${origin}/sts/${tenantId}/`);
  const common = await getJson('/common/v2.0/.well-known/openid-configuration');
  assert.equal(common.body.issuer, `${origin}/{tenantid}/v2.0`);
  const keys = await Promise.all([v1.body.jwks_uri, v2.body.jwks_uri].map(uri => getJson(String(uri))));
  assert.notEqual(v1.body.jwks_uri, v2.body.jwks_uri);
  assert.deepEqual(keys[0]?.body, keys[1]?.body);
  const [key] = keys[0]?.body.keys as Record<string, unknown>[];
  assert.deepEqual([key?.kty, key?.use, key?.x5t], ['RSA', 'sig', key?.kid]);
  assert.equal(key?.d, undefined, 'the private half stays inside');
});

test('instance discovery answers for this host and refuses another', async () => {
  const { authority, tenantId } = sandbox.json;
  const { host, origin } = new URL(authority);
  const ask = (endpoint: string) =>
    getJson(`/common/discovery/instance?api-version=1.1&authorization_endpoint=${encodeURIComponent(endpoint)}`);
  const known = await ask(`${authority}/oauth2/v2.0/authorize`);
  assert.equal(known.body.tenant_discovery_endpoint, `${origin}/${tenantId}/v2.0/.well-known/openid-configuration`);
  assert.deepEqual(known.body.metadata, [{ preferred_network: host, preferred_cache: host, aliases: [host] }]);
  const unknown = await ask('https://login.elsewhere.example/common/oauth2/v2.0/authorize');
  assert.equal(unknown.status, 400);
  assert.equal(unknown.body.error, 'invalid_instance');
  assert.deepEqual(unknown.body.error_codes, [50049]);
});

test('a tenant that does not exist is AADSTS90002, a path that does not is 404', async () => {
  const other = await getJson('/11111111-2222-3333-4444-555555555555/v2.0/.well-known/openid-configuration');
  assert.equal(other.status, 400);
  assert.match(
    String(other.body.error_description),
    /^AADSTS90002: Tenant '11111111-2222-3333-4444-555555555555' not found/,
  );
  assert.equal((await sandbox.fetch(`${sandbox.json.authority}/oauth2/v2.0/nothing`)).status, 404);
  assert.equal((await sandbox.fetch(`${sandbox.json.authority}/${TOKEN}`)).status, 405);
});

test('a device code has the shape of the real one', async () => {
  const { login, scope } = sandbox.json;
  const answer = await postForm(sandbox, DEVICE_CODE, { client_id: PUBLIC_CLIENT, scope });
  assert.equal(answer.status, 200);
  assert.equal(answer.headers.get('cache-control'), 'no-store, no-cache');
  assert.match(answer.headers.get('x-ms-request-id') ?? '', GUID);
  const { device_code: code, ...rest } = answer.body;
  assert.ok(String(code).length > 100);
  assert.deepEqual(rest, {
    user_code: rest.user_code,
    verification_uri: login.url,
    expires_in: 900,
    interval: 5,
    message: `To sign in, use a web browser to open the page ${login.url} and enter the code ${String(rest.user_code)} to authenticate.`,
  });
});

test('a pending poll carries the whole error body, and echoes the correlation id', async () => {
  const { poll } = await deviceCode();
  const id = 'd6a7d5a6-0b0f-4a0c-9b1e-6f0a3c1d2e4b';
  const { status, headers, body } = await poll(undefined, { 'client-request-id': id });
  assert.equal(status, 400);
  assert.equal(headers.get('client-request-id'), id);
  assert.equal(body.error, 'authorization_pending');
  assert.deepEqual(body.error_codes, [70016]);
  assert.equal(body.correlation_id, id);
  assert.match(String(body.trace_id), GUID);
  assert.match(String(body.timestamp), /^\d{4}-\d\d-\d\d \d\d:\d\d:\d\dZ$/);
  assert.match(String(body.error_uri), /\/error\?code=70016$/);
  assert.equal(
    body.error_description,
    `AADSTS70016: OAuth 2.0 device flow error. Authorization is pending. Continue polling.\r\nTrace ID: ${String(body.trace_id)}\r\nCorrelation ID: ${id}\r\nTimestamp: ${String(body.timestamp)}`,
  );
});

test('both spellings of the grant redeem a code, once', async () => {
  for (const grant of ['device_code', 'urn:ietf:params:oauth:grant-type:device_code']) {
    const { userCode, poll } = await deviceCode();
    assert.equal((await fillLoginPage(sandbox.json, userCode)).status, 200);
    assert.equal((await poll(grant)).status, 200);
    const again = await poll(grant);
    assert.deepEqual([again.status, again.body.error_codes], [400, [90120]]);
  }
});

test('refresh and id token come only with their scopes, client_info only when asked for', async () => {
  const bare = await deviceCode(sandbox.json.scope);
  await fillLoginPage(sandbox.json, bare.userCode);
  const { body } = await bare.poll();
  const names = ['access_token', 'expires_in', 'ext_expires_in', 'scope', 'token_type'];
  assert.deepEqual(Object.keys(body).sort(), names);
  assert.equal(body.scope, sandbox.json.scope);

  const full = await deviceCode();
  await fillLoginPage(sandbox.json, full.userCode);
  const answer = await full.poll(undefined, { client_info: '1' });
  assert.deepEqual(Object.keys(answer.body).sort(), [...names, 'client_info', 'id_token', 'refresh_token'].sort());
  assert.deepEqual(JSON.parse(Buffer.from(String(answer.body.client_info), 'base64url').toString()), {
    uid: sandbox.json.users[0]?.oid,
    utid: sandbox.json.tenantId,
  });
});

test('Tc is a v2 token for the blueprint: GUID audience, azp, no appid, no upn, no facets', async () => {
  const { json } = sandbox;
  const { access_token: raw, expires_in: expiresIn } = await signIn(sandbox);
  const keys = (await getJson(`/${json.tenantId}/discovery/v2.0/keys`)).body as unknown as JSONWebKeySet;
  const { payload, protectedHeader } = await jwtVerify(raw, createLocalJWKSet(keys), {
    issuer: `${json.authority}/v2.0`,
    audience: json.blueprintAppId,
  });
  assert.deepEqual(Object.keys(protectedHeader).sort(), ['alg', 'kid', 'typ']);
  assert.equal(payload.azp, PUBLIC_CLIENT);
  assert.equal(payload.azpacr, '0');
  assert.equal(payload.scp, 'access_as_user');
  assert.equal(payload.ver, '2.0');
  assert.equal(payload.preferred_username, json.users[0]?.upn);
  assert.equal(payload.oid, json.users[0]?.oid);
  for (const absent of ['appid', 'upn', 'unique_name', 'idtyp', 'xms_act_fct', 'xms_sub_fct', 'xms_par_app_azp'])
    assert.equal(payload[absent], undefined, absent);
  const now = Date.now() / 1000;
  assert.ok(Math.abs(now - 300 - (payload.iat ?? 0)) < 5, 'iat is five minutes back');
  assert.equal(payload.nbf, payload.iat);
  assert.ok(Math.abs((payload.exp ?? 0) - now - expiresIn) < 5, 'exp is expires_in ahead');
});

test('a token for Graph cannot be checked by anybody else', async () => {
  const { json } = sandbox;
  const { access_token: raw } = await signIn(sandbox, { scope: 'User.Read openid' });
  assert.equal(decodeJwt(raw).aud, 'https://graph.microsoft.com');
  assert.ok(decodeProtectedHeader(raw).nonce);
  const keys = (await getJson(`/${json.tenantId}/discovery/v2.0/keys`)).body as unknown as JSONWebKeySet;
  await assert.rejects(jwtVerify(raw, createLocalJWKSet(keys)), { code: 'ERR_JWS_SIGNATURE_VERIFICATION_FAILED' });
});

test('every script of the device code shows at the poll', async () => {
  const expected = {
    expired: ['expired_token', 70020, 'has expired'],
    declined: ['authorization_declined', 70018, 'declined'],
    slowDown: ['slow_down', 70016, 'faster'],
    badCode: ['bad_verification_code', 70018, 'not known'],
  };
  const { userCode, poll } = await deviceCode();
  for (const [script, [error, code, words]] of Object.entries(expected)) {
    await sandbox.control('/entra', { deviceCode: script });
    const { status, body } = await poll();
    assert.deepEqual([status, body.error, body.error_codes], [400, error, [code]], script);
    assert.match(String(body.error_description), new RegExp(`^AADSTS${code}: .*${words}`), script);
  }
  await sandbox.control('/entra', { deviceCode: 'normal' });
  await fillLoginPage(sandbox.json, userCode);
  assert.equal((await poll()).status, 200, 'the code survived the scripts');
});

test('a code expires by the clock, at the poll and on the page', async () => {
  await sandbox.control('/entra', { deviceCodeLifetime: 60 });
  const { body, userCode, poll } = await deviceCode();
  assert.equal(body.expires_in, 60);
  await sandbox.control('/clock', { offsetSeconds: 61 });
  assert.deepEqual((await poll()).body.error_codes, [70020]);
  const page = await fillLoginPage(sandbox.json, userCode);
  assert.equal(page.status, 400);
  assert.match(page.text, /expired/);
});

test('the page is marked, says when a code is wrong, and submits nothing by itself', async () => {
  const { json } = sandbox;
  const { userCode, poll } = await deviceCode();
  const visited = await (await fetch(`${json.login.url}?code=${userCode}`)).text();
  assert.match(visited, /SANDBOX/);
  assert.match(visited, new RegExp(`<input[^>]* name="${json.login.codeField}"`));
  assert.match(visited, new RegExp(`<select[^>]* name="${json.login.userField}"`));
  for (const user of json.users) assert.ok(visited.includes(user.upn));
  assert.ok(!visited.includes(userCode), 'a link cannot bring the code along');
  assert.equal((await poll()).body.error, 'authorization_pending');
  const wrong = await fillLoginPage(json, 'NOTACODE9');
  assert.equal(wrong.status, 400);
  assert.match(wrong.text, /did not work/);
  const right = await fillLoginPage(json, ` ${userCode.slice(0, 4)}-${userCode.slice(4)} `);
  assert.match(right.text, /You can close this window/);
  assert.match((await fillLoginPage(json, userCode)).text, /used already/);
});

test('a policy against device codes shows on the page while the poller waits', async () => {
  await sandbox.control('/entra', { deviceCode: 'blocked' });
  const { userCode, poll } = await deviceCode();
  const page = await fillLoginPage(sandbox.json, userCode);
  assert.equal(page.status, 403);
  assert.match(page.text, /530036/);
  assert.equal((await poll()).body.error, 'authorization_pending');
});

test('refresh rotates, keeps the user, and ends when sessions are revoked', async () => {
  const first = await signIn(sandbox, { user: sandbox.json.users[1]?.upn });
  const refresh = (token: string) =>
    postForm(sandbox, TOKEN, { grant_type: 'refresh_token', client_id: PUBLIC_CLIENT, refresh_token: token });
  const second = await refresh(first.refresh_token);
  assert.equal(second.status, 200);
  assert.notEqual(second.body.refresh_token, first.refresh_token);
  assert.equal(decodeJwt(String(second.body.access_token)).oid, sandbox.json.users[1]?.oid);
  assert.equal((await refresh(first.refresh_token)).status, 200, 'a used one stays alive beside its successor');

  assert.ok(Number(((await sandbox.control('/entra')) as { refreshTokens: number }).refreshTokens) > 0);
  await sandbox.control('/entra', { revokeRefreshTokens: true });
  const revoked = await refresh(String(second.body.refresh_token));
  assert.deepEqual([revoked.status, revoked.body.error, revoked.body.error_codes], [400, 'invalid_grant', [50173]]);
  assert.equal(((await sandbox.control('/entra')) as { refreshTokens: number }).refreshTokens, 0);
  assert.deepEqual((await refresh('1.nonsense')).body.error_codes, [70000]);
});

test('a scripted refresh fault happens as often as it says', async () => {
  const { refresh_token: token } = await signIn(sandbox);
  const refresh = () =>
    postForm(sandbox, TOKEN, { grant_type: 'refresh_token', client_id: PUBLIC_CLIENT, refresh_token: token });
  await sandbox.control('/entra', { refreshFault: { code: 700082, times: 2 } });
  assert.deepEqual((await refresh()).body.error_codes, [700082]);
  assert.deepEqual((await refresh()).body.error_codes, [700082]);
  assert.equal((await refresh()).status, 200);
  await sandbox.control('/entra', { refreshFault: { code: 50076 } });
  const challenged = await refresh();
  assert.equal(challenged.body.error, 'interaction_required');
  assert.match(String(challenged.body.claims), /capolids/);
});

test('the lifetime of tokens can be changed while it runs', async () => {
  await sandbox.control('/entra', { tokenLifetime: 20 });
  const short = await signIn(sandbox);
  assert.ok(Math.abs(short.expires_in - 20) < 2);
  const { exp = 0 } = decodeJwt(short.access_token);
  assert.ok(Math.abs(exp - Date.now() / 1000 - 20) < 5);
  await sandbox.control('/reset', {});
  assert.ok((await signIn(sandbox)).expires_in >= 3600);
});

test('bad requests get the number that Entra gives them', async () => {
  const { json } = sandbox;
  const client_id = PUBLIC_CLIENT;
  const other = '00000000-aaaa-bbbb-cccc-111111111111';
  const api = json.scope.slice(0, json.scope.lastIndexOf('/'));
  const cases: [path: string, form: Record<string, string>, status: number, error: string, code: number][] = [
    [DEVICE_CODE, { scope: json.scope }, 400, 'invalid_request', 900144],
    [DEVICE_CODE, { client_id }, 400, 'invalid_request', 900144],
    [DEVICE_CODE, { client_id: other, scope: json.scope }, 400, 'unauthorized_client', 700016],
    [DEVICE_CODE, { client_id: json.blueprintAppId, scope: json.scope }, 401, 'invalid_client', 7000218],
    [DEVICE_CODE, { client_id, scope: `${api}/no_such_scope` }, 400, 'invalid_scope', 650053],
    [DEVICE_CODE, { client_id, scope: `api://${other}/.default` }, 400, 'invalid_resource', 500011],
    [DEVICE_CODE, { client_id, scope: `${json.scope} ${json.mcpScope}` }, 400, 'invalid_scope', 700022],
    [TOKEN, { client_id }, 400, 'invalid_request', 900144],
    [TOKEN, { client_id, grant_type: 'password' }, 400, 'unsupported_grant_type', 70003],
    [TOKEN, { client_id, grant_type: 'device_code', device_code: 'x' }, 400, 'bad_verification_code', 70018],
    [
      TOKEN,
      { client_id, grant_type: 'refresh_token', refresh_token: 'x', client_secret: 'x' },
      401,
      'invalid_client',
      700025,
    ],
  ];
  for (const [path, form, status, error, code] of cases) {
    const answer = await postForm(sandbox, path, form);
    assert.deepEqual(
      [answer.status, answer.body.error, answer.body.error_codes],
      [status, error, [code]],
      JSON.stringify(form),
    );
  }
});

test('Entra can be down', async () => {
  await sandbox.control('/entra', { down: true });
  await assert.rejects(getJson(`/${sandbox.json.tenantId}/v2.0/.well-known/openid-configuration`));
  await sandbox.control('/reset', {});
  assert.equal((await getJson(`/${sandbox.json.tenantId}/v2.0/.well-known/openid-configuration`)).status, 200);
});
