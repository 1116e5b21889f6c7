import assert from 'node:assert/strict';
import { afterEach, beforeEach, describe, it, mock } from 'node:test';
import { AgentIdError } from '../../../src/base/errors.ts';
import type { Fetch } from '../../../src/base/fetch.ts';
import { createSignIn, type DeviceCodePrompt, type SignIn } from '../../../src/identity/signIn.ts';
import {
  AUTHORITY,
  CLIENT,
  DEVICE_CODE,
  MemorySecrets,
  SCOPE,
  TENANT,
  USER,
  fakeEntra,
  json,
  pending,
  play,
  recordingLogger,
  refusal,
  settle,
  tokenAnswer,
  type Payload,
} from './support.ts';

const open = (fetch: Fetch, secrets = new MemorySecrets(), logger = recordingLogger()): Promise<SignIn> =>
  createSignIn({ authority: AUTHORITY, clientId: CLIENT, scopes: [SCOPE] }, { secrets, fetch, logger });

const start = async (
  entra: { fetch: Fetch },
  options: { secrets?: MemorySecrets; signal?: AbortSignal; claims?: string; prompts?: DeviceCodePrompt[] } = {},
) => {
  const signIn = await open(entra.fetch, options.secrets);
  return signIn.deviceCode({
    onPrompt: prompt => options.prompts?.push(prompt),
    signal: options.signal ?? new AbortController().signal,
    ...(options.claims && { claims: options.claims }),
  });
};

