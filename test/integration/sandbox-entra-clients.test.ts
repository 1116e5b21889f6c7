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

test('@azure/msal-node signs in through the browser, with PKCE and a posted answer', async () => {
  const { json } = sandbox;
  const app = new PublicClientApplication({
    auth: { clientId: PUBLIC_CLIENT, authority: json.authority, knownAuthorities: [new URL(json.authority).host] },
  });
  const result = await app.acquireTokenInteractive({
    scopes: [json.scope],
    loginHint: json.users[1]?.upn,
    openBrowser: async url => {
      const page = await (await fetch(url)).text();
      assert.match(page, new RegExp(`value="${json.users[1]?.upn}" selected`), 'the hint chooses the user');
      const answer = await submitForm(page, url, { user: json.users[1]?.upn ?? '', action: 'consent' });
      const posted = await answer.text();
      await submitForm(posted, /action="([^"]+)"/.exec(posted)?.[1] ?? '', {});
    },
  });
  assert.equal(result.account?.username, json.users[1]?.upn);
  const { account } = result;
  assert.ok(account);
  const renewed = await app.acquireTokenSilent({ account, scopes: [json.scope], forceRefresh: true });
  assert.notEqual(renewed.accessToken, result.accessToken);
});

test('openid-client redeems a code once, with the right verifier only', async () => {
  const { json } = sandbox;
  const config = await oidc.discovery(new URL(`${json.authority}/v2.0`), PUBLIC_CLIENT, undefined, oidc.None());
  oidc.allowInsecureRequests(config); // the page for people is plain http, so that no browser warns
  const redirect = 'http://localhost:4321/callback';
  const visit = async (verifier: string, extra: Record<string, string> = {}, action = 'consent') => {
    const url = oidc.buildAuthorizationUrl(config, {
      redirect_uri: redirect,
      scope: `${json.scope} openid profile`,
      state: 'the state',
      nonce: 'the nonce',
      code_challenge: await oidc.calculatePKCECodeChallenge(verifier),
      code_challenge_method: 'S256',
      ...extra,
    });
    const shown = await fetch(url, { redirect: 'manual' });
    if (shown.status !== 200) return new URL(shown.headers.get('location') ?? '');
    const answer = await submitForm(await shown.text(), url.href, { user: json.users[0]?.upn ?? '', action });
    return new URL(answer.headers.get('location') ?? '');
  };
  const checks = (pkceCodeVerifier: string) => ({
    pkceCodeVerifier,
    expectedState: 'the state',
    expectedNonce: 'the nonce',
  });

  const verifier = oidc.randomPKCECodeVerifier();
  const callback = await visit(verifier);
  const tokens = await oidc.authorizationCodeGrant(config, callback, checks(verifier));
  assert.equal(tokens.claims()?.preferred_username, json.users[0]?.upn);
  await assert.rejects(oidc.authorizationCodeGrant(config, callback, checks(verifier)), { error: 'invalid_grant' });

  const other = await visit(verifier);
  const wrong = oidc.authorizationCodeGrant(config, other, checks(oidc.randomPKCECodeVerifier()));
  await assert.rejects(wrong, { error: 'invalid_grant', error_description: /^AADSTS501481/ });

  const cancelled = await visit(verifier, {}, 'cancel');
  assert.deepEqual(
    [cancelled.searchParams.get('error'), cancelled.searchParams.get('state')],
    ['access_denied', 'the state'],
  );
  assert.equal(cancelled.searchParams.get('error_subcode'), 'cancel');
  assert.match(cancelled.searchParams.get('error_description') ?? '', /^AADSTS65004: [^\r]+\r\nTrace ID: /);
  assert.match(cancelled.searchParams.get('error_uri') ?? '', /\/error\?code=65004$/);
  const tolerant = await visit(verifier, { prompt: 'select_account', domain_hint: 'contoso.example' });
  assert.match(tolerant.searchParams.get('code') ?? '', /^1\./);
  const odd = await visit(verifier, { prompt: 'please' });
  assert.equal(odd.searchParams.get('error'), 'invalid_request');
  const silent = await visit(verifier, { prompt: 'none' });
  assert.equal(silent.searchParams.get('error'), 'login_required');
  const fragment = await visit(verifier, { response_mode: 'fragment' });
  assert.match(fragment.hash, /^#code=1\./);
});

test('a redirect URI that nobody registered gets no answer', async () => {
  const { json } = sandbox;
  const { origin } = new URL(json.login.url);
  const url = new URL(`${origin}/${json.tenantId}/oauth2/v2.0/authorize`);
  url.search = new URLSearchParams({
    client_id: PUBLIC_CLIENT,
    response_type: 'code',
    scope: json.scope,
    redirect_uri: 'https://elsewhere.example/callback',
    code_challenge: 'x',
    code_challenge_method: 'S256',
  }).toString();
  const response = await fetch(url, { redirect: 'manual' });
  assert.equal(response.status, 400);
  assert.match(await response.text(), /AADSTS50011/);
});

/** Posts the hidden fields of a page's form, and what else a person puts in. */
function submitForm(page: string, url: string, fields: Record<string, string>): Promise<Response> {
  const unescape = (text: string) =>
    text.replace(/&#(\d+);/g, (_all, code: string) => String.fromCharCode(Number(code)));
  const form = new URLSearchParams(fields);
  for (const [, name = '', value = ''] of page.matchAll(/<input type="hidden" name="([^"]+)" value="([^"]*)">/g))
    form.set(unescape(name), unescape(value));
  return fetch(unescape(url), { method: 'POST', body: form, redirect: 'manual' });
}
