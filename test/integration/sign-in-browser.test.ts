// Sign-in in the browser against the sandbox's authorization endpoint, by a browser that follows its forms.
import assert from 'node:assert/strict';
import { setTimeout as sleep } from 'node:timers/promises';
import { after, before, beforeEach, describe, test } from 'node:test';
import { AgentIdError } from '../../src/base/errors.ts';
import { silentLogger } from '../../src/base/logger.ts';
import { createSignIn, type SignIn } from '../../src/identity/signIn.ts';
import { signInOnPage, submitForm, visit, type Visit } from './support/browser.ts';
import { memorySecrets } from './support/core.ts';
import { PUBLIC_CLIENT, startSandbox, type TestSandbox } from './support/sandbox.ts';

const CLOSING = { text: 'You can close this & go on.', language: 'en' };

let sandbox: TestSandbox;
before(async () => (sandbox = await startSandbox()));
after(() => sandbox.stop());
beforeEach(() => sandbox.control('/reset', {}));

const open = (secrets = memorySecrets()): Promise<SignIn> =>
  createSignIn(
    {
      authority: sandbox.json.authority,
      clientId: PUBLIC_CLIENT,
      scopes: [sandbox.json.scope],
      knownAuthority: true,
    },
    { secrets, fetch: sandbox.fetch, logger: silentLogger },
  );

type Options = Partial<Parameters<SignIn['browser']>[0]>;
const browse = (signIn: SignIn, open: (address: string) => Promise<unknown>, more: Options = {}) =>
  signIn.browser({
    open,
    reach: async port => port,
    closing: CLOSING,
    signal: AbortSignal.timeout(30_000),
    ...more,
  });
const upn = (index = 0) => sandbox.json.users[index]?.upn ?? '';
const parameters = (address: string) => new URL(address).searchParams;
const callback = (address: string) => String(parameters(address).get('redirect_uri'));
const nobodyListens = (address: string) => assert.rejects(fetch(callback(address)), /fetch failed/);