describe('device code through MSAL', () => {
  beforeEach(() => mock.timers.enable({ apis: ['setTimeout', 'Date'], now: Date.parse('2026-03-01T12:00:00Z') }));
  afterEach(() => mock.timers.reset());

  it('shows the code, polls at the interval and returns the checked user token', async () => {
    const entra = fakeEntra({ polls: [pending, pending, () => json(tokenAnswer())] });
    const secrets = new MemorySecrets();
    const prompts: DeviceCodePrompt[] = [];
    const began = Date.now();
    const token = await play(start(entra, { secrets, prompts }));
    assert.deepEqual(prompts, [
      {
        userCode: 'A62NXK96N',
        verificationUri: 'https://microsoft.com/devicelogin',
        expiresAt: began + 900_000,
        message: DEVICE_CODE.message,
      },
    ]);
    assert.deepEqual(token.account, {
      id: `${USER}.${TENANT}`,
      username: 'robin@contoso.example',
      name: 'Robin Example',
      oid: USER,
      tid: TENANT,
    });
    const times = entra.polls().map(poll => poll.at);
    assert.deepEqual(
      times.slice(1).map((at, index) => Math.round((at - (times[index] ?? 0)) / 1000)),
      [5, 5],
    );
    assert.equal(entra.polls()[0]?.form.get('device_code'), 'GAQABAAEAAAD');
    const [[key, stored = ''] = []] = [...secrets.values];
    assert.match(key ?? '', new RegExp(`login.microsoftonline.com/${TENANT} ${CLIENT}`));
    assert.ok(stored.includes('rt-1'));
    assert.ok(!stored.includes(token.raw), 'the access token stays in memory');
  });

  it('asks for the scope, openid, profile and offline_access, and passes claims on', async () => {
    const entra = fakeEntra({ polls: [() => json(tokenAnswer())] });
    const claims = '{"access_token":{"acrs":{"essential":true,"value":"c1"}}}';
    await play(start(entra, { claims }));
    const request = entra.seen[0];
    assert.deepEqual(
      request?.form.get('scope')?.split(' ').sort(),
      [SCOPE, 'offline_access', 'openid', 'profile'].sort(),
    );
    for (const sent of [request, entra.polls()[0]]) {
      const wanted = JSON.parse(sent?.form.get('claims') ?? '{}') as { access_token: unknown };
      assert.deepEqual(wanted.access_token, { acrs: { essential: true, value: 'c1' } });
    }
  });

  it('slows down by five seconds for all later polls', async () => {
    const slowDown = () => json({ error: 'slow_down', error_description: 'too fast' }, 400);
    const entra = fakeEntra({ polls: [pending, slowDown, pending, slowDown, pending, () => json(tokenAnswer())] });
    await play(start(entra));
    const times = entra.polls().map(poll => poll.at);
    assert.deepEqual(
      times.slice(1).map((at, index) => Math.round((at - (times[index] ?? 0)) / 1000)),
      [5, 10, 10, 15, 15],
    );
  });

  it('goes on after an outage, more slowly, and obeys Retry-After', async () => {
    const dropped = () =>
      Promise.reject(new TypeError('fetch failed', { cause: Object.assign(new Error(), { code: 'ECONNRESET' }) }));
    const busy = () => new Response('<html>busy</html>', { status: 503, headers: { 'retry-after': '30' } });
    const entra = fakeEntra({ polls: [dropped, busy, () => json(tokenAnswer())] });
    await play(start(entra));
    const times = entra.polls().map(poll => poll.at);
    assert.deepEqual(
      times.slice(1).map((at, index) => Math.round((at - (times[index] ?? 0)) / 1000)),
      [10, 30],
    );
  });

  const refusals: [code: string, aadsts: number, body: Payload][] = [
    ['signIn.deviceCodeExpired', 70020, refusal('expired_token', 70020, 'This device code has expired.')],
    ['signIn.deviceCodeRejected', 70018, refusal('bad_verification_code', 70018, 'Wrong code.')],
    ['signIn.declined', 70018, refusal('authorization_declined', 70018, 'The user declined.')],
    ['signIn.declined', 65004, refusal('access_denied', 65004, 'User declined to consent.')],
    ['signIn.consentRequired', 65001, refusal('invalid_grant', 65001, 'No consent.', { suberror: 'consent_required' })],
    ['signIn.consentRequired', 90094, refusal('access_denied', 90094, 'Admin consent is required.')],
    ['signIn.blocked', 53003, refusal('access_denied', 53003, 'Access has been blocked by Conditional Access.')],
    ['signIn.blocked', 530036, refusal('access_denied', 530036, 'Device code is blocked.')],
    ['signIn.notAssigned', 50105, refusal('invalid_grant', 50105, 'Not assigned to a role.')],
    ['signIn.clientNotAllowed', 7000218, refusal('invalid_client', 7000218, 'client_assertion needed.')],
    ['signIn.interactionRequired', 999_123, refusal('interaction_required', 999_123, 'More is needed.')],
    ['signIn.refused', 999_124, refusal('invalid_request', 999_124, 'Something new.')],
  ];
  for (const [code, aadsts, body] of refusals) {
    it(`turns ${String(body.error)} ${aadsts} into ${code}`, async () => {
      const entra = fakeEntra({ polls: [pending, () => json(body, 400)] });
      const secrets = new MemorySecrets();
      await assert.rejects(play(start(entra, { secrets })), (error: unknown) => {
        assert.ok(error instanceof AgentIdError);
        assert.equal(error.code, code);
        assert.equal(error.args.aadsts, aadsts);
        assert.equal(error.args.correlationId, '9ddb74cd-0000-4000-8000-000000000002');
        assert.equal(error.args.time, '2026-03-01 13:08:48Z');
        assert.match(String(error.args.detail), /^AADSTS\d+: [^\r\n]+\.$/);
        return true;
      });
      assert.equal(secrets.writes, 0);
    });
  }

  it('keeps a claims challenge for the next sign-in', async () => {
    const claims = '{"access_token":{"polids":{"essential":true,"values":["x"]}}}';
    const body = refusal('interaction_required', 50079, 'Enrol in MFA.', { claims });
    const entra = fakeEntra({ polls: [() => json(body, 400)] });
    await assert.rejects(play(start(entra)), (error: unknown) => {
      assert.ok(AgentIdError.is(error, 'signIn.interactionRequired'));
      assert.equal(error.args.claims, claims);
      return true;
    });
  });

  it('says so when /devicecode itself is refused', async () => {
    const body = refusal('unauthorized_client', 700016, 'Application was not found in the directory.');
    const entra = fakeEntra({ polls: [], deviceCode: () => json(body, 400) });
    const prompts: DeviceCodePrompt[] = [];
    await assert.rejects(play(start(entra, { prompts })), { code: 'signIn.unknownClient' });
    assert.equal(prompts.length, 0);
  });

  it('ends when the code expires, though the server keeps saying pending', async () => {
    const entra = fakeEntra({ polls: [pending], deviceCode: () => json({ ...DEVICE_CODE, expires_in: 60 }) });
    await assert.rejects(play(start(entra)), { code: 'signIn.deviceCodeExpired' });
    assert.ok(entra.polls().length <= 14);
  });

  it('refuses a page that is not the authority’s, before anybody sees the code', async () => {
    for (const verification_uri of [
      'https://microsoft.com.evil.example/devicelogin',
      'http://microsoft.com/devicelogin',
      'https://microsoft.com@evil.example/devicelogin',
      'https://microsoft.com/other',
      'http://127.0.0.1:8080/devicelogin',
    ]) {
      const prompts: DeviceCodePrompt[] = [];
      const entra = fakeEntra({ polls: [pending], deviceCode: () => json({ ...DEVICE_CODE, verification_uri }) });
      await assert.rejects(play(start(entra, { prompts })), { code: 'signIn.unsafePage' }, verification_uri);
      assert.equal(prompts.length, 0);
    }
  });

  it('refuses an answer without a usable code, and one that is no JSON', async () => {
    const answers: [unknown: () => Response, problem: RegExp][] = [
      [() => json({ ...DEVICE_CODE, user_code: 'A\u202eB; rm' }), /user_code/],
      [() => json({ ...DEVICE_CODE, device_code: undefined }), /device_code/],
      [() => json({ ...DEVICE_CODE, expires_in: 'soon' }), /expires_in/],
      [() => new Response('<html>Sign in to the hotel</html>'), /not JSON/],
    ];
    for (const [deviceCode, problem] of answers) {
      await assert.rejects(play(start(fakeEntra({ polls: [pending], deviceCode }))), (error: unknown) => {
        assert.ok(AgentIdError.is(error, 'signIn.badAnswer'));
        assert.match(String(error.args.problem), problem);
        return true;
      });
    }
  });

  it('takes an interval as text, and five seconds when there is none', async () => {
    for (const [interval, expected] of [
      ['7', 7],
      [undefined, 5],
    ]) {
      const entra = fakeEntra({
        polls: [pending, () => json(tokenAnswer())],
        deviceCode: () => json({ ...DEVICE_CODE, expires_in: '900', interval }),
      });
      await play(start(entra));
      const [first, second] = entra.polls();
      assert.equal(Math.round(((second?.at ?? 0) - (first?.at ?? 0)) / 1000), expected);
    }
  });

  it('cancels at once while it waits, and never polls again', async () => {
    const entra = fakeEntra({ polls: [pending] });
    const abort = new AbortController();
    const running = start(entra, { signal: abort.signal });
    running.catch(() => {});
    await settle();
    assert.equal(entra.polls().length, 1);
    abort.abort();
    await assert.rejects(running, { name: 'AbortError' }); // no mocked time passes
    for (let second = 0; second < 60; second++) {
      mock.timers.tick(1000);
      await settle();
    }
    assert.equal(entra.polls().length, 1);
  });

  it('drops a success that comes after the cancel: no token, cache untouched', async () => {
    let answer: (response: Response) => void = () => {};
    const entra = fakeEntra({ polls: [() => new Promise(resolve => (answer = resolve))] });
    const secrets = new MemorySecrets();
    const abort = new AbortController();
    // A fetch that does not hear of the abort, so that its answer does come.
    const deaf: Fetch = (input, init) => entra.fetch(input, { ...init, signal: null });
    const signIn = await open(deaf, secrets);
    const running = signIn.deviceCode({ onPrompt: () => {}, signal: abort.signal });
    running.catch(() => {});
    await settle();
    abort.abort();
    await assert.rejects(running, { name: 'AbortError' });
    answer(json(tokenAnswer()));
    await settle();
    assert.equal(secrets.writes, 0);
    assert.equal(await signIn.silent({}), undefined);
    assert.deepEqual(await signIn.accounts(), []);
  });

  it('does not begin when it was cancelled before', async () => {
    const entra = fakeEntra({ polls: [pending] });
    await assert.rejects(start(entra, { signal: AbortSignal.abort() }), { name: 'AbortError' });
    assert.equal(entra.seen.length, 0);
  });

  it('refuses a token for another application, tenant or scope, and an expired one, and keeps none of them', async () => {
    const wrong: [code: string, tc: Payload][] = [
      ['userToken.wrongAudience', { aud: '00000003-0000-0000-c000-000000000000' }],
      ['userToken.wrongTenant', { tid: '11111111-2222-4333-8444-555566667777' }],
      ['userToken.scopeMissing', { scp: 'openid profile' }],
      ['userToken.expired', { exp: 1_700_000_000 }],
      ['userToken.claimMissing', { oid: undefined }],
    ];
    for (const [code, tc] of wrong) {
      const secrets = new MemorySecrets();
      const entra = fakeEntra({ polls: [() => json(tokenAnswer({ tc }))] });
      await assert.rejects(play(start(entra, { secrets })), { code });
      assert.equal(secrets.writes, 0, code);
    }
  });

  it('accepts the v1.0 form of the audience too', async () => {
    const entra = fakeEntra({
      polls: [() => json(tokenAnswer({ tc: { aud: SCOPE.replace('/access_as_user', ''), ver: '1.0' } }))],
    });
    assert.equal((await play(start(entra))).account.oid, USER);
  });

  it('refuses an answer without an id token: the user could not be kept', async () => {
    const entra = fakeEntra({ polls: [() => json({ ...tokenAnswer(), id_token: undefined })] });
    await assert.rejects(play(start(entra)), { code: 'signIn.badAnswer' });
  });

  it('lets the host’s own failure through', async () => {
    const signIn = await open(fakeEntra({ polls: [pending] }).fetch);
    const running = signIn.deviceCode({
      onPrompt: () => {
        throw new AgentIdError('agent.test');
      },
      signal: new AbortController().signal,
    });
    await assert.rejects(play(running), { code: 'agent.test' });
  });

  it('writes no secret to the log', async () => {
    const logger = recordingLogger();
    const entra = fakeEntra({ polls: [pending, () => json(tokenAnswer())] });
    const signIn = await open(entra.fetch, new MemorySecrets(), logger);
    const token = await play(signIn.deviceCode({ onPrompt: () => {}, signal: new AbortController().signal }));
    const log = logger.lines.join('\n');
    for (const secret of [token.raw, 'rt-1', 'GAQABAAEAAAD', 'A62NXK96N']) assert.ok(!log.includes(secret));
  });
});

describe('the authority', () => {
  it('must be one tenant over https', async () => {
    const deps = { secrets: new MemorySecrets(), fetch: fakeEntra({ polls: [] }).fetch, logger: recordingLogger() };
    for (const authority of [
      'http://login.microsoftonline.com/' + TENANT,
      'https://login.microsoftonline.com/common',
      'https://login.microsoftonline.com/Common',
      'https://login.microsoftonline.com/organizations',
      'https://login.microsoftonline.com',
      'https://user@login.microsoftonline.com/' + TENANT,
      'not a url',
    ])
      await assert.rejects(createSignIn({ authority, clientId: CLIENT, scopes: [SCOPE] }, deps), {
        code: 'signIn.authorityInvalid',
      });
  });
});
