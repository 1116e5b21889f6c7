import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Clock } from '../../../src/base/clock.ts';
import { AgentIdError } from '../../../src/base/errors.ts';
import { createSignIn, type SignIn } from '../../../src/identity/signIn.ts';
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
  refusal,
  settle,
  tokenAnswer,
  type Seen,
} from './support.ts';

const OTHER = '99999999-3333-4444-8555-666677778888';

/** A window: its own sign-in over a store that it may share with others. */
function openWindow(
  secrets: MemorySecrets,
  refresh: (request: Seen) => Response | Promise<Response>,
  user: { oid?: string; upn?: string; refreshToken?: string } = {},
  clock?: Clock,
) {
  const network = fakeFetch(request => {
    if (request.url.pathname.endsWith('/devicecode')) return json(DEVICE_CODE);
    return request.form.get('grant_type') === 'refresh_token' ? refresh(request) : json(tokenAnswer(user));
  });
  const refreshes = () => network.seen.filter(request => request.form.get('grant_type') === 'refresh_token');
  const signIn = createSignIn(
    { authority: AUTHORITY, clientId: CLIENT, scopes: [SCOPE] },
    { secrets, fetch: network.fetch, logger: recordingLogger(), ...(clock && { clock }) },
  );
  return { signIn, refreshes, seen: network.seen };
}

const enter = async (signIn: SignIn) => signIn.deviceCode({ onPrompt: () => {}, signal: new AbortController().signal });

describe('silent sign-in', () => {
  it('is undefined, and loads nothing, when nobody is signed in', async () => {
    const { signIn, seen } = openWindow(new MemorySecrets(), () => json({}));
    assert.equal(await (await signIn).silent({}), undefined);
    assert.deepEqual(await (await signIn).accounts(), []);
    assert.equal(seen.length, 0);
  });

  it('answers from memory after a sign-in', async () => {
    const window = openWindow(new MemorySecrets(), () => json({}));
    const signIn = await window.signIn;
    const token = await enter(signIn);
    assert.equal((await signIn.silent({}))?.raw, token.raw);
    assert.equal((await signIn.silent({ account: token.account }))?.raw, token.raw);
    assert.equal(window.refreshes().length, 0);
  });

  it('renews with the refresh token in the next session, and keeps the rotated one', async () => {
    const secrets = new MemorySecrets();
    await enter(await openWindow(secrets, () => json({})).signIn);
    const next = openWindow(secrets, () => json(tokenAnswer({ refreshToken: 'rt-2' })));
    const signIn = await next.signIn;
    const [account] = await signIn.accounts();
    assert.deepEqual(account, {
      id: `${USER}.${TENANT}`,
      username: 'robin@contoso.example',
      name: 'Robin Example',
      oid: USER,
      tid: TENANT,
    });
    const token = await signIn.silent({});
    assert.equal(token?.account.oid, USER);
    assert.equal(next.refreshes()[0]?.form.get('refresh_token'), 'rt-1');
    const stored = [...secrets.values.values()].join('');
    assert.ok(stored.includes('rt-2') && !stored.includes('rt-1'));
    assert.ok(!stored.includes(token?.raw ?? '-'));
  });

  it('renews when asked to, and when the token nears its end', async () => {
    let now = Date.now();
    const window = openWindow(new MemorySecrets(), () => json(tokenAnswer()), {}, { now: () => now });
    const signIn = await window.signIn;
    await enter(signIn);
    await signIn.silent({ forceRefresh: true });
    assert.equal(window.refreshes().length, 1);
    now += 54 * 60_000;
    await signIn.silent({});
    assert.equal(window.refreshes().length, 1);
    now += 2 * 60_000;
    await signIn.silent({});
    assert.equal(window.refreshes().length, 2);
  });

  it('makes one request for callers that come together, and none for a caller who left', async () => {
    const secrets = new MemorySecrets();
    await enter(await openWindow(secrets, () => json({})).signIn);
    let answer: () => void = () => {};
    const next = openWindow(
      secrets,
      () => new Promise(resolve => (answer = () => resolve(json(tokenAnswer({ refreshToken: 'rt-2' }))))),
    );
    const signIn = await next.signIn;
    const abort = new AbortController();
    const gone = signIn.silent({ signal: abort.signal });
    const stays = signIn.silent({});
    await settle();
    abort.abort();
    await assert.rejects(gone, { name: 'AbortError' });
    answer();
    assert.equal((await stays)?.account.oid, USER);
    assert.equal(next.refreshes().length, 1);
  });

  const endings: [code: string, body: Record<string, unknown>][] = [
    ['signIn.sessionEnded', refusal('invalid_grant', 700082, 'The refresh token has expired due to inactivity.')],
    ['signIn.sessionEnded', refusal('invalid_grant', 50173, 'The grant has been revoked.', { suberror: 'bad_token' })],
    ['signIn.interactionRequired', refusal('interaction_required', 50076, 'You must use multi-factor authentication.')],
    ['signIn.blocked', refusal('invalid_grant', 530036, 'Blocked by the authentication flows policy.')],
  ];
  for (const [code, body] of endings) {
    it(`says ${code} when Entra answers ${String(body.error_codes)}`, async () => {
      const secrets = new MemorySecrets();
      await enter(await openWindow(secrets, () => json({})).signIn);
      const signIn = await openWindow(secrets, () => json(body, 400)).signIn;
      await assert.rejects(signIn.silent({}), (error: unknown) => {
        assert.ok(AgentIdError.is(error, code));
        assert.equal(error.args.correlationId, '9ddb74cd-0000-4000-8000-000000000002');
        return true;
      });
      assert.equal((await signIn.accounts()).length, 1);
    });
  }

  it('forgets a refresh token that Entra calls bad, which MSAL itself does not write down', async () => {
    const secrets = new MemorySecrets();
    await enter(await openWindow(secrets, () => json({})).signIn);
    const body = refusal('interaction_required', 50173, 'Revoked.', { suberror: 'bad_token' });
    const window = openWindow(secrets, () => json(body, 400));
    const signIn = await window.signIn;
    await assert.rejects(signIn.silent({}), { code: 'signIn.sessionEnded' });
    assert.ok(![...secrets.values.values()].join('').includes('rt-1'));
    assert.equal(await signIn.silent({}), undefined);
    assert.equal(window.refreshes().length, 1);
  });

  it('says that Entra is out of order or out of reach', async () => {
    const secrets = new MemorySecrets();
    await enter(await openWindow(secrets, () => json({})).signIn);
    const page = await openWindow(secrets, () => new Response('<html>', { status: 503 })).signIn;
    await assert.rejects(page.silent({}), { code: 'signIn.entraUnavailable' });
    const error = new TypeError('fetch failed', { cause: Object.assign(new Error('no'), { code: 'ENOTFOUND' }) });
    const down = await openWindow(secrets, () => Promise.reject(error)).signIn;
    await assert.rejects(down.silent({}), (failure: unknown) => {
      assert.ok(AgentIdError.is(failure, 'signIn.unreachable'));
      assert.deepEqual(failure.args, { host: 'login.microsoftonline.com', reason: 'ENOTFOUND' });
      return true;
    });
  });
});

