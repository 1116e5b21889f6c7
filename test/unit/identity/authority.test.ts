import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { Authority } from '../../../src/identity/authority.ts';
import { createSignIn } from '../../../src/identity/signIn.ts';
import {
  AUTHORITY,
  CLIENT,
  DEVICE_CODE,
  MemorySecrets,
  SCOPE,
  TENANT,
  USER,
  fakeFetch,
  json,
  recordingLogger,
  tokenAnswer,
  type Payload,
} from './support.ts';

const SANDBOX = 'https://127.0.0.1:8443';

describe('addresses of the authority', () => {
  const entra = new Authority(AUTHORITY, false);
  const sandbox = new Authority(`${SANDBOX}/${TENANT}`, true);

  it('are Entra’s pages in every cloud', () => {
    for (const page of [
      'https://microsoft.com/devicelogin',
      'https://www.microsoft.com/devicelogin',
      'https://microsoft.com/deviceloginus',
      'https://login.microsoft.com/device',
      'https://login.microsoftonline.com/common/oauth2/deviceauth',
      'https://login.partner.microsoftonline.cn/common/oauth2/deviceauth',
    ])
      assert.ok(entra.isPage(page), page);
  });

  it('for a sandbox are on this machine, and nowhere else', () => {
    assert.ok(sandbox.isPage('http://127.0.0.1:9000/device'));
    assert.ok(sandbox.isPage('http://localhost:9000/device'));
    assert.ok(sandbox.trusts('https://127.0.0.1:8443/x/oauth2/v2.0/token'));
    for (const page of ['https://microsoft.com/devicelogin', 'http://192.0.2.1/device', 'file:///etc/passwd'])
      assert.ok(!sandbox.isPage(page), page);
  });

  it('take no secret over plain http, to another port, or to a short address', () => {
    for (const url of [
      `http://login.microsoftonline.com/${TENANT}/oauth2/v2.0/token`,
      `https://login.microsoftonline.com:8443/${TENANT}/oauth2/v2.0/token`,
      'https://microsoft.com/devicelogin',
      'https://login.microsoftonline.com.evil.example/token',
    ])
      assert.ok(!entra.trusts(url), url);
  });

  it('do not include this machine because an unvouched authority is on it', () => {
    assert.ok(!new Authority(`${SANDBOX}/${TENANT}`, false).isPage('http://127.0.0.1:9000/device'));
  });
});

describe('an authority that is not Microsoft’s', () => {
  const open = async (metadata: Payload, status = 200) => {
    const network = fakeFetch(request => {
      if (request.url.pathname.endsWith('/.well-known/openid-configuration')) return json(metadata, status);
      if (request.url.pathname.endsWith('/devicecode'))
        return json({ ...DEVICE_CODE, verification_uri: 'http://localhost:9000/device' });
      return json(tokenAnswer());
    });
    const signIn = await createSignIn(
      { authority: `${SANDBOX}/${TENANT}`, clientId: CLIENT, scopes: [SCOPE], knownAuthority: true },
      { secrets: new MemorySecrets(), fetch: network.fetch, logger: recordingLogger() },
    );
    return { ...network, signIn };
  };
  const metadata: Payload = {
    issuer: `${SANDBOX}/${TENANT}/v2.0`,
    authorization_endpoint: `${SANDBOX}/${TENANT}/oauth2/v2.0/authorize`,
    token_endpoint: `${SANDBOX}/${TENANT}/oauth2/v2.0/token`,
    jwks_uri: `${SANDBOX}/${TENANT}/discovery/v2.0/keys`,
  };

  it('works when it is known, without a word to Microsoft', async () => {
    const { signIn, seen } = await open(metadata);
    const token = await signIn.deviceCode({ onPrompt: () => {}, signal: new AbortController().signal });
    assert.equal(token.account.oid, USER);
    assert.deepEqual([...new Set(seen.map(request => request.url.origin))], [SANDBOX]);
  });

  it('gets no code to send elsewhere when its metadata points there', async () => {
    const { signIn, seen } = await open({ ...metadata, token_endpoint: 'https://evil.example/oauth2/v2.0/token' });
    await assert.rejects(signIn.deviceCode({ onPrompt: () => {}, signal: new AbortController().signal }), {
      code: 'signIn.unsafeEndpoint',
      args: { host: 'evil.example', authority: `${SANDBOX}/${TENANT}` },
    });
    assert.ok(seen.every(request => request.url.origin === SANDBOX));
  });

  it('is told apart from a tenant that does not exist', async () => {
    const { signIn } = await open(
      {
        error: 'invalid_tenant',
        error_description: "AADSTS90002: Tenant 'x' not found. Trace ID: 1",
        error_codes: [90002],
      },
      400,
    );
    await assert.rejects(signIn.deviceCode({ onPrompt: () => {}, signal: new AbortController().signal }), {
      code: 'signIn.unknownTenant',
    });
  });
});
