import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { afterEach, beforeEach, describe, it, mock } from 'node:test';
import type { Fetch } from '../../../src/base/fetch.ts';
import { createSignIn } from '../../../src/identity/signIn.ts';
import {
  AUTHORITY,
  CLIENT,
  MemorySecrets,
  SCOPE,
  TENANT,
  USER,
  fakeFetch,
  json,
  recordingLogger,
  refusal,
  tokenAnswer,
  type Seen,
} from './support.ts';

interface Occasion {
  address: URL;
  state: string;
  callback: string;
}
type Person = (occasion: Occasion) => unknown;

/** Signs in with a network that plays Entra's token endpoint, and a person who does something with the page. */
async function signInWith(fetch: Fetch, person: Person, more: { username?: string; authority?: string } = {}) {
  const logger = recordingLogger();
  const { authority = AUTHORITY, username } = more;
  const signIn = await createSignIn(
    { authority, clientId: CLIENT, scopes: [SCOPE], knownAuthority: authority !== AUTHORITY },
    { secrets: new MemorySecrets(), fetch, logger },
  );
  const result = signIn.browser({
    open: async text => {
      const address = new URL(text);
      const asked = address.searchParams;
      await person({ address, state: asked.get('state') ?? '', callback: asked.get('redirect_uri') ?? '' });
    },
    reach: async port => port,
    closing: { text: 'Close <it>.', language: 'de' },
    ...(username !== undefined && { account: { id: 'x', username, oid: USER, tid: TENANT } }),
    signal: new AbortController().signal,
  });
  return { result, logger };
}
const answer = (callback: string, form: Record<string, string>) =>
  fetch(callback, { method: 'POST', body: new URLSearchParams(form) });

describe('sign-in in the browser through MSAL', () => {
  it('asks Entra’s own page with PKCE, and redeems the code with the verifier', async () => {
    const entra = fakeFetch(() => json(tokenAnswer()));
    let asked = new URLSearchParams();
    let page = '';
    const { result, logger } = await signInWith(entra.fetch, async ({ address, state, callback }) => {
      assert.equal(address.origin + address.pathname, `${AUTHORITY}/oauth2/v2.0/authorize`);
      asked = address.searchParams;
      page = await (await answer(callback, { code: 'the-code', state })).text();
    });
    assert.equal((await result).account.oid, USER);
    assert.equal(asked.get('response_type'), 'code');
    assert.equal(asked.get('client_id'), CLIENT);
    assert.deepEqual(
      asked.get('scope')?.split(' ').toSorted(),
      [SCOPE, 'offline_access', 'openid', 'profile'].toSorted(),
    );
    assert.match(asked.get('state') ?? '', /^[\w-]{43}$/);
    const [redeemed] = entra.seen as [Seen];
    assert.equal(entra.seen.length, 1);
    assert.equal(redeemed.form.get('grant_type'), 'authorization_code');
    assert.equal(redeemed.form.get('code'), 'the-code');
    assert.equal(redeemed.form.get('redirect_uri'), asked.get('redirect_uri'));
    const verifier = redeemed.form.get('code_verifier') ?? '';
    assert.equal(createHash('sha256').update(verifier).digest('base64url'), asked.get('code_challenge'));
    assert.match(page, /<html lang="de">/);
    assert.match(page, /Close &#60;it&#62;\./);
    assert.doesNotMatch(logger.lines.join('\n'), /the-code|eyJ/);
  });

  it('uses a fresh state and verifier each time', async () => {
    const states = new Set<string | null>();
    for (let round = 0; round < 2; round++) {
      const { result } = await signInWith(
        fakeFetch(() => json(tokenAnswer())).fetch,
        ({ address, state, callback }) => {
          states.add(state).add(address.searchParams.get('code_challenge'));
          return answer(callback, { code: 'c', state });
        },
      );
      await result;
    }
    assert.equal(states.size, 4);
  });

  it('keeps the sharp sign in the name of a guest', async () => {
    const username = 'robin_elsewhere.example#EXT#@contoso.example';
    const { result } = await signInWith(
      fakeFetch(() => json(tokenAnswer())).fetch,
      ({ address, state, callback }) => {
        assert.equal(address.searchParams.get('login_hint'), username);
        assert.equal(address.hash, '');
        return answer(callback, { code: 'c', state });
      },
      { username },
    );
    await result;
  });

  it('says why the code was not redeemed', async () => {
    const body = refusal('invalid_grant', 50105, 'Not assigned to a role.');
    const { result } = await signInWith(fakeFetch(() => json(body, 400)).fetch, ({ state, callback }) =>
      answer(callback, { code: 'c', state }),
    );
    await assert.rejects(result, (error: { code: string; args: Record<string, unknown> }) => {
      assert.equal(error.code, 'signIn.notAssigned');
      assert.equal(error.args.way, 'browser');
      return true;
    });
  });

  it('opens no page that is not the authority’s', async () => {
    const sandbox = `https://localhost:9000/${TENANT}`;
    const metadata = {
      issuer: `${sandbox}/v2.0`,
      authorization_endpoint: 'https://evil.example/oauth2/v2.0/authorize',
      token_endpoint: `${sandbox}/oauth2/v2.0/token`,
      jwks_uri: `${sandbox}/discovery/v2.0/keys`,
    };
    let opened = false;
    const { result } = await signInWith(fakeFetch(() => json(metadata)).fetch, () => (opened = true), {
      authority: sandbox,
    });
    await assert.rejects(result, {
      code: 'signIn.unsafePage',
      args: { page: 'https://evil.example', authority: sandbox },
    });
    assert.equal(opened, false);
  });

  describe('with nobody at the browser', () => {
    beforeEach(() => mock.timers.enable({ apis: ['setTimeout'] }));
    afterEach(() => mock.timers.reset());

    it('ends after a quarter of an hour, and with it the listener', async () => {
      const opened = Promise.withResolvers<string>();
      const { result } = await signInWith(fakeFetch(() => json({})).fetch, ({ callback }) => opened.resolve(callback));
      const ended = assert.rejects(result, { code: 'signIn.browserUnanswered', args: { minutes: 15 } });
      const callback = await opened.promise;
      await new Promise(resolve => void setImmediate(resolve)); // it waits now
      mock.timers.tick(15 * 60_000);
      await ended;
      await assert.rejects(fetch(callback), /fetch failed/);
    });
  });
});