describe('windows that share the secret store', () => {
  it('sign out together', async () => {
    const secrets = new MemorySecrets();
    const one = await openWindow(secrets, () => json(tokenAnswer())).signIn;
    const two = await openWindow(secrets, () => json(tokenAnswer())).signIn;
    await enter(one);
    assert.ok(await two.silent({}));
    await two.signOut();
    assert.equal(secrets.values.size, 0);
    assert.equal(await one.silent({}), undefined);
    assert.deepEqual(await one.accounts(), []);
  });

  it('take the refresh token that another window got, when their own is spent', async () => {
    const secrets = new MemorySecrets();
    await enter(await openWindow(secrets, () => json({})).signIn);
    const [[key = '', before = ''] = []] = [...secrets.values];
    const ended = json(refusal('invalid_grant', 70008, 'Expired or revoked.'), 400);
    const window = openWindow(secrets, request => {
      if (request.form.get('refresh_token') !== 'rt-1') return json(tokenAnswer({ refreshToken: 'rt-3' }));
      secrets.values.set(key, before.replace('rt-1', 'rt-2')); // meanwhile, elsewhere
      return ended;
    });
    assert.ok(await (await window.signIn).silent({}));
    assert.deepEqual(
      window.refreshes().map(request => request.form.get('refresh_token')),
      ['rt-1', 'rt-2'],
    );
  });

  it('keep what another window wrote at the same moment', async () => {
    const secrets = new MemorySecrets();
    await enter(await openWindow(secrets, () => json({})).signIn);
    const mine = [...secrets.values.entries()][0] ?? ['', ''];
    const other = openWindow(secrets, () => json({}), { oid: OTHER, upn: 'kim@contoso.example', refreshToken: 'rt-k' });
    // Right after our write, a slower window writes what it knew before: our user is lost unless we look again.
    secrets.afterSet = () => {
      secrets.afterSet = undefined;
      secrets.values.set(mine[0], mine[1]);
    };
    await enter(await other.signIn);
    const stored = [...secrets.values.values()].join('');
    assert.ok(stored.includes('rt-1') && stored.includes('rt-k'));
  });

  it('do not bring a user back who was signed out while Entra answered', async () => {
    const secrets = new MemorySecrets();
    await enter(await openWindow(secrets, () => json({})).signIn);
    const window = openWindow(secrets, () => {
      secrets.values.clear();
      return json(tokenAnswer({ refreshToken: 'rt-2' }));
    });
    assert.equal(await (await window.signIn).silent({}), undefined);
    assert.equal(secrets.values.size, 0);
  });

  it('renew at the same moment, and leave a refresh token that is alive though each works only once', async () => {
    const secrets = new MemorySecrets();
    await enter(await openWindow(secrets, () => json({})).signIn);
    let issued = 1;
    let alive = ['rt-1'];
    // rotation as strict as can be: a token is good for one use, by whoever comes first
    const rotate = async (request: Seen) => {
      const used = request.form.get('refresh_token') ?? '';
      await settle(); // both are under way now
      if (!alive.includes(used)) return json(refusal('invalid_grant', 70008, 'Used already.'), 400);
      alive = [`rt-${++issued}`];
      return json(tokenAnswer({ refreshToken: alive[0] ?? '' }));
    };
    const [one, two] = [openWindow(secrets, rotate), openWindow(secrets, rotate)];
    const tokens = await Promise.allSettled([(await one.signIn).silent({}), (await two.signIn).silent({})]);
    const got = tokens.map(result => result.status === 'fulfilled' && result.value?.account.oid);
    assert.ok(got.includes(USER), 'at least the first');
    const stored = [...secrets.values.values()].join('');
    assert.ok(stored.includes(`"${alive[0]}"`), 'what Entra still takes');
    for (const window of [one, two])
      assert.equal((await (await window.signIn).silent({ forceRefresh: true }))?.account.oid, USER);
  });

  it('keep the user whom the person chose last as the active one', async () => {
    const secrets = new MemorySecrets();
    const one = await openWindow(secrets, () => json(tokenAnswer())).signIn;
    const kim = { oid: OTHER, upn: 'kim@contoso.example', refreshToken: 'rt-k' };
    const two = await openWindow(secrets, () => json(tokenAnswer(kim)), kim).signIn;
    const robin = await enter(one);
    await enter(two);
    assert.deepEqual(
      (await one.accounts()).map(({ oid }) => oid),
      [OTHER, USER],
    );
    const switched = await one.switchTo(robin.account, new AbortController().signal);
    assert.equal(switched?.account.oid, USER);
    assert.deepEqual(
      (await two.accounts()).map(({ oid }) => oid),
      [USER, OTHER],
    );
    await two.silent({ forceRefresh: true }); // a renewal in the background chooses nobody
    assert.equal(
      (await openWindow(secrets, () => json(tokenAnswer())).signIn.then(next => next.silent({})))?.account.oid,
      USER,
    );
  });

  it('switch to nobody who was signed out, or when the person left', async () => {
    const secrets = new MemorySecrets();
    const signIn = await openWindow(secrets, () => json(tokenAnswer())).signIn;
    const { account } = await enter(signIn);
    await assert.rejects(signIn.switchTo(account, AbortSignal.abort(new AgentIdError('cancelled'))), {
      code: 'cancelled',
    });
    await signIn.signOut();
    assert.equal(await signIn.switchTo(account, new AbortController().signal), undefined);
    assert.equal(secrets.values.size, 0);
  });

  it('can hold several users; each window goes on with its own', async () => {
    const secrets = new MemorySecrets();
    const one = openWindow(secrets, () => json(tokenAnswer({ refreshToken: 'rt-1b' })));
    const two = openWindow(secrets, () => json({}), { oid: OTHER, upn: 'kim@contoso.example', refreshToken: 'rt-k' });
    await enter(await one.signIn);
    await enter(await two.signIn);
    assert.equal((await (await one.signIn).accounts()).length, 2);
    assert.equal((await (await one.signIn).silent({ forceRefresh: true }))?.account.oid, USER);
    assert.equal((await (await two.signIn).silent({}))?.account.oid, OTHER);
    assert.equal(one.refreshes()[0]?.form.get('refresh_token'), 'rt-1');
  });
});

