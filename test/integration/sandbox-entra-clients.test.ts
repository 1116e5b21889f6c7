// Clients that others wrote for the real Entra, unmodified, against the sandbox.
import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { after, before, beforeEach, test } from 'node:test';
import tls from 'node:tls';
import { PublicClientApplication } from '@azure/msal-node';
import * as oidc from 'openid-client';
import { fillLoginPage, PUBLIC_CLIENT, startSandbox, type TestSandbox } from './support/sandbox.ts';

let sandbox: TestSandbox;
const defaultAuthorities = tls.getCACertificates('default');

before(async () => {
  sandbox = await startSandbox();
  const ca = await readFile(sandbox.json.caFile, 'utf8');
  tls.setDefaultCACertificates([...defaultAuthorities, ca]); // what NODE_EXTRA_CA_CERTS does, after the start
});
beforeEach(async () => {
  await sandbox.control('/reset', {});
  await sandbox.control('/entra', { deviceCodeInterval: 1 });
});
after(async () => {
  tls.setDefaultCACertificates(defaultAuthorities);
  await sandbox.stop();
});

test('openid-client signs in by device code and refreshes', async () => {
  const { json } = sandbox;
  const server = new URL(`${json.authority}/v2.0`);
  const config = await oidc.discovery(server, PUBLIC_CLIENT, undefined, oidc.None());
  const scope = `${json.scope} openid profile offline_access`;
  const started = await oidc.initiateDeviceAuthorization(config, { scope });
  assert.match(started.user_code, /^[A-Z0-9]{9}$/);
  assert.equal(started.verification_uri, json.login.url);
  assert.equal(started.verification_uri_complete, undefined);

  const polling = oidc.pollDeviceAuthorizationGrant(config, started);
  const page = await fillLoginPage(json, started.user_code.toLowerCase(), { user: json.users[1]?.upn });
  assert.equal(page.status, 200);
  const tokens = await polling;

  const claims = tokens.claims();
  assert.equal(claims?.iss, `${json.authority}/v2.0`);
  assert.equal(claims?.preferred_username, json.users[1]?.upn);
  assert.equal(claims?.oid, json.users[1]?.oid);

  const refreshed = await oidc.refreshTokenGrant(config, tokens.refresh_token ?? '');
  assert.notEqual(refreshed.access_token, tokens.access_token);
  assert.notEqual(refreshed.refresh_token, tokens.refresh_token, 'the refresh token rotates');
});

test('openid-client meets a declined sign-in as such', async () => {
  const { json } = sandbox;
  const config = await oidc.discovery(new URL(`${json.authority}/v2.0`), PUBLIC_CLIENT, undefined, oidc.None());
  const started = await oidc.initiateDeviceAuthorization(config, { scope: `${json.scope} openid` });
  const page = await fillLoginPage(json, started.user_code, { action: 'cancel' });
  assert.match(page.text, /cancelled/);
  await assert.rejects(oidc.pollDeviceAuthorizationGrant(config, started), { error: 'authorization_declined' });
});

test('@azure/msal-node signs in by device code, then gets tokens silently', async () => {
  const { json } = sandbox;
  const app = new PublicClientApplication({
    auth: { clientId: PUBLIC_CLIENT, authority: json.authority, knownAuthorities: [new URL(json.authority).host] },
  });
  const result = await app.acquireTokenByDeviceCode({
    scopes: [json.scope],
    deviceCodeCallback: started => void fillLoginPage(json, started.userCode),
  });
  assert.equal(result?.account?.username, json.users[0]?.upn);
  assert.equal(result?.account?.homeAccountId, `${json.users[0]?.oid}.${json.tenantId}`);
  assert.deepEqual(result?.scopes, [json.scope]);
  const secondsLeft = ((result?.expiresOn?.getTime() ?? 0) - Date.now()) / 1000;
  assert.ok(secondsLeft > 3500 && secondsLeft < 5400, `${secondsLeft} s left`);

  const account = result?.account;
  assert.ok(account);
  const cached = await app.acquireTokenSilent({ account, scopes: [json.scope] });
  assert.equal(cached.fromCache, true);
  const renewed = await app.acquireTokenSilent({ account, scopes: [json.scope], forceRefresh: true });
  assert.equal(renewed.fromCache, false);
  assert.notEqual(renewed.accessToken, result?.accessToken);
});

test('@azure/msal-node asks for interaction when the sessions were revoked', async () => {
  const { json } = sandbox;
  const app = new PublicClientApplication({
    auth: { clientId: PUBLIC_CLIENT, authority: json.authority, knownAuthorities: [new URL(json.authority).host] },
  });
  const result = await app.acquireTokenByDeviceCode({
    scopes: [json.scope],
    deviceCodeCallback: started => void fillLoginPage(json, started.userCode),
  });
  assert.ok(result?.account);
  await sandbox.control('/entra', { revokeRefreshTokens: true });
  const silent = app.acquireTokenSilent({ account: result.account, scopes: [json.scope], forceRefresh: true });
  await assert.rejects(silent, { errorCode: 'invalid_grant', errorMessage: /AADSTS50173/ });
});