describe('sign-in in the browser', () => {
  test('ends with the checked user token, a page to close, and no listener', async () => {
    const secrets = memorySecrets();
    const signIn = await open(secrets);
    let address = '';
    let last: Visit | undefined;
    const token = await browse(signIn, async url => {
      address = url;
      last = await signInOnPage(url, upn());
    });
    assert.equal(token.account.username, upn());
    assert.equal(token.account.oid, sandbox.json.users[0]?.oid);
    assert.equal(last?.status, 200);
    assert.match(last?.text ?? '', /You can close this &#38; go on\./);
    assert.doesNotMatch(last?.text ?? '', /<script/);
    const asked = parameters(address);
    assert.equal(asked.get('response_mode'), 'form_post');
    assert.equal(asked.get('code_challenge_method'), 'S256');
    assert.equal(asked.get('prompt'), 'select_account');
    assert.match(callback(address), /^http:\/\/localhost:\d+$/);
    await nobodyListens(address);

    assert.equal((await signIn.silent({ forceRefresh: true }))?.account.oid, token.account.oid);
    const next = await open(secrets);
    assert.equal((await next.silent({}))?.account.oid, token.account.oid, 'the next window goes on with it');
  });

  test('takes an answer in the address as well', async () => {
    const signIn = await open();
    const token = await browse(signIn, async url => {
      const address = new URL(url);
      address.searchParams.set('response_mode', 'query');
      assert.equal((await signInOnPage(address.href, upn(1))).status, 200);
    });
    assert.equal(token.account.username, upn(1));
  });

  test('names the user and answers a challenge, where these are known', async () => {
    const signIn = await open();
    const { account } = await browse(signIn, url => signInOnPage(url, upn(1)));
    const claims = '{"access_token":{"capolids":{"essential":true,"values":["p1"]}}}';
    await browse(
      signIn,
      async url => {
        const asked = parameters(url);
        assert.equal(asked.get('login_hint'), upn(1));
        assert.equal(asked.get('prompt'), null);
        const sent = JSON.parse(asked.get('claims') ?? '') as { access_token?: unknown };
        assert.deepEqual(sent.access_token, { capolids: { essential: true, values: ['p1'] } });
        const page = await visit(url);
        assert.match(page.text, new RegExp(`value="${upn(1).replaceAll('.', '\\.')}" selected`));
        await submitForm(await submitForm(page, { user: upn(1), action: 'consent' }));
      },
      { account, claims },
    );
  });

  test('turns away what is not its answer, and goes on waiting', async () => {
    const signIn = await open();
    const token = await browse(signIn, async url => {
      const target = callback(url);
      const form = (fields: Record<string, string>) => ({ method: 'POST', body: new URLSearchParams(fields) });
      const state = String(parameters(url).get('state'));
      const statuses = await Promise.all(
        [
          visit(target),
          visit(`${target}/favicon.ico`),
          visit(target, { method: 'PUT', body: 'x' }),
          visit(`${target}/?code=stolen&state=guessed`),
          visit(target, form({ code: 'stolen', state: 'guessed' })),
          visit(target, form({ code: 'stolen' })),
          visit(target, form({ state })),
          visit(`${target}/?code=a&state=${state}&state=${state}`),
          visit(target, { method: 'POST', body: JSON.stringify({ code: 'a', state }) }),
          visit(target, form({ code: 'x'.repeat(70_000), state })),
        ].map(async answer => (await answer).status),
      );
      assert.deepEqual(statuses, [400, 404, 405, 400, 400, 400, 400, 400, 415, 413]);
      await signInOnPage(url, upn());
    });
    assert.equal(token.account.username, upn());
  });

  test('a person who leaves the page has declined', async () => {
    const signIn = await open();
    const left = browse(signIn, url => signInOnPage(url, upn(), 'cancel'));
    await assert.rejects(left, { code: 'signIn.declined' });
    assert.deepEqual(await signIn.accounts(), []);
  });

  test('an error in the redirect is said by its number, with the way that failed', async () => {
    const signIn = await open();
    for (const [number, code] of [
      [53003, 'signIn.blocked'],
      [50105, 'signIn.notAssigned'],
      [90094, 'signIn.consentRequired'],
    ] as const) {
      await sandbox.control('/entra', { authorizeFault: { code: number } });
      await assert.rejects(
        browse(signIn, url => signInOnPage(url, upn())),
        (error: unknown) => {
          assert.ok(AgentIdError.is(error, code), String(error));
          assert.equal(error.args.aadsts, number);
          assert.equal(error.args.way, 'browser');
          assert.match(String(error.args.correlationId), /^[\da-f-]{36}$/);
          return true;
        },
      );
    }
  });

  test('a cancel takes effect at once, and the answer that comes later signs nobody in', async () => {
    const secrets = memorySecrets();
    const signIn = await open(secrets);
    const abort = new AbortController();
    const opened = Promise.withResolvers<string>();
    const running = browse(signIn, async url => opened.resolve(url), { signal: abort.signal });
    const address = await opened.promise;
    const answer = await submitForm(await visit(address), { user: upn(), action: 'consent' });
    abort.abort(new AgentIdError('cancelled'));
    await assert.rejects(running, { code: 'cancelled' });
    await nobodyListens(address);
    await assert.rejects(submitForm(answer), /fetch failed/);
    assert.equal(secrets.values.size, 0);
  });

  test('a cancel while the code is being redeemed drops the tokens', async () => {
    const secrets = memorySecrets();
    const abort = new AbortController();
    const slow: typeof fetch = async (input, init) => {
      const answer = await sandbox.fetch(input, init);
      if (typeof input === 'string' && input.includes('/token')) {
        abort.abort(new AgentIdError('cancelled'));
        await sleep(50);
      }
      return answer;
    };
    const signIn = await createSignIn(
      {
        authority: sandbox.json.authority,
        clientId: PUBLIC_CLIENT,
        scopes: [sandbox.json.scope],
        knownAuthority: true,
      },
      { secrets, fetch: slow, logger: silentLogger },
    );
    const running = browse(signIn, url => signInOnPage(url, upn()), { signal: abort.signal });
    await assert.rejects(running, { code: 'cancelled' });
    await sleep(100);
    assert.equal(secrets.values.size, 0);
    assert.equal(await signIn.silent({}), undefined);
  });

  test('a browser that can’t be opened is an error, and leaves no listener', async () => {
    let address = '';
    const failing = browse(await open(), async url => {
      address = url;
      throw new Error('no browser here');
    });
    await assert.rejects(failing, { code: 'signIn.failed', args: { reason: 'no browser here' } });
    await nobodyListens(address);
  });

  test('the redirect goes where the browser reaches the listener', async () => {
    const signIn = await open();
    let listening = 0;
    const token = await browse(
      signIn,
      async url => {
        assert.equal(callback(url), 'http://localhost:4242');
        const page = await submitForm(await visit(url), { user: upn(), action: 'consent' });
        const forwarded = page.text.replace('http://localhost:4242', `http://localhost:${listening}`);
        assert.equal((await submitForm({ ...page, text: forwarded })).status, 200);
      },
      {
        reach: async port => {
          listening = port;
          return 4242;
        },
      },
    );
    assert.equal(token.account.username, upn());
  });
});