describe('the stored sign-in', () => {
  it('counts as absent when it is not readable', async () => {
    const secrets = new MemorySecrets();
    const signIn = await openWindow(secrets, () => json({})).signIn;
    await enter(signIn);
    const [key = ''] = secrets.values.keys();
    for (const text of ['', '{', '[]', '{"Account":7}', '{"RefreshToken":{"x":{"secret":1}}}']) {
      secrets.values.set(key, text);
      assert.deepEqual(await signIn.accounts(), [], text);
      assert.equal(await signIn.silent({}), undefined, text);
    }
    await enter(signIn);
    assert.equal((await signIn.accounts()).length, 1);
  });

  it('is named apart by authority and client', async () => {
    const secrets = new MemorySecrets();
    await enter(await openWindow(secrets, () => json({})).signIn);
    const deps = { secrets, fetch: fakeFetch(() => json({})).fetch, logger: recordingLogger() };
    const elsewhere = await createSignIn(
      { authority: `https://login.microsoftonline.us/${TENANT}`, clientId: CLIENT, scopes: [SCOPE] },
      deps,
    );
    const otherClient = await createSignIn({ authority: AUTHORITY, clientId: OTHER, scopes: [SCOPE] }, deps);
    assert.deepEqual(await elsewhere.accounts(), []);
    assert.deepEqual(await otherClient.accounts(), []);
  });

  it('that can’t be written is an error, not a silent loss', async () => {
    const secrets = new MemorySecrets();
    secrets.set = async () => {
      throw new Error('no keyring');
    };
    const signIn = await openWindow(secrets, () => json({})).signIn;
    await assert.rejects(enter(signIn), { code: 'signIn.secretStorage', args: { reason: 'no keyring' } });
  });
});
